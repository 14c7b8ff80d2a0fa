#!/usr/bin/env python3
"""Random histories of tickets, such as README.md allows and with everything in them that it names.

    python3 histories.py --seed S --count N [--first F] > histories.jsonl

History n of a seed is the same whatever else is made: `--first n --count 1` makes it alone.
"""

import argparse
import random
from collections import Counter
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import clocks
from clocks import DAY, HOUR, MINUTE, SECOND, SOLVED, UNSOLVED

ZONES = (
    "UTC", "Europe/Berlin", "Europe/London", "Europe/Dublin", "America/New_York", "America/Los_Angeles", "America/St_Johns",
    "America/Sao_Paulo", "America/Havana", "America/Santiago", "Atlantic/Azores", "Africa/Casablanca", "Africa/Cairo", "Asia/Beirut",
    "Asia/Kathmandu", "Asia/Kolkata", "Asia/Tokyo", "Australia/Lord_Howe", "Australia/Eucla", "Pacific/Apia", "Pacific/Chatham",
    "Pacific/Kiritimati", "Pacific/Pago_Pago", "Antarctica/Troll",
)
PRIORITIES = ("low", "normal", "high", "urgent")
TYPES = ("question", "incident", "problem", "task")
POLICY_METRICS = (
    "first_reply_time", "next_reply_time", "requester_wait_time", "agent_work_time", "pausable_update_time", "periodic_update_time",
    "total_resolution_time",
)
WEEK_MINUTES = 7 * clocks.MINUTES_A_DAY
EARLIEST, LATEST = clocks.milliseconds(2024), clocks.milliseconds(2029) - SECOND
LOOK_AHEAD = 30 * DAY  # how far a breach is looked for to put an event at it


# --- What README.md allows ------------------------------------------------------------------------------------------------------------


def fault(history):
    """What README.md does not allow in this history; None when it is as it should be."""
    events = history["events"]
    if not events or [event["kind"] for event in events].count("create") != 1 or events[0]["kind"] != "create":
        return "not one create, and first"
    times = [event["at"] for event in events] + [history["until"]]
    if times != sorted(times):
        return "times not in order"
    schedules = [history["schedule"]] + [event["schedule"] for event in events if event["kind"] == "schedule"]
    policies = [history["policies"]] + [event["policies"] for event in events if event["kind"] == "policies"]
    faults = [schedule_fault(each) for each in schedules] + [policies_fault(each) for each in policies]
    return next(filter(None, faults), None) or ticket_fault(events)


def schedule_fault(schedule):
    if schedule is None:
        return None
    ZoneInfo(schedule["time_zone"])
    minutes = [minute for interval in schedule["intervals"] for minute in interval]
    if any(a >= b for a, b in zip(minutes, minutes[1:])) or any(not 0 <= minute <= WEEK_MINUTES for minute in minutes):
        return "intervals not in order and apart"
    if any(first > last for first, last in schedule["holidays"]):
        return "a holiday ends before it begins"
    return None


def policies_fault(policies):
    if len({policy["id"] for policy in policies}) < len(policies):
        return "a policy twice"
    for policy in policies:
        for priority, targets in policy["targets"].items():
            if priority not in PRIORITIES or not set(targets) <= set(POLICY_METRICS):
                return "unknown priority or metric in a policy"
            if any(target["minutes"] < 1 for target in targets.values()):
                return "a target of no time"
    return None


def ticket_fault(events):
    fields = {name: events[0][name] for name in ("status", "priority", "type")}
    if fields["status"] not in UNSOLVED:
        return "created solved"
    if not events[0]["comment"]:
        return "created without a comment"
    for event in events[1:]:
        if event["kind"] != "update":
            continue
        if fields["status"] == "closed":
            return "a closed ticket updated"
        if any(name in event and event[name] == fields[name] for name in fields):
            return "an update says what does not change"
        fields.update((name, event[name]) for name in fields if name in event)
        if fields["status"] not in UNSOLVED + SOLVED:
            return "unknown status"
    return None


