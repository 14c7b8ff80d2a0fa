"""Answers validated against the typed models of python-zendesk, which were made from the dialect's own description.

Known differences are in DIFFERENT, each with its reason; there should be none.
"""

import pytest
from zendesk import models

DIFFERENT = {
    "tags": "the description says strings; recorded exchanges have objects with name and count, as other clients expect",
}


@pytest.fixture(scope="module")
def desk(node):
    desk = node.create_tenant("strict")
    agent = desk.post("/api/v2/users.json", {"user": {
        "name": "Agent", "email": "agent@strict.example", "role": "agent"}})["user"]
    organization = desk.post("/api/v2/organizations.json", {"organization": {"name": "Hotel", "tags": ["vip"]}})
    customer = desk.post("/api/v2/users.json", {"user": {
        "name": "Customer", "email": "customer@strict.example",
        "organization_id": organization["organization"]["id"]}})["user"]
    ticket = desk.post("/api/v2/tickets.json", {"ticket": {
        "subject": "Lid", "comment": {"body": "Broken"}, "requester_id": customer["id"], "priority": "high",
        "type": "problem", "tags": ["lid"], "external_id": "A-1"}})["ticket"]
    desk.put(f"/api/v2/tickets/{ticket['id']}.json", {"ticket": {
        "assignee_id": agent["id"], "comment": {"body": "Noted", "public": False}, "status": "pending"}})
    desk.agent, desk.customer, desk.organization, desk.ticket = (
        agent["id"], customer["id"], organization["organization"]["id"], ticket["id"])
    job = desk.post("/api/v2/tickets/create_many.json", {"tickets": [{"description": "x"}] * 3}, status=200)
    desk.job = desk.finished(job["job_status"])["id"]
    gone = desk.post("/api/v2/tickets.json", {"ticket": {"comment": {"body": "gone"}}})["ticket"]["id"]
    desk.call("DELETE", f"/api/v2/tickets/{gone}.json")
    desk.group = desk.get("/api/v2/groups.json")["groups"][0]["id"]
    return desk


CALLS = {
    "list tickets": lambda z, d: z.tickets.list_tickets(),
    "list tickets by cursor": lambda z, d: z.tickets.list_tickets(page_size=2),
    "show ticket": lambda z, d: z.tickets.show_ticket(ticket_id=d.ticket),
    "show many tickets": lambda z, d: z.tickets.tickets_show_many(ids=str(d.ticket)),
    "count tickets": lambda z, d: z.tickets.count_tickets(),
    "deleted tickets": lambda z, d: z.tickets.list_deleted_tickets(),
    "problems": lambda z, d: z.tickets.list_ticket_problems(),
    "incidents": lambda z, d: z.tickets.list_ticket_incidents(ticket_id=d.ticket),
    "comments": lambda z, d: z.ticket_comments.list_ticket_comments(ticket_id=d.ticket),
    "count comments": lambda z, d: z.ticket_comments.count_ticket_comments(ticket_id=d.ticket),
    "audits of a ticket": lambda z, d: z.ticket_audits.list_audits_for_ticket(ticket_id=d.ticket),
    "all audits": lambda z, d: z.ticket_audits.list_ticket_audits(),
    "metrics": lambda z, d: z.ticket_metrics.list_ticket_metrics(),
    "me": lambda z, d: z.users.show_current_user(),
    "list users": lambda z, d: z.users.list_users(),
    "show user": lambda z, d: z.users.show_user(user_id=d.customer),
    "show many users": lambda z, d: z.users.show_many_users(ids=f"{d.customer},{d.agent}"),
    "count users": lambda z, d: z.users.count_users(),
    "search users": lambda z, d: z.users.search_users(query="customer"),
    "autocomplete users": lambda z, d: z.users.autocomplete_users(name="Cus"),
    "list organizations": lambda z, d: z.organizations.list_organizations(),
    "show organization": lambda z, d: z.organizations.show_organization(organization_id=d.organization),
    "count organizations": lambda z, d: z.organizations.count_organizations(),
    "search organizations": lambda z, d: z.organizations.search_organizations(name="Hotel"),
    "list groups": lambda z, d: z.groups.list_groups(),
    "show group": lambda z, d: z.groups.show_group_by_id(group_id=d.group),
    "assignable groups": lambda z, d: z.groups.list_assignable_groups(),
    "count groups": lambda z, d: z.groups.count_groups(),
    "group memberships": lambda z, d: z.group_memberships.list_group_memberships(),
    "organization memberships": lambda z, d: z.organization_memberships.list_organization_memberships(),
    "jobs": lambda z, d: z.job_statuses.list_job_statuses(),
    "one job": lambda z, d: z.job_statuses.show_job_status(job_status_id=d.job),
    "search": lambda z, d: z.search.list_search_results(query="type:ticket status:pending"),
    "search users by term": lambda z, d: z.search.list_search_results(query="type:user role:agent"),
    "search count": lambda z, d: z.search.count_search_results(query="type:ticket"),
    "search export": lambda z, d: z.search.export_search_results(query="lid", filter_type="ticket"),
    "tags": lambda z, d: z.tags.list_tags(),
    "tags of a ticket": lambda z, d: z.tags.list_ticket_tags(ticket_id=d.ticket),
    "count tags": lambda z, d: z.tags.count_tags(),
    "requests": lambda z, d: z.requests.list_requests(),
    "one request": lambda z, d: z.requests.show_request(request_id=str(d.ticket)),
    "comments of a request": lambda z, d: z.requests.list_comments(request_id=str(d.ticket)),
    "identities": lambda z, d: z.user_identities.list_user_identities(user_id=d.customer),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_strict_client_takes_the_answer(strict, desk, name):
    if name in DIFFERENT:
        pytest.skip(DIFFERENT[name])
    assert CALLS[name](strict(desk), desk) is not None


def test_the_strict_client_makes_and_changes_a_ticket(strict, desk):
    client = strict(desk)
    made = client.tickets.create_ticket(request={"ticket": {"subject": "Typed", "comment": {"body": "Typed"}}})
    number = made.result.ticket.id
    client.tickets.update_ticket(ticket_id=number, ticket={"status": "solved"})
    assert desk.get(f"/api/v2/tickets/{number}.json")["ticket"]["status"] == "solved"
    client.tickets.delete_ticket(ticket_id=number)
    assert desk.call("GET", f"/api/v2/tickets/{number}.json").status_code == 404
