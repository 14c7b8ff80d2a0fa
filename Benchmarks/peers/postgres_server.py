"""PostgreSQL servers of one's own: on a free port of 127.0.0.1, in a folder of their own, as a user that is not root."""

from __future__ import annotations

import os
import pathlib
import pwd
import re
import shutil
import signal
from collections.abc import Iterable, Mapping

from processes import PeerFailure, begin, end, run, wait

USER = "postgres"


class PostgresServer:
    """A server under `folder`. Logins are trusted, since only this machine reaches it and its data lives for minutes."""

    def __init__(self, folder: pathlib.Path, port: int):
        self.folder = folder
        self.port = port

    def make(self, settings: Mapping[str, str | int]) -> None:
        """An empty database cluster."""
        self._own_folder()
        run([*as_user(), programs() / "initdb", "-D", self._data, "-A", "trust", "-U", USER, "--no-sync", "-k", "-E", "UTF8",
             "--locale=C.UTF-8"], cwd=self.folder)
        self.set({"listen_addresses": "127.0.0.1", "unix_socket_directories": str(self.folder), "port": self.port} | dict(settings))

    def copy(self, source: PostgresServer, name: str) -> None:
        """A standby of another server, known to it as `name`."""
        self._own_folder()
        run([*as_user(), programs() / "pg_basebackup", "-d", f"host=127.0.0.1 port={source.port} user={USER} application_name={name}",
             "-D", self._data, "-R", "-X", "stream", "-c", "fast"], cwd=self.folder)
        self.set({"port": self.port, "unix_socket_directories": str(self.folder)})

    def set(self, settings: Mapping[str, str | int]) -> None:
        with open(self._data / "postgresql.conf", "a") as file:
            file.writelines(f"{key} = '{value}'\n" for key, value in settings.items())

    def start(self) -> dict[str, int]:
        """Gives the process, which the caller ends."""
        process = begin([*as_user(), programs() / "postgres", "-D", self._data], self.folder / "log", cwd=self.folder)
        try:
            wait(self._is_ready, 60, f"PostgreSQL in {self.folder} is ready")
        except BaseException:
            end([process], signal.SIGINT)
            raise
        return process

    def sql(self, *statements: str, database: str = "postgres") -> str:
        return run(["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-qAtX", "-v", "ON_ERROR_STOP=1", "-d", database,
                    *(word for statement in statements for word in ("-c", statement))])

    def _is_ready(self) -> bool:
        """A standby is ready too once it answers, so no question is asked that only a primary answers."""
        try:
            return self.sql("SELECT 1").strip() == "1"
        except PeerFailure:
            return False

    @property
    def _data(self) -> pathlib.Path:
        return self.folder / "data"

    def _own_folder(self) -> None:
        self.folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.folder, USER)


def as_user() -> list[str]:
    """The words before a command that must not run as root."""
    if os.geteuid() != 0:
        return []
    try:
        pwd.getpwnam(USER)
    except KeyError:
        raise PeerFailure(f"there is no user {USER}; run the peer's `install` first") from None
    # setpriv becomes the command, where runuser would stay beside it.
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups"]


def programs() -> pathlib.Path:
    """Where the newest installed PostgreSQL has its programs, which Debian keeps out of PATH."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(re.search(r"/(\d+)/bin", str(path))[1]))
    if not found:
        raise PeerFailure("PostgreSQL is not installed; run the peer's `install` first")
    return found[-1].parent


def shut_down(processes: Iterable[dict[str, int]]) -> None:
    """Ends servers by their fast shutdown, which does not wait for clients."""
    end(processes, signal.SIGINT)
