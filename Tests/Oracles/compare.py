#!/usr/bin/env python3
"""Compares a program that computes the clocks of tickets with the oracle, on random histories.

    python3 compare.py --tool "CMD" [--seed S] [--count N] [--jobs J]

CMD is a shell command that reads histories and writes results, one JSON object a line each way, in the same order. At the first
difference the history is printed, what both sides say there, and a history as short as could be made that still shows a difference.
"""

import argparse
import copy
import json
import subprocess
import sys
import time
from collections import Counter
from datetime import datetime, timezone
from functools import partial
from multiprocessing import Pool

import clocks
import histories

CHUNK = 200
TOOL_SECONDS = 600


# --- The tool's answers ---------------------------------------------------------------------------------------------------------------


def run_tool(command, some_histories):
    """(lines of the answer, what went wrong)"""
    text = "".join(clocks.line(history) + "\n" for history in some_histories)
    try:
        done = subprocess.run(command, shell=True, input=text, capture_output=True, text=True, timeout=TOOL_SECONDS)
    except subprocess.TimeoutExpired:
        return [], f"no end after {TOOL_SECONDS} s"
    lines = done.stdout.splitlines()
    if done.returncode == 0 and len(lines) == len(some_histories):
        return lines, None
    return [], f"exit status {done.returncode}, {len(lines)} lines for {len(some_histories)} histories; {done.stderr.strip()[-2000:]}"


def answers(command, some_histories):
    """One answer for each history. Where the tool fails on all of them together, each is asked for alone, to see which it is."""
    lines, failure = run_tool(command, some_histories)
    if failure is None:
        return [parsed(text) for text in lines]
    if len(some_histories) == 1:
        return [{"failure": failure}]
    return [answers(command, [history])[0] for history in some_histories]


def parsed(text):
    try:
        return json.loads(text)
    except ValueError as error:
        return {"failure": f"not JSON ({error}): {text[:500]}"}


# --- Differences ----------------------------------------------------------------------------------------------------------------------


def difference(expected, given):
    """(where, the oracle's, the tool's) of the first difference; None when there is none."""
    if clocks.line(expected) == clocks.line(given):  # as text: to Python 1, 1.0 and true are equal
        return None
    if not isinstance(given, dict) or not isinstance(given.get("events"), list) or not isinstance(given.get("metrics"), dict):
        return "the whole answer", f"{len(expected['events'])} events, and metrics", given
    for number in range(max(len(expected["events"]), len(given["events"]))):
        ours, theirs = event_at(expected, number), event_at(given, number)
        if clocks.line(ours) != clocks.line(theirs):
            return f"event {number}", ours, theirs
    for name in sorted(set(expected["metrics"]) | set(given["metrics"])):
        ours, theirs = (metrics.get(name, "(missing)") for metrics in (expected["metrics"], given["metrics"]))
        if clocks.line(ours) != clocks.line(theirs):
            return f"metric {name}", ours, theirs
    return "keys of the answer", sorted(expected), sorted(given)


def event_at(result, number):
    return result["events"][number] if number < len(result["events"]) else "(no more events)"


def first_difference(command, some_histories):
    """(index, where, the oracle's, the tool's), or None"""
    return first_different(map(clocks.compute, some_histories), answers(command, some_histories))


def first_different(expected, given):
    found = ((index, difference(*pair)) for index, pair in enumerate(zip(expected, given)))
    return next(((index, *where) for index, where in found if where), None)


# --- Shrinking ------------------------------------------------------------------------------------------------------------------------


def shrunk(command, history):
    """A history with as little in it as could be found for which a difference remains."""
    while True:
        candidates = [candidate for candidate in map(tidy, smaller(history)) if histories.fault(candidate) is None]
        found = first_difference(command, candidates) if candidates else None
        if found is None:
            return history
        history = candidates[found[0]]


def tidy(history):
    """The same without changes that, with other events gone, do not change anything."""
    history = copy.deepcopy(history)
    fields = {}
    for event in history["events"]:
        for name in ("status", "priority", "type"):
            if event["kind"] == "update" and name in event and event[name] == fields[name]:
                del event[name]
            elif name in event:
                fields[name] = event[name]
    return history


