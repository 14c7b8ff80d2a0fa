"""Lodge itself, three nodes on this machine, in the form of a peer: so that both sides of a comparison are treated alike.

`_load` is the only place that knows how Lodge is driven: by wrk with `mix.lua`, a wrk a node.
"""

from __future__ import annotations

import http.client
import json
import os
import pathlib
import random
import subprocess
import sys
from typing import Any

import figures
from desk_peer import TICKETS as DESK_TICKETS
from desk_peer import text
from peer import Peer, PeerFailure

BENCHMARKS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(BENCHMARKS.parent / "deploy"))
from local_cluster import ClusterFailure, LocalCluster  # noqa: E402

MIX = pathlib.Path(__file__).resolve().parent / "mix.lua"
NODES = 3
TENANTS = 20
TICKETS_EACH = 50
# Operations over the tickets of 20 tenants, and those of one tenant with as many tickets as the desks have: mode of mix.lua.
MODES = {
    "get": "read", "write": "write", "create": "create", "desk get": "read", "desk list": "list", "desk search": "search",
    "desk comment": "comment", "desk update": "update", "desk create": "create"}


class Lodge(Peer):
    name = "lodge"
    operations = tuple(MODES)
    writes = ("write", "create")

    def __init__(self, binaries: str | os.PathLike[str]):
        super().__init__()
        self.binaries = pathlib.Path(binaries).absolute()
        self.tenants: list[dict[str, Any]] = []
        self.desk: dict[str, Any] = {}

    def install(self) -> None:
        raise PeerFailure("Lodge is built, not installed: make release")

    def _begin(self) -> None:
        for program in ("lodged", "lodge"):
            if not (self.binaries / program).exists():
                raise PeerFailure(f"there is no {program} in {self.binaries}; `make release`, or say where it is with --bin")
        self.cluster = LocalCluster(self.folder / "cluster", self.binaries, log_level="warning")
        try:
            self.cluster.start(NODES)
        except ClusterFailure as failure:
            raise PeerFailure(str(failure)) from None

    def fill(self) -> None:
        self.tenants = [self.cluster.make_tenant(f"t{number}", requests_per_minute=1_000_000_000) for number in range(TENANTS)]
        self.desk = self.cluster.make_tenant("desk", requests_per_minute=1_000_000_000)
        connection = http.client.HTTPConnection(self._addresses()[0], timeout=30)
        for tenant in self.tenants:
            for _ in range(TICKETS_EACH):
                self._make_ticket(connection, tenant)
        for _ in range(DESK_TICKETS):
            self._make_ticket(connection, self.desk)
        connection.close()

    def _make_ticket(self, connection: http.client.HTTPConnection, tenant: dict[str, Any]) -> None:
        """A ticket like those of the desks: seven words and sixty."""
        body = {"ticket": {"subject": text(7), "comment": {"body": text(60)}}}
        connection.request("POST", "/api/v2/tickets.json", json.dumps(body), {
            "Host": f"{tenant['name']}.localhost", "Authorization": tenant["authorization"], "Content-Type": "application/json"})
        answer = connection.getresponse()
        data = answer.read()
        if answer.status != 201:
            raise PeerFailure(f"Lodge answers a create with {answer.status}: {data[:300].decode(errors='replace')}")

    def _load(self, operation: str, clients: int, seconds: int) -> dict[str, Any]:
        is_desk = operation.startswith("desk ")
        tenants = [self.desk] if is_desk else self.tenants
        environment = os.environ | {
            "BENCH_TENANTS": "".join(f"{tenant['name']}.localhost {tenant['authorization']}\n" for tenant in tenants),
            "BENCH_MODE": MODES[operation], "BENCH_TICKETS": str(DESK_TICKETS if is_desk else TICKETS_EACH)}
        loads = []
        addresses = self._addresses()[:clients]
        for place, address in enumerate(addresses):
            connections = clients // len(addresses) + (1 if place < clients % len(addresses) else 0)
            # The seed differs from run to run, or a second run would ask for the same tickets in the same order.
            seed = str(place + random.randrange(10_000) * 10)
            try:
                loads.append(subprocess.Popen(
                    ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "15s", "-s", str(MIX), f"http://{address}"],
                    env=environment | {"BENCH_SEED": seed}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
            except FileNotFoundError:
                raise PeerFailure("there is no wrk: apt-get install wrk") from None
        outputs = [load.communicate(timeout=seconds + 60) for load in loads]
        result = figures.wrk([output for output, _ in outputs])
        errors = "".join(error for _, error in outputs).strip()
        return result | ({"first_error": errors[:300]} if errors else {})

    def _addresses(self) -> list[str]:
        return [node["http"] for node in self.cluster.nodes.values()]

    def server_pids(self) -> list[int]:
        return [node["pid"] for node in self.cluster.nodes.values() if node["pid"]]

    def wait_ready(self) -> None:
        self.cluster.wait_healthy()

    def stop(self) -> None:
        if hasattr(self, "cluster"):
            self.cluster.stop()
        super().stop()
