"""Merges that can be undone, splits, links, problems with their incidents, copies and followers: by zenpy, by the strict typed
models, and by raw calls where no client has them."""

import pytest
from zenpy.lib.api_objects import Comment, Ticket, User
from zenpy.lib.exception import APIException

from lodge import wait_until


@pytest.fixture(scope="module")
def desk(node):
    return node.create_tenant("relations")


@pytest.fixture(scope="module")
def client(zenpy, desk):
    return zenpy(desk)


@pytest.fixture(scope="module")
def typed(strict, desk):
    return strict(desk)


def new_ticket(client, subject="Printer", **fields):
    return client.tickets.create(Ticket(subject=subject, comment=Comment(body="It smokes"), **fields)).ticket


def test_a_merge_closes_the_source_and_an_unmerge_opens_it_again(client, typed, desk):
    joe = client.users.create(User(name="Joe", email="joe@relations.example", verified=True))
    source = new_ticket(client, "Twice told", requester_id=joe.id, tags=["paper"], priority="high")
    target = new_ticket(client, "Told first")
    job = client.tickets.merge(target, [source.id], target_comment="joined", source_comment="see there")
    done = desk.finished({"id": job.id})
    assert [each["success"] for each in done["results"]] == [True]
    closed = client.tickets(id=source.id)
    assert (closed.status, closed.tags) == ("closed", ["closed_by_merge", "paper"])
    assert client.tickets(id=target.id).email_cc_ids == [joe.id]
    assert [each.body for each in client.tickets.comments(target.id)][-1] == "joined"
    related = typed.tickets.ticket_related_information(ticket_id=target.id)
    assert (related.incidents, related.followup_source_ids, related.from_archive) == (0, [], False)
    assert desk.get(f"/api/v2/tickets/{source.id}/related.json")["merged_into_id"] == target.id
    with pytest.raises(APIException) as error:
        client.tickets.merge(target, [source.id])
    assert error.value.response.json()["details"]["ids"][0]["description"] == f"Ids: ticket {source.id} is closed"

    back = desk.post(f"/api/v2/lodge/tickets/{source.id}/unmerge.json", {}, 200)["ticket"]
    assert (back["status"], back["tags"], back["priority"]) == ("new", ["paper"], "high")
    assert client.tickets(id=target.id).email_cc_ids == []
    closed.status = "open"
    assert client.tickets.update(closed).ticket.status == "open"


def test_the_typed_client_merges_too(client, typed, desk):
    source, target = new_ticket(client), new_ticket(client)
    job = typed.tickets.merge_tickets_into_target_ticket(
        ticket_id=target.id, ids=[source.id])
    status = desk.finished({"id": job.job_status.id})
    assert status["status"] == "completed"
    typed.job_statuses.show_job_status(job_status_id=job.job_status.id)
    assert f"#{source.id}" in list(client.tickets.comments(target.id))[-1].body


def test_solving_a_problem_solves_all_its_incidents(client, typed, desk):
    problem = new_ticket(client, "Mail server down", type="problem")
    incidents = [new_ticket(client, f"No mail {number}", type="incident", problem_id=problem.id) for number in range(30)]
    assert client.tickets(id=problem.id).has_incidents
    assert [each.id for each in client.tickets.incidents(problem.id)] == [each.id for each in incidents]
    assert typed.tickets.ticket_related_information(ticket_id=problem.id).incidents == 30
    assert problem.id in [each["id"] for each in typed.tickets.list_ticket_problems().result["tickets"]]
    found = typed.tickets.autocomplete_problems(text="server down")
    assert [each["id"] for each in found["tickets"]] == [problem.id]
    problem.status, problem.comment = "solved", Comment(body="The disk was full", public=True)
    client.tickets.update(problem)

    def solved():
        return all(client.tickets(id=each.id).status == "solved" for each in incidents)

    wait_until(solved, "the incidents to be solved")
    last = list(client.tickets.comments(incidents[-1].id))[-1]
    assert (last.body, last.public) == ("The disk was full", True)
    audit = desk.get(f"/api/v2/tickets/{incidents[0].id}/audits.json")["audits"][-1]
    assert (audit["via"]["channel"], audit["via"]["source"]["rel"]) == ("rule", "problem")


def test_copies_and_followers(client, typed, desk):
    kim = client.users.create(User(name="Kim", email="kim@relations.example", verified=True))
    me = client.users.me()
    ticket = new_ticket(client, email_ccs=[{"user_email": "kim@relations.example", "action": "put"}],
                        followers=[{"user_id": str(me.id), "action": "put"}], additional_collaborators=["other@relations.example"])
    copied = typed.tickets.list_ticket_email_c_cs(ticket_id=ticket.id)
    assert {each["email"] for each in copied["users"]} == {"kim@relations.example", "other@relations.example"}
    assert [each["id"] for each in typed.tickets.list_ticket_followers(ticket_id=ticket.id)["users"]] == [me.id]
    assert len(typed.tickets.list_ticket_collaborators(ticket_id=ticket.id)["users"]) == 3
    assert [each.id for each in client.users.cced(kim)] == [ticket.id]
    assert [each["id"] for each in desk.get(f"/api/v2/users/{me.id}/tickets/followed.json")["tickets"]] == [ticket.id]
    desk.put(f"/api/v2/tickets/{ticket.id}.json", {"ticket": {"email_ccs": [{"user_id": kim.id, "action": "delete"}]}})
    assert list(client.users.cced(kim)) == []


def test_comments_are_split_off_and_tickets_linked(client, desk):
    ticket = new_ticket(client, "Two questions")
    ticket.comment = Comment(body="And the scanner?", public=True)
    client.tickets.update(ticket)
    comment = list(client.tickets.comments(ticket.id))[-1]
    made = desk.post(f"/api/v2/lodge/tickets/{ticket.id}/split.json",
                     {"comment_ids": [comment.id], "subject": "Scanner"})["ticket"]
    assert (made["subject"], made["description"]) == ("Scanner", "And the scanner?")
    assert len(list(client.tickets.comments(ticket.id))) == 2
    other = new_ticket(client)
    desk.post(f"/api/v2/lodge/tickets/{ticket.id}/links.json", {"ticket_id": other.id, "kind": "blocks"})
    links = desk.get(f"/api/v2/lodge/tickets/{ticket.id}/links.json")["links"]
    assert [(each["kind"], each["ticket_id"]) for each in links] == [("split_into", made["id"]), ("blocks", other.id)]
    back = desk.get(f"/api/v2/lodge/tickets/{other.id}/links.json")["links"][0]
    assert (back["kind"], back["ticket_id"]) == ("blocked_by", ticket.id)
    assert desk.call("DELETE", f"/api/v2/lodge/tickets/{other.id}/links/{back['id']}.json").status_code == 204
    assert len(desk.get(f"/api/v2/lodge/tickets/{ticket.id}/links.json")["links"]) == 1


def test_a_follow_up_continues_the_closed_ticket(client):
    joe = client.users.create_or_update(User(name="Joe", email="joe@relations.example"))
    closed = new_ticket(client, "Lamp", requester_id=joe.id, tags=["light"], status="closed")
    follow_up = client.tickets.create(Ticket(via_followup_source_id=closed.id, comment=Comment(body="Again"))).ticket
    assert (follow_up.subject, follow_up.requester_id, follow_up.tags) == ("Lamp", joe.id, ["light"])
    assert follow_up.via.source.rel == "follow_up"
    assert client.tickets(id=closed.id).followup_ids == [follow_up.id]
