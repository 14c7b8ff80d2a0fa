#!/usr/bin/env python3
"""Lodge and its peers in turn on this machine: rates, latencies and their ratios.

    Benchmarks/peers/compare.py [--peers etcd,postgresql,...] [--rounds 3] [--seconds 5] [--bin .build/release] [--json FILE]

One peer at a time is started beside a new cluster of Lodge. Each round measures the peer and Lodge, Lodge first in every second round,
so that what the machine does meanwhile meets both; the ratio is that of one round's two rates, and what is told is the median and the
quartiles of the rounds. Before each load both sides are quiet and the disk has everything, so that neither pays for what the other left
to be done later; what a load itself leaves is in nobody's figures. A side that uses the processor when idle is stopped while the other
is measured, and that is said.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import figures
from django_helpdesk import DjangoHelpdesk
from etcd import Etcd
from lodge_cluster import NODES, Lodge
from one_sqlite import OneSQLite
from peer import RESTLESS, Peer, PeerFailure
from postgresql import PostgreSQL
from processes import sync_milliseconds
from request_tracker import RequestTracker

PEERS: dict[str, type[Peer]] = {kind.name: kind for kind in (Etcd, PostgreSQL, OneSQLite, RequestTracker, DjangoHelpdesk)}
WARM_UP_SECONDS = 1
# A side is quiet when it uses less than this of a core; what a load left it to do (checkpoints, say) would slow the next load of the other.
QUIET_CORES = 0.1
QUIET_WITHIN = 15
# How much longer a sync may take before one load than before another for their rates to be held against each other.
UNEVEN_DISK = 4


class Pair(NamedTuple):
    """An operation of a peer, and those of Lodge that are held against it, each with the number of clients."""

    operation: str
    clients: int
    ours: tuple[tuple[str, int], ...]


def desk_pairs(operations: Iterable[str]) -> list[Pair]:
    """The desks are at their best at 16 clients; Lodge is asked by as many, and by 64."""
    return [Pair(operation, 16, ((f"desk {operation}", 16), (f"desk {operation}", 64))) for operation in operations]


# In the order in which they are measured: what adds rows last.
PAIRS: dict[str, list[Pair]] = {
    "etcd": [Pair("get", 64, (("get", 64),)), Pair("put", 64, (("write", 64), ("create", 64)))],
    "postgresql": [Pair("mix", 64, (("write", 64),)), Pair("insert", 64, (("create", 64),))],
    "one_sqlite": [Pair("mix", 1, (("write", 64),))],
    "request_tracker": desk_pairs(RequestTracker.operations),
    "django_helpdesk": desk_pairs(DjangoHelpdesk.operations),
}


class Comparison:
    """Lodge and one peer, both started and filled."""

    def __init__(self, peer: Peer, lodge: Peer, folder: pathlib.Path, seconds: int, say: Any = print):
        self.folder = folder
        self.peer = peer
        self.lodge = lodge
        self.seconds = seconds
        self.say = say
        self.idle = {side.name: side.idle_cores() for side in (peer, lodge)}
        # Stopped while the other is measured. Lodge's own nodes never are: they would count the time as a failure of the others.
        self.is_restless = self.idle[peer.name] > RESTLESS
        share = ", ".join(f"{name} {cores:.3f}" for name, cores in self.idle.items())
        say(f"idle, cores: {share}" + (f"; {peer.name} is stopped while Lodge is measured" if self.is_restless else ""))

    def rounds(self, pair: Pair, count: int) -> list[dict[str, Any]]:
        """Measures a pair; a row for each operation of Lodge."""
        self._warm_up(pair)
        theirs: list[dict[str, Any]] = []
        ours: list[list[dict[str, Any]]] = [[] for _ in pair.ours]
        for turn in range(count):
            steps = [lambda: theirs.append(self._load(self.peer, pair.operation, pair.clients)), lambda: self._ours(pair, ours)]
            for step in steps if turn % 2 == 0 else reversed(steps):
                step()
        return [self._row(pair, theirs, operation, clients, loads) for (operation, clients), loads in zip(pair.ours, ours)]

    def _ours(self, pair: Pair, ours: Sequence[list[dict[str, Any]]]) -> None:
        if self.is_restless:
            self.peer.pause()
        try:
            for (operation, clients), loads in zip(pair.ours, ours):
                loads.append(self._load(self.lodge, operation, clients))
        finally:
            if self.is_restless:
                self.peer.resume()

    def _load(self, side: Peer, operation: str, clients: int) -> dict[str, Any]:
        """One load, while the machine has nothing else to do: neither side works off an earlier load, and the disk has everything.

        With it goes what a sync took just before: where that differs much from load to load, so will everything that writes.
        """
        end = time.monotonic() + QUIET_WITHIN
        while max(each.idle_cores(0.5) for each in (self.peer, self.lodge)) > QUIET_CORES:
            if time.monotonic() > end:
                self.say(f"a side was not quiet within {QUIET_WITHIN} s after a load")
                break
        os.sync()
        sync = sync_milliseconds(self.folder)
        return side.load(operation, clients, self.seconds) | {"sync_ms": sync}

    def _warm_up(self, pair: Pair) -> None:
        """A short load of each that is not counted: first connections, plans and caches. Creates and comments leave their rows."""
        self.peer.load(pair.operation, pair.clients, WARM_UP_SECONDS)
        for operation, clients in pair.ours:
            self.lodge.load(operation, clients, WARM_UP_SECONDS)

    def _row(self, pair: Pair, theirs: list[dict[str, Any]], operation: str, clients: int, ours: list[dict[str, Any]]) -> dict[str, Any]:
        ratio = figures.ratios([load["rate"] for load in ours], [load["rate"] for load in theirs])
        return {"peer": self.peer.name, "operation": pair.operation, "clients": pair.clients, "lodge_operation": operation,
                "lodge_clients": clients, "ratio": ratio["ratio"], "quartiles": ratio["quartiles"], "theirs": medians(theirs),
                "ours": medians(ours), "rounds": {"theirs": theirs, "ours": ours}}


def medians(loads: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What several loads of one kind have in the middle, and the sum of their errors."""
    keys = ("rate", "p50_ms", "p99_ms", "server_cores", "client_cores", "sync_ms")
    first = [load["first_error"] for load in loads if "first_error" in load]
    return {key: statistics.median(load[key] for load in loads) for key in keys} | {
        "errors": sum(load["errors"] for load in loads)} | ({"first_error": first[0]} if first else {})


