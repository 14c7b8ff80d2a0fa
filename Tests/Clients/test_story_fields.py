"""Custom fields of tickets, users and organizations, custom statuses and forms, by zenpy and by the strict typed models."""

import pytest
from zendesk import models
from zenpy.lib.api_objects import (
    Comment, CustomField, CustomFieldOption, CustomStatus, Organization, OrganizationField, Ticket, TicketField,
    TicketForm, User, UserField)
from zenpy.lib.exception import APIException, ZenpyException


@pytest.fixture(scope="module")
def desk(node):
    return node.create_tenant("fields")


@pytest.fixture(scope="module")
def client(zenpy, desk):
    return zenpy(desk)


def refused(error):
    answer = error.value.response
    assert answer.status_code == 422, answer.text
    return answer.json()["details"]


def values(ticket):
    return {field["id"]: field["value"] for field in ticket.custom_fields}


def test_a_field_is_made_changed_deleted_and_brought_back(client, desk):
    field = client.ticket_fields.create(TicketField(title="Serial", type="text"))
    assert (field.title, field.type, field.active, field.removable) == ("Serial", "text", True, True)
    assert field.id in [found.id for found in client.ticket_fields()]
    field.title = "Serial number"
    assert client.ticket_fields.update(field).title == "Serial number"
    ticket = client.tickets.create(Ticket(
        subject="s", comment=Comment(body="b"), custom_fields=[CustomField(id=field.id, value="A-1")])).ticket
    assert values(ticket)[field.id] == "A-1"
    client.ticket_fields.delete(field)
    with pytest.raises(APIException) as error:
        client.ticket_fields(id=field.id)
    assert error.value.response.status_code == 404
    assert field.id not in values(client.tickets(id=ticket.id))
    deleted = desk.get("/api/v2/lodge/deleted_ticket_fields.json")["deleted_ticket_fields"]
    assert [found["id"] for found in deleted] == [field.id]
    desk.put(f"/api/v2/lodge/ticket_fields/{field.id}/restore.json", {})
    assert values(client.tickets(id=ticket.id))[field.id] == "A-1"


def test_a_choice_sets_its_tag_and_is_found_in_the_audit_and_by_search(client, desk):
    field = client.ticket_fields.create(TicketField(title="Product", type="tagger", custom_field_options=[
        CustomFieldOption(name="Toaster", value="toaster"), CustomFieldOption(name="Kettle", value="kettle")]))
    ticket = client.tickets.create(Ticket(
        subject="s", comment=Comment(body="b"), tags=["vip"],
        custom_fields=[CustomField(id=field.id, value="toaster")])).ticket
    assert ticket.tags == ["toaster", "vip"]
    ticket.custom_fields = [CustomField(id=field.id, value="kettle")]
    audit = client.tickets.update(ticket)
    assert audit.ticket.tags == ["kettle", "vip"]
    change = next(event for event in audit.audit.events if event["field_name"] == str(field.id))
    assert (change["type"], change["value"], change["previous_value"]) == ("Change", "kettle", "toaster")
    assert [found.id for found in client.search(f"type:ticket custom_field_{field.id}:kettle")] == [ticket.id]
    assert list(client.search(f"type:ticket custom_field_{field.id}:toaster")) == []
    with pytest.raises(APIException) as error:
        ticket.custom_fields = [CustomField(id=field.id, value="fridge")]
        client.tickets.update(ticket)
    assert list(refused(error)) == [str(field.id)]


def test_options_come_and_go_and_what_was_chosen_stays(client):
    field = client.ticket_fields.create(TicketField(title="Colour", type="tagger", custom_field_options=[
        CustomFieldOption(name="Red", value="red")]))
    blue = client.ticket_fields.options.create_or_update(
        ticket_field=field, custom_field_option=CustomFieldOption(name="Blue", value="blue"))
    assert client.ticket_fields.options.show(ticket_field=field, custom_field_option=blue).value == "blue"
    ticket = client.tickets.create(Ticket(
        subject="s", comment=Comment(body="b"), custom_fields=[CustomField(id=field.id, value="blue")])).ticket
    client.ticket_fields.options.delete(ticket_field=field, custom_field_option=blue)
    assert [option.value for option in client.ticket_fields.options(id=field.id)] == ["red"]
    assert values(client.tickets(id=ticket.id))[field.id] == "blue"
    other = client.tickets.create(Ticket(subject="s", comment=Comment(body="b"))).ticket
    other.custom_fields = [CustomField(id=field.id, value="blue")]
    with pytest.raises(APIException) as error:
        client.tickets.update(other)
    assert list(refused(error)) == [str(field.id)]


