#!/usr/bin/env python3
"""What the clocks of a ticket must show, computed from the ticket's whole history.

The definitions are in README.md beside this file. Nothing here is carried from one change to the next but the ticket's own fields: which
instances there are, when each ran, what target was on it and when it breached are each read off the finished history.

    python3 clocks.py < histories.jsonl > results.jsonl
"""

import json
import sys
from bisect import bisect_left, bisect_right
from collections import namedtuple
from datetime import date, datetime, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MINUTES_A_DAY = 24 * 60
EPOCH_DAY = date(1970, 1, 1).toordinal()
EPOCH_WEEKDAY = 4  # 1970-01-01 was a Thursday, and a week begins on Sunday

UNSOLVED = ("new", "open", "pending", "hold")
SOLVED = ("solved", "closed")

# In the order in which the metrics come wherever order matters; for each the statuses in which an open instance runs.
RUNS_IN = {
    "reply_time": UNSOLVED,
    "requester_wait_time": ("new", "open", "hold"),
    "agent_work_time": ("new", "open"),
    "pausable_update_time": ("new", "open", "hold"),
    "periodic_update_time": UNSOLVED,
    "resolution_time": UNSOLVED,
}
METRICS = tuple(RUNS_IN)

# The order of what one history event does to one metric; a pause's and a fulfilment's `update_status` follow them at once.
FULFILL, ACTIVATE, PAUSE, APPLY = range(4)


# --- Working time ---------------------------------------------------------------------------------------------------------------------


class WorkingTime:
    """Stretches of time, in order and apart, as one sum over a window: [start, end) in milliseconds."""

    def __init__(self, stretches):
        self.starts = [start for start, _ in stretches]
        self.ends = [end for _, end in stretches]
        self.sums = [0]  # sums[n]: all of the first n stretches
        for start, end in stretches:
            self.sums.append(self.sums[-1] + end - start)

    def before(self, at):
        """What is worked from the window's start to `at`."""
        begun = bisect_right(self.starts, at)
        if begun == 0:
            return 0
        return self.sums[begun] - max(0, self.ends[begun - 1] - at)

    def between(self, start, end):
        return self.before(end) - self.before(start)

    def moment_after(self, start, amount):
        """The first moment at which `amount` (more than 0) has been worked since `start`; None when the window ends before."""
        wanted = self.before(start) + amount
        stretch = bisect_left(self.sums, wanted) - 1
        if stretch >= len(self.starts):
            return None
        return self.starts[stretch] + wanted - self.sums[stretch]


def milliseconds(year):
    return int(datetime(year, 1, 1, tzinfo=timezone.utc).timestamp()) * SECOND