def compare(kind: type[Peer], options: argparse.Namespace, folder: pathlib.Path) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Starts a peer and Lodge, measures all of the peer's pairs, and stops both."""
    peer, lodge = kind(), Lodge(options.bin)
    rows: list[dict[str, Any]] = []
    lodge.start(folder / "lodge")
    try:
        peer.start(folder / kind.name)
        try:
            peer.fill()
            lodge.fill()
            time.sleep(options.settle)
            if options.syncs:
                for side in (peer, lodge):
                    for operation in side.writes:
                        print(f"{side.name} {operation}: {side.syncs(operation)['syncs_each']:.2f} syncs a write at one client", flush=True)
                return [], {}
            comparison = Comparison(peer, lodge, folder, options.seconds, say)
            for pair in PAIRS[kind.name]:
                if not options.operations or pair.operation in options.operations:
                    for row in comparison.rounds(pair, options.rounds):
                        rows.append(row)
                        say(line(row))
        finally:
            peer.stop()
    finally:
        lodge.stop()
    return rows, comparison.idle


def line(row: dict[str, Any]) -> str:
    """A row as it comes."""
    low, high = row["quartiles"]
    syncs = [load["sync_ms"] for loads in row["rounds"].values() for load in loads]
    text = (f"{row['peer']} {row['operation']} {row['clients']}: {figures.number(row['theirs']['rate'])}/s   "
            f"Lodge {row['lodge_operation']} {row['lodge_clients']}: {figures.number(row['ours']['rate'])}/s   "
            f"ratio {figures.number(row['ratio'])} ({figures.number(low)} to {figures.number(high)})   a sync {figures.number(min(syncs))} to {figures.number(max(syncs))} ms")
    if max(syncs) > UNEVEN_DISK * min(syncs):
        text += "\n  the disk was not the same all the time: repeat this one"
    for side in ("theirs", "ours"):
        if row[side]["errors"]:
            text += f"\n  {side}: {row[side]['errors']} errors, the first: {row[side].get('first_error', 'not told')}"
    return text


