"""Satisfaction by zenpy and by the strict typed models; surveys answered by people who sign in nowhere."""

import html
import re

import pytest
import requests
from zenpy.lib.api_objects import SatisfactionRating, Ticket, Trigger, User
from zenpy.lib.exception import APIException


@pytest.fixture(scope="module")
def desk(node):
    desk = node.create_tenant("satisfied")
    desk.customer = desk.post("/api/v2/users.json", {"user": {
        "name": "Carla", "email": "carla@customer.example", "verified": True}})["user"]
    return desk


@pytest.fixture(scope="module")
def client(zenpy, desk):
    return zenpy(desk)


@pytest.fixture(scope="module")
def customer(zenpy, desk):
    """Acts for the customer, as holders of an admin's token may."""
    return zenpy(desk, email=desk.customer["email"])


@pytest.fixture(scope="module", autouse=True)
def offers(client):
    return client.triggers.create(Trigger(
        title="Ask", all=[{"field": "status", "operator": "is", "value": "solved"}],
        actions=[{"field": "satisfaction_score", "value": "offered"}]))


def solved(desk, **fields):
    made = desk.post("/api/v2/tickets.json", {"ticket": {
        "subject": "Lid", "comment": {"body": "It stays open"}, "requester_id": desk.customer["id"],
        "assignee_email": desk.email, **fields}})["ticket"]
    return desk.put(f"/api/v2/tickets/{made['id']}.json", {"ticket": {"status": "solved"}})["ticket"]


def link(desk, ticket):
    notices = desk.get(f"/api/v2/lodge/notices.json?ticket_id={ticket['id']}")["notices"]
    return re.search(r"/surveys/[\w-]+", notices[0]["body"]).group()


def browser(node, desk):
    """Somebody with nothing but the link."""
    session = requests.Session()
    session.trust_env = False
    session.headers["Host"] = desk.host
    return lambda method, path, **options: session.request(method, node.http + path, timeout=20, **options)


def test_a_customer_rates_by_zenpy_and_everybody_sees_it(client, customer, desk):
    ticket = solved(desk)
    assert ticket["satisfaction_rating"]["score"] == "offered"
    with pytest.raises(APIException) as error:
        client.satisfaction_ratings.create(ticket["id"], SatisfactionRating(score="good"))
    assert error.value.response.status_code == 403
    customer.satisfaction_ratings.create(ticket["id"], SatisfactionRating(score="good", comment="Quick"))
    seen = client.tickets(id=ticket["id"]).satisfaction_rating
    assert (seen.score, seen.comment) == ("good", "Quick")
    listed = list(client.satisfaction_ratings(score="good_with_comment"))
    assert [(each.ticket_id, each.score, each.assignee.email) for each in listed] == [(ticket["id"], "good", desk.email)]
    assert [each.id for each in customer.satisfaction_ratings()] == [listed[0].id]
    events = [event for audit in client.tickets.audits(ticket=ticket["id"]) for event in audit.events]
    said = [event for event in events if event["type"] == "SatisfactionRating"]
    assert [(each["score"], each["body"]) for each in said] == [("good", "Quick")]
    customer.satisfaction_ratings.create(ticket["id"], SatisfactionRating(score="bad", reason_code=6))
    assert client.tickets(id=ticket["id"]).satisfaction_rating.reason == "The issue was not resolved"
    assert len(list(client.satisfaction_ratings())) == 1


def test_the_strict_client_takes_every_answer(strict, customer, desk):
    ticket = solved(desk)
    customer.satisfaction_ratings.create(ticket["id"], SatisfactionRating(score="bad", comment="No", reason_code=5))
    client = strict(desk)
    listed = client.satisfaction_ratings.list_satisfaction_ratings(page_size=100, score="bad", start_time=0).result
    rating = listed.satisfaction_ratings[-1]
    assert (rating.ticket_id, rating.score, rating.reason_id) == (ticket["id"], "bad", 5)
    # One rating, and one reason, are objects; the typed client's description says lists, which no server answers.
    shown = desk.get(f"/api/v2/satisfaction_ratings/{rating.id}.json")["satisfaction_rating"]
    assert (shown["score"], shown["comment"]) == ("bad", "No")
    count = client.satisfaction_ratings.count_satisfaction_ratings().count.value
    assert count == desk.get("/api/v2/satisfaction_ratings.json")["count"]
    reasons = client.satisfaction_reasons.list_satisfaction_rating_reasons().reasons
    assert [each.reason_code for each in reasons] == [5, 6, 7, 8, 1000]
    assert desk.get("/api/v2/satisfaction_reasons/5.json")["reason"]["value"] == reasons[0].value
    assert client.tickets.show_ticket(ticket_id=ticket["id"]).ticket.satisfaction_rating["comment"] == "No"