# --- Schedules ------------------------------------------------------------------------------------------------------------------------


def weekly(days, *hours):
    """The same hours on each of the days (Sunday is 0), as minutes of the week."""
    day = clocks.MINUTES_A_DAY
    return [[weekday * day + int(start * 60), weekday * day + int(end * 60)] for weekday in days for start, end in hours]


def random_intervals(rng):
    bounds = sorted(rng.sample(range(WEEK_MINUTES + 1), 2 * rng.randint(1, 10)))
    if rng.random() < 0.4:
        bounds[0] = 0
    if rng.random() < 0.4:
        bounds[-1] = WEEK_MINUTES
    return [list(pair) for pair in zip(bounds[::2], bounds[1::2])]


def some_intervals(rng):
    workdays = range(1, 6)
    shapes = (
        weekly(workdays, (9, 17)),
        weekly(workdays, (8, 12), (13, 17.5)),
        weekly(range(7), (0, 4), (10.25, 11), (20, 24))[:-1],  # from midnight, and to midnight
        weekly(range(7), (0.5, 3.5), (12, 12.5)),  # over the hours at which clocks are changed
        weekly((0, 6), (0, 2), (2.25, 24)),  # the week's first and last minute
        weekly(range(0, 6), (22, 30)),  # nights, over midnight
        weekly((1,), (7, 7 + 1 / 60)),  # one minute a week
        [[0, WEEK_MINUTES]],
    )
    return apart(rng.choice(shapes)) if rng.random() < 0.7 else random_intervals(rng)


def apart(intervals):
    """Intervals that touch, as one."""
    joined = []
    for start, end in intervals:
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(end, joined[-1][1])
        else:
            joined.append([start, end])
    return joined


