"""Rules rehearsed on the last days' tickets, checked before they are made, and traced afterwards; by plain HTTP and zenpy."""

import pytest
from zenpy.lib.api_objects import Comment, Ticket, Trigger

from lodge import wait_until

REHEARSALS = "/api/v2/lodge/rehearsals"
IS_NEW = {"field": "update_type", "operator": "is", "value": "Create"}


@pytest.fixture(scope="module")
def desk(node):
    return node.create_tenant("rehearsals")


@pytest.fixture(scope="module")
def client(zenpy, desk):
    return zenpy(desk)


@pytest.fixture(scope="module")
def trigger(client):
    return client.triggers.create(Trigger(
        title="Printers are urgent",
        all=[IS_NEW, {"field": "subject_includes_word", "operator": "includes", "value": "printer"}],
        actions=[{"field": "priority", "value": "urgent"}]))


@pytest.fixture(scope="module")
def tickets(client, trigger):
    return {name: client.tickets.create(Ticket(subject=name, comment=Comment(body="It smokes"))).ticket.id
            for name in ("Printer", "Chair", "Printer again")}


def finished(desk, begun):
    def ended():
        state = desk.get(f"{REHEARSALS}/{begun['rehearsal']['id']}.json")
        return state["rehearsal"]["status"] not in ("queued", "copying", "running") and state
    return wait_until(ended, "the rehearsal to end")


def test_a_changed_rule_is_rehearsed_before_it_is_made(desk, trigger, tickets):
    begun = desk.post(f"{REHEARSALS}.json", {"days": 30, "triggers": [
        {"id": trigger.id, "changes": {"actions": [{"field": "priority", "value": "high"}]}},
        {"title": "Chairs are tasks", "all": [IS_NEW, {"field": "subject_includes_word", "operator": "includes", "value": "chair"}],
         "actions": [{"field": "type", "value": "task"}]}]}, 202)
    result = finished(desk, begun)
    state = result["rehearsal"]
    assert (state["status"], state["total"], state["progress"], state["replay_mismatches"]) == ("completed", 3, 3, 0)
    found = {(each["ticket_id"], each["kind"], each["field"], each["before"], each["after"], each["rule"]["title"])
             for each in result["differences"]}
    assert found == {
        (tickets["Printer"], "field", "priority", "urgent", "high", "Printers are urgent"),
        (tickets["Printer again"], "field", "priority", "urgent", "high", "Printers are urgent"),
        (tickets["Chair"], "fired", None, None, "fired", "Chairs are tasks"),
        (tickets["Chair"], "field", "type", None, "task", "Chairs are tasks")}
    # Nothing of it has happened.
    assert desk.get(f"/api/v2/tickets/{tickets['Chair']}.json")["ticket"]["type"] is None
    assert [each["title"] for each in desk.get("/api/v2/triggers.json")["triggers"]] == ["Printers are urgent"]


def test_the_same_rules_make_no_difference(desk, tickets):
    result = finished(desk, desk.post(f"{REHEARSALS}.json", {"days": 1}, 202))
    assert result["differences"] == [] and result["rehearsal"]["audits"] == 3


def test_a_rehearsal_is_cancelled_and_forgotten(desk, tickets):
    begun = desk.post(f"{REHEARSALS}.json", {"days": 90, "only": ["triggers"]}, 202)["rehearsal"]
    ended = desk.post(f"{REHEARSALS}/{begun['id']}/cancel.json", None, 200)["rehearsal"]
    assert ended["status"] in ("cancelled", "completed")
    assert begun["id"] in [each["id"] for each in desk.get(f"{REHEARSALS}.json")["rehearsals"]]
    assert desk.call("DELETE", f"{REHEARSALS}/{begun['id']}.json").status_code == 204
    assert desk.call("GET", f"{REHEARSALS}/{begun['id']}.json").status_code == 404


def test_what_is_wrong_with_a_proposed_rule_is_named(desk):
    answer = desk.call("POST", f"{REHEARSALS}.json", {"days": 7, "triggers": [
        {"title": "x", "all": [{"field": "status", "operator": "is", "value": "shiny"}], "actions": [{"field": "type", "value": "task"}]}]})
    assert answer.status_code == 422
    assert "triggers[0].conditions" in answer.json()["details"]


def test_rules_are_checked_before_they_are_made(desk, trigger):
    proposed = {"triggers": [{"title": "Never", "all": [
        {"field": "status", "operator": "is", "value": "open"}, {"field": "status", "operator": "is", "value": "solved"}],
        "actions": [{"field": "type", "value": "task"}]}]}
    findings = desk.post("/api/v2/lodge/rules/check.json", proposed, 200)["findings"]
    assert [(each["severity"], each["kind"], each["rules"][0]["title"]) for each in findings] == [("error", "contradiction", "Never")]
    assert [each["value"] for each in findings[0]["conditions"]] == ["open", "solved"]
    assert desk.get("/api/v2/lodge/rules/check.json")["findings"] == []


def test_a_trace_says_which_rule_acted_and_what_kept_it_back(desk, trigger, tickets):
    acted = desk.get(f"/api/v2/lodge/tickets/{tickets['Printer']}/trace.json")["trace"]
    assert [(each["id"], each["fields"]) for each in acted[0]["rules"]] == [(trigger.id, ["priority"])]
    chair = desk.get(f"/api/v2/lodge/tickets/{tickets['Chair']}/trace.json")["trace"][0]
    assert chair["rules"] == []
    one = desk.get(f"/api/v2/lodge/tickets/{tickets['Chair']}/trace.json?audit_id={chair['audit_id']}")["trace"][0]["triggers"][0]
    assert (one["held_at_first"], one["held_back_by"]["field"], one["list"]) == (False, "subject_includes_word", "all")