def smaller(history):
    """Histories with a part left out, larger parts first."""
    yield from without_events(history)
    last = history["events"][-1]["at"]
    if history["until"] > last:
        yield {**history, "until": last}
        yield {**history, "until": (history["until"] + last) // 2}
    holders = [("schedule", history), ("policies", history)] + [
        (event["kind"], event) for event in history["events"] if event["kind"] in ("schedule", "policies")]
    for name, holder in holders:
        for value in (simpler_schedules if name == "schedule" else simpler_policies)(holder[name]):
            yield replaced(history, holder, name, value)
    for event in history["events"][1:]:
        for name in ("status", "priority", "type", "comment"):
            if event["kind"] == "update" and name in event:
                yield replaced(history, event, name)


def without_events(history):
    events = history["events"]
    size = len(events) - 1
    while size:
        for start in range(1, len(events), size):
            yield {**history, "events": events[:start] + events[start + size:]}
        size //= 2


def replaced(history, holder, name, *value):
    """The history with `holder[name]` as the value, or left out without one."""
    changed = {key: old for key, old in holder.items() if key != name}
    if value:
        changed[name] = value[0]
    if holder is history:
        return changed
    return {**history, "events": [changed if event is holder else event for event in history["events"]]}


def without_each(values):
    return [values[:index] + values[index + 1:] for index in range(len(values))]


def simpler_schedules(schedule):
    if schedule is None:
        return
    yield None
    for name in ("holidays", "intervals"):
        for value in without_each(schedule[name]):
            yield {**schedule, name: value}
    if schedule["time_zone"] != "UTC":
        yield {**schedule, "time_zone": "UTC"}


def simpler_policies(policies):
    yield from without_each(policies)
    for index, policy in enumerate(policies):
        for targets in simpler_targets(policy["targets"]):
            yield policies[:index] + [{**policy, "targets": targets}] + policies[index + 1:]


def simpler_targets(targets):
    for priority, by_metric in targets.items():
        yield {key: value for key, value in targets.items() if key != priority}
        for metric in by_metric:
            yield {**targets, priority: {key: value for key, value in by_metric.items() if key != metric}}


# --- What was covered -----------------------------------------------------------------------------------------------------------------


def coverage(history, result):
    """How often the things happened that the definitions name."""
    found = Counter()
    times = {event["at"] for event in history["events"]}
    for event in history["events"]:
        found[{"schedule": "schedule edits", "policies": "policy edits"}.get(event["kind"], event["kind"] + "s")] += 1
    for event in result["events"]:
        found[event["type"]] += 1
        if event["type"] == "breach":
            found["of them business"] += event["sla"]["business"]
            found["of them at an event"] += event["at"] in times
        found["apply_sla null"] += event["type"] == "apply_sla" and event["sla"] is None
    found["reopens"] = result["metrics"]["reopens"]
    return found


def summary(found, notes):
    def said(names):
        return ", ".join(f"{found[name]} {name}" for name in names)

    history_part = said(("updates", "reopens", "schedule edits", "policy edits"))
    breaches = f"{found['breach']} breach ({said(('of them business', 'of them at an event'))})"
    events_part = said(("activate", "pause", "fulfill", "update_status", "apply_sla", "apply_sla null"))
    return f"{history_part}; {events_part}, {breaches}; put there on purpose: " + ", ".join(
        f"{count} {note}" for note, count in sorted(notes.items()))


# --- All of it ------------------------------------------------------------------------------------------------------------------------


def check_chunk(command, seed, bounds):
    """(difference or None, coverage, notes) of the histories first…after - 1; a difference begins with the history's number."""
    first, after = bounds
    made = [histories.make_with_notes(seed, number) for number in range(first, after)]
    some_histories = [history for history, _ in made]
    results = [clocks.compute(history) for history in some_histories]
    found = first_different(results, answers(command, some_histories))
    if found:
        return (first + found[0], *found[1:]), Counter(), Counter()
    covered = sum(map(coverage, some_histories, results), Counter())
    return None, covered, sum((notes for _, notes in made), Counter())


def pretty(history):
    """The history as JSON with one event, and one policy, a line."""
    parts = []
    for name in ("schedule", "policies", "events", "until"):
        if name in ("policies", "events"):
            lines = ",\n".join("    " + json.dumps(value) for value in history[name])
            parts.append(f'  "{name}": [\n{lines}\n  ]')
        else:
            parts.append(f'  "{name}": {json.dumps(history[name])}')
    return "{\n" + ",\n".join(parts) + "\n}"


def readable(value):
    """JSON, and the time in words when it has one."""
    text = json.dumps(value, sort_keys=True)
    if isinstance(value, dict) and isinstance(value.get("at"), int):
        text += f"  ({datetime.fromtimestamp(value['at'] / 1000, timezone.utc).isoformat(timespec='milliseconds')})"
    return text


def print_difference(where, ours, theirs):
    print(f"first difference: {where}\n  oracle: {readable(ours)}\n  tool:   {readable(theirs)}")


def report(command, seed, found):
    number, *rest = found
    history = histories.make(seed, number)
    print(f"history {number} of seed {seed} (python3 histories.py --seed {seed} --first {number} --count 1):\n{pretty(history)}")
    print_difference(*rest)
    short = shrunk(command, history)
    print(f"\nshrunken to {len(short['events'])} events:\n{pretty(short)}\n{clocks.line(short)}")
    again = first_difference(command, [short])
    if again:
        print_difference(*again[1:])
    else:
        print("no difference when asked again: the tool does not always say the same")


def main():
    parser = argparse.ArgumentParser(description="Compare a program's clocks with the oracle's.")
    parser.add_argument("--tool", required=True, help="shell command, JSONL in and out")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    begun = time.monotonic()
    covered, notes = Counter(), Counter()
    chunks = [(first, min(first + CHUNK, options.count)) for first in range(0, options.count, CHUNK)]
    with Pool(options.jobs) as pool:
        for found, more_covered, more_notes in pool.imap(partial(check_chunk, options.tool, options.seed), chunks):
            if found:
                report(options.tool, options.seed, found)
                sys.exit(1)
            covered += more_covered
            notes += more_notes
    seconds = time.monotonic() - begun
    print(f"{options.count} histories of seed {options.seed} agree, {seconds:.1f} s: {summary(covered, notes)}")


if __name__ == "__main__":
    main()
