#!/usr/bin/env python3
"""One SQLite, unreplicated, `synchronous=FULL`, a transaction a write: rows like those of a ticket's create, change and comment (1:3:2).

Prints writes a second. What a desk would do that keeps its tickets in one SQLite file.
"""

import random
import sqlite3
import sys
import tempfile
import time

seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5
text = "The kettle in the second-floor kitchen trips the fuse when it boils. " * 7
with tempfile.TemporaryDirectory() as folder:
    rows = sqlite3.connect(folder + "/desk.sqlite", isolation_level=None)
    rows.executescript("""
        PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
        CREATE TABLE tickets(tenant INTEGER, id INTEGER, subject TEXT, description TEXT, status INTEGER, requester INTEGER,
            comments INTEGER, updated_at INTEGER, PRIMARY KEY (tenant, id)) STRICT, WITHOUT ROWID;
        CREATE INDEX by_status ON tickets(tenant, status, updated_at);
        CREATE INDEX by_requester ON tickets(tenant, requester);
        CREATE TABLE audits(tenant INTEGER, ticket INTEGER, id INTEGER, body TEXT, events TEXT, PRIMARY KEY (tenant, ticket, id))
            STRICT, WITHOUT ROWID;
        CREATE TABLE counters(tenant INTEGER, kind INTEGER, value INTEGER, PRIMARY KEY (tenant, kind)) STRICT, WITHOUT ROWID;
    """)
    chance, count, tickets, tenants = random.Random(1), 0, [0] * 20, 20
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        tenant, dice = chance.randrange(tenants), chance.random()
        count += 1
        rows.execute("BEGIN IMMEDIATE")
        if not tickets[tenant] or dice < 1 / 6:
            tickets[tenant] += 1
            ticket, body = tickets[tenant], text
            rows.execute("INSERT INTO tickets VALUES (?, ?, ?, ?, 1, ?, 1, ?)",
                         (tenant, ticket, f"Kettle {count}", text, chance.randrange(500), count))
            rows.execute("INSERT INTO counters VALUES (?, 1, 1) ON CONFLICT DO UPDATE SET value = value + 1", (tenant,))
        else:
            ticket, body = chance.randint(1, tickets[tenant]), "" if dice < 4 / 6 else text[:200]
            rows.execute("UPDATE tickets SET status = ?, comments = comments + ?, updated_at = ? WHERE tenant = ? AND id = ?",
                         (chance.randrange(1, 4), 1 if body else 0, count, tenant, ticket))
        rows.execute("INSERT INTO audits VALUES (?, ?, ?, ?, ?)", (tenant, ticket, count, body, '[["Change","status","open","new"]]'))
        rows.execute("COMMIT")
    print(f"{count / seconds:.0f}")
