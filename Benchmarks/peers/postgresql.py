#!/usr/bin/env python3
"""PostgreSQL with two synchronous standbys, of which one must have synced (ANY 1): ticket rows, by pgbench with prepared statements.

`insert` is one row of a table with a primary key and three indexes; `mix` is create : update : comment = 1 : 3 : 2, each one statement
and so one transaction that changes the ticket and adds the row of its audit.
"""

from __future__ import annotations

import pathlib
import time
from typing import Any

import figures
from peer import WORDS, Peer, PeerFailure, install_packages, main, run, wait
from postgres_server import USER, PostgresServer, programs, shut_down
from processes import free_ports

TENANTS = 20
TICKETS = 1000
BODY = " ".join(WORDS * 3)[:500]
SUBJECT = " ".join(WORDS[:7])
SCHEMA = """
    CREATE TABLE tickets(id bigserial PRIMARY KEY, tenant int NOT NULL, number text NOT NULL, subject text NOT NULL, body text NOT NULL,
        status int NOT NULL, priority int NOT NULL, queue int NOT NULL, requester int NOT NULL, assignee int,
        comments int NOT NULL DEFAULT 1, created timestamptz NOT NULL DEFAULT now(), updated timestamptz NOT NULL DEFAULT now(),
        version int NOT NULL DEFAULT 1, custom jsonb);
    CREATE INDEX by_number ON tickets(tenant, number);
    CREATE INDEX by_status ON tickets(tenant, status, updated);
    CREATE INDEX by_assignee ON tickets(tenant, assignee, status);
    CREATE TABLE audits(id bigserial PRIMARY KEY, tenant int NOT NULL, ticket bigint NOT NULL, body text, events jsonb NOT NULL,
        created timestamptz NOT NULL DEFAULT now());
    CREATE INDEX by_ticket ON audits(tenant, ticket);
"""
TICKET = f"""INSERT INTO tickets(tenant, number, subject, body, status, priority, queue, requester, assignee, custom)
    VALUES (:t, 'T-' || :n, '{SUBJECT}', '{BODY}', 1, 2, 3, :n % 5000, :a, '{{"impact":"2","site":"berlin"}}')"""
CHANGE = """'[["Change","status","open","new"]]'"""
CHOICE = f"""\\set t random(1, {TENANTS})
\\set n random(1, 1000000000)
\\set a random(1, 60)
\\set i random(1, {TICKETS})
\\set s random(1, 3)
"""
SCRIPTS = {
    "insert": TICKET,
    "create": f"""WITH new AS ({TICKET} RETURNING id, tenant, body)
        INSERT INTO audits(tenant, ticket, body, events) SELECT tenant, id, body, {CHANGE} FROM new""",
    "update": f"""WITH changed AS (UPDATE tickets SET status = :s, updated = now(), version = version + 1 WHERE id = :i
        RETURNING id, tenant)
        INSERT INTO audits(tenant, ticket, events) SELECT tenant, id, {CHANGE} FROM changed""",
    "comment": f"""WITH changed AS (UPDATE tickets SET comments = comments + 1, updated = now(), version = version + 1 WHERE id = :i
        RETURNING id, tenant) INSERT INTO audits(tenant, ticket, body, events) SELECT tenant, id, '{BODY[:200]}', {CHANGE} FROM changed""",
}
OPERATIONS = {"insert": {"insert": 1}, "mix": {"create": 1, "update": 3, "comment": 2}}


class PostgreSQL(Peer):
    name = "postgresql"
    operations = ("insert", "mix")
    writes = operations

    def install(self) -> None:
        install_packages("postgresql", "postgresql-client")

    def _begin(self) -> None:
        self.state["ports"] = free_ports(3)
        primary, *standbys = self._servers()
        primary.make({
            "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "wal_level": "replica", "max_wal_senders": 10,
            "hot_standby": "on", "max_connections": 300, "shared_buffers": "512MB", "max_wal_size": "4GB"})
        self._add(primary.start())
        for number, standby in enumerate(standbys, 1):
            standby.copy(primary, f"s{number}")
            self._add(standby.start())
        primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (s1, s2)'")
        primary.sql("SELECT pg_reload_conf()")
        self.wait_ready()
        primary.sql(SCHEMA)
        for name, statement in SCRIPTS.items():
            # pgbench ends a statement at a semicolon; a line break inside is one more space.
            (self.folder / f"{name}.sql").write_text(CHOICE + " ".join(statement.split()) + ";\n")

    def wait_ready(self) -> None:
        """Both standbys take part, and nothing that makes a commit durable is off."""
        primary = self._servers()[0]
        standbys = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'quorum'"
        wait(lambda: primary.sql(standbys).strip() == "2", 30, "both standbys stream and are synchronous")
        for server in self._servers():
            for setting in ("fsync", "synchronous_commit"):
                if server.sql(f"SHOW {setting}").strip() != "on":
                    raise PeerFailure(f"{setting} is not on at port {server.port}: no comparison with a mode that does not sync")

    def fill(self) -> None:
        row = TICKET.replace(":t", f"k % {TENANTS} + 1").replace(":n", "k").replace(":a", "k % 60 + 1").replace("VALUES (", "SELECT ")
        self._servers()[0].sql(f"{row[:-1]} FROM generate_series(1, {TICKETS}) k", "ANALYZE")

    def _load(self, operation: str, clients: int, seconds: int) -> dict[str, Any]:
        logs = self.folder / "logs"
        logs.mkdir(exist_ok=True)
        began = time.monotonic()
        scripts = [word for name, weight in OPERATIONS[operation].items() for word in ("-f", f"{self.folder / name}.sql@{weight}")]
        output = run(
            [programs() / "pgbench", "-h", "127.0.0.1", "-p", str(self.state["ports"][0]), "-U", USER, "-n", "-M", "prepared",
             "-c", str(clients), "-j", str(min(2, clients)), "-T", str(seconds), *scripts, "-l", f"--log-prefix={logs}/log", "postgres"],
            within=seconds + 60)
        files = list(logs.iterdir())
        result = figures.pgbench(output, [file.read_text() for file in files])
        for file in files:
            file.unlink()
        if time.monotonic() - began < seconds:
            raise PeerFailure(f"pgbench ended early:\n{output}")
        return result

    def stop(self) -> None:
        shut_down(reversed(self.state["processes"]))
        super().stop()

    def _servers(self) -> list[PostgresServer]:
        return [PostgresServer(pathlib.Path(self.folder) / f"server{number}", port) for number, port in enumerate(self.state["ports"])]


if __name__ == "__main__":
    main(PostgreSQL)
