"""Triggers, macros and views by zenpy and by the strict typed models; what rules send; dry runs."""

import pytest
from zenpy.lib.api_objects import Comment, Macro, Ticket, Trigger, View
from zenpy.lib.exception import APIException


@pytest.fixture(scope="module")
def desk(node):
    return node.create_tenant("rules")


@pytest.fixture(scope="module")
def client(zenpy, desk):
    return zenpy(desk)


def new_ticket(client, subject="Printer", **fields):
    return client.tickets.create(Ticket(subject=subject, comment=Comment(body="It smokes"), **fields))


def test_a_trigger_fires_and_stands_in_the_audit(client, desk):
    trigger = client.triggers.create(Trigger(
        title="Printers are urgent",
        all=[{"field": "update_type", "operator": "is", "value": "Create"},
             {"field": "subject_includes_word", "operator": "includes", "value": "printer"}],
        actions=[{"field": "priority", "value": "urgent"}, {"field": "current_tags", "value": "hardware"}]))
    assert trigger.conditions.all[1]["value"] == "printer"
    made = new_ticket(client)
    assert (made.ticket.priority, made.ticket.tags) == ("urgent", ["hardware"])
    audit = desk.get(f"/api/v2/tickets/{made.ticket.id}/audits.json")["audits"][0]
    event = next(each for each in audit["events"] if each.get("field_name") == "priority")
    assert event["via"] == {"channel": "rule", "source": {
        "from": {"id": trigger.id, "title": "Printers are urgent", "deleted": False}, "to": {}, "rel": "trigger"}}
    assert new_ticket(client, "Screen").ticket.priority is None
    trigger.active = False
    client.triggers.update(trigger)
    assert new_ticket(client).ticket.priority is None
    client.triggers.delete(trigger)
    with pytest.raises(APIException) as error:
        client.triggers(id=trigger.id)
    assert error.value.response.status_code == 404


def test_triggers_run_in_their_order_and_can_be_put_into_another(client, desk):
    first, second = (client.triggers.create(Trigger(
        title=name, all=[{"field": "current_tags", "operator": "includes", "value": "ordered"}],
        actions=[{"field": "subject", "value": name}])) for name in ("one", "two"))
    assert new_ticket(client, tags=["ordered"]).ticket.subject == "two"
    desk.put("/api/v2/triggers/reorder.json", {"trigger_ids": [second.id, first.id]})
    assert new_ticket(client, tags=["ordered"]).ticket.subject == "one"
    assert [each.id for each in client.triggers()] == [second.id, first.id]
    assert desk.call("DELETE", f"/api/v2/triggers/destroy_many.json?ids={first.id},{second.id},1").status_code == 204
    assert list(client.triggers()) == []


def test_a_bad_rule_is_refused_with_its_field_and_reason(client, desk):
    with pytest.raises(APIException) as error:
        client.triggers.create(Trigger(
            title="bad", all=[{"field": "status", "operator": "is", "value": "shiny"}],
            actions=[{"field": "status", "value": "open"}]))
    details = error.value.response.json()["details"]
    assert details["conditions"][0]["description"] == "Conditions: status: shiny is not a value of this field"


def test_what_a_trigger_sends_is_in_the_outbox(client, desk):
    trigger = client.triggers.create(Trigger(
        title="Thanks", all=[{"field": "update_type", "operator": "is", "value": "Create"}],
        actions=[{"field": "notification_user", "value": ["requester_id", "Got it: {{ticket.title}}", "Dear {{ticket.requester.name}}"]}]))
    ticket = new_ticket(client, "Lamp").ticket
    client.triggers.delete(trigger)
    notices = desk.get(f"/api/v2/lodge/notices.json?ticket_id={ticket.id}")["notices"]
    assert [(each["subject"], each["state"], each["recipient_ids"]) for each in notices] == [
        ("Got it: Lamp", "queued", [ticket.requester_id])]
    taken = desk.put(f"/api/v2/lodge/notices/{notices[0]['id']}.json", {"notice": {"state": "cancelled"}})
    assert taken["notice"]["state"] == "cancelled"


