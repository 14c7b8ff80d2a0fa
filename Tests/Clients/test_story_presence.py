"""Who is at a ticket, and two agents who answer at once: nothing is locked, and the second is told."""

import pytest


@pytest.fixture(scope="module")
def desk(node):
    return node.create_tenant("presence")


@pytest.fixture(scope="module")
def people(desk):
    def make(name, role):
        user = desk.post("/api/v2/users.json", {"user": {
            "name": name, "email": f"{name.lower()}@presence.example", "role": role, "verified": True}})["user"]
        desk.call("POST", f"/api/v2/users/{user['id']}/password.json", {"password": "long enough"})
        return user
    return {"ben": make("Ben", "agent"), "cleo": make("Cleo", "agent"), "joe": make("Joe", "end-user")}


def as_(desk, person, method, path, body=None, headers=None):
    """By password, as a console would sign in."""
    import base64
    pair = f"{person['email']}:long enough"
    return desk.call(method, path, body, headers={
        "Authorization": "Basic " + base64.b64encode(pair.encode()).decode(), **(headers or {})})


@pytest.fixture
def ticket(desk, people):
    return desk.post("/api/v2/tickets.json", {"ticket": {
        "subject": "Printer", "comment": {"body": "It smokes"}, "requester_id": people["joe"]["id"]}})["ticket"]


def presence(ticket):
    return f"/api/v2/lodge/tickets/{ticket['id']}/presence.json"


def test_two_agents_answer_at_once_and_the_second_learns_of_the_first(desk, people, ticket):
    ben, cleo = people["ben"], people["cleo"]
    first = as_(desk, ben, "PUT", presence(ticket), {"state": "typing"}).json()["presence"]
    assert first["people"] == [] and first["expires_in"] == 20
    second = as_(desk, cleo, "PUT", presence(ticket), {"state": "typing"}).json()["presence"]
    assert [(each["user_id"], each["name"], each["state"]) for each in second["people"]] == [
        (ben["id"], "Ben", "typing")]
    assert second["version"] == first["version"]

    def reply(person, text, version):
        return as_(desk, person, "PUT", f"/api/v2/tickets/{ticket['id']}.json",
                   {"ticket": {"comment": {"body": text}}}, {"If-Match": f'"v{version}-"'})

    # Presence is no lock: who knows the version writes.
    assert reply(ben, "Unplug it", first["version"]).status_code == 200
    late = reply(cleo, "Plug it in", second["version"])
    assert late.status_code == 412
    again = as_(desk, cleo, "PUT", presence(ticket), {"state": "viewing"}).json()["presence"]
    assert [each["user_id"] for each in again["people"]] == [ben["id"]]
    assert again["version"] == first["version"] + 1
    assert reply(cleo, "As Ben says", again["version"]).status_code == 200
    comments = desk.get(f"/api/v2/tickets/{ticket['id']}/comments.json")["comments"]
    assert [each["body"] for each in comments] == ["It smokes", "Unplug it", "As Ben says"]


def test_safe_update_is_a_conflict_too(desk, people, ticket):
    import time
    ben, cleo = people["ben"], people["cleo"]
    stamp = as_(desk, cleo, "PUT", presence(ticket), {"state": "typing"}).json()["presence"]["updated_at"]
    time.sleep(1.1)  # The dialect's stamps are in whole seconds.
    path = f"/api/v2/tickets/{ticket['id']}.json"
    assert as_(desk, ben, "PUT", path, {"ticket": {"comment": {"body": "One"}}}).status_code == 200
    as_(desk, ben, "PUT", presence(ticket), {"state": "viewing"})
    late = as_(desk, cleo, "PUT", path, {"ticket": {
        "comment": {"body": "Two"}, "safe_update": True, "updated_stamp": stamp}})
    assert (late.status_code, late.json()["error"]) == (409, "UpdateConflict")
    there = as_(desk, cleo, "GET", presence(ticket)).json()["presence"]["people"]
    assert {each["name"] for each in there} == {"Ben", "Cleo"}


def test_who_leaves_is_gone_at_once(desk, people, ticket):
    ben, cleo = people["ben"], people["cleo"]
    as_(desk, ben, "PUT", presence(ticket), {"state": "viewing"})
    many = f"/api/v2/lodge/presence.json?ticket_ids={ticket['id']},999999"
    listed = as_(desk, cleo, "GET", many).json()["presences"]
    assert [(each["ticket_id"], [person["name"] for person in each["people"]]) for each in listed] == [
        (ticket["id"], ["Ben"])]
    assert as_(desk, ben, "DELETE", presence(ticket)).status_code == 204
    assert as_(desk, cleo, "GET", presence(ticket)).json()["presence"]["people"] == []


def test_the_requester_sees_nobody(desk, people, ticket):
    as_(desk, people["ben"], "PUT", presence(ticket), {"state": "typing"})
    for method in ("GET", "PUT", "DELETE"):
        answer = as_(desk, people["joe"], method, presence(ticket), {"state": "viewing"})
        assert answer.status_code == 403
        assert "Ben" not in answer.text
    request = as_(desk, people["joe"], "GET", f"/api/v2/requests/{ticket['id']}.json")
    assert request.status_code == 200 and "Ben" not in request.text