def some_holidays(rng, near):
    """Up to four, of one or more days, about the time `near`."""
    day = date.fromordinal(near // DAY + clocks.EPOCH_DAY) - timedelta(days=rng.randint(0, 6))
    holidays = []
    for _ in range(rng.choice((0, 0, 1, 1, 2, 3, 4))):
        first = day + timedelta(days=rng.choice((0, 1, 2, 5, 20)))
        last = first + timedelta(days=rng.choice((0, 0, 0, 1, 2, 9)))
        holidays.append([first.isoformat(), last.isoformat()])
        day = last + timedelta(days=1)
    return holidays


def some_schedule(rng, zone, near):
    if rng.random() < 0.12:
        return None
    intervals = [] if rng.random() < 0.05 else some_intervals(rng)
    return {"time_zone": zone, "intervals": intervals, "holidays": some_holidays(rng, near)}


def edited_schedule(rng, schedule, near):
    """Most edits are small: another zone, or an interval or the holidays changed."""
    if schedule is None or rng.random() < 0.4:
        return some_schedule(rng, rng.choice(ZONES), near)
    edited = {name: list(value) if isinstance(value, list) else value for name, value in schedule.items()}
    part = rng.choice(("time_zone", "intervals", "holidays"))
    if part == "time_zone":
        edited["time_zone"] = rng.choice(ZONES)
    elif part == "holidays":
        edited["holidays"] = some_holidays(rng, near)
    elif edited["intervals"]:
        edited["intervals"].pop(rng.randrange(len(edited["intervals"])))
    return edited


# --- Policies -------------------------------------------------------------------------------------------------------------------------


def some_target(rng):
    minutes = rng.choice((
        rng.randint(1, 3), rng.randint(1, 60), 15 * rng.randint(1, 32), 60 * rng.randint(1, 72), rng.randint(1, 10_000), 30_000,
    ))
    return {"minutes": minutes, "business": rng.random() < 0.6}


def some_targets(rng):
    density = rng.choice((0.3, 0.7, 1))
    targets = {
        priority: {metric: some_target(rng) for metric in POLICY_METRICS if rng.random() < density}
        for priority in PRIORITIES if rng.random() < 0.8
    }
    if targets and rng.random() < 0.25:  # the same for two priorities: a change of priority that changes no target
        priority = rng.choice(list(targets))
        targets[rng.choice(PRIORITIES)] = dict(targets[priority])
    return targets


def some_policy(rng, policy_id):
    types = None if rng.random() < 0.4 else rng.sample(TYPES + (None,), rng.randint(0, 4))
    return {"id": policy_id, "types": types, "targets": some_targets(rng)}


def some_policies(rng):
    ids = rng.sample(range(1, 100), rng.choice((0, 1, 1, 1, 2, 2, 3, 4)))
    return [some_policy(rng, policy_id) for policy_id in ids]


def edited_policies(rng, policies):
    """Most edits keep a policy's id, so that only what it says differs."""
    edited = [dict(policy) for policy in policies]
    edit = rng.choice(("all", "targets", "targets", "types", "order", "less", "id"))
    if edit == "all" or not edited:
        return some_policies(rng)
    policy = rng.choice(edited)
    if edit == "targets":
        policy["targets"] = some_targets(rng)
    elif edit == "types":
        policy["types"] = some_policy(rng, 0)["types"]
    elif edit == "order":
        rng.shuffle(edited)
    elif edit == "less":
        edited.remove(policy)
    else:
        policy["id"] = 1 + max(policy["id"] for policy in edited)
    return edited


# --- Events ---------------------------------------------------------------------------------------------------------------------------


def some_comment(rng):
    return {"by": rng.choice(("agent", "agent", "end_user")), "public": rng.random() < 0.8}


def another(rng, choices, present):
    return rng.choice([choice for choice in choices if choice != present])


def another_status(rng, present):
    if present in SOLVED:
        weights = {"open": 6, "pending": 1, "hold": 1, "new": 0.3, "closed": 1.5}
    else:
        weights = {"open": 4, "pending": 4, "hold": 3, "solved": 3, "new": 0.5, "closed": 0.3}
        del weights[present]
    return rng.choices(list(weights), list(weights.values()))[0]


class Draft:
    """A history in the making, with the notes of what was put into it on purpose."""

    def __init__(self, rng):
        self.rng = rng
        self.notes = Counter()
        self.zone = rng.choice(ZONES)
        self.unit = rng.choice((1, 1, SECOND, MINUTE, MINUTE))
        self.pace = rng.choice((MINUTE, HOUR, HOUR, 8 * HOUR, DAY, 10 * DAY))
        self.at = self.some_start()
        self.fields = {
            "status": rng.choices(UNSOLVED, (5, 3, 1, 1))[0],
            "priority": rng.choice(PRIORITIES) if rng.random() < 0.9 else None,
            "type": rng.choice(TYPES) if rng.random() < 0.7 else None,
        }
        self.schedule, self.policies = some_schedule(rng, self.zone, self.at), some_policies(rng)
        self.history = {
            "events": [{"at": self.at, "kind": "create", **self.fields, "comment": some_comment(rng)}],
            "schedule": self.schedule, "policies": self.policies, "until": self.at,
        }

    def clock_changes(self, year):
        return [start for start, _, _ in clocks.offset_stretches(self.zone, year)[1:]]

    def some_start(self):
        rng = self.rng
        changes = self.clock_changes(rng.randint(2024, 2028))
        if changes and rng.random() < 0.6:
            at = rng.choice(changes) + rng.randint(-3 * DAY, DAY) * rng.choice((1, 1, 5))
            self.notes["begun near a change of the clocks"] += 1
        else:
            at = rng.randint(EARLIEST, LATEST - 200 * DAY)
        return max(EARLIEST, at // self.unit * self.unit)

    def breaches_ahead(self):
        prefix = dict(self.history, until=min(self.at + LOOK_AHEAD, LATEST))
        return [event["at"] for event in clocks.compute(prefix)["events"] if event["type"] == "breach" and event["at"] >= self.at]

    def working_bounds_ahead(self):
        if self.schedule is None:
            return []
        stretches = clocks.working_stretches(self.schedule, self.at, min(self.at + 4 * DAY, LATEST))
        return [bound for stretch in stretches for bound in stretch]

    def changes_ahead(self):
        changes = self.clock_changes(clocks.utc_year(self.at))
        return [change for change in changes if self.at <= change <= self.at + 10 * DAY]

    def special_time(self):
        """(note, time) of one of the times at which something happens anyway, or a millisecond beside it; None without one."""
        note, find = self.rng.choices(
            (("a breach", self.breaches_ahead), ("a bound of working time", self.working_bounds_ahead),
             ("a change of the clocks", self.changes_ahead)), (6, 2, 1))[0]
        times = find()
        if not times:
            return None
        beside = self.rng.choice((-1, 0, 0, 1))
        return f"{('1 ms before', 'at', '1 ms after')[beside + 1]} {note}", self.rng.choice(times[:3]) + beside

    def next_time(self):
        chance = self.rng.random()
        if chance < 0.12:
            self.notes["at the millisecond of the event before"] += 1
            return self.at
        special = self.special_time() if chance < 0.6 else None
        if special and special[1] >= self.at:
            self.notes[special[0]] += 1
            return special[1]
        gap = int(self.rng.expovariate(1 / self.pace))
        return self.at + gap // self.unit * self.unit

    def some_event(self):
        kind = self.rng.choices(("update", "schedule", "policies"), (82, 10, 8))[0]
        if kind == "update" and self.fields["status"] != "closed":
            return self.some_update()
        if kind == "schedule":
            self.schedule = edited_schedule(self.rng, self.schedule, self.at)
            return {"kind": "schedule", "schedule": self.schedule}
        self.policies = edited_policies(self.rng, self.policies)
        return {"kind": "policies", "policies": self.policies}

    def some_update(self):
        rng, fields = self.rng, self.fields
        changes = {}
        if rng.random() < 0.5:
            changes["status"] = another_status(rng, fields["status"])
        if rng.random() < 0.15:
            changes["priority"] = another(rng, PRIORITIES + (None,), fields["priority"])
        if rng.random() < 0.1:
            changes["type"] = another(rng, TYPES + (None,), fields["type"])
        fields.update(changes)
        if rng.random() < 0.55:
            changes["comment"] = some_comment(rng)
        elif rng.random() < 0.3:
            changes["comment"] = None
        return {"kind": "update", **changes}

    def go_on(self):
        """One event more; False when that would be too late."""
        at = self.next_time()
        if at > LATEST - DAY:
            return False
        self.at = self.history["until"] = at
        self.history["events"].append({"at": at, **self.some_event()})
        return True

    def finish(self):
        rng = self.rng
        until = self.at + rng.choice((0, 1, rng.randint(0, HOUR), rng.randint(0, 4 * DAY), rng.randint(0, 120 * DAY)))
        breaches = self.breaches_ahead() if rng.random() < 0.2 else None
        if breaches:
            until = max(self.at, rng.choice(breaches) + rng.choice((-1, 0, 0)))
            self.notes["until at a breach or 1 ms before"] += 1
        self.history["until"] = min(until, LATEST)
        return self.history


def make_with_notes(seed, number):
    """History `number` of the seed, and a counter of what was put into it on purpose."""
    draft = Draft(random.Random(f"{seed}/{number}"))
    length = draft.rng.choice((1, 3, 6, 10, 15, 25))
    for _ in range(draft.rng.randint(length // 2, length - 1)):
        if not draft.go_on():
            break
    return draft.finish(), draft.notes


def make(seed, number):
    return make_with_notes(seed, number)[0]


def main():
    parser = argparse.ArgumentParser(description="Random histories of tickets, one JSON object a line.")
    parser.add_argument("--seed", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    options = parser.parse_args()
    for number in range(options.first, options.first + options.count):
        print(clocks.line(make(options.seed, number)))


if __name__ == "__main__":
    main()