@pytest.mark.parametrize("make, path", [
    (lambda c, **f: c.user_fields.create(UserField(**f)), "user"),
    (lambda c, **f: c.organization_fields.create(OrganizationField(**f)), "organization"),
])
def test_people_have_fields_by_key(client, desk, make, path):
    key = f"{path}_tier"
    field = make(client, key=key, title="Tier", description="test")
    assert (field.key, field.type, field.system) == (key, "text", False)
    number = make(client, key=f"{path}_seats", title="Seats", type="integer")
    api = getattr(client, f"{path}_fields")
    assert [found.key for found in api()] == [key, f"{path}_seats"]
    field.title = "Level"
    assert api.update(field).title == "Level"
    body = {f"{path}_fields": {key: "gold", f"{path}_seats": 12}}
    if path == "user":
        made = client.users.create(User(name="Jo", email="jo@fields.example", **body))
        found = client.users(id=made.id).user_fields
    else:
        made = client.organizations.create(Organization(name="Fields Ltd", **body))
        found = client.organizations(id=made.id).organization_fields
        client.organization_fields.reorder([number.id, field.id])
        assert [one.id for one in api()] == [number.id, field.id]
    assert found == {key: "gold", f"{path}_seats": 12}
    api.delete(field)
    assert key not in [one.key for one in api()]


def test_custom_statuses_stand_under_their_category(client, desk):
    assert [status.id for status in client.custom_statuses()][:1] == [1]
    status = client.custom_statuses.create(CustomStatus(
        agent_label="Waiting for parts", end_user_label="Waiting", status_category="pending"))
    assert (status.status_category, status.default, status.active) == ("pending", False, True)
    status.agent_label = "Parts ordered"
    assert client.custom_statuses.update(status).agent_label == "Parts ordered"
    with pytest.raises(ZenpyException):
        client.custom_statuses.delete(status)
    ticket = client.tickets.create(Ticket(subject="s", comment=Comment(body="b"))).ticket
    assert (ticket.status, ticket.custom_status_id) == ("new", 1)
    ticket.custom_status_id = status.id
    changed = client.tickets.update(ticket).ticket
    assert (changed.status, changed.custom_status_id) == ("pending", status.id)
    desk.put("/api/v2/custom_status/default.json", {"ids": str(status.id)})
    other = desk.post("/api/v2/tickets.json", {"ticket": {"comment": {"body": "b"}, "status": "pending"}})["ticket"]
    assert other["custom_status_id"] == status.id


def test_a_form_says_what_must_be_filled(client, desk):
    cause = client.ticket_fields.create(TicketField(title="Cause", type="text", required=True))
    ticket = client.tickets.create(Ticket(subject="s", comment=Comment(body="b"))).ticket
    ticket.status = "solved"
    with pytest.raises(APIException) as error:
        client.tickets.update(ticket)
    assert [problem["description"] for problem in refused(error)["base"]] == [
        "Cause: is required when solving a ticket"]
    form = client.ticket_forms.create(TicketForm(name="Short", ticket_field_ids=[1, 2]))
    assert form.default and form.ticket_field_ids == [1, 2]
    assert [found.id for found in client.ticket_forms()] == [form.id]
    solved = client.tickets.update(ticket).ticket
    assert (solved.status, solved.ticket_form_id) == ("solved", form.id)
    form.ticket_field_ids = [1, 2, cause.id]
    assert client.ticket_forms.update(form).ticket_field_ids == [1, 2, cause.id]
    with pytest.raises(APIException) as error:
        client.ticket_forms.delete(TicketForm(id=2**53))
    assert error.value.response.status_code == 404
    client.ticket_forms.delete(form)


@pytest.fixture(scope="module")
def typed(node):
    """A desk with one of everything."""
    desk = node.create_tenant("typed")
    options = [{"name": "A", "value": "a"}, {"name": "B", "value": "b"}]
    for kind, more in [
        ("text", {}), ("textarea", {}), ("integer", {}), ("decimal", {}), ("date", {}), ("checkbox", {"tag": "boxed"}),
        ("tagger", {"custom_field_options": options}),
        ("multiselect", {"custom_field_options": [{"name": "C", "value": "c"}]}),
        ("regexp", {"regexp_for_validation": "^[A-Z]+$"}), ("lookup", {"relationship_target_type": "zen:user"}),
    ]:
        made = desk.post("/api/v2/ticket_fields.json", {"ticket_field": {"title": kind, "type": kind, **more}})
        setattr(desk, kind, made["ticket_field"]["id"])
        for owner in ("user", "organization"):
            body = {"title": kind, "key": kind, "type": "dropdown" if kind == "tagger" else kind, **more}
            desk.post(f"/api/v2/{owner}_fields.json", {f"{owner}_field": body})
    desk.status = desk.post("/api/v2/custom_statuses.json", {"custom_status": {
        "agent_label": "At work", "status_category": "open"}})["custom_status"]["id"]
    desk.form = desk.post("/api/v2/ticket_forms.json", {"ticket_form": {
        "name": "All", "ticket_field_ids": [1, 2, desk.tagger, desk.text], "agent_conditions": [{
            "parent_field_id": desk.tagger, "value": "a", "child_fields": [{
                "id": desk.text, "is_required": True, "required_on_statuses": {"type": "ALL_STATUSES"}}]}]}},
        )["ticket_form"]["id"]
    me = desk.get("/api/v2/users/me.json")["user"]["id"]
    desk.user = me
    shared = {"text": "t", "textarea": "u\nv", "integer": 3, "decimal": 1.5, "date": "2026-01-31", "checkbox": True,
              "multiselect": ["c"], "regexp": "ABC", "lookup": me}
    desk.put(f"/api/v2/users/{me}.json", {"user": {"user_fields": {**shared, "tagger": "b"}}})
    desk.organization = desk.post("/api/v2/organizations.json", {"organization": {
        "name": "Typed", "organization_fields": {**shared, "tagger": "a"}}})["organization"]["id"]
    desk.ticket = desk.post("/api/v2/tickets.json", {"ticket": {"comment": {"body": "b"}, "custom_fields": [
        {"id": getattr(desk, kind), "value": value} for kind, value in {**shared, "tagger": "b"}.items()]}},
        )["ticket"]["id"]
    return desk


