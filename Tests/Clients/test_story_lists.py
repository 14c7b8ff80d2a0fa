"""Lists walked whole by both paginations, at several page sizes and while tickets come and go; search."""

import pytest
from zenpy.lib.api_objects import Comment, Ticket


@pytest.fixture(scope="module")
def desk(node):
    desk = node.create_tenant("lists")
    for number in range(60):
        desk.post("/api/v2/tickets.json", {"ticket": {
            "subject": f"Ticket {number}", "comment": {"body": "Text"}, "tags": ["odd" if number % 2 else "even"],
            "priority": ["low", "normal", "high", "urgent"][number % 4]}})
    return desk


def walk(desk, path, size, each=lambda: None):
    found, url = [], f"{path}?page[size]={size}"
    while url:
        page = desk.get(url)
        found += [ticket["id"] for ticket in page["tickets"]]
        assert len(page["tickets"]) <= size
        url = page["links"]["next"] if page["meta"]["has_more"] else None
        if url:
            assert url.startswith(f"http://{desk.host}/"), url
            url = url.removeprefix(f"http://{desk.host}")
        each()
    return found


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_cursor_walk_sees_every_ticket_once(desk, size):
    found = walk(desk, "/api/v2/tickets.json", size)
    assert found == sorted(set(found)) and set(range(1, 61)) <= set(found)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_zenpy_walks_the_same_by_cursor_and_by_page(zenpy, desk, size):
    client = zenpy(desk)
    by_cursor = [ticket.id for ticket in client.tickets(cursor_pagination=size)]
    by_page = [ticket.id for ticket in client.tickets(cursor_pagination=False)]
    assert sorted(by_cursor) == sorted(by_page)


def test_offset_pages_hold_exact_counts(desk):
    first = desk.get("/api/v2/tickets.json?per_page=25")
    assert first["count"] == desk.get("/api/v2/tickets/count.json")["count"]["value"]
    found, url = [], "/api/v2/tickets.json?per_page=25"
    while url:
        page = desk.get(url)
        found += [ticket["id"] for ticket in page["tickets"]]
        url = page["next_page"] and page["next_page"].removeprefix(f"http://{desk.host}")
    assert len(found) == len(set(found)) == first["count"]


def test_deleting_and_adding_during_a_walk_loses_nothing_else(desk):
    victims = [desk.post("/api/v2/tickets.json", {"ticket": {"comment": {"body": "v"}}})["ticket"]["id"]
               for _ in range(6)]

    def disturb():
        if victims:
            assert desk.call("DELETE", f"/api/v2/tickets/{victims.pop(0)}.json").status_code == 204
            desk.post("/api/v2/tickets.json", {"ticket": {"comment": {"body": "late"}}})

    found = walk(desk, "/api/v2/tickets.json", 9, each=disturb)
    assert set(range(1, 61)) <= set(found)
    assert len(found) == len(set(found))


def test_search_by_field_terms_agrees_with_the_list(zenpy, desk):
    client = zenpy(desk)
    odd = [ticket["id"] for ticket in desk.get("/api/v2/tickets.json?per_page=100")["tickets"]
           if "odd" in ticket["tags"]]
    assert sorted(ticket.id for ticket in client.search(type="ticket", tags="odd")) == sorted(odd)
    assert desk.get("/api/v2/search/count.json?query=type:ticket tags:odd")["count"] == len(odd)
    urgent = [ticket.id for ticket in client.search("type:ticket priority>high -tags:even")]
    assert all(client.tickets(id=number).priority == "urgent" for number in urgent[:3])
    exported = [ticket.id for ticket in client.search_export("tags:odd", type="ticket")]
    assert sorted(exported) == sorted(odd)


def test_a_ticket_is_found_at_once(zenpy, desk):
    client = zenpy(desk)
    for number in range(5):
        ticket = client.tickets.create(Ticket(subject=f"Unmistakable{number}", comment=Comment(body="x"))).ticket
        assert [found.id for found in client.search(f"type:ticket subject:Unmistakable{number}")] == [ticket.id]


def test_side_loads_come_once_each(desk):
    page = desk.get("/api/v2/tickets.json?per_page=100&include=users,groups,organizations")
    users = [user["id"] for user in page["users"]]
    assert len(users) == len(set(users))
    assert {ticket["requester_id"] for ticket in page["tickets"]} <= set(users)
