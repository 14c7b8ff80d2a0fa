"""A ticket's life by zenpy: made, changed, reopened, closed, followed up, deleted, restored."""

import pytest
from zenpy.lib.api_objects import Comment, Request, Ticket, User
from zenpy.lib.exception import APIException, RecordNotFoundException

from lodge import wait_until
from test_story_people import ended, refusal


@pytest.fixture(scope="module")
def desk(node):
    return node.create_tenant("lifecycle")


@pytest.fixture(scope="module")
def agent(desk, zenpy):
    client = zenpy(desk)
    agent = client.users.create(User(name="Agent", email="agent@lifecycle.example", role="agent"))
    return agent, zenpy(desk, email=agent.email)


@pytest.fixture(scope="module")
def customer(desk, zenpy):
    user = zenpy(desk).users.create(User(name="Customer", email="customer@home.example", verified=True))
    return user, zenpy(desk, email=user.email)


def as_dict(event):
    return event if isinstance(event, dict) else event.to_dict()


def test_a_new_ticket_tells_what_it_was_made_of(agent, customer):
    audit = agent[1].tickets.create(Ticket(
        subject="Kettle trips the fuse", comment=Comment(body="As soon as it boils."),
        requester_id=customer[0].id, priority="high", tags=["power", "Kitchen"]))
    made = {event["field_name"]: event["value"] for event in map(as_dict, audit.audit.events)
            if event["type"] == "Create"}
    assert made["subject"] == "Kettle trips the fuse"
    assert made["requester_id"] == str(customer[0].id)
    assert made["status"] == "new"
    assert sorted(audit.ticket.tags) == ["kitchen", "power"]


def test_a_change_keeps_the_previous_value_and_a_private_note_stays_private(agent, customer):
    client = agent[1]
    ticket = client.tickets.create(Ticket(
        subject="Spare lid", comment=Comment(body="Do you sell lids?"), requester_id=customer[0].id,
        tags=["lid"])).ticket
    ticket.assignee_id = agent[0].id
    ticket.tags = ["lid", "spare-part"]
    ticket.comment = Comment(body="Ask the warehouse.", public=False)
    audit = client.tickets.update(ticket).audit
    changes = {event["field_name"]: (event.get("previous_value"), event["value"])
               for event in map(as_dict, audit.events) if event["type"] == "Change"}
    assert changes["assignee_id"] == (None, str(agent[0].id))
    assert changes["status"] == ("new", "open")
    assert changes["tags"][1] == ["lid", "spare-part"]
    assert [comment.public for comment in client.tickets.comments(ticket=ticket.id)] == [True, False]
    seen = [comment.body for comment in customer[1].requests.comments(ticket.id)]
    assert seen == ["Do you sell lids?"]


def test_pending_reopens_by_the_customer_and_solved_too(agent, customer):
    client = agent[1]
    ticket = client.tickets.create(Ticket(
        subject="Order late", comment=Comment(body="Where is it?"), requester_id=customer[0].id,
        assignee_id=agent[0].id)).ticket
    for status in ("pending", "hold", "solved"):
        client.tickets.update(Ticket(id=ticket.id, status=status, comment=Comment(body=f"Now {status}.")))
        customer[1].requests.update(Request(id=ticket.id, comment=Comment(body="Still nothing!")))
        assert client.tickets(id=ticket.id).status == "open", status
    metrics = client.tickets.metrics(ticket.id)
    assert metrics.reopens == 1
    assert metrics.replies == 3


def test_a_customer_sees_hold_as_open(agent, customer):
    ticket = agent[1].tickets.create(Ticket(
        subject="Part ordered", comment=Comment(body="Waiting."), requester_id=customer[0].id)).ticket
    agent[1].tickets.update(Ticket(id=ticket.id, status="hold"))
    assert customer[1].requests(id=ticket.id).status == "open"


def test_closed_is_final_and_a_follow_up_remembers(agent, customer):
    client = agent[1]
    ticket = client.tickets.create(Ticket(
        subject="Invoice wrong", comment=Comment(body="VAT is missing."), requester_id=customer[0].id,
        tags=["invoice"])).ticket
    for status in ("solved", "closed"):
        client.tickets.update(Ticket(id=ticket.id, status=status))
    with pytest.raises(APIException) as error:
        client.tickets.update(Ticket(id=ticket.id, comment=Comment(body="One more thing")))
    assert refusal(error) == 422
    later = client.tickets.create(Ticket(
        subject="Invoice wrong again", comment=Comment(body="Same thing."), via_followup_source_id=ticket.id)).ticket
    assert later.tags == ["invoice"]
    assert client.tickets(id=ticket.id).followup_ids == [later.id]


def test_a_customer_reaches_only_their_own(agent, customer, zenpy, desk):
    own = customer[1].requests.create(Request(subject="Mine", comment=Comment(body="Hello")))
    other = zenpy(desk).tickets.create(Ticket(subject="Not theirs", comment=Comment(body="Secret"))).ticket
    assert own.id in [request.id for request in customer[1].requests()]
    with pytest.raises((APIException, RecordNotFoundException)) as error:
        customer[1].requests(id=other.id)
    assert refusal(error) == 404
    with pytest.raises(APIException) as error:
        customer[1].tickets(id=own.id)
    assert refusal(error) == 403


def test_deleted_is_restorable_until_it_is_erased(agent, zenpy, desk):
    client = zenpy(desk)
    ticket = client.tickets.create(Ticket(subject="Spam", comment=Comment(body="Buy now"))).ticket
    client.tickets.delete(ticket)
    with pytest.raises(RecordNotFoundException):
        client.tickets(id=ticket.id)
    assert ticket.id in [deleted.id for deleted in client.tickets.deleted()]
    client.tickets.restore(ticket)
    assert client.tickets(id=ticket.id).subject == "Spam"
    client.tickets.delete(ticket)
    job = client.tickets.permanently_delete(ticket)
    assert ended(client, job).status == "completed"
    assert ticket.id not in [deleted.id for deleted in client.tickets.deleted()]


