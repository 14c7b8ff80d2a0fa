#!/usr/bin/env python3
"""Request Tracker 5 from Debian: its REST2 interface under Starman with four workers, on a PostgreSQL of its own.

Its default scrips run on every create and comment (who is told what by mail); mail itself goes to a file. One login and its session cookie
for all requests: a password or a token in each would cost a bcrypt each time. Its full-text index is off, as it is by default.
"""

from __future__ import annotations

import os
import pathlib
import random
import re
import urllib.parse

from desk_peer import TICKETS, DeskPeer, address, json_request, text
from http_client import Request, ask
from peer import WORDS, PeerFailure, install_packages, main, run, wait
from processes import begin

SERVER = "/usr/share/request-tracker5/libexec/rt-server"
STATUSES = ("new", "open", "stalled")


class RequestTracker(DeskPeer):
    name = "request_tracker"
    operations = ("get", "list", "search", "comment", "update", "create")
    writes = ("comment", "update", "create")

    def install(self) -> None:
        install_packages("request-tracker5", "rt5-standalone", "rt5-db-postgresql", "dbconfig-no-thanks", "dma", "starman", "postgresql",
                         "postgresql-client")

    def _begin(self) -> None:
        if not os.path.exists(SERVER):
            raise PeerFailure("Request Tracker is not installed; run the peer's `install` first")
        self._begin_database()
        for name in ("log", "mason", "tmp", "site.d"):
            (self.folder / name).mkdir()
        self._config.write_text(self._site_config())
        run(["rt-setup-database-5", "--action", "init", "--dba", "postgres", "--dba-password", "trusted"], within=120,
            env=self._environment, cwd=self.folder)
        # A worker that ends after some requests would be a pause of the benchmark's own making.
        self._add(begin(
            [SERVER, "--server", "Starman", "--port", str(self.state["port"]), "--host", "127.0.0.1", "--workers", str(self.workers),
             "--backlog", "1024", "--max-requests", "100000"],
            self.folder / "log" / "starman", env=self._environment, cwd=self.folder))
        self.wait_ready()
        self.state["headers"] = self._log_in()

    def wait_ready(self) -> None:
        def answers() -> bool:
            self._check_running(self.folder / "log" / "starman")
            return ask(self.state["port"], Request("GET", "/NoAuth/Login.html", 200, {}))[0].status == 200

        wait(answers, 60, "Request Tracker answers")

    def fill(self) -> None:
        """By its own API and without scrips: by HTTP and with them it would take a minute."""
        database = ["psql", "-h", "127.0.0.1", "-p", str(self.state["database_port"]), "-U", "postgres", "-qAtX", "-d", "rt5", "-c"]
        run([*database, "UPDATE scrips SET disabled = 1"])
        script = pathlib.Path(__file__).with_name("request_tracker_fill.pl")
        run(["perl", script, str(TICKETS), *WORDS], within=180, env=self._environment, cwd=self.folder)
        run([*database, "UPDATE scrips SET disabled = 0"])
        run([*database, "ANALYZE"])
        found = self._ask(json_request("GET", "/REST/2.0/tickets?query=id%3E0&per_page=1", 200, self.state["headers"]))
        if found["total"] != TICKETS:
            raise PeerFailure(f"Request Tracker was given {TICKETS} tickets and has {found['total']}")

    def request(self, operation: str) -> Request:
        ticket = random.randint(1, TICKETS)
        if operation == "create":
            return json_request("POST", "/REST/2.0/ticket", 201, self.headers, {
                "Queue": "General", "Subject": text(7), "Requestor": address(), "Content": text(60), "ContentType": "text/plain"})
        if operation == "comment":
            return json_request("POST", f"/REST/2.0/ticket/{ticket}/comment", 201, self.headers,
                                {"Content": text(40), "ContentType": "text/plain"})
        if operation == "update":
            return json_request("PUT", f"/REST/2.0/ticket/{ticket}", 200, self.headers, {"Status": random.choice(STATUSES)})
        if operation == "get":
            return json_request("GET", f"/REST/2.0/ticket/{ticket}", 200, self.headers)
        if operation == "list":
            query = {"query": "Queue='General' AND Status='new'", "orderby": "LastUpdated", "order": "DESC",
                     "fields": "Subject,Status,LastUpdated"}
        else:
            query = {"query": f"Subject LIKE '{text(2)}'", "fields": "Subject,Status"}
        return json_request("GET", "/REST/2.0/tickets?" + urllib.parse.urlencode(query | {"per_page": 20}), 200, self.headers)

    def _log_in(self) -> dict[str, str]:
        """The session cookie of the user that every new Request Tracker has."""
        answer, page = ask(self.state["port"], Request("GET", "/NoAuth/Login.html", 200, {}))
        cookie = answer.getheader("Set-Cookie", "").split(";")[0]
        following = re.search(rb'name="next" value="([0-9a-f]+)"', page)
        form = urllib.parse.urlencode({"user": "root", "pass": "password", "next": following[1].decode() if following else ""})
        answer, _ = ask(self.state["port"], Request(
            "POST", "/NoAuth/Login.html", 302, {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}, form.encode()))
        headers = {"Cookie": (answer.getheader("Set-Cookie") or cookie).split(";")[0]}
        self._ask(json_request("GET", "/REST/2.0/rt", 200, headers))
        return headers

    @property
    def _config(self) -> pathlib.Path:
        return self.folder / "RT_SiteConfig.pm"

    @property
    def _environment(self) -> dict[str, str]:
        return os.environ | {"RT_SITE_CONFIG": str(self._config), "RT_SITE_CONFIG_DIR": str(self.folder / "site.d"),
                             "TMPDIR": str(self.folder / "tmp")}

    def _site_config(self) -> str:
        settings = {
            "rtname": "peer.test", "Organization": "peer.test", "CorrespondAddress": "rt@peer.test", "CommentAddress": "comment@peer.test",
            "WebDomain": "127.0.0.1", "WebPort": self.state["port"], "WebPath": "", "WebBaseURL": f"http://127.0.0.1:{self.state['port']}",
            "DatabaseType": "Pg", "DatabaseHost": "127.0.0.1", "DatabaseRTHost": "127.0.0.1", "DatabasePort": self.state["database_port"],
            "DatabaseUser": "rtuser", "DatabasePassword": "trusted", "DatabaseName": "rt5", "MailCommand": "testfile", "LogToSyslog": "",
            "LogToSTDERR": "error", "LogToFile": "", "LogDir": self.folder / "log", "Timezone": "UTC", "RestrictReferrer": 0,
            "WebSecureCookies": 0}
        lines = [f"Set(${key}, '{value}');" for key, value in settings.items()]
        lines += ["Set(%FullTextSearch, Enable => 1, Indexed => 0);", f"$RT::MasonDataDir = '{self.folder}/mason';", "1;"]
        return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main(RequestTracker)
