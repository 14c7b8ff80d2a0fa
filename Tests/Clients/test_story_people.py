"""Signing in, organizations, groups, agents and customers, by zenpy over TLS."""

import pytest
from zenpy.lib.api_objects import GroupMembership, Group, Organization, User
from zenpy.lib.exception import APIException, TooManyValuesException

from lodge import wait_until


def ended(client, job):
    return wait_until(
        lambda: (status := client.job_status(id=job.id)).status in ("completed", "failed") and status, "the job")


def refusal(error):
    return error.value.response.status_code


def test_the_admin_is_who_they_say(zenpy, acme):
    me = zenpy(acme).users.me()
    assert (me.email, me.role) == (acme.email, "admin")
    assert me.url.startswith(f"https://acme.desk.test:{acme.node.tls_port}/api/v2/users/")


@pytest.mark.parametrize("token", ["wrong", "A" * 40])
def test_a_wrong_token_is_refused(zenpy, acme, token):
    with pytest.raises(APIException) as error:
        zenpy(acme, token=token).users.me()
    assert refusal(error) == 401


def test_a_token_opens_its_own_desk_only(zenpy, acme, globex):
    with pytest.raises(APIException) as error:
        zenpy(globex, email=acme.email, token=acme.token).users.me()
    assert refusal(error) == 401


def test_ids_of_another_desk_do_not_exist(zenpy, acme, globex):
    stranger = zenpy(globex).users.create(User(name="Stranger"))
    with pytest.raises(APIException) as error:
        zenpy(acme).users(id=stranger.id)
    assert refusal(error) == 404


def test_create_or_update_finds_the_same_person_again(zenpy, acme):
    client = zenpy(acme)
    first = client.users.create_or_update(User(name="Ada", email="ada@acme.example", role="agent"))
    again = client.users.create_or_update(User(name="Ada L.", email="ADA@acme.example", role="agent"))
    assert first.id == again.id
    assert client.users(id=first.id).name == "Ada L."


def test_an_agent_joins_a_group_and_a_customer_an_organization(zenpy, acme):
    client = zenpy(acme)
    organization = client.organizations.create(Organization(name="Harbour Hotel"))
    group = client.groups.create(Group(name="Field service"))
    agent = client.users.create(User(name="Grace", email="grace@acme.example", role="agent"))
    client.group_memberships.create(GroupMembership(user_id=agent.id, group_id=group.id))
    assert group.id in [member.group_id for member in client.group_memberships(user=agent)]
    customer = client.users.create(
        User(name="Bo", email="bo@harbour.example", organization_id=organization.id))
    assert customer.organization.name == "Harbour Hotel"
    assert [user.id for user in client.organizations.users(organization)] == [customer.id]


def test_a_hundred_users_are_made_by_one_job(zenpy, acme):
    client = zenpy(acme)
    job = ended(client, client.users.create(
        [User(name=f"Guest {n}", email=f"guest{n}@crowd.example") for n in range(100)]))
    assert job.status == "completed"
    ids = [result["id"] if isinstance(result, dict) else result.id for result in job.results]
    assert len(set(ids)) == 100
    assert sorted(user.id for user in client.users(ids=ids)) == sorted(ids)


def test_a_hundred_and_one_are_too_many(zenpy, acme):
    with pytest.raises(TooManyValuesException):
        zenpy(acme).users.create([User(name=f"Guest {n}") for n in range(101)])


def test_a_user_is_found_by_address_and_gone_after_deletion(zenpy, acme):
    client = zenpy(acme)
    user = client.users.create(User(name="Leaver", email="leaver@acme.example"))
    assert [found.id for found in client.users.search(query="leaver@acme.example")] == [user.id]
    client.users.delete(user)
    assert list(client.users.search(query="leaver@acme.example")) == []


def test_the_last_admin_cannot_be_deleted(zenpy, acme):
    client = zenpy(acme)
    with pytest.raises(APIException) as error:
        client.users.delete(client.users.me())
    assert refusal(error) in (403, 422)


def test_a_second_desk_has_its_own_numbers(zenpy, node):
    from zenpy.lib.api_objects import Comment, Ticket
    fresh = zenpy(node.create_tenant("fresh"))
    numbers = [fresh.tickets.create(Ticket(subject="n", comment=Comment(body="n"))).ticket.id for _ in range(3)]
    assert numbers == [1, 2, 3]


def test_a_second_address_signs_in_and_can_become_the_first(zenpy, acme):
    from zenpy.lib.api_objects import Identity
    client = zenpy(acme)
    user = client.users.create(User(name="Moves", email="old@moves.example"))
    added = client.users.identities.create(user=user, identity=Identity(type="email", value="NEW@moves.example"))
    assert (added.value, added.primary, added.verified) == ("new@moves.example", False, False)
    assert zenpy(acme, email="new@moves.example").users.me().id == user.id
    client.users.identities.make_primary(user=user, identity=added)
    assert client.users(id=user.id).email == "new@moves.example"
    assert sorted((i.value, i.primary) for i in client.users.identities(id=user.id)) == [
        ("new@moves.example", True), ("old@moves.example", False)]


@pytest.mark.parametrize("identity, field", [
    ({"type": "email", "value": "nonsense"}, "value"), ({"type": "email", "value": "ann@acme.example"}, "value"),
    ({"type": "carrier pigeon", "value": "x"}, "type"), ({"value": "x@y.example"}, "type"),
    ({"type": "phone_number", "value": "call me"}, "value"), ({"type": "email"}, "value"),
])
def test_identities_that_cannot_be_are_refused_by_field(acme, identity, field):
    user = acme.post("/api/v2/users.json", {"user": {"name": "Plain"}})["user"]
    answer = acme.call("POST", f"/api/v2/users/{user['id']}/identities.json", {"identity": identity})
    assert answer.status_code == 422 and field in answer.json()["details"]


def test_the_primary_address_stays_and_customers_do_not_change_theirs(acme):
    user = acme.post("/api/v2/users.json", {"user": {"name": "Stays", "email": "stays@acme.example"}})["user"]
    path = f"/api/v2/users/{user['id']}/identities"
    number = acme.get(path + ".json")["identities"][0]["id"]
    assert acme.call("DELETE", f"{path}/{number}.json").status_code == 422
    own = {"identity": {"type": "email", "value": "mine@acme.example"}}
    assert acme.call("POST", path + ".json", own, user="stays@acme.example").status_code == 403
    assert acme.call("GET", path + ".json", user="stays@acme.example").status_code == 200


def test_a_new_address_is_not_verified_by_the_old_one(acme):
    user = acme.post("/api/v2/users.json", {"user": {
        "name": "Verified", "email": "first@verified.example", "verified": True}})["user"]
    path = f"/api/v2/users/{user['id']}"
    changed = acme.put(path + ".json", {"user": {"email": "second@verified.example"}})["user"]
    assert (changed["email"], changed["verified"]) == ("second@verified.example", False)
    acme.put(path + ".json", {"user": {"verified": True}})
    assert {(i["value"], i["verified"]) for i in acme.get(path + "/identities.json")["identities"]} == {
        ("first@verified.example", True), ("second@verified.example", True)}
