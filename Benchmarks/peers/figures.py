"""The arithmetic of the comparison, and what the load programs print, as numbers. Pure: no process, no clock, no file."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class Unreadable(Exception):
    """A load program printed something else than what is known of it: no number is better than a wrong one."""


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed; the values come in order."""
    if not ordered:
        return float("nan")
    place = -(-len(ordered) * share // 1)  # Rounded up: the nearest rank.
    return ordered[min(len(ordered), max(1, int(place))) - 1]


def summary(latencies_ms: Iterable[float], seconds: float, errors: int) -> dict[str, Any]:
    """What `load` gives of a list of latencies; failed requests are counted, and are in neither rate nor latencies."""
    ordered = sorted(latencies_ms)
    return {"count": len(ordered), "rate": len(ordered) / seconds, "p50_ms": percentile(ordered, 0.5),
            "p99_ms": percentile(ordered, 0.99), "errors": errors}


def h2load(output: str, log: str, seconds: float, least_answer: int) -> dict[str, Any]:
    """h2load's output and its log: a line a request with start (µs), HTTP status and duration (µs).

    gRPC says 200 to a call that fails, and tells the failure after the answer, which then has no body: so the bytes of all bodies are
    held against the least that so many answers must have. Those of the warm-up come on top, so a few failures could hide, many cannot.
    """
    finished = re.search(r"^requests: \d+ total, \d+ started, (\d+) done, \d+ succeeded, (\d+) failed, (\d+) errored, (\d+) timeout$",
                         output, re.M)
    traffic = re.search(r"^traffic: .* \((\d+)\) data$", output, re.M)
    if not finished or not traffic:
        raise Unreadable(f"h2load did not say how its requests went:\n{output[-2000:]}")
    rows = [line.split("\t") for line in log.splitlines()]
    if any(len(row) != 3 for row in rows):
        raise Unreadable("a line of h2load's log has not three columns")
    latencies = [int(row[2]) / 1000 for row in rows if row[1] == "200"]
    failed = max(len(rows) - len(latencies), int(finished[2]) + int(finished[3]) + int(finished[4]))
    if int(traffic[1]) < least_answer * len(latencies):
        raise Unreadable(f"{len(latencies)} answers of together {traffic[1]} bytes: some of them said no")
    return summary(latencies, seconds, failed)


def pgbench(output: str, logs: Iterable[str]) -> dict[str, Any]:
    """pgbench's output and its logs: a line a transaction, whose third column is the latency in µs."""
    rate = re.search(r"^tps = (\d+(?:\.\d+)?) \(without initial connection time\)$", output, re.M)
    done = re.search(r"^number of transactions actually processed: (\d+)", output, re.M)
    failed = re.search(r"^number of failed transactions: (\d+)", output, re.M)
    if not rate or not done or not failed:
        raise Unreadable(f"pgbench did not say how its transactions went:\n{output[-2000:]}")
    latencies = sorted(int(line.split()[2]) / 1000 for log in logs for line in log.splitlines())
    if len(latencies) != int(done[1]):
        raise Unreadable(f"pgbench did {done[1]} transactions and logged {len(latencies)}")
    return summary(latencies, 1, int(failed[1])) | {"rate": float(rate[1])}


def wrk(outputs: Sequence[str]) -> dict[str, Any]:
    """The RESULT lines of `mix.lua`, one a wrk that ran at the same time: requests, seconds, p50 ms, p99 ms, errors.

    The percentiles of several cannot be had from theirs; what is given is the median of the medians and the worst of the tails.
    """
    rows = []
    for output in outputs:
        fields = re.search(r"^RESULT (\d+) (\S+) (\S+) (\S+) (\d+)$", output, re.M)
        if not fields:
            raise Unreadable(f"wrk printed no RESULT line:\n{output[-2000:]}")
        rows.append([float(each) for each in fields.groups()])
    errors = int(sum(row[4] for row in rows))
    # wrk counts an answer with a bad status as a request too.
    count = max(0, int(sum(row[0] for row in rows)) - errors)
    return {"count": count, "rate": count / max(row[1] for row in rows), "p50_ms": statistics.median(row[2] for row in rows),
            "p99_ms": max(row[3] for row in rows), "errors": errors}


def syncs(strace: str) -> int:
    """How many syncs `strace -f -c` counted of fsync, fdatasync and their kin. No table means that there was none."""
    counted = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(?:fsync|fdatasync|msync)$", strace, re.M)
    return sum(map(int, counted))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, Any]:
    """Medians of both, and median and quartiles of the ratios of what was measured in the same round."""
    if len(ours) != len(theirs) or not ours:
        raise ValueError(f"{len(ours)} rounds of ours and {len(theirs)} of theirs make no pairs")
    if min(theirs) <= 0:
        raise ValueError("a peer that did nothing in a round can be held against nothing")
    each = [a / b for a, b in zip(ours, theirs)]
    low, middle, high = statistics.quantiles(each, n=4, method="inclusive") if len(each) > 1 else each * 3
    return {"ours": statistics.median(ours), "theirs": statistics.median(theirs), "ratio": middle, "quartiles": [low, high]}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The results for people and for README.md, in Markdown. p50 and p99 are medians of the rounds'."""
    lines = ["| peer | its operation, clients | rate/s, p50, p99 ms | Lodge's operation, clients | rate/s, p50, p99 ms "
             "| Lodge ÷ peer (quartiles) | a sync, ms: theirs, ours | cores of the load | errors |",
             "|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        sides = [", ".join(number(row[side][key]) for key in ("rate", "p50_ms", "p99_ms")) for side in ("theirs", "ours")]
        low, high = row["quartiles"]
        lines.append(
            f"| {row['peer']} | {row['operation']}, {row['clients']} | {sides[0]} | {row['lodge_operation']}, {row['lodge_clients']} "
            f"| {sides[1]} | **{number(row['ratio'])}** ({number(low)}–{number(high)}) "
            f"| {number(row['theirs']['sync_ms'])}, {number(row['ours']['sync_ms'])} "
            f"| {row['theirs']['client_cores']:.2f}, {row['ours']['client_cores']:.2f} "
            f"| {row['theirs']['errors']}, {row['ours']['errors']} |")
    return "\n".join(lines)


def number(value: float) -> str:
    """Three digits that count, and no more."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
