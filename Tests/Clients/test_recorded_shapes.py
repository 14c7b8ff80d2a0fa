"""Every first-tier request shape that was seen of real clients, answered with the same status, keys and types.

recorded_shapes.json holds what a recorded exchange answers with, reduced to keys and types: `null` is a value that was null,
`a|b` either, a key with `?` was not in every item, `any` is the tenant's own data.
"""

import json
import pathlib
import uuid

import pytest

SHAPES = json.loads((pathlib.Path(__file__).parent / "recorded_shapes.json").read_text())
NOBODY = 2**63 - 1

# Keys that may be null here where the recording has a value: whether there is one is a matter of data.
MAY_BE_NULL = {
    "group_id": "a ticket without a group", "organization_id": "a user or ticket without organization",
    "assignee_id": "nobody yet", "default_group_id": "only agents have one", "email": "a user without address",
    "last_login_at": "sign-ins by token are none", "priority": "not set", "type": "not set",
    "brand_id": "one brand a desk, until brands exist", "ticket_form_id": "a desk without forms",
    "custom_role_id": "until custom roles exist",
    "role_type": "end users have none", "photo": "until pictures exist", "ip_address": "kept in metadata",
    "after_cursor": "an empty page has none", "before_cursor": "an empty page has none",
    "prev": "no page there", "next": "no page there", "next_page": "no page there", "previous_page": "no page there",
    "external_id": "not set", "alias": "not set", "phone": "not set", "details": "not set", "notes": "not set", "locale_id": "a locale of ours",
    "progress": "a job that has begun or not", "message": "a job that ended or not", "results": "a job that ended or not",
    "total": "of one item or many",
}
# Keys that are not answered, each with the reason.
KNOWN_MISSING = {
    "authenticity_token": "belongs to a browser's session; there are none yet",
}


def name(entry):
    return f"{entry['method']} {entry['path']}{'?' + entry['query'] if entry['query'] else ''} {entry['status']}"


