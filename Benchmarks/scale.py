#!/usr/bin/env python3
"""Scale curves: throughput, p99 and costs against tenants, tickets of a tenant, shards and replicas.

    Benchmarks/scale.py [--curves replicas,shards,tenants,records,tickets] [--rounds 2] [--bin .build/release] [--out Benchmarks/scale] [--quick]

Each point is a new cluster under `lodge-bench run`: the canonical mix from a closed loop of 64 clients, all answers checked and all writes
read back; a run that fails its checks ends this program. A search reads the tickets that have its words, so what it costs follows the size of
the largest tenants. The curve `tickets` has lists and searches; those of `tenants` and `records` (tickets again) are the mix without them, and
show what everything else does.

The points of a curve are measured in turn, in every second round from the last to the first, so that a machine that gets slower meanwhile
does not look like a slope. Points that take many minutes come once, between the rounds. Then `lodge-bench report --curve` draws the plots,
and the tables are printed in Markdown.

The results lie in `results` of the output folder; with `--resume` those that are there are not measured again, with `--report` nothing is.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[1]
CLIENTS = 64
IDLE = "idle"
OPERATIONS = ("create", "update", "comment", "get", "list", "search")
HARNESS = "lodge-bench"
WITHOUT_LISTS = ("--mix", "create=1,update=3,comment=2,get=10")


class ScaleFailure(Exception):
    """A run or a report that did not work, or a result without what a table needs."""


class Point(NamedTuple):
    """One place on a curve: its value, and the options of `lodge-bench run` that make it."""

    value: int
    options: tuple[str, ...]
    is_long: bool = False  # Takes many minutes, so it is measured once and not with --quick.
    is_quick: bool = True  # With --quick too.
    warm_up: float | None = None  # At least so many seconds: how long the indexes of words of a large desk take to be made.


class Curve(NamedTuple):
    """What is varied, and by which key of the results."""

    key: str
    points: tuple[Point, ...]


class Run(NamedTuple):
    """A point in one of the rounds, from 1."""

    point: Point
    turn: int

    def name(self, curve: str) -> str:
        return f"{curve}-{self.point.value}-{self.turn}"


def _tenants() -> Iterator[Point]:
    # As many tickets in all where that is possible; of 100,000 tenants each has at least one.
    for count, tickets in ((1, 10_000), (1_000, 10)):
        yield Point(count, ("--nodes", "3", "--tenants", str(count), "--tickets", str(tickets), *WITHOUT_LISTS))
    yield Point(100_000, ("--nodes", "3", "--many-tenants", "100000", "--tickets", "1", *WITHOUT_LISTS), is_long=True)


def _tickets(counts: Iterable[int], *mix: str) -> Iterator[Point]:
    # One tenant, so one shard: what differs is nothing but the number of rows beside a ticket.
    for count in counts:
        options = ("--nodes", "3", "--tenants", "1", "--tickets", str(count), *mix)
        yield Point(count, options, is_long=count >= 100_000, warm_up=None if mix or count < 100_000 else count / 6_000)


def _shards() -> Iterator[Point]:
    for count in (1, 3, 10, 30):
        yield Point(count, ("--nodes", "3", "--shards", str(count)), is_quick=count in (1, 10))


CURVES: dict[str, Curve] = {
    "replicas": Curve("nodes", tuple(Point(count, ("--nodes", str(count))) for count in (1, 3))),
    "shards": Curve("shards", tuple(_shards())),
    "tenants": Curve("tenants", tuple(_tenants())),
    "records": Curve("tickets", tuple(_tickets((100, 10_000, 100_000, 1_000_000), *WITHOUT_LISTS))),
    "tickets": Curve("tickets", tuple(_tickets((100, 1_000, 10_000, 100_000, 1_000_000)))),
}


# Pure: what is run, and what results say.


def order(points: Sequence[Point], rounds: int, quick: bool = False) -> list[Run]:
    """The points in turn, there and back; the long ones once, in the middle."""
    short = [point for point in points if not point.is_long and (point.is_quick or not quick)]
    long = [] if quick else [point for point in points if point.is_long]
    runs: list[Run] = []
    for turn in range(1, rounds + 1):
        runs += [Run(point, turn) for point in (short if turn % 2 else reversed(short))]
        if turn == (rounds + 1) // 2:
            runs += [Run(point, 1) for point in long]
    return runs


def phase(result: Mapping[str, Any], idle: bool = False) -> Mapping[str, Any]:
    """The phase under load of a result, or the one in which nobody asked for anything."""
    found = [each for each in result["phases"] if (each["name"] == IDLE) == idle]
    if len(found) != 1:
        raise ScaleFailure(f"a result has {len(found)} {'idle phases' if idle else 'loads'} and not one")
    checks = found[0]["checks"]
    if checks["wrongAnswerCount"] or checks["writesFound"] != checks["acknowledgedWrites"]:
        raise ScaleFailure(f"a result failed its checks, so its speed counts for nothing: {checks}")
    return found[0]


def loaded(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result with nothing but its load: a curve has a line for each phase, and idle nodes have no rate."""
    return {**result, "phases": [phase(result)]}


