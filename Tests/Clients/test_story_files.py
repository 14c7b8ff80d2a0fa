"""Files: uploaded, attached, read back equal, kept from others, redacted."""

import os

import pytest
import requests
from zenpy.lib.api_objects import Comment, Ticket


@pytest.fixture(scope="module")
def desk(node):
    return node.create_tenant("files")


def upload(desk, content, name="notes.txt", kind="text/plain", token=None, status=201, **options):
    more = f"&token={token}" if token else ""
    answer = desk.call("POST", f"/api/v2/uploads.json?filename={name}{more}", data=content,
                       headers={"Content-Type": kind}, **options)
    assert answer.status_code == status, answer.text[:300]
    return answer.json().get("upload")


def comment_with(desk, *tokens):
    made = desk.post("/api/v2/tickets.json", {"ticket": {"comment": {"body": "See this", "uploads": list(tokens)}}})
    number = made["ticket"]["id"]
    return number, desk.get(f"/api/v2/tickets/{number}/comments.json")["comments"][0]


def fetch(node, url, **options):
    return requests.get(f"{node.http}/{url.split('/', 3)[3]}", timeout=60,
                        headers={"Host": url.split("/")[2], **options})


@pytest.mark.parametrize("size", [0, 1, 256_000, 256_001, 768_001, 3 << 20])
def test_bytes_come_back_equal(node, desk, size):
    content = os.urandom(size)
    file = upload(desk, content, "photo.png", "image/png")["attachment"]
    assert (file["size"], file["content_type"], file["file_name"]) == (size, "image/png", "photo.png")
    answer = fetch(node, file["content_url"])
    assert answer.content == content
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_zenpy_uploads_and_attaches(zenpy, desk, tmp_path):
    path = tmp_path / "report.txt"
    path.write_bytes(b"All kettles boil.")
    client = zenpy(desk)
    token = client.attachments.upload(str(path)).token
    ticket = client.tickets.create(Ticket(subject="Report", comment=Comment(body="Here", uploads=[token]))).ticket
    file = next(iter(client.tickets.comments(ticket=ticket.id))).attachments[0]
    assert (file.file_name, file.size) == ("report.txt", 17)


def test_several_files_lie_under_one_token_and_a_token_is_taken_once(desk):
    first = upload(desk, b"one", "one.txt")
    second = upload(desk, b"two", "two.txt", token=first["token"])
    assert [file["file_name"] for file in second["attachments"]] == ["one.txt", "two.txt"]
    _, comment = comment_with(desk, first["token"])
    assert [file["file_name"] for file in comment["attachments"]] == ["one.txt", "two.txt"]
    again = desk.call("POST", "/api/v2/tickets.json", {"ticket": {"comment": {
        "body": "Again", "uploads": first["token"]}}})
    assert again.status_code == 422 and "uploads" in again.json()["details"]


def test_a_deleted_upload_is_gone(node, desk):
    made = upload(desk, b"draft")
    assert desk.call("DELETE", f"/api/v2/uploads/{made['token']}.json").status_code == 204
    assert fetch(node, made["attachment"]["content_url"]).status_code == 404
    assert desk.call("DELETE", f"/api/v2/uploads/{made['token']}.json").status_code == 404


def test_what_a_customer_sends_cannot_run_here(node, desk):
    file = upload(desk, b"<script>alert(1)</script>", "%C3%BC%22b.html", "text/html")["attachment"]
    answer = fetch(node, file["content_url"])
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert "filename*=UTF-8''%C3%BC%22b.html" in answer.headers["Content-Disposition"]
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_another_desk_has_no_such_file(node, desk, acme):
    file = upload(desk, b"secret")["attachment"]
    elsewhere = file["content_url"].replace("files.desk.test", "acme.desk.test")
    assert fetch(node, elsewhere).status_code == 404
    assert acme.call("GET", f"/api/v2/attachments/{file['id']}.json").status_code == 404
    assert fetch(node, file["content_url"].replace(file["content_url"].split("/")[5], "A" * 40)).status_code == 404


