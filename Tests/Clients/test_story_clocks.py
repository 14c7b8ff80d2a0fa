"""Automations, SLA policies, schedules and what is measured, by zenpy and by the strict typed models."""

import time

import pytest
from zenpy.lib.api_objects import Automation, Comment, Ticket
from zenpy.lib.exception import APIException


@pytest.fixture(scope="module")
def desk(node):
    return node.create_tenant("clocks")


@pytest.fixture(scope="module")
def client(zenpy, desk):
    return zenpy(desk)


def new_ticket(client, subject="Printer", **fields):
    return client.tickets.create(Ticket(subject=subject, comment=Comment(body="It smokes"), **fields))


def wait_for(what, timeout=60):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")


def test_a_desk_begins_with_closing_after_four_days(client):
    standard = list(client.automations())
    assert [(each.title, each.default, each.active) for each in standard] == [
        ("Close ticket 4 days after status is set to solved", True, True)]


def test_an_automation_fires_by_itself_once(client, desk):
    automation = client.automations.create(Automation(
        title="Fresh", all=[{"field": "created_at", "operator": "less_than", "value": "5"},
                            {"field": "subject_includes_word", "operator": "includes", "value": "fresh"}],
        actions=[{"field": "current_tags", "value": "seen"}]))
    ticket = new_ticket(client, "Fresh paint").ticket
    wait_for(lambda: client.tickets(id=ticket.id).tags == ["seen"])
    audits = desk.get(f"/api/v2/tickets/{ticket.id}/audits.json")["audits"]
    assert len(audits) == 2
    event = next(each for each in audits[1]["events"] if each.get("field_name") == "tags")
    assert event["via"]["source"]["rel"] == "automation"
    assert event["via"]["source"]["from"]["id"] == automation.id
    automation.active = False
    client.automations.update(automation)
    client.automations.delete(automation)
    with pytest.raises(APIException) as error:
        client.automations.create(Automation(
            title="at once", all=[{"field": "status", "operator": "is", "value": "new"}],
            actions=[{"field": "status", "value": "open"}]))
    assert "comes true with time" in error.value.response.json()["details"]["conditions"][0]["description"]


def test_policies_promise_and_tell(client, desk, strict):
    sdk = strict(desk)
    policy = desk.post("/api/v2/slas/policies.json", {"sla_policy": {
        "title": "Incidents", "description": "Fast", "filter": {
            "all": [{"field": "type", "operator": "is", "value": "incident"}], "any": []},
        "policy_metrics": [
            {"priority": "high", "metric": "first_reply_time", "target": 60, "business_hours": False},
            {"priority": "high", "metric": "total_resolution_time", "target": 600, "business_hours": False}]}},
        status=201)["sla_policy"]
    assert sdk.sla_policies.list_sla_policies().sla_policies[0].policy_metrics[1].target == 600
    shown = sdk.sla_policies.show_sla_policy(sla_policy_id=policy["id"]).sla_policy
    assert (shown.title, shown.filter_.all[0].field) == ("Incidents", "type")
    definitions = sdk.sla_policies.retrieve_sla_policy_filter_definition_items().definitions
    assert any(each.value == "priority" for each in definitions.all)
    ticket = new_ticket(client, type="incident", priority="high").ticket
    slas = desk.get(f"/api/v2/tickets/{ticket.id}.json?include=slas")["ticket"]["slas"]["policy_metrics"]
    assert [(each["metric"], each["stage"], each["target"]) for each in slas] == [
        ("first_reply_time", "active", 60), ("total_resolution_time", "active", 600)]
    ticket.status = "solved"
    client.tickets.update(ticket)
    events = desk.get(f"/api/v2/lodge/tickets/{ticket.id}/metric_events.json")["ticket_metric_events"]
    told = [(each["metric"], each["type"]) for each in events]
    assert told[:3] == [("reply_time", "activate"), ("reply_time", "apply_sla"), ("requester_wait_time", "activate")]
    assert ("resolution_time", "fulfill") in told
    applied = next(each for each in events if each["type"] == "apply_sla")
    assert applied["sla"]["policy"] == {"id": policy["id"], "title": "Incidents", "description": "Fast"}
    # All tickets' events by the typed client and by zenpy, which follows the pages.
    answer, typed = sdk.ticket_metric_events.list_ticket_metric_events(start_time=0, page_size=1), []
    while answer is not None:
        typed += [each.id for each in answer.result.ticket_metric_events if each.ticket_id == ticket.id]
        answer = answer.next()
    assert typed == [each["id"] for each in events]
    every = list(client.tickets.metrics_incremental(start_time=0))
    assert [each.id for each in every if each.ticket_id == ticket.id] == [each["id"] for each in events]
    assert desk.call("DELETE", f"/api/v2/slas/policies/{policy['id']}.json").status_code == 204