def offset_at(zone, at):
    return int(datetime.fromtimestamp(at // SECOND, zone).utcoffset().total_seconds()) * SECOND


@lru_cache(maxsize=None)
def offset_stretches(zone_name, year):
    """The UTC year as [(start, end, what the zone's wall clock is ahead of UTC)], constant in each stretch."""
    zone = ZoneInfo(zone_name)
    start, year_end = milliseconds(year), milliseconds(year + 1)
    stretches = []
    # Every four hours are looked at: no zone changes its clocks and changes them back within so little.
    for at in range(start, year_end, 4 * HOUR):
        if offset_at(zone, at) != offset_at(zone, at + 4 * HOUR):
            change = offset_change(zone, at, at + 4 * HOUR)
            stretches.append((start, change, offset_at(zone, start)))
            start = change
    if start < year_end:
        stretches.append((start, year_end, offset_at(zone, start)))
    return stretches


def offset_change(zone, before, after):
    """The first second with the new offset, where `before` has the old one and `after` the new one."""
    old = offset_at(zone, before)
    while after - before > SECOND:
        middle = (before + after) // 2 // SECOND * SECOND
        if offset_at(zone, middle) == old:
            before = middle
        else:
            after = middle
    return after


def intervals_of_weekdays(intervals):
    """For Sunday to Saturday what is worked on that day, in milliseconds since its midnight."""
    weekdays = []
    for weekday in range(7):
        midnight, next_midnight = weekday * MINUTES_A_DAY, (weekday + 1) * MINUTES_A_DAY
        parts = [(max(start, midnight) - midnight, min(end, next_midnight) - midnight) for start, end in intervals]
        weekdays.append([(start * MINUTE, end * MINUTE) for start, end in parts if start < end])
    return weekdays


def day_number(day):
    return date.fromisoformat(day).toordinal() - EPOCH_DAY


def utc_year(at):
    return datetime.fromtimestamp(at // SECOND, timezone.utc).year


def working_stretches(schedule, window_start, window_end):
    """The working time in the window as [(start, end)].

    While the zone's offset is constant the wall clock is UTC shifted: there the schedule's wall-clock intervals are cut to what the wall
    clock really showed. So an hour that never was is in no stretch, and one that came twice is in two.
    """
    weekdays = intervals_of_weekdays(schedule["intervals"])
    holidays = [(day_number(first), day_number(last)) for first, last in schedule["holidays"]]
    found = []
    for year in range(utc_year(window_start), utc_year(window_end) + 1):
        for start, end, offset in offset_stretches(schedule["time_zone"], year):
            wall_start, wall_end = max(start, window_start) + offset, min(end, window_end) + offset
            for day in range(wall_start // DAY, -(-wall_end // DAY)):
                if any(first <= day <= last for first, last in holidays):
                    continue
                for day_start, day_end in weekdays[(day + EPOCH_WEEKDAY) % 7]:
                    work_start = max(day * DAY + day_start, wall_start)
                    work_end = min(day * DAY + day_end, wall_end)
                    if work_start < work_end:
                        found.append((work_start - offset, work_end - offset))
    return found


@lru_cache(maxsize=1000)
def cached_working_time(schedule_text, window_start, window_end):
    return WorkingTime(working_stretches(json.loads(schedule_text), window_start, window_end))


def working_time(schedule, window_start, window_end):
    """A schedule over a window; without a schedule every minute is worked."""
    if schedule is None:
        return WorkingTime([(window_start, window_end)])
    return cached_working_time(json.dumps(schedule, sort_keys=True), window_start, window_end)


# --- The history as a timeline --------------------------------------------------------------------------------------------------------

# What one history event does and what holds after it. `speaker` is who made a public comment in it; `looked_at` says that policies are
# applied to the ticket after it. `calendar` and `business` measure the ticket's life from its creation to `until`.
Moment = namedtuple(
    "Moment", "at is_update looked_at status_before status priority type speaker policies calendar business"
)


def timeline(history):
    window = history["events"][0]["at"], history["until"]
    calendar = working_time(None, *window)
    schedule, policies = history["schedule"], history["policies"]
    business = working_time(schedule, *window)
    fields = {"status": None, "priority": None, "type": None}
    moments = []
    for event in history["events"]:
        status_before = fields["status"]
        touches_ticket = event["kind"] in ("create", "update")
        if event["kind"] == "schedule":
            business = working_time(event["schedule"], *window)
        elif event["kind"] == "policies":
            policies = event["policies"]
        else:
            fields.update((name, event[name]) for name in fields if name in event)
        comment = event.get("comment") if touches_ticket else None
        moments.append(Moment(
            at=event["at"],
            is_update=event["kind"] == "update",
            looked_at=touches_ticket and fields["status"] in UNSOLVED,
            status_before=status_before,
            **fields,
            speaker=comment["by"] if comment and comment["public"] else None,
            policies=policies,
            calendar=calendar,
            business=business,
        ))
    return moments


def solves(moment):
    return moment.status_before in UNSOLVED and moment.status in SOLVED


def reopens(moment):
    return moment.status_before in SOLVED and moment.status in UNSOLVED


def agent_replies(moment):
    return moment.is_update and moment.speaker == "agent"


def first_index(moments, start, holds):
    """The first index from `start` on whose moment `holds`; the number of moments when there is none."""
    return next((index for index in range(start, len(moments)) if holds(moments[index])), len(moments))


# --- Instances ------------------------------------------------------------------------------------------------------------------------


class Instance:
    """One instance of a metric: where in the history it was open, so when it ran, and which target was on it."""

    def __init__(self, metric, number, spans, moments, until):
        self.metric = metric
        self.number = number
        self.moments = moments
        self.opened = {first for first, _ in spans}
        self.fulfilled = {last for _, last in spans if last < len(moments)}
        self.open = [any(first <= index < last for first, last in spans) for index in range(len(moments))]
        self.runs = [is_open and moment.status in RUNS_IN[metric] for is_open, moment in zip(self.open, moments)]
        self.ends = [moment.at for moment in moments[1:]] + [until]
        self.stretches = [(moment.at, end) for moment, end, runs in zip(moments, self.ends, self.runs) if runs and moment.at < end]
        self.targets = self.applied_targets()

    def elapsed(self, at, measure):
        """What lies in its running stretches until `at`, as `measure` counts."""
        return sum(measure.between(start, min(end, at)) for start, end in self.stretches if start < at)

    def policy_metric(self):
        if self.metric == "reply_time":
            return "first_reply_time" if self.number == 1 else "next_reply_time"
        return "total_resolution_time" if self.metric == "resolution_time" else self.metric

    def applied_targets(self):
        """The target that is on it after each moment: that of the last moment at which it was open and the ticket looked at."""
        targets = []
        for index, moment in enumerate(self.moments):
            if self.open[index] and moment.looked_at:
                targets.append(target_at(moment, self.policy_metric()))
            else:
                targets.append(targets[-1] if targets else None)
        return targets

    def applications(self):
        """[(first index, the index after the last, target)], each as long as the same target was on it."""
        changes = [index for index in range(len(self.moments)) if self.target_changes(index)]
        return [(first, after, self.targets[first]) for first, after in zip(changes, changes[1:] + [len(self.moments)])]

    def target_changes(self, index):
        return self.targets[index] != (self.targets[index - 1] if index else None)

    def breaches(self):
        """[(at, target)]: for each application the first breach, if there is one."""
        applied = [application for application in self.applications() if application[2]]
        found = [(self.first_breach(first, after, target), target) for first, after, target in applied]
        return [(at, target) for at, target in found if at is not None]

    def first_breach(self, first, after, target):
        return next((at for index in range(first, after) if (at := self.breach_after(index, target)) is not None), None)

    def breach_after(self, index, target):
        """When it breaches after this moment and before the next one.

        Exactly at the next one is too late: what happens then comes first, and then it is the next moment's turn. For the same reason a
        moment with another one at the same millisecond after it has no time to breach in. After the last moment there is `until`.
        """
        moment, end = self.moments[index], self.ends[index]
        is_last = index == len(self.moments) - 1
        if not self.runs[index] or (moment.at == end and not is_last):
            return None
        measure = moment.business if target["business"] else moment.calendar
        missing = target["minutes"] * MINUTE - self.elapsed(moment.at, measure)
        if missing <= 0:
            return moment.at
        at = measure.moment_after(moment.at, missing)
        return at if at is not None and (at < end or (is_last and at == end)) else None


def target_at(moment, policy_metric):
    """What the first policy that matches the ticket sets for this metric."""
    policy = next((policy for policy in moment.policies if policy["types"] is None or moment.type in policy["types"]), None)
    if policy is None or moment.priority is None:
        return None
    target = policy["targets"].get(moment.priority, {}).get(policy_metric)
    return target and {"policy": policy["id"], "minutes": target["minutes"], "business": target["business"]}


def reply_spans(moments):
    """From the creation or the oldest comment without an answer to the answer or the solving."""
    spans, start = [], 0
    while start < len(moments):
        end = first_index(moments, start + 1, lambda moment: agent_replies(moment) or solves(moment))
        spans.append((start, end))
        start = first_index(moments, end + 1, lambda moment: moment.speaker == "end_user" and moment.status in UNSOLVED)
    return spans


def update_spans(moments):
    """From each public comment of an agent to the next or the solving."""
    starts = [index for index, moment in enumerate(moments) if moment.speaker == "agent" and moment.status in UNSOLVED]
    return [(start, first_index(moments, start + 1, lambda moment: moment.speaker == "agent" or solves(moment))) for start in starts]


def unsolved_spans(moments):
    """The creation and each reopening to the solving after it."""
    starts = [index for index, moment in enumerate(moments) if index == 0 or reopens(moment)]
    return [(start, first_index(moments, start + 1, solves)) for start in starts]


def instances_of(metric, moments, until):
    if metric == "reply_time":
        lives = [[span] for span in reply_spans(moments)]
    elif metric in ("pausable_update_time", "periodic_update_time"):
        lives = [[span] for span in update_spans(moments)]
    else:
        lives = [unsolved_spans(moments)]
    return [Instance(metric, number, spans, moments, until) for number, spans in enumerate(lives, 1)]


# --- What comes out -------------------------------------------------------------------------------------------------------------------


def whole_minutes(moment, measured):
    """Both measures of something, where `measured` takes one."""
    return {"calendar": measured(moment.calendar) // MINUTE, "business": measured(moment.business) // MINUTE}


def changes_of(instance):
    """[(index in the history, its place in the order of one metric, type of the event)]"""
    found = []
    for index in range(len(instance.moments)):
        opens, is_open, runs = index in instance.opened, instance.open[index], instance.runs[index]
        was_open, was_running = (instance.open[index - 1], instance.runs[index - 1]) if index else (False, False)
        stays_open = was_open and is_open and not opens
        if index in instance.fulfilled:
            found.append((index, FULFILL, "fulfill"))
        if opens or (stays_open and runs and not was_running):
            found.append((index, ACTIVATE, "activate"))
        if is_open and not runs and (opens or was_running):
            found.append((index, PAUSE, "pause"))
        if instance.target_changes(index):
            found.append((index, APPLY, "apply_sla"))
    return found


def history_events(instance):
    """[(order, event)] for what the history events do to an instance."""
    found = []
    for index, place, kind in changes_of(instance):
        moment = instance.moments[index]
        order = (moment.at, 0, index, METRICS.index(instance.metric), place)
        event = {"at": moment.at, "metric": instance.metric, "instance": instance.number, "type": kind}
        if kind == "apply_sla":
            event["sla"] = instance.targets[index]
        found.append((order + (0,), event))
        if kind in ("fulfill", "pause"):
            elapsed = whole_minutes(moment, lambda measure: instance.elapsed(moment.at, measure))
            found.append((order + (1,), {**event, "type": "update_status", **elapsed}))
    return found


def breach_events(instance):
    """[(order, event)]: at one millisecond after all history events."""
    place = METRICS.index(instance.metric)
    return [
        ((at, 1, 0, place, 0, 0), {"at": at, "metric": instance.metric, "instance": instance.number, "type": "breach", "sla": target})
        for at, target in instance.breaches()
    ]


def ticket_metrics(moments, until):
    created, last = moments[0].at, moments[-1]
    replies = [moment.at for moment in moments if agent_replies(moment)]
    solvings = [moment.at for moment in moments if solves(moment)]
    periods = list(zip(moments, [moment.at for moment in moments[1:]] + [until]))

    def since_creation(at):
        return whole_minutes(last, lambda measure: measure.between(created, at))

    def spent_in(*statuses):
        return whole_minutes(last, lambda measure: sum(
            measure.between(moment.at, end) for moment, end in periods if moment.status in statuses))

    return {
        "reply_time": since_creation(replies[0]) if replies else None,
        "first_resolution_time": since_creation(solvings[0]) if solvings else None,
        "full_resolution_time": since_creation(solvings[-1]) if last.status in SOLVED else None,
        "agent_wait_time": spent_in("pending"),
        "requester_wait_time": spent_in("new", "open", "hold"),
        "on_hold_time": spent_in("hold"),
        "reopens": sum(reopens(moment) for moment in moments),
        "replies": len(replies),
    }


def compute(history: dict) -> dict:
    """The clocks of one history."""
    moments, until = timeline(history), history["until"]
    found = []
    for metric in METRICS:
        for instance in instances_of(metric, moments, until):
            found += history_events(instance) + breach_events(instance)
    found.sort(key=lambda ordered: ordered[0])
    return {"events": [event for _, event in found], "metrics": ticket_metrics(moments, until)}


def line(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def main():
    for text in sys.stdin:
        print(line(compute(json.loads(text))))


if __name__ == "__main__":
    main()