def test_a_link_in_a_mail_is_enough(node, desk):
    ticket = solved(desk, subject="<b>Lid</b> & more")
    open_, path = browser(node, desk), link(desk, ticket)
    # What scans mails looks at every link, also several times.
    for score in ("good", "bad", "good"):
        page = open_("GET", f"{path}?score={score}")
        assert page.status_code == 200 and page.headers["Content-Type"].startswith("text/html")
        assert "<b>" not in page.text and html.escape("<b>Lid</b> & more") in page.text
        assert "<script" not in page.text and "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert re.search(f'value="{score}" required checked', page.text)
    assert desk.get(f"/api/v2/tickets/{ticket['id']}.json")["ticket"]["satisfaction_rating"]["score"] == "offered"
    sent = open_("POST", path, data={"score": "bad", "comment": "Loose screws", "reason": "7"})
    assert sent.status_code == 200 and "Thank you" in sent.text
    rating = desk.get(f"/api/v2/tickets/{ticket['id']}.json")["ticket"]["satisfaction_rating"]
    assert (rating["score"], rating["comment"], rating["reason_id"]) == ("bad", "Loose screws", 7)
    assert open_("POST", f"{path}?score=good").status_code == 200
    desk.put(f"/api/v2/tickets/{ticket['id']}.json", {"ticket": {"status": "open"}})
    late = open_("POST", f"{path}?score=bad")
    assert late.status_code == 409 and "opened again" in late.text
    assert desk.get(f"/api/v2/tickets/{ticket['id']}.json")["ticket"]["satisfaction_rating"]["score"] == "good"
    assert open_("GET", path[:-1] + ("A" if path[-1] != "A" else "B")).status_code == 404


def test_a_foreign_desk_does_not_open_it(node, desk):
    other = node.create_tenant("satisfied-elsewhere")
    path = link(desk, solved(desk))
    assert browser(node, desk)("GET", path).status_code == 200
    assert browser(node, other)("GET", path).status_code == 404


def test_a_bad_rating_sets_rules_off_and_stands_in_a_view(client, customer, desk):
    rule = client.triggers.create(Trigger(
        title="Look again", all=[{"field": "satisfaction_score", "operator": "changed_to", "value": "bad"},
                                 {"field": "satisfaction_reason_code", "operator": "is", "value": "8"}],
        actions=[{"field": "current_tags", "value": "apologize"}, {"field": "status", "value": "open"}]))
    view = desk.post("/api/v2/views.json", {"view": {
        "title": "To apologize for", "all": [{"field": "satisfaction_score", "operator": "is", "value": "bad"},
                                             {"field": "status", "operator": "less_than", "value": "solved"}]}})["view"]
    ticket = solved(desk)
    customer.satisfaction_ratings.create(ticket["id"], SatisfactionRating(score="bad", reason_code=8))
    seen = client.tickets(id=ticket["id"])
    assert (seen.status, seen.tags, seen.satisfaction_rating.score) == ("open", ["apologize"], "bad")
    assert [each.id for each in client.views.tickets(view=view["id"])] == [ticket["id"]]
    assert desk.get(f"/api/v2/views/{view['id']}/count.json")["view_count"]["value"] == 1
    # Its next solve is another survey.
    client.triggers.delete(rule)
    desk.put(f"/api/v2/tickets/{ticket['id']}.json", {"ticket": {"status": "solved"}})
    customer.satisfaction_ratings.create(ticket["id"], SatisfactionRating(score="good"))
    rows = desk.get("/api/v2/satisfaction_ratings.json?per_page=100")["satisfaction_ratings"]
    assert [(each["solve"], each["score"]) for each in rows if each["ticket_id"] == ticket["id"]] == [(1, "bad"), (2, "good")]


def test_how_likely_people_would_recommend(node, client, desk):
    rule = client.triggers.create(Trigger(
        title="NPS", all=[{"field": "current_tags", "operator": "includes", "value": "nps"}],
        actions=[{"field": "nps_survey", "value": ["offered", "30"]}]))
    scores = {"ann": 10, "bob": 9, "cid": 8, "dan": 0}
    open_ = browser(node, desk)
    for name, score in scores.items():
        person = desk.post("/api/v2/users.json", {"user": {"name": name, "email": f"{name}@nps.example"}})["user"]
        ticket = desk.post("/api/v2/tickets.json", {"ticket": {
            "subject": "Hi", "comment": {"body": "Hi"}, "requester_id": person["id"], "tags": ["nps"]}})["ticket"]
        path = link(desk, ticket)
        assert open_("GET", path).text.count('name="score"') == 11
        assert open_("POST", path, data={"score": score, "comment": name}).status_code == 200
        again = desk.post("/api/v2/tickets.json", {"ticket": {
            "subject": "Hi", "comment": {"body": "Hi"}, "requester_id": person["id"], "tags": ["nps"]}})["ticket"]
        assert desk.get(f"/api/v2/lodge/notices.json?ticket_id={again['id']}")["notices"] == []
    client.triggers.delete(rule)
    answers = desk.get("/api/v2/lodge/nps/responses.json?category=promoter")
    assert (answers["count"], {each["comment"] for each in answers["responses"]}) == (2, {"ann", "bob"})
    score = desk.get("/api/v2/lodge/nps/score.json")["nps"]
    assert {key: score[key] for key in ("promoters", "passives", "detractors", "responses", "score")} == {
        "promoters": 2, "passives": 1, "detractors": 1, "responses": 4, "score": 25}


def test_reasons_are_the_desks_to_change(desk):
    made = desk.post("/api/v2/lodge/satisfaction_reasons.json", {"reason": {"value": "The colour"}})["reason"]
    assert made["reason_code"] == 1001
    desk.put("/api/v2/lodge/satisfaction_reasons/5.json", {"reason": {"value": "Far too slow"}})
    assert desk.call("DELETE", "/api/v2/lodge/satisfaction_reasons/8.json").status_code == 204
    reasons = desk.get("/api/v2/satisfaction_reasons.json")["reasons"]
    assert [(each["id"], each["value"]) for each in reasons][0] == (5, "Far too slow")
    assert [each["id"] for each in reasons] == [5, 6, 7, 1000, 1001]
