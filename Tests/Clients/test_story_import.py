"""Tickets brought from another desk, with their history."""

import pytest


@pytest.fixture(scope="module")
def desk(node):
    desk = node.create_tenant("imports")
    make = lambda name, role: desk.post("/api/v2/users.json", {"user": {  # noqa: E731
        "name": name, "email": f"{name}@imports.example", "role": role, "verified": True}})["user"]["id"]
    desk.agent, desk.customer = make("agent", "agent"), make("customer", "end-user")
    return desk


def history(desk, **fields):
    return {"ticket": {
        "subject": "Lid broken", "requester_id": desk.customer, "assignee_id": desk.agent, "tags": ["lid"],
        "created_at": "2026-01-01T10:00:00Z", "status": "closed", "solved_at": "2026-01-03T10:00:00Z",
        "updated_at": "2026-01-04T10:00:00Z", "comments": [
            {"author_id": desk.customer, "value": "It broke.", "created_at": "2026-01-01T10:00:00Z"},
            {"author_id": desk.agent, "value": "Which colour?", "created_at": "2026-01-01T11:00:00Z"},
            {"author_id": desk.agent, "value": "Stock: 3", "public": False, "created_at": "2026-01-01T11:05:00Z"},
            {"author_id": desk.customer, "value": "Red.", "created_at": "2026-01-02T10:00:00Z"},
            {"author_id": desk.agent, "value": "Sent.", "created_at": "2026-01-03T09:00:00Z"},
        ], **fields}}


def test_a_history_is_lived_through(desk):
    ticket = desk.post("/api/v2/imports/tickets.json", history(desk))["ticket"]
    assert (ticket["status"], ticket["created_at"], ticket["updated_at"]) == (
        "closed", "2026-01-01T10:00:00Z", "2026-01-04T10:00:00Z")
    comments = desk.get(f"/api/v2/tickets/{ticket['id']}/comments.json")["comments"]
    assert [(c["author_id"], c["public"], c["created_at"][:13]) for c in comments] == [
        (desk.customer, True, "2026-01-01T10"), (desk.agent, True, "2026-01-01T11"),
        (desk.agent, False, "2026-01-01T11"), (desk.customer, True, "2026-01-02T10"),
        (desk.agent, True, "2026-01-03T09")]
    metric = desk.get(f"/api/v2/tickets/{ticket['id']}/metrics.json")["ticket_metric"]
    assert metric["reply_time_in_minutes"]["calendar"] == 60
    assert metric["replies"] == 2
    # Pending from the first answer to the customer's: 23 hours; two days until it was solved.
    assert metric["agent_wait_time_in_minutes"]["calendar"] == 23 * 60
    assert metric["full_resolution_time_in_minutes"]["calendar"] == 2 * 24 * 60


def test_many_come_by_a_job(desk):
    items = [history(desk, external_id=f"old-{n}")["ticket"] for n in range(20)]
    job = desk.post("/api/v2/imports/tickets/create_many.json", {"tickets": items}, status=200)["job_status"]
    ended = desk.finished(job)
    assert ended["status"] == "completed" and len({r["id"] for r in ended["results"]}) == 20
    assert desk.get("/api/v2/tickets.json?external_id=old-7")["count"] == 1


@pytest.mark.parametrize("fields, field", [
    ({"created_at": "2026-01-02T00:00:00Z"}, "comments"), ({"updated_at": "2026-01-02T00:00:00Z"}, "updated_at"),
    ({"solved_at": "2026-01-02T00:00:00Z"}, "solved_at"), ({"updated_at": "2999-01-01T00:00:00Z"}, "updated_at"),
    ({"created_at": None}, "created_at"), ({"comments": []}, "comments"), ({"comments": [{"value": " "}]}, "comments"), ({"comments": [{"author_id": 5}]}, "comments"),
])
def test_histories_that_cannot_be_are_refused_by_field(desk, fields, field):
    answer = desk.call("POST", "/api/v2/imports/tickets.json", history(desk, **fields))
    assert answer.status_code == 422 and field in answer.json()["details"], answer.text


def test_only_admins_import(desk):
    for user, status in (("agent@imports.example", 403), ("customer@imports.example", 403)):
        assert desk.call("POST", "/api/v2/imports/tickets.json", history(desk), user=user).status_code == status


def test_a_message_in_html_keeps_its_words(desk):
    made = desk.post("/api/v2/imports/tickets.json", history(desk, comments=[
        {"author_id": desk.customer, "html_body": "<p>It <b>broke</b> &amp; leaks.</p>",
         "created_at": "2026-01-01T10:00:00Z"}]))["ticket"]
    assert desk.get(f"/api/v2/tickets/{made['id']}.json")["ticket"]["description"] == "It broke & leaks."
