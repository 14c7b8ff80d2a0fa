"""What no client library sends: bytes on a socket."""

import re
import socket

import pytest

from lodge import Node


def talk(node, *parts, half_close=True):
    """Sends the parts and gives all that comes back until the node closes."""
    with socket.create_connection(("127.0.0.1", node.port), timeout=20) as connection:
        for part in parts:
            connection.sendall(part)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


def statuses(answer):
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", answer)]


def request(tenant, method="GET", path="/api/v2/users/me.json", extra="", body=b"", close=True):
    headers = "".join(f"{name}: {value}\r\n" for name, value in tenant.headers().items())
    end = "Connection: close\r\n" if close else ""
    return f"{method} {path} HTTP/1.1\r\n{headers}{end}{extra}\r\n".encode() + body


@pytest.mark.parametrize("junk", [
    b"GARBAGE\r\n\r\n", b"GET\r\n\r\n", b"\x00\x01\x02\x03", b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\nNo colon here\r\n\r\n", b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
])
def test_what_is_not_http_is_refused_and_harms_nobody(node, acme, junk):
    answer = talk(node, junk)
    assert all(400 <= status < 500 for status in statuses(answer)), answer[:300]
    assert acme.call("GET", "/api/v2/users/me.json").status_code == 200


def test_no_host_and_an_unknown_host_have_no_desk(node):
    for head in (b"GET /api/v2/users/me.json HTTP/1.1\r\nConnection: close\r\n\r\n",
                 b"GET /api/v2/users/me.json HTTP/1.1\r\nHost: nobody.desk.test\r\nConnection: close\r\n\r\n",
                 b"GET /api/v2/users/me.json HTTP/1.0\r\n\r\n"):
        assert statuses(talk(node, head))[0] in (400, 404)


def test_pipelined_requests_are_answered_in_order(node, acme):
    answer = talk(node, request(acme, close=False), request(acme, path="/api/v2/nothing", close=False), request(acme))
    assert statuses(answer) == [200, 404, 200]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused(node, acme, chunked):
    size = (1 << 20) + 1
    body = b'{"ticket": {"comment": {"body": "' + b"a" * size + b'"}}}'
    if chunked:
        extra = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
        body = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    else:
        extra = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    answer = talk(node, request(acme, "POST", "/api/v2/tickets.json", extra, body))
    assert statuses(answer)[:1] == [413], answer[:300]


@pytest.mark.parametrize("body, status", [
    (b'{"ticket": ', 400), (b"{]", 400), (b"[" * 65 + b"]" * 65, 400), (b'{"ticket": {"subject": "\xff\xfe"}}', 400),
    (b"nonsense", 400), (b"[]", 400), (b'{"ticket": []}', 400), (b'{"ticket": {}}', 422),
    (b'{"ticket": {"comment": {"body": "x"}, "priority": "loud"}}', 422),
    (b'{"ticket": {"comment": {"body": "x"}, "requester_id": 9223372036854775808}}', 422),
    (b'{"ticket": {"comment": {"body": "x"}, "assignee_id": {}}}', 422),
])
def test_bad_bodies_have_exact_statuses(node, acme, body, status):
    extra = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    assert statuses(talk(node, request(acme, "POST", "/api/v2/tickets.json", extra, body))) == [status]


@pytest.mark.parametrize("path, status", [
    ("/api/v2/tickets/9223372036854775808.json", 404), ("/api/v2/tickets/-1.json", 404),
    ("/api/v2/tickets/0.json", 404), ("/api/v2/tickets/x.json", 404), ("/api/v2/tickets.json?page=-1", 400),
    ("/api/v2/tickets.json?page[size]=0", 400), ("/api/v2/tickets.json?page[size]=101", 400),
    ("/api/v2/tickets.json?page[after]=%00", 400), ("/api/v2/tickets.json?sort_by=%27;drop", 400),
    ("/api/v2/search.json?query=%ff", 400), ("/api/v2/../../etc/passwd", 404), ("/%2e%2e/x", 404), ("//", 404),
])
def test_bad_addresses_have_exact_statuses(node, acme, path, status):
    assert statuses(talk(node, request(acme, path=path))) == [status]


def test_a_client_that_leaves_in_the_middle_of_its_body_harms_nobody(node, acme):
    extra = "Content-Type: application/json\r\nContent-Length: 1000\r\n"
    talk(node, request(acme, "POST", "/api/v2/tickets.json", extra, b'{"ticket": '))
    assert acme.call("GET", "/api/v2/users/me.json").status_code == 200
    assert "level=error" not in node.log.read_text()


def test_an_idle_connection_is_closed(tmp_path):
    node = Node(tmp_path, "--idle-seconds", "1", https=False)
    assert talk(node, b"GET / HTTP/1.1\r\n", half_close=False) is not None
    assert node.stop() == 0