def test_a_dry_run_says_why_and_leaves_nothing(client, desk):
    trigger = client.triggers.create(Trigger(
        title="Only incidents", all=[{"field": "type", "operator": "is", "value": "incident"}],
        actions=[{"field": "priority", "value": "high"}]))
    ticket = new_ticket(client).ticket
    path = f"/api/v2/lodge/tickets/{ticket.id}/dry_run.json"
    held = desk.post(path, {"ticket": {"status": "open"}}, 200)["trace"]["triggers"][-1]
    assert (held["fired"], held["held_back_by"]["field"], held["list"]) == (False, "type", "all")
    trace = desk.post(path, {"ticket": {"type": "incident"}}, 200)["trace"]
    assert (trace["triggers"][-1]["fired"], trace["ticket"]["priority"]) == (True, "high")
    assert client.tickets(id=ticket.id).type is None
    client.triggers.delete(trigger)


def test_a_macro_shows_what_it_would_do(client):
    macro = client.macros.create(Macro(title="Bye", actions=[
        {"field": "status", "value": "solved"}, {"field": "comment_value", "value": "Bye, {{ticket.requester.name}}"}]))
    ticket = new_ticket(client).ticket
    effect = client.tickets.show_macro_effect(ticket, macro)
    assert effect.ticket.status == "solved"
    assert client.macros.apply(macro).ticket.comment.body.startswith("Bye, ")
    assert client.tickets(id=ticket.id).status == "new"
    assert macro.id in [each.id for each in client.macros()]
    client.macros.delete(macro)


def test_views_show_and_count_their_tickets_exactly(client, desk):
    view = client.views.create(View(
        title="Chairs", all=[{"field": "status", "operator": "less_than", "value": "solved"},
                             {"field": "current_tags", "operator": "includes", "value": "chair"}],
        output={"columns": ["subject", "requester"], "group_by": None, "sort_by": "nice_id", "sort_order": "desc"}))
    tickets = [new_ticket(client, f"Chair {number}", tags=["chair"]).ticket for number in range(5)]
    count = client.views.count(view)
    assert (count.value, count.fresh) == (5, True)
    assert [each.id for each in client.views.tickets(view)] == [each.id for each in reversed(tickets)]
    tickets[0].status = "solved"
    client.tickets.update(tickets[0])
    assert client.views.count(view).value == 4
    assert [each.value for each in client.views.count_many([view.id])] == [4]
    rows = desk.get(f"/api/v2/views/{view.id}/execute.json")
    assert [each["id"] for each in rows["columns"]] == ["subject", "requester"] and len(rows["rows"]) == 4
    preview = desk.post("/api/v2/views/preview/count.json", {"view": {"all": [
        {"field": "current_tags", "operator": "includes", "value": "chair"}]}}, 200)
    assert preview["view_count"]["value"] == 5
    assert view.id in [each.id for each in client.views.active()]
    client.views.delete(view)


def test_the_strict_models_take_every_answer(strict, desk):
    typed = strict(desk)
    body = {"trigger": {"title": "t", "all": [{"field": "status", "operator": "is", "value": "open"}],
                        "actions": [{"field": "priority", "value": "high"}]}}
    made = desk.post("/api/v2/triggers.json", body)["trigger"]
    assert typed.triggers.list_triggers() is not None
    assert typed.triggers.get_trigger(trigger_id=made["id"]) is not None
    assert desk.call("DELETE", f"/api/v2/triggers/{made['id']}.json").status_code == 204


def test_what_rules_may_name_is_told(desk, strict):
    definitions = strict(desk).triggers.list_trigger_action_condition_definitions().definitions
    status = next(each for each in definitions.conditions_all if each.subject == "status")
    assert "solved" in [each.value for each in status.values]
    assert "value_previous" in [each.value for each in status.operators]
    assert any(each.subject == "notification_user" for each in definitions.actions)
    of_macros = desk.get("/api/v2/macros/definitions.json")["definitions"]
    assert of_macros["conditions_all"] == [] and any(each["subject"] == "comment_value" for each in of_macros["actions"])
    of_automations = desk.get("/api/v2/automations/definitions.json")["definitions"]
    assert any(each["subject"] == "SOLVED" for each in of_automations["conditions_all"])
