"""A desk in memory behind three addresses, with mistakes to order: the fault tests' checks are tried on it."""

import contextlib
import http.server
import itertools
import json
import pathlib
import random
import threading
import urllib.parse

# Each is a mistake that the checks exist for.
MISTAKES = ("loses a ticket", "makes a comment twice", "forgets keys", "reads old values", "loses a write", "differs", "hangs",
            "fails", "does not say when to come again")


class StubCluster:
    """As much of LocalCluster as clients and checks use."""

    def __init__(self, directory, mistake=None):
        self.directory, self.mistake = pathlib.Path(directory), mistake
        self.lock, self.random, self.calls = threading.Lock(), random.Random(1), itertools.count(1)
        self.tickets, self.comments, self.answers, self.old = {}, [], {}, {}
        self._servers = {}
        for name in ("n1", "n2", "n3"):
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
            server.daemon_threads, server.cluster, server.name = True, self, name
            self._servers[name] = server
            threading.Thread(target=server.serve_forever, daemon=True).start()
        self.names = list(self._servers)

    def node(self, name):
        return {"http": f"127.0.0.1:{self._servers[name].server_port}"}

    def make_tenant(self, name):
        return {"name": name, "shard": 1, "authorization": "Basic eA=="}

    def status(self):
        hashes = ["aa", "aa", "bb" if self.mistake == "differs" else "aa"]
        return {"healthy": True, "shards": [{"shard": 1, "replicas": [
            {"node": number, "applied": 7, "state_hash": value} for number, value in enumerate(hashes, start=1)]}]}

    def wait_healthy(self, within=0):
        return self.status()

    def log_tail(self, name, lines=0):
        return ""

    def log_tails(self, lines=0):
        return ""

    def end(self):
        for server in self._servers.values():
            server.shutdown()
            server.server_close()

    # The desk

    def makes(self, mistake, one_in=40):
        """Whether the mistake is made this time."""
        return self.mistake == mistake and next(self.calls) > 30 and self.random.randrange(one_in) == 0

    def carry_out(self, method, path, query, body, key):
        """The desk itself: status and record."""
        if key in self.answers and self.mistake != "forgets keys":
            return self.answers[key]
        number = int(path[4]) if len(path) > 4 else None
        if method == "GET" and number is None:
            return 200, self.page("tickets", list(self.tickets.values()), query)
        if method == "GET" and len(path) > 5:
            return 200, self.page("comments", [each for each in self.comments if each["ticket"] == number], query)
        if method == "GET":
            return 200, {"ticket": self.old[number] if self.makes("reads old values", 8) else self.tickets[number]}
        asked = body["ticket"]
        if method == "POST":
            number = len(self.tickets) + 1
            self.old[number] = {"id": number, "subject": asked["subject"], "external_id": asked["external_id"]}
            self.tickets[number] = dict(self.old[number])
        answer = (201 if method == "POST" else 200), {"ticket": dict(self.tickets[number])}
        if method == "POST" and number > 10 and self.makes("loses a ticket", 5):
            self.tickets[number]["external_id"] = None
        if "subject" in asked and not self.makes("loses a write", 5):
            self.tickets[number]["subject"] = asked["subject"]
        if "comment" in asked:
            times = 2 if self.makes("makes a comment twice", 5) else 1
            self.comments += [{"ticket": number, "body": asked["comment"]["body"]}] * times
        self.answers[key] = answer
        return answer

    @staticmethod
    def page(member, records, query):
        start = int(query.get("page[after]", 0))
        return {member: records[start:start + 100],
                "meta": {"has_more": len(records) > start + 100, "after_cursor": str(start + 100)}}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        """Silent."""

    def answer(self):
        cluster = self.server.cluster
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        url = urllib.parse.urlsplit(self.path)
        path = url.path.replace(".json", "").split("/")
        with cluster.lock:
            # Now and then the answer to a write is lost on its way, so that it is sent again.
            is_lost = self.command != "GET" and cluster.random.randrange(10) == 0
            if cluster.makes("hangs"):
                return None
            if cluster.makes("fails"):
                return self.send(500, {})
            if cluster.makes("does not say when to come again"):
                return self.send(503, {})
            status, record = cluster.carry_out(
                self.command, path, dict(urllib.parse.parse_qsl(url.query)), body, self.headers.get("Idempotency-Key") or object())
        if is_lost:
            self.close_connection = True
            return None
        return self.send(status, record)

    def send(self, status, record):
        data = json.dumps(record).encode()
        with contextlib.suppress(OSError):
            self.send_response(status)
            for name, value in (("Content-Length", len(data)), ("X-Lodge-Position", "1.1")):
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = answer
