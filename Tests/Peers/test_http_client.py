"""The load client of the desks, against a small server that makes mistakes to order."""

import http.server
import threading

import http_client
import pytest
from http_client import Request


@pytest.fixture
def server():
    """Answers /ok with 200, /no with 500, /gone by hanging up."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.connections.append(self.headers["Connection"])
            if self.path == "/gone":
                return
            self.send_response(200 if self.path == "/ok" else 500)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"hi")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.connections = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_as_many_requests_are_made_as_were_asked_for(server):
    result = http_client.drive(server.server_port, 4, 30, lambda: Request("GET", "/ok", 200, {}), most=50)
    assert (result["count"], result["errors"]) == (50, 0)
    assert len(server.connections) == 50
    assert set(server.connections) == {"close"}
    assert 0 < result["p50_ms"] <= result["p99_ms"]


def test_time_bounds_a_load(server):
    result = http_client.drive(server.server_port, 2, 0.2, lambda: Request("GET", "/ok", 200, {}))
    assert result["count"] > 0
    assert result["rate"] <= result["count"] / 0.2


@pytest.mark.parametrize("path", ["/no", "/gone"])
def test_other_answers_and_none_are_errors(server, path):
    paths = iter(["/ok", path] * 5)
    result = http_client.drive(server.server_port, 1, 30, lambda: Request("GET", next(paths), 200, {}), most=10)
    assert (result["count"], result["errors"]) == (5, 5)
    assert path in result["first_error"]