def test_the_same_key_makes_one_ticket(desk):
    body = {"ticket": {"subject": "Once", "comment": {"body": "Only once"}}}
    headers = {"Idempotency-Key": "order-4711"}
    first = desk.call("POST", "/api/v2/tickets.json", body, headers=headers)
    second = desk.call("POST", "/api/v2/tickets.json", body, headers=headers)
    assert (first.status_code, first.headers["x-idempotency-lookup"]) == (201, "miss")
    assert (second.status_code, second.headers["x-idempotency-lookup"]) == (201, "hit")
    assert first.json() == second.json()
    body["ticket"]["subject"] = "Twice"
    other = desk.call("POST", "/api/v2/tickets.json", body, headers=headers)
    assert (other.status_code, other.json()["error"]) == (400, "IdempotentRequestError")


def test_an_outdated_change_is_refused(desk):
    ticket = desk.post("/api/v2/tickets.json", {"ticket": {"comment": {"body": "x"}}})["ticket"]
    path = f"/api/v2/tickets/{ticket['id']}.json"
    tag = desk.call("GET", path).headers["ETag"]
    assert desk.call("PUT", path, {"ticket": {"priority": "low"}}, headers={"If-Match": tag}).status_code == 200
    assert desk.call("PUT", path, {"ticket": {"priority": "high"}}, headers={"If-Match": tag}).status_code == 412
    stale = {"ticket": {"priority": "high", "safe_update": True, "updated_stamp": "2020-01-01T00:00:00Z"}}
    answer = desk.call("PUT", path, stale)
    assert (answer.status_code, answer.json()["error"]) == (409, "UpdateConflict")
    assert desk.get(path)["ticket"]["priority"] == "low"


def test_many_are_made_changed_and_deleted_by_jobs(zenpy, desk):
    client = zenpy(desk)
    made = ended(client, client.tickets.create([Ticket(subject=f"Bulk {n}", description="b") for n in range(25)]))
    ids = [result.id for result in made.results]
    tickets = list(client.tickets(ids=ids))
    assert len(tickets) == 25
    for ticket in tickets:
        ticket.priority = "urgent"
    assert ended(client, client.tickets.update(tickets)).status == "completed"
    assert {ticket.priority for ticket in client.tickets(ids=ids)} == {"urgent"}
    assert ended(client, client.tickets.delete(tickets)).status == "completed"
    assert list(client.tickets(ids=ids)) == []


def test_a_write_can_be_read_at_its_position(desk):
    answer = desk.call("POST", "/api/v2/tickets.json", {"ticket": {"comment": {"body": "p"}}})
    position = answer.headers["X-Lodge-Position"]
    path = f"/api/v2/tickets/{answer.json()['ticket']['id']}.json"
    assert desk.call("GET", path, headers={"X-Lodge-Min-Position": position}).status_code == 200
    shard, index = position.split(".")
    ahead = desk.call("GET", path, headers={"X-Lodge-Min-Position": f"{shard}.{int(index) + 1000}"})
    assert ahead.status_code == 503 and int(ahead.headers["Retry-After"]) > 0


def test_colleagues_see_each_others_requests_when_their_organization_shares_them(desk):
    def member(name, organization):
        desk.post("/api/v2/users.json", {"user": {
            "name": name, "email": f"{name}@shared.example", "organization_id": organization}})
        return f"{name}@shared.example"

    organization = desk.post("/api/v2/organizations.json", {"organization": {"name": "Shared"}})["organization"]["id"]
    one, two = member("one", organization), member("two", organization)
    request = desk.post("/api/v2/requests.json", {"request": {
        "subject": "Ours", "comment": {"body": "Please"}}}, user=one)["request"]["id"]
    path, listed = f"/api/v2/requests/{request}.json", f"/api/v2/organizations/{organization}/requests.json"
    comment = {"request": {"comment": {"body": "Me too"}}}

    def statuses():
        return [desk.call("GET", path, user=two).status_code, desk.call("GET", listed, user=two).status_code,
                desk.call("PUT", path, comment, user=two).status_code]

    assert statuses() == [404, 403, 404]
    settings = f"/api/v2/organizations/{organization}.json"
    desk.put(settings, {"organization": {"shared_tickets": True}})
    assert statuses() == [200, 200, 403]
    assert [found["id"] for found in desk.get(listed, user=two)["requests"]] == [request]
    desk.put(settings, {"organization": {"shared_comments": True}})
    assert statuses() == [200, 200, 200]
    assert desk.call("PUT", path, {"request": {"solved": True}}, user=two).status_code == 403


def test_a_restored_ticket_is_not_given_back_to_who_left(desk):
    agent = desk.post("/api/v2/users.json", {"user": {
        "name": "Leaves", "email": "leaves@lifecycle.example", "role": "agent"}})["user"]["id"]
    ticket = desk.post("/api/v2/tickets.json", {"ticket": {
        "comment": {"body": "x"}, "assignee_id": agent}})["ticket"]["id"]
    assert desk.call("DELETE", f"/api/v2/tickets/{ticket}.json").status_code == 204
    assert desk.call("DELETE", f"/api/v2/users/{agent}.json").status_code == 200
    desk.put(f"/api/v2/deleted_tickets/{ticket}/restore.json", None)
    assert desk.get(f"/api/v2/tickets/{ticket}.json")["ticket"]["assignee_id"] is None
