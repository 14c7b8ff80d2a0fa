#!/usr/bin/env python3
"""django-helpdesk from PyPI: its REST interface under gunicorn with four workers, on a PostgreSQL of its own.

A session cookie of one login for all requests, mail thrown away. Its own defect: get and list look at every ticket that the agent may see,
with a query for each (`get_queryset` of its ticket view), so these two are slower the more tickets there are, and no feat to beat.
"""

from __future__ import annotations

import json
import os
import pathlib
import random
import secrets

from desk_peer import TICKETS, DeskPeer, address, json_request, text
from http_client import Request, ask, drive
from peer import PeerFailure, install_packages, main, run, wait
from processes import begin

SITE = pathlib.Path(__file__).with_name("django_site")
# Beside the environment of the client tests, and ignored by git as that one is.
ENVIRONMENT = pathlib.Path(__file__).resolve().parents[2] / ".venv-peers"
REQUIREMENTS = ("django-helpdesk==2.6.1", "gunicorn==27.0.1", "psycopg2-binary==2.9.13")
PUBLISHED = 1


class DjangoHelpdesk(DeskPeer):
    name = "django_helpdesk"
    operations = ("get", "list", "comment", "create")
    writes = ("comment", "create")

    def install(self) -> None:
        install_packages("postgresql", "postgresql-client", "python3-venv")
        run(["python3", "-m", "venv", ENVIRONMENT], within=120)
        run([ENVIRONMENT / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *REQUIREMENTS], within=600)

    def _begin(self) -> None:
        python = ENVIRONMENT / "bin" / "python"
        if not (ENVIRONMENT / "bin" / "gunicorn").exists():
            raise PeerFailure("django-helpdesk is not installed; run the peer's `install` first")
        self._begin_database().sql("CREATE DATABASE helpdesk")
        (self.folder / "media").mkdir()
        environment = os.environ | {
            "PYTHONPATH": str(SITE), "DJANGO_SETTINGS_MODULE": "settings", "PYTHONDONTWRITEBYTECODE": "1",
            "PEER_SECRET": secrets.token_hex(), "PEER_MEDIA": str(self.folder / "media"),
            "PEER_DATABASE_PORT": str(self.state["database_port"])}
        run([python, "-m", "django", "migrate", "-v0"], within=180, env=environment)
        seed = json.loads(run([python, SITE / "seed.py"], env=environment))
        run([python, "-m", "django", "loaddata", "emailtemplate.json", "-v0"], env=environment)
        token = secrets.token_hex(16)
        self.state["seed"] = seed
        self.state["headers"] = {"Cookie": f"sessionid={seed['session']}; csrftoken={token}", "X-CSRFToken": token,
                                 "Accept": "application/json"}
        self._add(begin(
            [ENVIRONMENT / "bin" / "gunicorn", "-w", str(self.workers), "--backlog", "1024", "-b", f"127.0.0.1:{self.state['port']}",
             "django.core.wsgi:get_wsgi_application()"],
            self.folder / "gunicorn.log", env=environment, cwd=self.folder))
        self.wait_ready()

    def wait_ready(self) -> None:
        def answers() -> bool:
            self._check_running(self.folder / "gunicorn.log")
            return ask(self.state["port"], Request("GET", "/", 200, {}))[0].status < 500

        wait(answers, 60, "django-helpdesk answers")

    def fill(self) -> None:
        self.headers = self.state["headers"]
        drive(self.state["port"], 4, 120, lambda: self.request("create"), most=TICKETS)
        found = self._ask(json_request("GET", "/api/tickets/?page_size=1", 200, self.headers))
        if found["count"] != TICKETS:
            raise PeerFailure(f"django-helpdesk was given {TICKETS} tickets and has {found['count']}")

    def request(self, operation: str) -> Request:
        ticket, seed = random.randint(1, TICKETS), self.state["seed"]
        if operation == "create":
            return json_request("POST", "/api/tickets/", 201, self.headers, {
                "queue": seed["queue"], "title": text(7), "description": text(60), "submitter_email": address(), "priority": 3})
        if operation == "comment":
            return json_request("POST", "/api/followups/", 201, self.headers, {
                "ticket": ticket, "user": seed["agent"], "title": "Comment", "comment": text(40), "public": False})
        if operation == "get":
            return json_request("GET", f"/api/tickets/{ticket}/", 200, self.headers)
        return json_request("GET", f"/api/tickets/?status={PUBLISHED}&page_size=20", 200, self.headers)


if __name__ == "__main__":
    main(DjangoHelpdesk)