def test_a_customer_sees_files_of_public_comments_only(desk):
    customer = desk.post("/api/v2/users.json", {"user": {"name": "C", "email": "c@files.example"}})["user"]
    made = desk.post("/api/v2/tickets.json", {"ticket": {
        "requester_id": customer["id"], "comment": {"body": "Public", "uploads": upload(desk, b"p")["token"]}}})
    number = made["ticket"]["id"]
    desk.put(f"/api/v2/tickets/{number}.json", {"ticket": {"comment": {
        "body": "Private", "public": False, "uploads": upload(desk, b"s")["token"]}}})
    comments = desk.get(f"/api/v2/tickets/{number}/comments.json")["comments"]
    public, private = (comment["attachments"][0]["id"] for comment in comments)
    statuses = [desk.call("GET", f"/api/v2/attachments/{file}.json", user=customer["email"]).status_code
                for file in (public, private)]
    assert statuses == [200, 404]


def test_a_redacted_file_is_empty_for_good(node, desk):
    number, comment = comment_with(desk, upload(desk, b"card number", "card.txt")["token"])
    file = comment["attachments"][0]
    path = f"/api/v2/tickets/{number}/comments/{comment['id']}/attachments/{file['id']}/redact.json"
    redacted = desk.put(path, None)["attachment"]
    assert (redacted["file_name"], redacted["size"]) == ("redacted.txt", 0)
    assert fetch(node, file["content_url"]).content == b""
    shown = desk.get(f"/api/v2/tickets/{number}/comments.json")["comments"][0]["attachments"]
    assert [item["file_name"] for item in shown] == ["redacted.txt"]
    events = desk.get(f"/api/v2/tickets/{number}/audits.json")["audits"][-1]["events"]
    assert [event["type"] for event in events] == ["AttachmentRedactionEvent"]


def test_limits_are_exact(node, desk):
    small = node.create_tenant("small")
    node.lodge("tenant", "limits", "small", "--storage-bytes", "1000")
    upload(small, b"x" * 600)
    refused = small.call("POST", "/api/v2/uploads.json?filename=b.txt", data=b"x" * 600)
    assert refused.status_code == 403 and "1000 bytes" in refused.text
    for query in ("", "?filename=", "?filename=..", f"?filename={'a' * 300}"):
        assert desk.call("POST", f"/api/v2/uploads.json{query}", data=b"x").status_code == 422
    assert desk.call("POST", "/api/v2/uploads.json?filename=a&token=unknown", data=b"x").status_code == 404
    too_big = desk.call("POST", "/api/v2/uploads.json?filename=a", data=b"x" * ((20 << 20) + 1))
    assert too_big.status_code == 413
    assert desk.call("POST", "/api/v2/uploads.json?filename=a", data=b"x", token="wrong").status_code == 401


def test_a_repeated_upload_keeps_one_file(node):
    desk = node.create_tenant("repeat")
    node.lodge("tenant", "limits", "repeat", "--storage-bytes", "2500000")
    content = os.urandom(1_200_000)
    headers = {"Idempotency-Key": "upload-1", "Content-Type": "image/png"}
    answers = [desk.call("POST", "/api/v2/uploads.json?filename=a.png", data=content, headers=headers)
               for _ in range(3)]
    assert [answer.headers["x-idempotency-lookup"] for answer in answers] == ["miss", "hit", "hit"]
    assert len({answer.json()["upload"]["attachment"]["id"] for answer in answers}) == 1
    # Two copies would fill the limit; one leaves room for another file of the size.
    assert upload(desk, content, "b.png", "image/png")["attachment"]["size"] == len(content)


def test_an_upload_that_breaks_the_limit_leaves_nothing_behind(node):
    desk = node.create_tenant("tight")
    node.lodge("tenant", "limits", "tight", "--storage-bytes", "1500000")
    assert desk.call("POST", "/api/v2/uploads.json?filename=a", data=os.urandom(2_000_000)).status_code == 403
    upload(desk, os.urandom(1_400_000))


def test_files_of_a_deleted_ticket_are_not_served_and_erasing_frees_them(node, zenpy):
    from test_story_people import ended
    desk = node.create_tenant("erased")
    node.lodge("tenant", "limits", "erased", "--storage-bytes", "1000000")
    number, comment = comment_with(desk, upload(desk, b"x" * 900_000)["token"])
    url = comment["attachments"][0]["content_url"]
    assert desk.call("DELETE", f"/api/v2/tickets/{number}.json").status_code == 204
    assert fetch(node, url).status_code == 404
    job = desk.call("DELETE", f"/api/v2/deleted_tickets/{number}.json").json()["job_status"]
    assert desk.finished(job)["status"] == "completed"
    upload(desk, b"x" * 900_000)