def test_a_bad_policy_is_refused_with_its_reason(desk):
    answer = desk.post("/api/v2/slas/policies.json", {"sla_policy": {
        "title": "Golf", "filter": {"all": [], "any": []},
        "policy_metrics": [{"priority": "high", "metric": "golf_time", "target": 60}]}}, status=422)
    assert "metric must be one of first_reply_time" in answer["details"]["policy_metrics"][0]["description"]
    answer = desk.post("/api/v2/slas/policies.json", {"sla_policy": {
        "title": "Time", "filter": {"all": [{"field": "SOLVED", "operator": "is", "value": "4"}], "any": []},
        "policy_metrics": []}}, status=422)
    assert "comes true with time" in answer["details"]["conditions"][0]["description"]


def test_policies_have_an_order(desk):
    ids = [desk.post("/api/v2/slas/policies.json", {"sla_policy": {
        "title": name, "filter": {"all": [], "any": []}, "policy_metrics": [
            {"priority": "low", "metric": "first_reply_time", "target": target}]}},
        status=201)["sla_policy"]["id"] for name, target in (("one", 10), ("two", 20))]
    desk.put("/api/v2/slas/policies/reorder.json", {"sla_policy_ids": ids[::-1]})
    made = desk.post("/api/v2/tickets.json", {"ticket": {
        "subject": "x", "comment": {"body": "y"}, "priority": "low"}}, status=201)["ticket"]
    slas = desk.get(f"/api/v2/tickets.json?include=slas,metric_sets")
    promised = next(each for each in slas["tickets"] if each["id"] == made["id"])["slas"]["policy_metrics"]
    assert [each["target"] for each in promised] == [20]
    assert any(each["ticket_id"] == made["id"] for each in slas["metric_sets"])
    for each in ids:
        desk.call("DELETE", f"/api/v2/slas/policies/{each}.json")


def test_metrics_have_both_times(desk):
    schedule = desk.post("/api/v2/business_hours/schedules.json", {"schedule": {
        "name": "Never", "time_zone": "Europe/Berlin"}}, status=201)["schedule"]
    desk.put(f"/api/v2/business_hours/schedules/{schedule['id']}/workweek.json", {"workweek": {"intervals": []}})
    start = "2026-01-05T08:00:00Z"
    ticket = desk.post("/api/v2/imports/tickets.json", {"ticket": {
        "subject": "Old", "created_at": start, "solved_at": "2026-01-05T10:00:00Z", "status": "solved",
        "comments": [{"value": "Help", "created_at": start},
                     {"value": "Done", "created_at": "2026-01-05T09:30:00Z"}]}}, status=201)["ticket"]
    metric = desk.get(f"/api/v2/tickets/{ticket['id']}/metrics.json")["ticket_metric"]
    assert metric["full_resolution_time_in_minutes"] == {"calendar": 120, "business": 0}
    assert desk.call("DELETE", f"/api/v2/business_hours/schedules/{schedule['id']}.json").status_code == 204
    metric = desk.get(f"/api/v2/tickets/{ticket['id']}/metrics.json")["ticket_metric"]
    assert metric["full_resolution_time_in_minutes"] == {"calendar": 120, "business": 120}