STRICT = {
    "ticket fields": lambda z, d: z.ticket_fields.list_ticket_fields(),
    "ticket fields by cursor": lambda z, d: z.ticket_fields.list_ticket_fields(page_size=3),
    "ticket field": lambda z, d: z.ticket_fields.show_ticketfield(ticket_field_id=d.tagger),
    "what every ticket has": lambda z, d: z.ticket_fields.show_ticketfield(ticket_field_id=3),
    "count ticket fields": lambda z, d: z.ticket_fields.count_ticket_fields(),
    "options": lambda z, d: z.ticket_fields.list_ticket_field_options(ticket_field_id=d.tagger),
    "user fields": lambda z, d: z.user_fields.list_user_fields(),
    "organization fields": lambda z, d: z.organization_fields.list_organization_fields(),
    "custom statuses": lambda z, d: z.custom_ticket_statuses.list_custom_statuses(status_categories="open", active=True),
    "custom status": lambda z, d: z.custom_ticket_statuses.show_custom_status(custom_status_id=d.status),
    "custom status of every desk": lambda z, d: z.custom_ticket_statuses.show_custom_status(custom_status_id=4),
    "forms": lambda z, d: z.ticket_forms.list_ticket_forms(active=True),
    "form": lambda z, d: z.ticket_forms.show_ticket_form(ticket_form_id=d.form),
    "many forms": lambda z, d: z.ticket_forms.show_many_ticket_forms(ids=str(d.form)),
    "clone of a form": lambda z, d: z.ticket_forms.clone_ticket_form(ticket_form_id=d.form),
    "ticket": lambda z, d: z.tickets.show_ticket(ticket_id=d.ticket),
    "user": lambda z, d: z.users.show_user(user_id=d.user),
    "organization": lambda z, d: z.organizations.show_organization(organization_id=d.organization),
}


@pytest.mark.parametrize("name", STRICT)
def test_the_strict_client_takes_the_answer(strict, typed, name):
    assert STRICT[name](strict(typed), typed) is not None


def test_the_strict_client_makes_and_moves_custom_statuses(strict, typed):
    statuses = strict(typed).custom_ticket_statuses
    made = statuses.create_custom_status(request=models.CustomStatusCreateRequest(
        custom_status=models.CustomStatusCreateInput(agent_label="On its way", status_category="hold")))
    number = made.custom_status.id
    changed = statuses.update_custom_status(
        custom_status_id=number, custom_status=models.CustomStatusUpdateInput(description="By post"))
    assert changed.custom_status.description == "By post"
    statuses.bulk_update_default_custom_status(
        request=models.BulkUpdateDefaultCustomStatusRequest(ids=str(number)))
    assert typed.get(f"/api/v2/custom_statuses/{number}.json")["custom_status"]["default"] is True


def test_values_have_the_types_of_the_dialect(typed):
    shown = {field["id"]: field["value"] for field in
             typed.get(f"/api/v2/tickets/{typed.ticket}.json")["ticket"]["custom_fields"]}
    assert {kind: shown[getattr(typed, kind)] for kind in (
        "text", "integer", "decimal", "date", "checkbox", "tagger", "multiselect", "lookup")} == {
        "text": "t", "integer": "3", "decimal": "1.5", "date": "2026-01-31", "checkbox": True, "tagger": "b",
        "multiselect": ["c"], "lookup": str(typed.user)}
    of_user = typed.get(f"/api/v2/users/{typed.user}.json")["user"]["user_fields"]
    assert of_user == {
        "text": "t", "textarea": "u\nv", "integer": 3, "decimal": 1.5, "date": "2026-01-31T00:00:00Z", "checkbox": True,
        "tagger": "b", "multiselect": ["c"], "regexp": "ABC", "lookup": str(typed.user)}
    # Sent back as it was read, it changes nothing.
    before = typed.get(f"/api/v2/users/{typed.user}.json")["user"]
    after = typed.put(f"/api/v2/users/{typed.user}.json", {"user": {"user_fields": of_user}})["user"]
    assert (after["user_fields"], after["tags"]) == (before["user_fields"], before["tags"])


def test_an_end_user_reads_no_definitions(typed):
    typed.post("/api/v2/users.json", {"user": {"name": "End", "email": "end@typed.example", "verified": True}})
    for path in ("ticket_fields", "user_fields", "organization_fields", "custom_statuses", "ticket_forms"):
        assert typed.call("GET", f"/api/v2/{path}.json", user="end@typed.example").status_code == 403
