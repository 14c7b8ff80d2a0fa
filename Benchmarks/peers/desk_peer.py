"""What the two help desks have in common: a PostgreSQL of their own, tickets to begin with, and requests chosen at random."""

from __future__ import annotations

import json
import random
from typing import Any

from http_client import Request, ask, drive
from peer import WORDS, Peer, PeerFailure
from postgres_server import PostgresServer, shut_down
from processes import end, free_ports

# As many as Lodge's desk has when it is measured.
TICKETS = 700
REQUESTERS = 200


class DeskPeer(Peer):
    """A help desk over HTTP. A subclass begins the web server and says what a request for each operation is, in `request`."""

    clients = 16
    workers = 4
    # The headers of a request of somebody who has logged in.
    headers: dict[str, str] = {}

    def request(self, operation: str) -> Request:
        raise NotImplementedError

    def _begin_database(self) -> PostgresServer:
        """PostgreSQL with its defaults, which sync each commit, on a port that the state knows."""
        self.state["database_port"], self.state["port"] = free_ports(2)
        server = PostgresServer(self.folder / "postgresql", self.state["database_port"])
        server.make({"max_connections": 200, "shared_buffers": "512MB"})
        self.state["database"] = server.start()
        self._add(self.state["database"])
        for setting in ("fsync", "synchronous_commit"):
            if server.sql(f"SHOW {setting}").strip() != "on":
                raise PeerFailure(f"{setting} is not on: no comparison with a mode that does not sync")
        return server

    def _load(self, operation: str, clients: int, seconds: int) -> dict[str, Any]:
        self.headers = self.state["headers"]
        return drive(self.state["port"], clients, seconds, lambda: self.request(operation))

    def _ask(self, request: Request) -> Any:
        """One request that must work, and its JSON."""
        answer, data = ask(self.state["port"], request)
        if answer.status != request.expected:
            said = data[:500].decode(errors="replace")
            raise PeerFailure(f"{self.name} answers {request.method} {request.path} with {answer.status}: {said}")
        return json.loads(data)

    def stop(self) -> None:
        """The web server first, so that nobody misses the database."""
        database = self.state.get("database")
        end([process for process in self.state["processes"] if process != database])
        if database:
            shut_down([database])
        super().stop()


def text(words: int) -> str:
    return " ".join(random.choices(WORDS, k=words))


def address() -> str:
    return f"u{random.randrange(REQUESTERS)}@peer.test"


def json_request(method: str, path: str, expected: int, headers: dict[str, str], body: Any = None) -> Request:
    if body is None:
        return Request(method, path, expected, headers)
    return Request(method, path, expected, headers | {"Content-Type": "application/json"}, json.dumps(body).encode())