def circumstances(binaries: str) -> dict[str, Any]:
    """When, where and of what: what makes a number worth keeping."""
    processor = re.search(r"^model name\s*:\s*(.+)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    memory = re.search(r"^MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M)
    here = pathlib.Path(__file__).parent
    commit = subprocess.run(["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=10"], capture_output=True, text=True)
    program = pathlib.Path(binaries) / "lodged"
    built = datetime.datetime.fromtimestamp(program.stat().st_mtime, datetime.timezone.utc) if program.exists() else None
    return {
        "at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "commit": commit.stdout.strip() or "unknown",
        "lodged_built": built.isoformat(timespec="seconds") if built else "unknown", "nodes": NODES,
        "processor": processor[1] if processor else platform.machine(), "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(memory[1]) / (1 << 20), 1) if memory else None, "kernel": platform.release()}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def chosen(parser: argparse.ArgumentParser, text: str, known: Iterable[str]) -> list[str]:
    """The names in a list with commas, each of which must be known."""
    names = [name for name in text.split(",") if name]
    if unknown := [name for name in names if name not in known]:
        parser.error(f"{', '.join(unknown)}: there is no such; there are {', '.join(known)}")
    return names


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=",".join(PEERS), help="with commas; all of them without it")
    parser.add_argument("--operations", default="", help="only these of the peers' operations, with commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="how long each load takes")
    parser.add_argument("--settle", type=float, default=4, help="seconds between filling and measuring")
    parser.add_argument("--bin", default=".build/release", help="the folder with lodged and lodge")
    parser.add_argument("--json", help="writes everything that was measured to this file")
    parser.add_argument("--syncs", action="store_true", help="count the syncs of each kind of write by strace, and measure nothing else")
    parser.add_argument("--install", action="store_true", help="installs the peers first")
    options = parser.parse_args(arguments)
    names = chosen(parser, options.peers, PEERS)
    options.operations = chosen(parser, options.operations, sorted({pair.operation for name in names for pair in PAIRS[name]}))
    if min(options.rounds, options.seconds) < 1:
        parser.error("--rounds and --seconds are at least 1")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)  # A comparison that is ended still ends what it started.
    result: dict[str, Any] = {"circumstances": circumstances(options.bin), "rows": [], "idle_cores": {}}
    try:
        for name in names:
            if options.install:
                PEERS[name]().install()
            with tempfile.TemporaryDirectory(prefix="lodge-peers-") as folder:
                pathlib.Path(folder).chmod(0o755)
                rows, idle = compare(PEERS[name], options, pathlib.Path(folder))
            result["rows"] += rows
            result["idle_cores"][name] = idle
    except (PeerFailure, figures.Unreadable) as failure:
        raise SystemExit(f"compare: {failure}") from None
    finally:
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps(result, indent=1) + "\n")
    if options.syncs:
        return
    print("  ".join(f"{key} {value}" for key, value in result["circumstances"].items()))
    print(figures.table(result["rows"]))
    if any(row[side]["errors"] for row in result["rows"] for side in ("theirs", "ours")):
        raise SystemExit("compare: some requests failed; the rates above are without them")


if __name__ == "__main__":
    main()
