#!/usr/bin/env python3
"""One SQLite, unreplicated, `synchronous=FULL`, a transaction a write: rows like those of a ticket's create, change and comment (1:3:2).

What a desk would do that keeps its tickets in one SQLite file. It has one writer at a time, so there is one client whatever is asked for.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from typing import Any

import figures
from peer import Peer, PeerFailure, install_packages, main

TENANTS = 20
TICKETS_EACH = 50
BODY = "The kettle in the second-floor kitchen trips the fuse when it boils. " * 7
CHANGE = '[["Change","status","open","new"]]'
SCHEMA = """
    CREATE TABLE tickets(tenant INTEGER, id INTEGER, subject TEXT, description TEXT, status INTEGER, requester INTEGER,
        comments INTEGER, updated_at INTEGER, PRIMARY KEY (tenant, id)) STRICT, WITHOUT ROWID;
    CREATE INDEX by_status ON tickets(tenant, status, updated_at);
    CREATE INDEX by_requester ON tickets(tenant, requester);
    CREATE TABLE audits(tenant INTEGER, ticket INTEGER, id INTEGER, body TEXT, events TEXT, PRIMARY KEY (tenant, ticket, id))
        STRICT, WITHOUT ROWID;
    CREATE TABLE counters(tenant INTEGER, kind INTEGER, value INTEGER, PRIMARY KEY (tenant, kind)) STRICT, WITHOUT ROWID;
"""


class OneSQLite(Peer):
    name = "one_sqlite"
    operations = ("mix",)
    writes = ("mix",)
    clients = 1

    def install(self) -> None:
        install_packages("libsqlite3-0")

    def _begin(self) -> None:
        self._open().executescript(SCHEMA)

    def fill(self) -> None:
        rows = self._open()
        rows.execute("BEGIN IMMEDIATE")
        for number in range(TENANTS * TICKETS_EACH):
            self._create(rows, number % TENANTS, number, random.Random(number))
        rows.execute("COMMIT")

    def server_pids(self) -> list[int]:
        """The library works in this process."""
        return [os.getpid()]

    def pause(self) -> None:
        """There is nothing that could run."""

    def resume(self) -> None:
        """There is nothing that stands still."""

    def load(self, operation: str, clients: int, seconds: int) -> dict[str, Any]:
        result = super().load(operation, 1, seconds)
        return result | {"client_cores": 0.0}  # It is the server's: see `server_pids`.

    def _load(self, operation: str, clients: int, seconds: int) -> dict[str, Any]:
        rows, chance, latencies = self._open(), random.Random(1), []
        number = rows.execute("SELECT coalesce(max(id), 0) FROM audits").fetchone()[0]
        began = now = time.monotonic()
        while now < began + seconds:
            number += 1
            self._write(rows, number, chance)
            after = time.monotonic()
            latencies.append((after - now) * 1000)
            now = after
        rows.close()
        return figures.summary(latencies, now - began, 0)

    def _write(self, rows: sqlite3.Connection, number: int, chance: random.Random) -> None:
        """One write of the mix, from BEGIN to COMMIT."""
        tenant, dice = chance.randrange(TENANTS), chance.randrange(6)
        rows.execute("BEGIN IMMEDIATE")
        if dice == 0:
            self._create(rows, tenant, number, chance)
        else:
            ticket, comment = chance.randint(1, TICKETS_EACH), "" if dice < 4 else BODY[:200]
            rows.execute("UPDATE tickets SET status = ?, comments = comments + ?, updated_at = ? WHERE tenant = ? AND id = ?",
                         (chance.randrange(1, 4), 1 if comment else 0, number, tenant, ticket))
            rows.execute("INSERT INTO audits VALUES (?, ?, ?, ?, ?)", (tenant, ticket, number, comment, CHANGE))
        rows.execute("COMMIT")

    def _create(self, rows: sqlite3.Connection, tenant: int, number: int, chance: random.Random) -> None:
        ticket = rows.execute("INSERT INTO counters VALUES (?, 1, 1) ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value",
                              (tenant,)).fetchall()[0][0]
        rows.execute("INSERT INTO tickets VALUES (?, ?, ?, ?, 1, ?, 1, ?)",
                     (tenant, ticket, f"Kettle {number}", BODY, chance.randrange(500), number))
        rows.execute("INSERT INTO audits VALUES (?, ?, ?, ?, ?)", (tenant, ticket, number, BODY, CHANGE))

    def _open(self) -> sqlite3.Connection:
        rows = sqlite3.connect(self.folder / "desk.sqlite", isolation_level=None)
        rows.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
        if (rows.execute("PRAGMA journal_mode").fetchone()[0], rows.execute("PRAGMA synchronous").fetchone()[0]) != ("wal", 2):
            raise PeerFailure("SQLite does not sync every commit: no comparison with a mode that does not")
        return rows


if __name__ == "__main__":
    main(OneSQLite)