def kind(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return {int: "integer", float: "number", str: "string", list: "array", dict: "object"}[type(value)]


def differences(shape, value, path="", key=""):
    if shape == "any" or shape == "null":
        return
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            if value is None and key in MAY_BE_NULL:
                return
            yield f"{path}: {kind(value)} instead of object"
            return
        for name, inner in shape.items():
            plain = name.rstrip("?")
            if plain in value:
                yield from differences(inner, value[plain], f"{path}.{plain}", plain)
            elif not name.endswith("?") and plain not in KNOWN_MISSING:
                yield f"{path}.{plain}: missing"
    elif isinstance(shape, list):
        if not isinstance(value, list):
            if value is None and key in MAY_BE_NULL:
                return
            yield f"{path}: {kind(value)} instead of array"
            return
        for number, item in enumerate(value):
            if shape:
                yield from differences(shape[0], item, f"{path}[{number}]", key)
    elif kind(value) not in shape.split("|") and not (value is None and key in MAY_BE_NULL):
        yield f"{path}: {kind(value)} instead of {shape}"


@pytest.fixture(scope="module")
def desk(node):
    return node.create_tenant("shapes")


def ticket(desk, **fields):
    body = {"subject": "Lid does not close", "comment": {"body": "It stays open."}, "tags": ["lid"], **fields}
    return desk.post("/api/v2/tickets.json", {"ticket": body})["ticket"]


def user(desk):
    address = f"{uuid.uuid4().hex}@customer.example"
    return desk.post("/api/v2/users.json", {"user": {"name": "Customer", "email": address}})["user"]


def organization(desk):
    return desk.post("/api/v2/organizations.json", {"organization": {"name": f"Org {uuid.uuid4()}"}})["organization"]


def group(desk):
    return desk.post("/api/v2/groups.json", {"group": {"name": "Second line"}})["group"]


MAKERS = {"ticket": ticket, "user": user, "organization": organization, "group": group}


def upload(desk):
    answer = desk.call("POST", "/api/v2/uploads.json?filename=notes.txt", data=b"hello",
                       headers={"Content-Type": "text/plain"})
    assert answer.status_code == 201, answer.text
    return answer.json()["upload"]["token"]


def prepared(desk, entry):
    """Real numbers for the placeholders of an entry, and a body for its method."""
    path, query, status = entry["path"], entry["query"], entry["status"]
    kinds = path.split("/")[3].removesuffix(".json")
    one = "ticket" if kinds == "deleted_tickets" else kinds.rstrip("s")
    values = {"nobody": str(NOBODY)}
    body = None
    if one in MAKERS:
        fields = {"name": f"Renamed {uuid.uuid4()}"} if one != "ticket" else {"subject": "Renamed"}
        if f"{{{one}}}" in path:
            made = MAKERS[one](desk)
            values[one] = str(made["id"])
            if "deleted_tickets" in path:
                assert desk.call("DELETE", f"/api/v2/tickets/{made['id']}.json").status_code == 204
        if "{comment}" in path:
            token = upload(desk)
            made = desk.post("/api/v2/tickets.json", {"ticket": {"comment": {"body": "See this", "uploads": token}}})
            comment = desk.get(f"/api/v2/tickets/{made['ticket']['id']}/comments.json")["comments"][0]
            values.update(ticket=str(made["ticket"]["id"]), comment=str(comment["id"]),
                          attachment=str(comment["attachments"][0]["id"]))
        if entry["method"] in ("POST", "PUT"):
            count = 101 if status == 400 else 2
            if "create_many" in path:
                items = [{"description": "x", "subject": "y"} if one == "ticket" else {"name": f"N {uuid.uuid4()}"}
                         for _ in range(count)]
                body = {f"{one}s": items}
            elif "update_many" in path:
                body = {f"{one}s": [{"id": MAKERS[one](desk)["id"], **fields} for _ in range(2)]}
            else:
                body = {one: {"id": "", **fields} if entry["method"] == "POST" else fields}
                if path == "/api/v2/tickets.json":
                    body = {"ticket": {"subject": "Two files", "requester_id": user(desk)["id"],
                                       "comment": {"body": "See this", "uploads": upload(desk)}}}
        if "{ids}" in query:
            values["ids"] = ",".join(str(MAKERS[one](desk)["id"]) for _ in range(3))
    if "{job}" in path:
        job = desk.post("/api/v2/tickets/create_many.json", {"tickets": [{"description": "x"}]}, status=200)
        values["job"] = desk.finished(job["job_status"])["id"]
    if "{upload}" in path:
        values["upload"] = upload(desk)
    if "{cursor}" in query:
        if one in MAKERS:
            for _ in range(2):
                MAKERS[one](desk)
        if kinds == "tags":
            ticket(desk, tags=["one", "two", "three"])
        first = query.replace("page[after]={cursor}&", "")
        page = desk.get(f"{path}?{first}")
        values["cursor"] = page["meta"]["after_cursor"]
    for placeholder, value in values.items():
        path = path.replace(f"{{{placeholder}}}", value)
        query = query.replace(f"{{{placeholder}}}", value)
    return path + ("?" + query if query else ""), body


@pytest.fixture(scope="module", autouse=True)
def some_content(desk):
    """Lists have something in them."""
    for _ in range(3):
        ticket(desk, requester={"name": "Asker", "email": f"{uuid.uuid4().hex}@asker.example"})
    agent = desk.post("/api/v2/users.json", {"user": {
        "name": "Agent", "email": f"{uuid.uuid4().hex}@desk.example", "role": "agent"}})["user"]
    desk.post("/api/v2/group_memberships.json",
              {"group_membership": {"user_id": agent["id"], "group_id": group(desk)["id"]}})
    organization(desk)


@pytest.mark.parametrize("entry", SHAPES, ids=name)
def test_answers_as_recorded(desk, entry):
    path, body = prepared(desk, entry)
    data = b"hello" if path.startswith("/api/v2/uploads") and entry["method"] == "POST" else None
    headers = {"Content-Type": "application/binary"} if data else None
    if "restore" in path and entry["status"] == 404:
        path = f"/api/v2/deleted_tickets/{NOBODY}/restore.json"
    answer = desk.call(entry["method"], path, body, data=data, headers=headers)
    assert answer.status_code == entry["status"], answer.text[:500]
    if entry["shape"] is None:
        assert answer.content == b""
        return
    found = list(dict.fromkeys(differences(entry["shape"], answer.json())))
    assert not found, "\n".join(found) + "\n" + answer.text[:1500]
