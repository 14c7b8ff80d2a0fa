#!/usr/bin/env python3
"""Checks recorded client histories for linearizability; README.md describes the format.

Exit status: 0 all good, 1 a history is not linearizable (or a session or stale read is
impossible), 2 the input is malformed, 3 nothing failed but the step limit left a key undecided.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable
from typing import Any

from linearizability import DEFAULT_LIMIT, KeyReport, Operation, check_history

KINDS = ("read", "write", "compareAndSet", "add")
OUTCOMES = ("ok", "refused", "unknown")
LEVELS = ("linearizable", "session", "stale")
PREFIX_LINES = 40


class Malformed(Exception):
    """The input is no history; the message names the file and the line."""


def read_history(lines: Iterable[bytes], name: str) -> list[Operation]:
    operations = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line.decode("utf-8"))
            if not isinstance(record, dict):
                raise ValueError("not a JSON object")
            if record.get("kind") != "note":
                operations.append(_operation(record, number))
        except (ValueError, RecursionError) as error:
            raise Malformed(f"{name}:{number}: {error}") from None
    _require_one_open_operation(operations, name)
    return operations


def _operation(record: dict[str, Any], line: int) -> Operation:
    kind = _choice(record, "kind", KINDS)
    outcome = _choice(record, "outcome", OUTCOMES)
    if not isinstance(record.get("key"), str):
        raise ValueError(f"key must be a string, not {record.get('key')!r}")
    invoked = _integer(record, "invoked")
    if outcome == "unknown":
        returned = None
        if record.get("returned") is not None:
            raise ValueError("returned must be null when the outcome is unknown")
    else:
        returned = _integer(record, "returned")
        if returned < invoked:
            raise ValueError(f"returned {returned} is before invoked {invoked}")
    return Operation(
        client=_integer(record, "client"),
        key=record["key"],
        kind=kind,
        argument=None if kind == "read" else _integer(record, "argument"),
        expected=_integer(record, "expected") if kind == "compareAndSet" else None,
        result=_result(record, kind, outcome),
        invoked=invoked,
        returned=returned,
        outcome=outcome,
        level=_choice(record, "level", LEVELS) if "level" in record else "linearizable",
        line=line,
    )


def _choice(record: dict[str, Any], field: str, allowed: tuple[str, ...]) -> str:
    value = record.get(field)
    if value not in allowed:
        raise ValueError(f"{field} must be one of {', '.join(allowed)}, not {value!r}")
    return value


def _integer(record: dict[str, Any], field: str) -> int:
    value = record.get(field)
    # JSON's true is a Python bool, which is an int.
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{field} must be an integer, not {value!r}")
    return value


def _result(record: dict[str, Any], kind: str, outcome: str) -> int | bool | None:
    if outcome == "ok" and kind in ("read", "add"):
        return _integer(record, "result")
    value = record.get("result")
    if outcome == "ok" and kind == "compareAndSet":
        if not isinstance(value, bool):
            raise ValueError(f"result of compareAndSet must be true or false, not {value!r}")
        return value
    if value is not None:
        raise ValueError(f"result must be null for {kind} with outcome {outcome}, not {value!r}")
    return None


def _require_one_open_operation(operations: list[Operation], name: str) -> None:
    """An unknown operation stays open for ever, so a client may go on after it."""
    latest: dict[int, Operation] = {}
    # Of operations invoked in the same microsecond the one which ended at once was first.
    in_order = sorted(
        operations,
        key=lambda each: (each.invoked, each.invoked if each.returned is None else each.returned),
    )
    for operation in in_order:
        previous = latest.get(operation.client)
        if previous is not None and operation.invoked < previous.returned:
            raise Malformed(
                f"{name}:{operation.line}: client {operation.client} invoked an operation at "
                f"{operation.invoked} while its operation of line {previous.line} was open "
                f"until {previous.returned}"
            )
        if operation.returned is not None:
            latest[operation.client] = operation


def describe(operation: Operation) -> str:
    """One readable line, times in milliseconds."""
    arguments = {
        "read": "",
        "compareAndSet": f"{operation.expected}, {operation.argument}",
    }.get(operation.kind, f"{operation.argument}")
    result = operation.outcome if operation.result is None else json.dumps(operation.result)
    returned = "never" if operation.returned is None else f"{operation.returned / 1000:.3f}"
    level = "" if operation.level == "linearizable" else f" ({operation.level})"
    return (
        f"line {operation.line}: client {operation.client} "
        f"{operation.kind}({arguments}){level} -> {result}  "
        f"[{operation.invoked / 1000:.3f} .. {returned} ms]"
    )


def explain(name: str, report: KeyReport) -> list[str]:
    """The lines which show why a key is bad."""
    lines = []
    if report.blocked:
        lines.append(f"{name}: key {report.key!r} is not linearizable")
        lines.append(f"  longest linearizable prefix ({len(report.prefix)} operations):")
        hidden = len(report.prefix) - PREFIX_LINES
        if hidden > 0:
            lines.append(f"    ... {hidden} earlier operations; --json has them all")
        lines += [f"    {describe(each)}" for each in report.prefix[-PREFIX_LINES:]]
        lines.append(f"  value then: {report.state}")
        lines.append("  one of these had to be next, and none could be:")
        lines += [f"    {describe(each)}" for each in report.blocked]
    if report.impossible_reads:
        lines.append(f"{name}: key {report.key!r} has reads of a value it never held before:")
        lines += [f"    {describe(each)}" for each in report.impossible_reads]
    return lines


def as_json(name: str, report: KeyReport) -> dict[str, Any]:
    return {
        "file": name,
        "key": report.key,
        "verdict": report.verdict,
        "operations": report.operations,
        "steps": report.steps,
        "valueAfterPrefix": report.state,
        "prefix": [describe(each) for each in report.prefix],
        "blocked": [describe(each) for each in report.blocked],
        "impossibleReads": [describe(each) for each in report.impossible_reads],
    }


def read_file(path: str) -> list[Operation]:
    if path == "-":
        return read_history(sys.stdin.buffer, "stdin")
    try:
        with open(path, "rb") as lines:
            return read_history(lines, path)
    except OSError as error:
        raise Malformed(f"{path}: {error.strerror}") from None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Checks histories for linearizability.")
    parser.add_argument("files", nargs="+", metavar="FILE", help="a history; - is stdin")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--limit", type=int, default=DEFAULT_LIMIT, metavar="STEPS", help="search steps per key"
    )
    parser.add_argument(
        "--initial", type=int, default=0, metavar="VALUE", help="the value of a key at first"
    )
    options = parser.parse_args(arguments)

    started = time.monotonic()
    try:
        histories = [(path, read_file(path)) for path in options.files]
    except Malformed as error:
        print(f"malformed history: {error}", file=sys.stderr)
        return 2
    reports = [
        (name, report)
        for name, history in histories
        for report in check_history(history, options.initial, options.limit)
    ]
    seconds = time.monotonic() - started

    operations = sum(len(history) for _, history in histories)
    bad = [each for each in reports if each[1].verdict == "bad"]
    undecided = [each for each in reports if each[1].verdict == "undecided"]
    status = 1 if bad else 3 if undecided else 0
    verdict = {0: "good", 1: "bad", 3: "undecided"}[status]
    if options.json:
        summary = {
            "verdict": verdict,
            "operations": operations,
            "keys": len(reports),
            "bad": [as_json(*each) for each in bad],
            "undecided": [as_json(*each) for each in undecided],
            "seconds": round(seconds, 3),
        }
        print(json.dumps(summary))
        return status
    for name, report in bad:
        print("\n".join(explain(name, report)))
    for name, report in undecided:
        print(f"{name}: key {report.key!r} is undecided after {report.steps} steps")
    print(
        f"{verdict}: {operations} operations, {len(reports)} keys, {len(bad)} bad, "
        f"{len(undecided)} undecided, {seconds:.2f} s"
    )
    return status


if __name__ == "__main__":
    sys.exit(main())