def mean_cores(process: Mapping[str, Any]) -> float:
    """Cores kept busy over the sampled time; each sample covers what lies between it and the one before."""
    before = busy = 0.0
    for sample in process["samples"]:
        busy += sample["cores"] * (sample["at"] - before)
        before = sample["at"]
    return busy / before if before > 0 else 0.0


def nodes(load: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The processes of a phase without the harness."""
    return [process for process in load["processes"] if process["name"] != HARNESS]


def costs(result: Mapping[str, Any]) -> dict[str, float]:
    """What a result's load reached and what it cost: of all nodes together, for one request or one write."""
    load = phase(result)
    done = {each["operation"]: each for each in load["operations"]}
    writes = sum(done[name]["count"] for name in OPERATIONS[:3] if name in done)
    requests = sum(each["count"] for each in done.values())
    if not writes or requests == writes:
        raise ScaleFailure("a load without writes or without reads")
    cores = sum(mean_cores(process) for process in nodes(load))
    figures = {
        "rate": requests / load["seconds"],
        "cores": cores,
        "cpu_us": cores * load["seconds"] * 1e6 / requests,
        "syncs": load["wire"]["syncs"] * 1000 / writes,
        "log_bytes": load["wire"]["logBytes"] / writes,
        "megabytes": sum(process["samples"][-1]["residentBytes"] for process in nodes(load)) / 1e6,
    }
    return figures | {f"{name}_ms": done[name]["latency"]["p50"] / 1000 for name in OPERATIONS if name in done}


def medians(repeats: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """What repeats of one point have in the middle, figure by figure."""
    return {key: statistics.median(repeat[key] for repeat in repeats) for key in repeats[0]}


def tenant_costs(result: Mapping[str, Any]) -> dict[str, float]:
    """What a tenant costs nodes that have nothing to do: memory of a node, its CPU, and bytes between two nodes."""
    idle = phase(result, idle=True)
    told = re.compile(r"n\d+: (\d+) MB empty, (\d+) MB with (\d+) tenants, (-?\d+) bytes each")
    found = [told.fullmatch(event["text"]) for event in idle["events"]]
    rows = [[int(number) for number in match.groups()] for match in found if match]
    processes = nodes(idle)
    if len(rows) != len(processes) or not rows:
        raise ScaleFailure("an idle phase does not say what each node's tenants take")
    made = re.search(r"made \d+ tenants, (\d+)/s", " ".join(event["text"] for event in phase(result)["events"]))
    pairs = len(processes) * (len(processes) - 1) / 2
    return {
        "tenants": rows[0][2],
        "made": float(made[1]) if made else float("nan"),
        "empty_mb": statistics.median(row[0] for row in rows),
        "full_mb": statistics.median(row[1] for row in rows),
        "bytes": statistics.median(row[3] for row in rows),
        "cpu_percent": 100 * statistics.fmean(mean_cores(process) for process in processes),
        "pair_bytes": idle["wire"]["allLinkBytes"] / idle["seconds"] / pairs if pairs else 0.0,
    }


def plain(value: float) -> str:
    """Three digits or so."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def curve_table(drawn: str, points: Sequence[tuple[int, Sequence[Mapping[str, float]]]]) -> str:
    """What `lodge-bench report --curve` says of a curve in Markdown, and beside it the costs of its points: medians of the repeats, and the
    repeats' rates themselves. Both are in the order of the values."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in drawn.strip().splitlines()]
    if len(rows) != len(points) + 2 or rows[0][0] != "phase" or rows[0][2] != "runs":
        raise ScaleFailure(f"lodge-bench tells of a curve in another form than is known:\n{drawn}")
    first = medians(points[0][1])
    names = [name for name in OPERATIONS if f"{name}_ms" in first]
    heading = [rows[0][1], *rows[0][3:], "requests/s, each run", "cores of the nodes", "their CPU µs a request", "syncs per 1,000 writes",
               "log bytes a write", "memory of the nodes, MB", "p50 ms: " + ", ".join(names)]
    lines = [row(heading), row(["---"] * len(heading))]
    for told, (value, repeats) in zip(rows[2:], points):
        middle = medians(repeats)
        lines.append(row([
            f"{value:,}", *told[3:], ", ".join(plain(repeat["rate"]) for repeat in repeats),
            *(plain(middle[figure]) for figure in ("cores", "cpu_us", "syncs", "log_bytes", "megabytes")),
            ", ".join(plain(middle[f"{name}_ms"]) for name in names)]))
    return "\n".join(lines)


def tenant_table(repeats: Sequence[Mapping[str, float]]) -> str:
    """What a tenant costs, in Markdown."""
    middle = medians(repeats)
    heading = ["tenants", "made/s", "memory of a node without and with them, MB", "bytes a tenant", "idle CPU of a node, % of a core",
               "idle bytes/s between two nodes"]
    cells = [f"{middle['tenants']:,.0f}", plain(middle["made"]), f"{middle['empty_mb']:.0f}, {middle['full_mb']:.0f}", plain(middle["bytes"]),
             plain(middle["cpu_percent"]), plain(middle["pair_bytes"])]
    return "\n".join([row(heading), row(["---"] * len(heading)), row(cells)])


# Processes and files.


@contextlib.contextmanager
def locked(file: str | None) -> Iterator[None]:
    """Holds a lock that others who measure on this machine hold too."""
    if file is None:
        yield
        return
    with open(file, "a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


class Scale:
    """Measures points, and tells of them."""

    def __init__(self, options: argparse.Namespace):
        self.options = options
        self.bench = str(pathlib.Path(options.bin).resolve() / "lodge-bench")
        self.out = pathlib.Path(options.out)
        self.results = self.out / "results"
        self.results.mkdir(parents=True, exist_ok=True)

    def measure(self, curve: str, run: Run) -> pathlib.Path:
        """The file of a run's result. One that failed its checks, or whatever else, leaves none."""
        if self.options.resume and (stored := self.stored(curve, run)):
            return stored
        file = self.results / f"{run.name(curve)}.json"
        with tempfile.NamedTemporaryFile(dir=self.results, suffix=".part") as part, locked(self.options.lock):
            warm_up = max(self.options.warm_up, run.point.warm_up or 0)
            command = [self.bench, "run", "--clients", str(CLIENTS), "--seconds", str(self.options.seconds),
                       "--warm-up", str(warm_up), *run.point.options, "--json", part.name]
            print(" ".join(["lodge-bench", *command[1:-2]]), file=sys.stderr, flush=True)
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                output, error = process.communicate()
            except BaseException:
                process.terminate()  # Not killed: it ends the nodes that it started.
                process.communicate()
                raise
            if process.returncode:
                raise ScaleFailure(f"{run.name(curve)} failed:\n{output[-3000:]}{error[-3000:]}")
            file.write_bytes(pathlib.Path(part.name).read_bytes())
        print(f"  {plain(costs(json.loads(file.read_text()))['rate'])} requests/s", file=sys.stderr, flush=True)
        return file

    def stored(self, curve: str, run: Run) -> pathlib.Path | None:
        """The file of a run that was measured earlier."""
        file = self.results / f"{run.name(curve)}.json"
        return file if file.exists() else None

    def tell(self, name: str, files: Mapping[Point, Sequence[pathlib.Path]]) -> str:
        """Draws a curve, and gives its tables."""
        read = {point: [json.loads(file.read_text()) for file in paths] for point, paths in files.items()}
        points = sorted(read)
        with tempfile.TemporaryDirectory() as folder:
            arguments = []
            for point in points:
                for place, result in enumerate(read[point]):
                    arguments.append(f"{folder}/{point.value}-{place}.json")
                    pathlib.Path(arguments[-1]).write_text(json.dumps(loaded(result)))
            command = [self.bench, "report", "--curve", CURVES[name].key, *arguments, "--svg", str(self.out / f"{name}.svg")]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise ScaleFailure(f"the curve of {name} is not drawn: {done.stderr[-2000:]}")
        rows = [(point.value, [costs(result) for result in read[point]]) for point in points]
        parts = [f"### {name}", curve_table(done.stdout, rows)]
        many = [result for point in points for result in read[point] if any(each["name"] == IDLE for each in result["phases"])]
        return "\n\n".join(parts + ([tenant_table([tenant_costs(result) for result in many])] if many else []))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", default=",".join(CURVES), help="with commas; all of them without it")
    parser.add_argument("--rounds", type=int, help="how often each point is measured, 2 without it")
    parser.add_argument("--seconds", type=float, help="how long each load takes, 8 without it")
    parser.add_argument("--warm-up", type=float, help="seconds of load before, which count nowhere, 2 without it")
    parser.add_argument("--most", type=int, help="leave out points above this value (--curves tickets --most 100000)")
    parser.add_argument("--bin", default=".build/release", help="the folder with lodged, lodge and lodge-bench")
    parser.add_argument("--out", default=str(ROOT / "Benchmarks" / "scale"), help="folder of the plots, and of the results in `results`")
    parser.add_argument("--resume", action="store_true", help="do not measure again what the output folder has a result of")
    parser.add_argument("--report", action="store_true", help="measure nothing, and tell of the results that the output folder has")
    parser.add_argument("--lock", metavar="FILE", help="hold this lock (flock) during each run, on a machine where others measure too")
    parser.add_argument("--quick", action="store_true", help="fewer points, each once for 3 s, into the folder quick of the output folder")
    options = parser.parse_args(arguments)
    names = options.curves.split(",")
    if unknown := [name for name in names if name not in CURVES]:
        parser.error(f"no curve {', '.join(unknown)}; there are {', '.join(CURVES)}")
    for name, usual, quick in (("rounds", 2, 1), ("seconds", 8, 3), ("warm_up", 2, 1)):
        if getattr(options, name) is None:
            setattr(options, name, quick if options.quick else usual)
    if options.rounds < 1:
        parser.error("--rounds is at least 1")
    if options.quick:
        options.out = str(pathlib.Path(options.out) / "quick")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)  # So that a run which is under way ends its nodes.
    scale = Scale(options)
    try:
        for name in names:
            points = [point for point in CURVES[name].points if options.most is None or point.value <= options.most]
            files: dict[Point, list[pathlib.Path]] = {}
            for run in order(points, options.rounds, options.quick):
                if file := scale.stored(name, run) if options.report else scale.measure(name, run):
                    files.setdefault(run.point, []).append(file)
            if not files:
                raise ScaleFailure(f"there is no result of {name} in {scale.results}")
            print(scale.tell(name, files) + "\n", flush=True)
    except ScaleFailure as failure:
        raise SystemExit(f"scale: {failure}") from None


if __name__ == "__main__":
    main()
