"""The oracle against examples computed by hand, a slow second opinion on working time, and what must hold for any history.

All times in the examples are UTC and in 2026 unless they say a year: "03-02 09:00" is a Monday. What should come out is written down, not
computed.
"""

import json
import random
import subprocess
import sys
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import clocks
import histories
from clocks import DAY, HOUR, METRICS, MINUTE, SOLVED

HERE = Path(__file__).parent


# --- Ways to write examples down ------------------------------------------------------------------------------------------------------


def ms(text):
    """ "03-02 09:00", "03-02 09:00:59.999" or "2027-03-02 09:00" in milliseconds."""
    text = text if text[4] == "-" else f"2026-{text}"
    return round(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp() * 1000)


def said(at):
    """The shortest text of which `ms` makes this time again (in 2026)."""
    text = datetime.fromtimestamp(at / 1000, timezone.utc).strftime("%m-%d %H:%M:%S")
    text += f".{at % 1000:03}" if at % 1000 else ""
    return text.removesuffix(":00")


AGENT = {"by": "agent", "public": True}
AGENT_PRIVATE = {"by": "agent", "public": False}
END_USER = {"by": "end_user", "public": True}
END_USER_PRIVATE = {"by": "end_user", "public": False}


def create(at, status="open", comment=END_USER, priority="normal", type=None):
    return {"at": ms(at), "kind": "create", "status": status, "priority": priority, "type": type, "comment": comment}


def update(at, status=None, comment=None, **fields):
    event = {"at": ms(at), "kind": "update", "comment": comment, **fields}
    return {**event, "status": status} if status else event


def schedule_edit(at, schedule):
    return {"at": ms(at), "kind": "schedule", "schedule": schedule}


def policies_edit(at, *policies):
    return {"at": ms(at), "kind": "policies", "policies": list(policies)}


def calendar(minutes):
    return {"minutes": minutes, "business": False}


def business(minutes):
    return {"minutes": minutes, "business": True}


def policy(policy_id, types=None, priority="normal", **targets):
    return {"id": policy_id, "types": types, "targets": {priority: targets}}


def weekly(zone, *intervals, holidays=()):
    return {"time_zone": zone, "intervals": [list(each) for each in intervals], "holidays": [list(each) for each in holidays]}


def minute_of_week(weekday, hour):
    return ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat").index(weekday) * 1440 + round(hour * 60)


def hours(weekday, start, end):
    return minute_of_week(weekday, start), minute_of_week(weekday, end)


# 9:00 to 17:00 in Berlin: in winter 08:00 to 16:00 UTC, in summer 07:00 to 15:00.
OFFICE = weekly("Europe/Berlin", *(hours(day, 9, 17) for day in ("Mon", "Tue", "Wed", "Thu", "Fri")))


def history(*events, until=None, schedule=None, policies=()):
    made = {
        "events": list(events), "schedule": schedule, "policies": list(policies),
        "until": ms(until) if until else events[-1]["at"],
    }
    assert histories.fault(made) is None
    return made


def written(event):
    """An event as a line: when, what, which instance, and what else it says."""
    words = [said(event["at"]), event["type"], str(event["instance"])]
    if event["type"] == "update_status":
        words.append(f"{event['calendar']}/{event['business']}")
    if "sla" in event:
        sla = event["sla"]
        words.append(f"#{sla['policy']} {sla['minutes']} {'business' if sla['business'] else 'calendar'}" if sla else "none")
    return " ".join(words)


def shown(a_history, metric):
    return [written(event) for event in clocks.compute(a_history)["events"] if event["metric"] == metric]


def shown_all(a_history):
    return [f"{event['metric']} {written(event)}" for event in clocks.compute(a_history)["events"]]


def breaches(a_history):
    return [line for line in shown_all(a_history) if " breach " in line]


def metrics(a_history):
    return clocks.compute(a_history)["metrics"]


# --- The whole answer -----------------------------------------------------------------------------------------------------------------


def test_the_whole_answer():
    answer = clocks.compute(history(
        create("03-02 09:00"),
        update("03-02 09:30:59.999", comment=AGENT),
        until="03-02 10:30", policies=[policy(7, first_reply_time=business(60), agent_work_time=calendar(90))], schedule=OFFICE,
    ))
    nine, answered, breached = 1772442000000, 1772443859999, 1772447400000
    first_reply = {"policy": 7, "minutes": 60, "business": True}
    work = {"policy": 7, "minutes": 90, "business": False}
    assert answer == {
        "events": [
            {"at": nine, "metric": "reply_time", "instance": 1, "type": "activate"},
            {"at": nine, "metric": "reply_time", "instance": 1, "type": "apply_sla", "sla": first_reply},
            {"at": nine, "metric": "requester_wait_time", "instance": 1, "type": "activate"},
            {"at": nine, "metric": "agent_work_time", "instance": 1, "type": "activate"},
            {"at": nine, "metric": "agent_work_time", "instance": 1, "type": "apply_sla", "sla": work},
            {"at": nine, "metric": "resolution_time", "instance": 1, "type": "activate"},
            {"at": answered, "metric": "reply_time", "instance": 1, "type": "fulfill"},
            {"at": answered, "metric": "reply_time", "instance": 1, "type": "update_status", "calendar": 30, "business": 30},
            {"at": answered, "metric": "pausable_update_time", "instance": 1, "type": "activate"},
            {"at": answered, "metric": "periodic_update_time", "instance": 1, "type": "activate"},
            {"at": breached, "metric": "agent_work_time", "instance": 1, "type": "breach", "sla": work},
        ],
        "metrics": {
            "reply_time": {"calendar": 30, "business": 30},
            "first_resolution_time": None,
            "full_resolution_time": None,
            "agent_wait_time": {"calendar": 0, "business": 0},
            "requester_wait_time": {"calendar": 90, "business": 90},
            "on_hold_time": {"calendar": 0, "business": 0},
            "reopens": 0,
            "replies": 1,
        },
    }


def test_the_history_is_left_as_it_was():
    made = histories.make("untouched", 3)
    before = json.dumps(made)
    clocks.compute(made)
    assert json.dumps(made) == before


def test_a_line_in_and_a_line_out():
    made = [histories.make("lines", number) for number in range(3)]
    done = subprocess.run([sys.executable, HERE / "clocks.py"], input="".join(json.dumps(each) + "\n" for each in made),
                          capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        json.dumps(clocks.compute(each), sort_keys=True, separators=(",", ":")) for each in made
    ]


# --- reply_time -----------------------------------------------------------------------------------------------------------------------


def test_reply_is_activated_at_creation_and_fulfilled_by_an_agents_public_comment():
    assert shown(history(
        create("03-02 09:00"),
        update("03-02 09:10", comment=AGENT_PRIVATE),
        update("03-02 09:20", comment=END_USER),
        update("03-02 09:30", comment=AGENT),
    ), "reply_time") == [
        "03-02 09:00 activate 1",
        "03-02 09:30 fulfill 1",
        "03-02 09:30 update_status 1 30/30",
    ]


def test_the_comment_of_the_creation_never_fulfils_a_reply():
    assert shown(history(create("03-02 09:00", comment=AGENT)), "reply_time") == ["03-02 09:00 activate 1"]


def test_the_next_reply_runs_from_the_oldest_comment_that_is_not_answered():
    assert shown(history(
        create("03-02 09:00"),
        update("03-02 09:30", comment=AGENT),
        update("03-02 10:00", comment=AGENT),  # none is open: nothing to fulfil
        update("03-02 10:30", comment=END_USER_PRIVATE),
        update("03-02 11:00", comment=END_USER),
        update("03-02 11:40", comment=END_USER),
        update("03-02 12:00", comment=AGENT),
        update("03-02 13:00", comment=END_USER),
    ), "reply_time") == [
        "03-02 09:00 activate 1",
        "03-02 09:30 fulfill 1",
        "03-02 09:30 update_status 1 30/30",
        "03-02 11:00 activate 2",
        "03-02 12:00 fulfill 2",
        "03-02 12:00 update_status 2 60/60",
        "03-02 13:00 activate 3",
    ]


def test_a_reply_is_never_paused():
    assert shown(history(
        create("03-02 09:00", status="pending"),
        update("03-02 09:10", status="hold"),
        update("03-02 09:20", status="pending"),
        update("03-02 10:00", comment=AGENT),
    ), "reply_time") == ["03-02 09:00 activate 1", "03-02 10:00 fulfill 1", "03-02 10:00 update_status 1 60/60"]


def test_the_first_reply_and_the_next_have_their_own_targets():
    assert shown(history(
        create("03-02 09:00"),
        update("03-02 09:30", comment=AGENT),
        update("03-02 10:00", comment=END_USER),
        update("03-02 10:10", comment=AGENT),
        update("03-02 10:20", comment=END_USER),
        policies=[policy(3, first_reply_time=calendar(60), next_reply_time=calendar(120))],
    ), "reply_time") == [
        "03-02 09:00 activate 1",
        "03-02 09:00 apply_sla 1 #3 60 calendar",
        "03-02 09:30 fulfill 1",
        "03-02 09:30 update_status 1 30/30",
        "03-02 10:00 activate 2",
        "03-02 10:00 apply_sla 2 #3 120 calendar",
        "03-02 10:10 fulfill 2",
        "03-02 10:10 update_status 2 10/10",
        "03-02 10:20 activate 3",
        "03-02 10:20 apply_sla 3 #3 120 calendar",
    ]


# --- requester_wait_time and agent_work_time ------------------------------------------------------------------------------------------

THROUGH_ALL_STATUSES = history(
    create("03-02 09:00", status="new"),
    update("03-02 09:10", status="open"),
    update("03-02 09:30", status="hold"),
    update("03-02 10:00", status="pending"),
    update("03-02 11:00", status="hold"),
    update("03-02 12:00", status="open"),
    update("03-02 12:05", status="pending"),
    update("03-02 13:00", status="open"),
    update("03-02 13:07", status="solved"),
)


def test_requester_wait_runs_in_new_open_and_hold_and_is_paused_in_pending():
    assert shown(THROUGH_ALL_STATUSES, "requester_wait_time") == [
        "03-02 09:00 activate 1",
        "03-02 10:00 pause 1",
        "03-02 10:00 update_status 1 60/60",
        "03-02 11:00 activate 1",
        "03-02 12:05 pause 1",
        "03-02 12:05 update_status 1 125/125",  # and 11:00 to 12:05
        "03-02 13:00 activate 1",
        "03-02 13:07 fulfill 1",
        "03-02 13:07 update_status 1 132/132",
    ]


def test_agent_work_runs_in_new_and_open_and_is_paused_in_pending_and_hold():
    assert shown(THROUGH_ALL_STATUSES, "agent_work_time") == [
        "03-02 09:00 activate 1",
        "03-02 09:30 pause 1",
        "03-02 09:30 update_status 1 30/30",
        "03-02 12:00 activate 1",
        "03-02 12:05 pause 1",
        "03-02 12:05 update_status 1 35/35",
        "03-02 13:00 activate 1",
        "03-02 13:07 fulfill 1",
        "03-02 13:07 update_status 1 42/42",
    ]


def test_resolution_is_never_paused():
    assert shown(THROUGH_ALL_STATUSES, "resolution_time") == [
        "03-02 09:00 activate 1",
        "03-02 13:07 fulfill 1",
        "03-02 13:07 update_status 1 247/247",
    ]


def test_a_ticket_created_in_a_status_that_pauses():
    on_hold = history(create("03-02 09:00", status="hold"))
    assert shown(on_hold, "requester_wait_time") == ["03-02 09:00 activate 1"]
    assert shown(on_hold, "agent_work_time") == [
        "03-02 09:00 activate 1", "03-02 09:00 pause 1", "03-02 09:00 update_status 1 0/0",
    ]


# --- The two update metrics -----------------------------------------------------------------------------------------------------------


def test_update_metrics_run_from_each_public_agent_comment_to_the_next():
    made = history(
        create("03-02 09:00", comment=AGENT),
        update("03-02 09:10", comment=END_USER),
        update("03-02 09:20", comment=AGENT_PRIVATE),
        update("03-02 09:30", comment=AGENT),
        update("03-02 10:30", comment=AGENT),
    )
    expected = [
        "03-02 09:00 activate 1",
        "03-02 09:30 fulfill 1",
        "03-02 09:30 update_status 1 30/30",
        "03-02 09:30 activate 2",
        "03-02 10:30 fulfill 2",
        "03-02 10:30 update_status 2 60/60",
        "03-02 10:30 activate 3",
    ]
    assert shown(made, "pausable_update_time") == expected
    assert shown(made, "periodic_update_time") == expected


def test_update_metrics_need_a_public_agent_comment_to_begin():
    made = history(create("03-02 09:00"), update("03-02 09:10", comment=AGENT_PRIVATE), update("03-02 09:20", comment=END_USER))
    assert shown(made, "pausable_update_time") == shown(made, "periodic_update_time") == []


def test_an_agents_comment_that_makes_the_ticket_pending():
    made = history(
        create("03-02 09:00", comment=AGENT),
        update("03-02 09:30", comment=AGENT, status="pending"),
        update("03-02 10:00", comment=AGENT),
        update("03-02 11:00", status="hold"),
        update("03-02 11:10", status="pending"),
        update("03-02 12:00", comment=AGENT, status="open"),
    )
    assert shown(made, "pausable_update_time") == [
        "03-02 09:00 activate 1",
        "03-02 09:30 fulfill 1",
        "03-02 09:30 update_status 1 30/30",
        "03-02 09:30 activate 2",
        "03-02 09:30 pause 2",
        "03-02 09:30 update_status 2 0/0",
        "03-02 10:00 fulfill 2",
        "03-02 10:00 update_status 2 0/0",
        "03-02 10:00 activate 3",
        "03-02 10:00 pause 3",
        "03-02 10:00 update_status 3 0/0",
        "03-02 11:00 activate 3",
        "03-02 11:10 pause 3",
        "03-02 11:10 update_status 3 10/10",
        "03-02 12:00 fulfill 3",
        "03-02 12:00 update_status 3 10/10",
        "03-02 12:00 activate 4",
    ]
    assert shown(made, "periodic_update_time") == [
        "03-02 09:00 activate 1",
        "03-02 09:30 fulfill 1",
        "03-02 09:30 update_status 1 30/30",
        "03-02 09:30 activate 2",
        "03-02 10:00 fulfill 2",
        "03-02 10:00 update_status 2 30/30",
        "03-02 10:00 activate 3",
        "03-02 12:00 fulfill 3",
        "03-02 12:00 update_status 3 120/120",
        "03-02 12:00 activate 4",
    ]


# --- Solving, closing and reopening ---------------------------------------------------------------------------------------------------


def test_solving_fulfils_every_open_instance_also_a_paused_one():
    assert shown_all(history(
        create("03-02 09:00", comment=AGENT),
        update("03-02 09:20", status="pending"),
        update("03-02 10:00", status="solved"),
    ))[-12:] == [
        "reply_time 03-02 10:00 fulfill 1",
        "reply_time 03-02 10:00 update_status 1 60/60",
        "requester_wait_time 03-02 10:00 fulfill 1",
        "requester_wait_time 03-02 10:00 update_status 1 20/20",
        "agent_work_time 03-02 10:00 fulfill 1",
        "agent_work_time 03-02 10:00 update_status 1 20/20",
        "pausable_update_time 03-02 10:00 fulfill 1",
        "pausable_update_time 03-02 10:00 update_status 1 20/20",
        "periodic_update_time 03-02 10:00 fulfill 1",
        "periodic_update_time 03-02 10:00 update_status 1 60/60",
        "resolution_time 03-02 10:00 fulfill 1",
        "resolution_time 03-02 10:00 update_status 1 60/60",
    ]


def test_closing_without_having_been_solved_solves():
    assert shown(history(create("03-02 09:00"), update("03-02 10:00", status="closed")), "resolution_time") == [
        "03-02 09:00 activate 1", "03-02 10:00 fulfill 1", "03-02 10:00 update_status 1 60/60",
    ]


def test_closing_after_solving_does_nothing():
    assert shown(history(
        create("03-02 09:00"), update("03-02 10:00", status="solved"), update("03-02 11:00", status="closed"),
    ), "resolution_time") == ["03-02 09:00 activate 1", "03-02 10:00 fulfill 1", "03-02 10:00 update_status 1 60/60"]


def test_closing_after_a_reopening_solves_again():
    assert shown(history(
        create("03-02 09:00"), update("03-02 10:00", status="solved"), update("03-02 11:00", status="open"),
        update("03-02 11:30", status="closed"),
    ), "resolution_time")[-3:] == ["03-02 11:00 activate 1", "03-02 11:30 fulfill 1", "03-02 11:30 update_status 1 90/90"]


def test_an_agents_comment_in_the_update_that_solves():
    made = history(create("03-02 09:00", comment=AGENT), update("03-02 10:00", status="solved", comment=AGENT))
    for metric in ("reply_time", "pausable_update_time", "periodic_update_time"):
        assert shown(made, metric) == ["03-02 09:00 activate 1", "03-02 10:00 fulfill 1", "03-02 10:00 update_status 1 60/60"]


def test_nothing_is_activated_by_the_update_that_solves_or_while_solved():
    made = history(
        create("03-02 09:00"),
        update("03-02 09:30", comment=AGENT),
        update("03-02 10:00", status="solved", comment=END_USER),
        update("03-02 10:10", comment=END_USER),
        update("03-02 10:20", comment=AGENT),
        update("03-02 10:30", status="closed", comment=END_USER),
    )
    assert shown(made, "reply_time") == ["03-02 09:00 activate 1", "03-02 09:30 fulfill 1", "03-02 09:30 update_status 1 30/30"]
    assert shown(made, "periodic_update_time") == [
        "03-02 09:30 activate 1", "03-02 10:00 fulfill 1", "03-02 10:00 update_status 1 30/30",
    ]


def test_reopening_makes_three_metrics_run_again_with_their_elapsed_time():
    made = history(
        create("03-02 09:00"),
        update("03-02 09:30", comment=AGENT),
        update("03-02 10:00", status="solved"),
        update("03-02 12:00", status="open"),
        update("03-02 12:30", status="solved"),
        update("03-02 13:00", status="hold"),
    )
    assert shown(made, "resolution_time") == [
        "03-02 09:00 activate 1",
        "03-02 10:00 fulfill 1",
        "03-02 10:00 update_status 1 60/60",
        "03-02 12:00 activate 1",
        "03-02 12:30 fulfill 1",
        "03-02 12:30 update_status 1 90/90",
        "03-02 13:00 activate 1",
    ]
    assert shown(made, "requester_wait_time") == shown(made, "resolution_time")
    assert shown(made, "agent_work_time") == shown(made, "resolution_time") + [
        "03-02 13:00 pause 1",
        "03-02 13:00 update_status 1 90/90",
    ]
    for metric in ("reply_time", "pausable_update_time", "periodic_update_time"):
        assert all(line < "03-02 11:00" for line in shown(made, metric))


def test_an_end_users_comment_that_reopens_activates_a_reply_and_one_that_does_not_does_not():
    assert shown(history(
        create("03-02 09:00"),
        update("03-02 10:00", status="solved", comment=AGENT),
        update("03-02 11:00", comment=END_USER),
        update("03-02 12:00", status="open", comment=END_USER),
        update("03-02 12:30", comment=AGENT),
    ), "reply_time") == [
        "03-02 09:00 activate 1",
        "03-02 10:00 fulfill 1",
        "03-02 10:00 update_status 1 60/60",
        "03-02 12:00 activate 2",
        "03-02 12:30 fulfill 2",
        "03-02 12:30 update_status 2 30/30",
    ]


def test_an_agents_comment_that_reopens_begins_the_update_metrics_again():
    made = history(
        create("03-02 09:00", comment=AGENT),
        update("03-02 10:00", status="solved"),
        update("03-02 11:00", status="pending", comment=AGENT),
    )
    assert shown(made, "periodic_update_time")[-1:] == ["03-02 11:00 activate 2"]
    assert shown(made, "pausable_update_time")[-3:] == [
        "03-02 11:00 activate 2", "03-02 11:00 pause 2", "03-02 11:00 update_status 2 0/0",
    ]


# --- Elapsed time ---------------------------------------------------------------------------------------------------------------------


def test_elapsed_business_time_is_the_working_time_in_the_running_stretches():
    # Friday 15:30 UTC to Monday 08:20 UTC: half an hour on Friday and twenty minutes on Monday are worked.
    assert shown(history(
        create("03-06 15:30"), update("03-09 08:20", status="pending"), update("03-10 15:00", status="open"),
        update("03-10 20:00:00.001", status="pending"), schedule=OFFICE,
    ), "requester_wait_time") == [
        "03-06 15:30 activate 1",
        "03-09 08:20 pause 1",
        "03-09 08:20 update_status 1 3890/50",  # 64 h 50 min
        "03-10 15:00 activate 1",
        "03-10 20:00:00.001 pause 1",
        "03-10 20:00:00.001 update_status 1 4190/110",
    ]


def test_editing_the_schedule_recomputes_the_past():
    assert shown(history(
        create("03-02 06:00"),
        update("03-02 09:00", status="pending"),
        schedule_edit("03-02 09:30", OFFICE),
        update("03-02 10:00", status="open"),
        update("03-02 11:00", status="pending"),
        schedule_edit("03-02 11:00", weekly("UTC")),
        update("03-02 11:00", status="solved"),
    ), "requester_wait_time") == [
        "03-02 06:00 activate 1",
        "03-02 09:00 pause 1",
        "03-02 09:00 update_status 1 180/180",  # without a schedule every minute is worked
        "03-02 10:00 activate 1",
        "03-02 11:00 pause 1",
        "03-02 11:00 update_status 1 240/120",
        "03-02 11:00 fulfill 1",
        "03-02 11:00 update_status 1 240/0",  # with a schedule without hours none is
    ]


# --- Which target -----------------------------------------------------------------------------------------------------------------------


def applied(a_history):
    return [line for line in shown(a_history, "resolution_time") if "apply_sla" in line]


def test_the_first_policy_that_matches_is_applied_and_no_other():
    policies = [
        policy(1, types=["incident"], total_resolution_time=calendar(10_001)),
        policy(2, types=[None, "task"], total_resolution_time=calendar(10_002)),
        policy(3, types=[], total_resolution_time=calendar(10_003)),
        policy(4, types=["problem"], priority="high", total_resolution_time=calendar(10_004)),
        policy(5, total_resolution_time=calendar(10_005)),
    ]

    def applied_to(type):
        return applied(history(create("03-02 09:00", type=type), policies=policies))

    assert applied_to("incident") == ["03-02 09:00 apply_sla 1 #1 10001 calendar"]
    assert applied_to(None) == ["03-02 09:00 apply_sla 1 #2 10002 calendar"]
    assert applied_to("task") == ["03-02 09:00 apply_sla 1 #2 10002 calendar"]
    assert applied_to("problem") == []  # the policy that matches has nothing for the priority
    assert applied_to("question") == ["03-02 09:00 apply_sla 1 #5 10005 calendar"]


def test_null_in_the_list_of_types_is_needed_for_a_ticket_without_a_type():
    assert applied(history(create("03-02 09:00"), policies=[policy(1, types=["task"], total_resolution_time=calendar(9))])) == []


def test_no_priority_no_targets():
    policies = [policy(1, total_resolution_time=calendar(600))]
    assert applied(history(create("03-02 09:00", priority=None), policies=policies)) == []
    assert applied(history(
        create("03-02 09:00"),
        update("03-02 09:10", priority=None),
        update("03-02 09:20", comment=END_USER),
        update("03-02 09:30", priority="low"),
        update("03-02 09:40", priority="normal"),
        policies=policies,
    )) == [
        "03-02 09:00 apply_sla 1 #1 600 calendar",
        "03-02 09:10 apply_sla 1 none",
        "03-02 09:40 apply_sla 1 #1 600 calendar",
    ]


def test_a_target_is_another_when_policy_minutes_or_business_differ():
    assert applied(history(
        create("03-02 09:00"),
        policies_edit("03-02 10:00", policy(1, total_resolution_time=calendar(601))),
        update("03-02 10:01"),
        policies_edit("03-02 11:00", policy(1, total_resolution_time=business(601))),
        update("03-02 11:01"),
        policies_edit("03-02 12:00", policy(2, total_resolution_time=business(601))),
        update("03-02 12:01"),
        policies_edit("03-02 13:00", policy(2, types=[None], total_resolution_time=business(601), agent_work_time=calendar(900))),
        update("03-02 13:01"),
        policies=[policy(1, total_resolution_time=calendar(600))],
    )) == [
        "03-02 09:00 apply_sla 1 #1 600 calendar",
        "03-02 10:01 apply_sla 1 #1 601 calendar",
        "03-02 11:01 apply_sla 1 #1 601 business",
        "03-02 12:01 apply_sla 1 #2 601 business",
    ]


def test_tickets_are_not_looked_at_again_before_their_next_update():
    assert applied(history(
        create("03-02 09:00"),
        policies_edit("03-02 09:10", policy(1, total_resolution_time=calendar(600))),
        schedule_edit("03-02 09:20", OFFICE),
        policies_edit("03-02 09:30", policy(2, total_resolution_time=calendar(700))),
        update("03-02 09:40", comment=AGENT_PRIVATE),
        until="03-03 09:00",
    )) == ["03-02 09:40 apply_sla 1 #2 700 calendar"]


def test_a_new_instance_gets_its_own_apply_sla_and_a_paused_one_may_get_another():
    assert shown(history(
        create("03-02 09:00", comment=AGENT),
        update("03-02 09:10", comment=AGENT, status="pending"),
        policies_edit("03-02 09:20", policy(1, pausable_update_time=business(50))),
        update("03-02 09:30"),
        policies=[policy(1, pausable_update_time=calendar(40))],
    ), "pausable_update_time") == [
        "03-02 09:00 activate 1",
        "03-02 09:00 apply_sla 1 #1 40 calendar",
        "03-02 09:10 fulfill 1",
        "03-02 09:10 update_status 1 10/10",
        "03-02 09:10 activate 2",
        "03-02 09:10 pause 2",
        "03-02 09:10 update_status 2 0/0",
        "03-02 09:10 apply_sla 2 #1 40 calendar",
        "03-02 09:30 apply_sla 2 #1 50 business",
    ]


def test_a_solved_tickets_targets_stay_as_they_are_and_a_reopened_instance_keeps_its_target():
    policies = [policy(1, total_resolution_time=calendar(600))]
    assert applied(history(
        create("03-02 09:00"),
        update("03-02 10:00", status="solved", priority=None),
        update("03-02 11:00", priority="normal"),
        update("03-02 12:00", status="open"),
        policies=policies,
    )) == ["03-02 09:00 apply_sla 1 #1 600 calendar"]
    assert applied(history(
        create("03-02 09:00"),
        update("03-02 10:00", status="solved", priority=None),
        update("03-02 12:00", status="open"),
        policies=policies,
    )) == ["03-02 09:00 apply_sla 1 #1 600 calendar", "03-02 12:00 apply_sla 1 none"]


# --- Breaches ---------------------------------------------------------------------------------------------------------------------------

FIRST_REPLY = [policy(1, first_reply_time=calendar(60))]
WAIT = [policy(1, requester_wait_time=calendar(60))]
BUSINESS_WAIT = [policy(1, requester_wait_time=business(60))]


def test_a_breach_is_at_the_first_moment_at_which_the_target_has_elapsed():
    assert breaches(history(create("03-02 09:00:00.007"), until="03-03 09:00", policies=FIRST_REPLY)) == [
        "reply_time 03-02 10:00:00.007 breach 1 #1 60 calendar"]


def test_what_happens_exactly_at_until_still_counts():
    assert breaches(history(create("03-02 09:00"), until="03-02 09:59:59.999", policies=FIRST_REPLY)) == []
    assert breaches(history(create("03-02 09:00"), until="03-02 10:00", policies=FIRST_REPLY)) == [
        "reply_time 03-02 10:00 breach 1 #1 60 calendar"]


def test_an_answer_at_the_last_moment_is_in_time():
    assert breaches(history(create("03-02 09:00"), update("03-02 10:00", comment=AGENT), policies=FIRST_REPLY)) == []
    assert breaches(history(create("03-02 09:00"), update("03-02 10:00:00.001", comment=AGENT), policies=FIRST_REPLY)) == [
        "reply_time 03-02 10:00 breach 1 #1 60 calendar"]


def test_an_answer_at_the_last_moment_is_in_time_also_as_the_last_of_several_events():
    assert breaches(history(
        create("03-02 09:00"), update("03-02 10:00"), schedule_edit("03-02 10:00", OFFICE), update("03-02 10:00", comment=AGENT),
        until="03-02 12:00", policies=FIRST_REPLY)) == []


def test_a_business_target_is_breached_when_the_working_day_ends_not_when_the_next_one_begins():
    assert breaches(history(create("03-02 15:00"), until="03-10 00:00", schedule=OFFICE, policies=BUSINESS_WAIT)) == [
        "requester_wait_time 03-02 16:00 breach 1 #1 60 business"]
    assert breaches(history(create("03-06 15:00:00.001"), until="03-10 00:00", schedule=OFFICE, policies=BUSINESS_WAIT)) == [
        "requester_wait_time 03-09 08:00:00.001 breach 1 #1 60 business"]  # a millisecond is left for Monday


def test_a_paused_instance_does_not_breach_before_it_runs_again():
    assert shown(history(
        create("03-02 09:00"), update("03-02 10:00", status="pending"), update("03-02 12:00", status="open"), policies=WAIT,
    ), "requester_wait_time") == [
        "03-02 09:00 activate 1",
        "03-02 09:00 apply_sla 1 #1 60 calendar",
        "03-02 10:00 pause 1",
        "03-02 10:00 update_status 1 60/60",
        "03-02 12:00 activate 1",
        "03-02 12:00 breach 1 #1 60 calendar",
    ]
    assert breaches(history(
        create("03-02 09:00"), update("03-02 09:59:59.999", status="pending"), update("03-02 12:00", status="open"),
        until="03-02 13:00", policies=WAIT,
    )) == ["requester_wait_time 03-02 12:00:00.001 breach 1 #1 60 calendar"]


def test_a_target_reached_at_closing_time_is_breached_when_the_clock_runs_again_also_at_night():
    assert breaches(history(
        create("03-02 15:00"), update("03-02 16:00", status="pending"), update("03-02 22:00", status="open"),
        until="03-03 12:00", schedule=OFFICE, policies=BUSINESS_WAIT,
    )) == ["requester_wait_time 03-02 22:00 breach 1 #1 60 business"]


def test_at_once_when_the_target_changes():
    assert shown(history(
        create("03-02 09:00", priority=None), update("03-02 11:00", priority="normal"), until="03-02 12:00", policies=WAIT,
    ), "requester_wait_time") == [
        "03-02 09:00 activate 1",
        "03-02 11:00 apply_sla 1 #1 60 calendar",
        "03-02 11:00 breach 1 #1 60 calendar",
    ]


def test_at_once_when_the_schedule_changes():
    # By 08:30 UTC half an hour is worked in the office, and two and a half hours without a schedule.
    assert breaches(history(
        create("03-02 06:00"), schedule_edit("03-02 08:30", None), until="03-03 00:00", schedule=OFFICE, policies=BUSINESS_WAIT,
    )) == ["requester_wait_time 03-02 08:30 breach 1 #1 60 business"]


def test_a_schedule_edit_puts_a_breach_off():
    # An hour from 08:00 UTC is over at 09:00; at 08:50 the office is moved to New York, where Monday begins at 14:00 UTC.
    new_york = {**OFFICE, "time_zone": "America/New_York"}
    assert breaches(history(
        create("03-02 06:00"), schedule_edit("03-02 08:50", new_york), until="03-03 00:00", schedule=OFFICE, policies=BUSINESS_WAIT,
    )) == ["requester_wait_time 03-02 15:00 breach 1 #1 60 business"]


def test_at_once_when_the_clock_runs_again_after_a_schedule_edit_in_a_pause():
    assert breaches(history(
        create("03-02 06:00"), update("03-02 08:30", status="pending"), schedule_edit("03-02 09:00", None),
        update("03-02 10:00", status="open"), schedule=OFFICE, policies=BUSINESS_WAIT,
    )) == ["requester_wait_time 03-02 10:00 breach 1 #1 60 business"]


def test_what_does_not_last_a_millisecond_does_not_breach():
    assert breaches(history(
        create("03-02 06:00"), schedule_edit("03-02 08:30", None), schedule_edit("03-02 08:30", OFFICE), until="03-02 08:59:59.999",
        schedule=OFFICE, policies=BUSINESS_WAIT,
    )) == []
    assert breaches(history(
        create("03-02 09:00"), update("03-02 09:10", status="pending"),
        policies_edit("03-02 11:00", policy(1, requester_wait_time=calendar(5))), update("03-02 11:00", status="open"),
        policies_edit("03-02 11:00"), update("03-02 11:00"), until="03-02 18:00", policies=WAIT,
    )) == []


def test_no_second_breach_of_the_same_target():
    assert breaches(history(
        create("03-02 06:00"), schedule_edit("03-02 08:30", None), schedule_edit("03-02 08:31", OFFICE), update("03-02 08:32"),
        update("03-02 08:33", status="pending"), update("03-02 08:34", status="open"), until="03-03 00:00",
        schedule=OFFICE, policies=BUSINESS_WAIT,
    )) == ["requester_wait_time 03-02 08:30 breach 1 #1 60 business"]


def test_another_target_may_be_breached_again():
    assert shown(history(
        create("03-02 09:00"),
        policies_edit("03-02 11:00", policy(1, requester_wait_time=calendar(180)), policy(2)),
        update("03-02 11:30"),
        policies_edit("03-02 13:00", policy(2, requester_wait_time=calendar(180))),
        update("03-02 13:30"),
        update("03-02 14:00", priority=None),
        update("03-02 14:30", priority="normal"),
        until="03-02 18:00", policies=WAIT,
    ), "requester_wait_time") == [
        "03-02 09:00 activate 1",
        "03-02 09:00 apply_sla 1 #1 60 calendar",
        "03-02 10:00 breach 1 #1 60 calendar",
        "03-02 11:30 apply_sla 1 #1 180 calendar",
        "03-02 12:00 breach 1 #1 180 calendar",
        "03-02 13:30 apply_sla 1 #2 180 calendar",
        "03-02 13:30 breach 1 #2 180 calendar",
        "03-02 14:00 apply_sla 1 none",
        "03-02 14:30 apply_sla 1 #2 180 calendar",
        "03-02 14:30 breach 1 #2 180 calendar",
    ]


def test_a_reopened_instance_does_not_breach_the_same_target_again():
    assert shown(history(
        create("03-02 09:00"), update("03-02 10:30", status="solved"), update("03-02 11:00", status="open"),
        until="03-02 18:00", policies=WAIT,
    ), "requester_wait_time")[2:] == [
        "03-02 10:00 breach 1 #1 60 calendar",
        "03-02 10:30 fulfill 1",
        "03-02 10:30 update_status 1 90/90",
        "03-02 11:00 activate 1",
    ]


def test_a_reopened_instance_goes_on_towards_its_target():
    assert breaches(history(
        create("03-02 09:00"), update("03-02 09:50", status="solved"), update("03-02 11:00", status="open"),
        until="03-02 18:00", policies=WAIT,
    )) == ["requester_wait_time 03-02 11:10 breach 1 #1 60 calendar"]


def test_solved_at_the_last_moment_and_reopened():
    assert breaches(history(
        create("03-02 09:00"), update("03-02 10:00", status="solved"), update("03-02 11:00", status="open"),
        until="03-02 18:00", policies=WAIT,
    )) == ["requester_wait_time 03-02 11:00 breach 1 #1 60 calendar"]


def test_a_fulfilled_instance_does_not_breach():
    assert breaches(history(
        create("03-02 09:00"), update("03-02 09:50", status="solved"), schedule_edit("03-02 10:30", OFFICE),
        until="03-09 00:00", policies=WAIT + [policy(2, first_reply_time=calendar(60))],
    )) == []


# --- Order ------------------------------------------------------------------------------------------------------------------------------


def test_order_of_several_events_at_one_time():
    assert shown_all(history(
        create("03-02 09:00", comment=AGENT, priority=None),
        update("03-02 10:30", comment=AGENT, status="pending"),
        update("03-02 10:30", comment=END_USER, status="hold", priority="normal"),
        until="03-02 11:30",
        policies=[policy(1, requester_wait_time=calendar(90), periodic_update_time=calendar(60), pausable_update_time=calendar(60),
                         next_reply_time=calendar(60), total_resolution_time=calendar(60))],
    )) == [
        "reply_time 03-02 09:00 activate 1",
        "requester_wait_time 03-02 09:00 activate 1",
        "agent_work_time 03-02 09:00 activate 1",
        "pausable_update_time 03-02 09:00 activate 1",
        "periodic_update_time 03-02 09:00 activate 1",
        "resolution_time 03-02 09:00 activate 1",
        # the first update
        "reply_time 03-02 10:30 fulfill 1",
        "reply_time 03-02 10:30 update_status 1 90/90",
        "requester_wait_time 03-02 10:30 pause 1",
        "requester_wait_time 03-02 10:30 update_status 1 90/90",
        "agent_work_time 03-02 10:30 pause 1",
        "agent_work_time 03-02 10:30 update_status 1 90/90",
        "pausable_update_time 03-02 10:30 fulfill 1",
        "pausable_update_time 03-02 10:30 update_status 1 90/90",
        "pausable_update_time 03-02 10:30 activate 2",
        "pausable_update_time 03-02 10:30 pause 2",
        "pausable_update_time 03-02 10:30 update_status 2 0/0",
        "periodic_update_time 03-02 10:30 fulfill 1",
        "periodic_update_time 03-02 10:30 update_status 1 90/90",
        "periodic_update_time 03-02 10:30 activate 2",
        # the second
        "reply_time 03-02 10:30 activate 2",
        "reply_time 03-02 10:30 apply_sla 2 #1 60 calendar",
        "requester_wait_time 03-02 10:30 activate 1",
        "requester_wait_time 03-02 10:30 apply_sla 1 #1 90 calendar",
        "pausable_update_time 03-02 10:30 activate 2",
        "pausable_update_time 03-02 10:30 apply_sla 2 #1 60 calendar",
        "periodic_update_time 03-02 10:30 apply_sla 2 #1 60 calendar",
        "resolution_time 03-02 10:30 apply_sla 1 #1 60 calendar",
        # the breaches at once, after all that
        "requester_wait_time 03-02 10:30 breach 1 #1 90 calendar",
        "resolution_time 03-02 10:30 breach 1 #1 60 calendar",
        # the breaches an hour later
        "reply_time 03-02 11:30 breach 2 #1 60 calendar",
        "pausable_update_time 03-02 11:30 breach 2 #1 60 calendar",
        "periodic_update_time 03-02 11:30 breach 2 #1 60 calendar",
    ]


# --- The ticket's metrics ---------------------------------------------------------------------------------------------------------------


def both(minutes, business=None):
    return {"calendar": minutes, "business": minutes if business is None else business}


def test_metrics_of_a_ticket_solved_twice():
    assert metrics(history(
        create("03-02 09:00", comment=AGENT),
        update("03-02 09:20:59.999", comment=AGENT, status="pending"),
        update("03-02 10:00", status="hold", comment=END_USER),
        update("03-02 10:30", status="open", comment=AGENT),
        update("03-02 11:00", status="solved", comment=AGENT_PRIVATE),
        update("03-02 12:00", status="open"),
        update("03-02 12:10", status="solved"),
        update("03-02 13:00", comment=AGENT),
        update("03-02 14:00", status="closed"),
        until="03-03 09:00",
    )) == {
        "reply_time": both(20),
        "first_resolution_time": both(120),
        "full_resolution_time": both(190),
        "agent_wait_time": both(39),  # 39 min 0.001 s
        "requester_wait_time": both(20 + 60 + 10),  # a second short of 91
        "on_hold_time": both(30),
        "reopens": 1,
        "replies": 3,
    }


def test_metrics_of_an_open_ticket_go_on_until_until():
    assert metrics(history(
        create("03-02 09:00"), update("03-02 10:00", status="solved"), update("03-02 11:00", status="hold"), until="03-02 11:45",
    )) == {
        "reply_time": None,
        "first_resolution_time": both(60),
        "full_resolution_time": None,
        "agent_wait_time": both(0),
        "requester_wait_time": both(105),
        "on_hold_time": both(45),
        "reopens": 1,
        "replies": 0,
    }


def test_metrics_count_business_time_by_the_schedule_at_the_end():
    shown_metrics = metrics(history(
        create("03-02 07:00"), update("03-02 08:30", comment=AGENT, status="pending"), update("03-02 09:00", status="closed"),
        schedule_edit("03-05 09:00", OFFICE), schedule=weekly("UTC"),
    ))
    assert shown_metrics["reply_time"] == both(90, 30)
    assert shown_metrics["first_resolution_time"] == shown_metrics["full_resolution_time"] == both(120, 60)
    assert shown_metrics["agent_wait_time"] == both(30, 30)
    assert shown_metrics["requester_wait_time"] == both(90, 30)


def test_sums_are_rounded_down_once():
    assert metrics(history(
        create("03-02 09:00", status="pending"), update("03-02 09:00:40", status="open"), update("03-02 09:05", status="pending"),
        until="03-02 09:05:40",
    ))["agent_wait_time"] == both(1)


# --- Working time, by hand --------------------------------------------------------------------------------------------------------------


def worked(schedule, start, end):
    """Stretches of working time, as written down."""
    return [f"{said(first)} to {said(last)}" for first, last in clocks.working_stretches(schedule, ms(start), ms(end))]


def test_the_week_begins_on_sunday_and_ends_are_not_in_an_interval():
    assert worked(weekly("UTC", (0, 1), (1439, 1440), (10079, 10080)), "02-28 00:00", "03-08 00:00") == [
        "02-28 23:59 to 03-01 00:00",  # Saturday
        "03-01 00:00 to 03-01 00:01",  # Sunday
        "03-01 23:59 to 03-02 00:00",
        "03-07 23:59 to 03-08 00:00",
    ]


def test_several_intervals_a_day_and_part_of_one():
    assert worked(weekly("UTC", hours("Mon", 8, 12), hours("Mon", 13, 17.5)), "03-02 11:30", "03-02 17:00") == [
        "03-02 11:30 to 03-02 12:00", "03-02 13:00 to 03-02 17:00",
    ]


def test_an_interval_over_midnight_is_cut_by_a_holiday():
    night = (minute_of_week("Thu", 22), minute_of_week("Fri", 6))
    assert worked(weekly("UTC", night, holidays=[("2026-03-06", "2026-03-06")]), "03-01 00:00", "03-08 00:00") == [
        "03-05 22:00 to 03-06 00:00",
    ]
    assert worked(weekly("UTC", night, holidays=[("2026-03-05", "2026-03-05")]), "03-01 00:00", "03-08 00:00") == [
        "03-06 00:00 to 03-06 06:00",
    ]


def test_holidays_are_days_of_the_wall_clock_both_inclusive():
    always = (0, 10080)
    schedule = weekly("America/New_York", always, holidays=[("2026-12-24", "2026-12-25"), ("2026-12-27", "2026-12-27")])
    total = clocks.working_time(schedule, ms("12-23 00:00"), ms("12-30 00:00"))
    assert total.between(ms("12-24 04:59"), ms("12-24 06:00")) == MINUTE  # New York's midnight is 05:00 UTC
    assert total.between(ms("12-24 05:00"), ms("12-26 05:00")) == 0
    assert total.between(ms("12-26 05:00"), ms("12-27 05:00")) == DAY
    assert total.between(ms("12-27 05:00"), ms("12-28 05:01")) == MINUTE


def test_no_hours_and_no_schedule():
    assert worked(weekly("Europe/Berlin"), "03-01 00:00", "04-01 00:00") == []
    assert clocks.working_time(None, 0, DAY).between(HOUR, 3 * HOUR) == 2 * HOUR


def test_berlin_in_spring_and_autumn():
    early = weekly("Europe/Berlin", hours("Sun", 1, 4))
    assert worked(early, "03-22 00:00", "03-22 12:00") == ["03-22 00:00 to 03-22 03:00"]
    # 2:00 to 3:00 does not exist: 1:00 to 2:00 (UTC + 1), then 3:00 to 4:00 (UTC + 2).
    assert worked(early, "03-28 20:00", "03-29 12:00") == ["03-29 00:00 to 03-29 01:00", "03-29 01:00 to 03-29 02:00"]
    # 2:00 to 3:00 comes twice: 1:00 to 3:00 (UTC + 2), then 2:00 to 4:00 (UTC + 1).
    assert worked(early, "10-24 20:00", "10-25 12:00") == ["10-24 23:00 to 10-25 01:00", "10-25 01:00 to 10-25 03:00"]
    half_past_two = weekly("Europe/Berlin", hours("Sun", 2, 2.5))
    assert worked(half_past_two, "03-28 20:00", "03-29 12:00") == []
    assert worked(half_past_two, "10-24 20:00", "10-25 12:00") == ["10-25 00:00 to 10-25 00:30", "10-25 01:00 to 10-25 01:30"]


def test_days_of_23_and_25_hours_in_new_york():
    sunday = weekly("America/New_York", hours("Sun", 0, 24))
    total = clocks.working_time(sunday, ms("03-01 00:00"), ms("11-30 00:00"))
    assert total.between(ms("03-07 00:00"), ms("03-11 00:00")) == 23 * HOUR  # 8 March
    assert total.between(ms("03-14 00:00"), ms("03-18 00:00")) == 24 * HOUR
    assert total.between(ms("10-31 00:00"), ms("11-04 00:00")) == 25 * HOUR  # 1 November


def test_zones_with_half_and_quarter_hours():
    assert worked(weekly("America/St_Johns", hours("Sun", 9, 10)), "03-01 00:00", "03-09 00:00") == [
        "03-01 12:30 to 03-01 13:30",  # UTC - 3:30
        "03-08 11:30 to 03-08 12:30",  # UTC - 2:30, since this night
    ]
    assert worked(weekly("Asia/Kathmandu", hours("Mon", 9, 10)), "03-01 00:00", "03-03 00:00") == ["03-02 03:15 to 03-02 04:15"]


def test_lord_howe_changes_its_clocks_by_half_an_hour():
    early = weekly("Australia/Lord_Howe", hours("Sun", 1, 3))
    # 5 April: 1:00 to 2:00 (UTC + 11), then 1:30 to 3:00 (UTC + 10:30).
    assert worked(early, "04-04 00:00", "04-05 00:00") == ["04-04 14:00 to 04-04 15:00", "04-04 15:00 to 04-04 16:30"]
    # 4 October: 1:00 to 2:00 (UTC + 10:30), then 2:30 to 3:00 (UTC + 11).
    assert worked(early, "10-03 00:00", "10-04 00:00") == ["10-03 14:30 to 10-03 15:30", "10-03 15:30 to 10-03 16:00"]


def test_casablanca_puts_its_clocks_back_for_ramadan():
    two_to_three = weekly("Africa/Casablanca", hours("Sun", 2, 3))
    assert worked(two_to_three, "02-15 00:00", "02-16 00:00") == ["02-15 01:00 to 02-15 02:00", "02-15 02:00 to 02-15 03:00"]
    assert worked(two_to_three, "03-01 00:00", "03-02 00:00") == ["03-01 02:00 to 03-01 03:00"]
    assert worked(two_to_three, "03-22 00:00", "03-23 00:00") == []


def test_cairo_changes_its_clocks_at_midnight():
    assert worked(weekly("Africa/Cairo", hours("Fri", 0, 2)), "04-23 00:00", "04-25 00:00") == ["04-23 22:00 to 04-23 23:00"]
    last_hour = weekly("Africa/Cairo", hours("Thu", 23, 24))
    assert worked(last_hour, "10-29 00:00", "10-31 00:00") == ["10-29 20:00 to 10-29 21:00", "10-29 21:00 to 10-29 22:00"]
    assert worked({**last_hour, "holidays": [["2026-10-29", "2026-10-29"]]}, "10-29 00:00", "10-31 00:00") == []


def test_zones_that_no_longer_change_their_clocks():
    assert worked(weekly("America/Sao_Paulo", hours("Mon", 9, 10)), "01-05 00:00", "01-06 00:00") == ["01-05 12:00 to 01-05 13:00"]
    assert worked(weekly("America/Sao_Paulo", hours("Mon", 9, 10)), "07-06 00:00", "07-07 00:00") == ["07-06 12:00 to 07-06 13:00"]
    # In Apia (UTC + 13) it is Monday when it is still Sunday in UTC.
    assert worked(weekly("Pacific/Apia", hours("Mon", 9, 10)), "07-05 00:00", "07-07 00:00") == ["07-05 20:00 to 07-05 21:00"]


def test_a_target_over_the_hour_that_does_not_exist():
    # Sundays 1:00 to 4:00 in Berlin: two hours on 29 March, the missing half hour on 5 April from 23:00 UTC the day before.
    assert breaches(history(
        create("03-28 12:00"), until="04-30 00:00", schedule=weekly("Europe/Berlin", hours("Sun", 1, 4)),
        policies=[policy(1, requester_wait_time=business(150))],
    )) == ["requester_wait_time 04-04 23:30 breach 1 #1 150 business"]


def test_a_target_over_the_hour_that_comes_twice():
    # 24 October, 16:30 UTC: 23:00 UTC is 1:00 in Berlin, and 150 minutes of 1:00 to 4:00 are over at 2:30 the second time.
    assert breaches(history(
        create("10-24 16:30"), until="11-30 00:00", schedule=weekly("Europe/Berlin", hours("Sun", 1, 4)),
        policies=[policy(1, requester_wait_time=business(150))],
    )) == ["requester_wait_time 10-25 01:30 breach 1 #1 150 business"]


def test_a_target_over_the_turn_of_the_year():
    made = history(
        create("2026-12-31 15:30"), until="2027-01-31 00:00", policies=BUSINESS_WAIT,
        schedule={**OFFICE, "holidays": [["2027-01-01", "2027-01-01"]]},
    )
    assert [event["at"] for event in clocks.compute(made)["events"] if event["type"] == "breach"] == [ms("2027-01-04 08:30")]


# --- Working time, a slow second opinion ------------------------------------------------------------------------------------------------


def counted(schedule, start, end):
    """Working time by looking at the wall clock in each minute."""
    if schedule is None:
        return end - start
    zone, total = ZoneInfo(schedule["time_zone"]), 0
    for minute in range(start // MINUTE, -(-end // MINUTE)):
        wall = datetime.fromtimestamp(minute * 60, zone)
        minute_now = wall.isoweekday() % 7 * 1440 + wall.hour * 60 + wall.minute
        day = wall.date().isoformat()
        if any(first <= minute_now < last for first, last in schedule["intervals"]) and not any(
                first <= day <= last for first, last in schedule["holidays"]):
            total += min(end, (minute + 1) * MINUTE) - max(start, minute * MINUTE)
    return total


def schedules_and_times(seed, count):
    """Random schedules, each with a time in a history that has it."""
    made = (histories.make(seed, number) for number in range(count))
    return [(each["schedule"], each["events"][0]["at"]) for each in made if each["schedule"]]


def test_working_time_counted_minute_by_minute():
    rng = random.Random("spans")
    nonzero = 0
    for schedule, near in schedules_and_times("spans", 260):
        start = near + rng.randint(-DAY, DAY)
        end = start + rng.choice((rng.randint(0, 3 * HOUR), rng.randint(0, 4 * DAY)))
        fast = clocks.working_time(schedule, start - rng.randint(0, DAY), end + rng.randint(0, DAY)).between(start, end)
        assert fast == counted(schedule, start, end), (schedule, start, end)
        nonzero += fast > 0
    assert nonzero > 100


def test_working_time_in_the_days_around_each_change_of_the_clocks():
    always = (0, 10080)
    for zone in histories.ZONES:
        changes = [start for year in (2024, 2028) for start, _, _ in clocks.offset_stretches(zone, year)[1:]]
        rng = random.Random(zone)
        for change in changes:
            parts = (0, 61), (90, 149), (165, 1440)
            schedule = weekly(zone, *[(day * 1440 + a, day * 1440 + b) for day in range(7) for a, b in parts])
            window = change - DAY, change + DAY
            start = change - rng.randint(0, 6 * HOUR)
            end = change + rng.randint(0, 6 * HOUR)
            assert clocks.working_time(schedule, *window).between(start, end) == counted(schedule, start, end), (zone, change)
            assert clocks.working_time(weekly(zone, always), *window).between(start, end) == end - start


def test_the_moment_after_some_working_time_is_the_first():
    rng = random.Random("moments")
    found = 0
    for schedule, near in schedules_and_times("moments", 150):
        total = clocks.working_time(schedule, near, near + 5 * DAY)
        start, amount = near + rng.randint(0, DAY), rng.choice((1, rng.randint(1, 2 * HOUR), 30 * MINUTE))
        at = total.moment_after(start, amount)
        if at is None:
            assert counted(schedule, start, near + 5 * DAY) < amount
        else:
            assert counted(schedule, start, at) == amount and counted(schedule, start, at - 1) == amount - 1
            found += 1
    assert found > 60


# --- What must hold for any history -----------------------------------------------------------------------------------------------------


class Replay:
    """Reads an answer from the front, as somebody would who only sees the events, and asks whether each may come there."""

    def __init__(self, made, seen):
        self.made = made
        self.seen = seen
        self.times = [event["at"] for event in made["events"]]
        self.window = self.times[0], made["until"]
        self.stretches = {}  # (metric, instance): [[start, end or None], …]
        self.open = {}  # metric: (metric, instance)
        self.running = set()
        self.sla = {}  # (metric, instance): applied, and not breached since
        self.applied = {}
        self.status = {}  # (metric, instance): the update_status before

    def schedules_at(self, at):
        """The schedules that were in force at this millisecond, the last one last."""
        edits = [(self.window[0], self.made["schedule"])] + [
            (event["at"], event["schedule"]) for event in self.made["events"] if event["kind"] == "schedule"]
        return [schedule for when, schedule in edits if when < at][-1:] + [schedule for when, schedule in edits if when == at]

    def elapsed(self, key, at, schedule, measured=None):
        measure = measured or clocks.working_time(schedule, *self.window).between
        return sum(measure(start, at if end is None else min(at, end)) for start, end in self.stretches[key] if start < at)

    def towards(self, key, at, sla):
        return self.elapsed(key, at, self.schedules_at(at)[-1] if sla["business"] else None)

    def check(self):
        answer = clocks.compute(self.made)
        events = answer["events"]
        assert [event["at"] for event in events] == sorted(event["at"] for event in events)
        assert events[-1]["at"] <= self.made["until"]
        all_times = sorted(set(self.times) | {event["at"] for event in events})
        for at, after in zip(all_times, all_times[1:] + [self.made["until"] + 1]):
            now = [event for event in events if event["at"] == at]
            self.check_order(at, now)
            for index, event in enumerate(now):
                getattr(self, event["type"])(event, now[index + 1:])
            self.check_no_breach_is_missing(after - 1)
        self.check_end(answer["metrics"])

    def check_order(self, at, now):
        breached = [event["type"] == "breach" for event in now]
        assert breached == sorted(breached)
        places = [METRICS.index(event["metric"]) for event in now if event["type"] == "breach"]
        assert places == sorted(set(places))
        if self.times.count(at) == 1:
            places = [METRICS.index(event["metric"]) for event in now if event["type"] != "breach"]
            assert places == sorted(places)

    def check_no_breach_is_missing(self, last):
        """Nothing that runs and is not breached has reached its target, up to and with this millisecond."""
        for key in self.running & set(self.sla):
            schedule = self.schedules_at(last)[-1] if self.sla[key]["business"] else None
            assert self.elapsed(key, last, schedule) < self.sla[key]["minutes"] * MINUTE

    def activate(self, event, _):
        key = event["metric"], event["instance"]
        if key not in self.stretches:
            assert event["instance"] == 1 + sum(metric == event["metric"] for metric, _ in self.stretches)
        elif self.open.get(event["metric"]) is None:
            assert event["metric"] in ("requester_wait_time", "agent_work_time", "resolution_time")
        assert self.open.get(event["metric"]) in (None, key) and key not in self.running
        self.open[event["metric"]] = key
        self.running.add(key)
        self.stretches.setdefault(key, []).append([event["at"], None])

    def pause(self, event, after):
        assert event["metric"] in ("requester_wait_time", "agent_work_time", "pausable_update_time")
        self.stop(event, after)

    def fulfill(self, event, after):
        key = event["metric"], event["instance"]
        assert self.open[event["metric"]] == key
        self.open[event["metric"]] = None
        if key in self.running:
            self.stop(event, after)
        if event["metric"] in ("reply_time", "pausable_update_time", "periodic_update_time"):
            self.sla.pop(key, None)

    def stop(self, event, after):
        key = event["metric"], event["instance"]
        self.running.remove(key)
        self.stretches[key][-1][1] = event["at"]
        assert after[0] == {**after[0], "type": "update_status", "metric": key[0], "instance": key[1]}

    def update_status(self, event, _):
        key, at = (event["metric"], event["instance"]), event["at"]
        assert event["calendar"] == self.elapsed(key, at, None) // MINUTE
        assert event["business"] in [self.elapsed(key, at, schedule) // MINUTE for schedule in self.schedules_at(at)]
        assert event["business"] <= event["calendar"]
        before = self.status.get(key)
        if before:
            assert before["calendar"] <= event["calendar"]
            if not any(each["kind"] == "schedule" and before["at"] <= each["at"] <= at for each in self.made["events"]):
                assert before["business"] <= event["business"]
        self.status[key] = event
        self.seen["update_status"] += 1

    def apply_sla(self, event, _):
        key = event["metric"], event["instance"]
        assert self.open[event["metric"]] == key and event["at"] in self.times
        assert event["sla"] != self.applied.get(key)
        self.applied[key] = event["sla"]
        self.sla.pop(key, None)
        if event["sla"]:
            self.sla[key] = event["sla"]

    def breach(self, event, _):
        key, at = (event["metric"], event["instance"]), event["at"]
        assert key in self.running
        sla = self.sla.pop(key)  # not breached before
        assert event["sla"] == sla
        target = sla["minutes"] * MINUTE
        reached = self.towards(key, at, sla)
        if at in self.times:
            assert reached >= target
            self.seen["breach at an event"] += 1
        else:
            assert reached == target and self.towards(key, at - 1, sla) == target - 1
            self.seen["breach alone"] += 1
        if sum((end or at) - start for start, end in self.stretches[key]) < DAY and sla["business"]:
            schedule = self.schedules_at(at)[-1]
            assert self.elapsed(key, at, schedule, lambda start, end: counted(schedule, start, end)) == reached
            self.seen["breach counted"] += 1

    def check_end(self, shown_metrics):
        life = (self.made["until"] - self.window[0]) // MINUTE
        assert shown_metrics["agent_wait_time"]["calendar"] + shown_metrics["requester_wait_time"]["calendar"] <= life
        assert shown_metrics["on_hold_time"]["calendar"] <= shown_metrics["requester_wait_time"]["calendar"]
        first, full = shown_metrics["first_resolution_time"], shown_metrics["full_resolution_time"]
        assert full is None or all(first[measure] <= full[measure] for measure in first)
        status = [event["status"] for event in self.made["events"] if "status" in event][-1]
        is_open = [metric for metric in METRICS if self.open.get(metric)]
        if status in SOLVED:
            assert is_open == [] and full is not None
        else:
            assert {"requester_wait_time", "agent_work_time", "resolution_time"} <= set(is_open) and full is None


def test_what_must_hold_for_any_history():
    seen = Counter()
    for number in range(2000):
        made = histories.make("any", number)
        try:
            Replay(made, seen).check()
        except AssertionError as error:
            raise AssertionError(f"history {number}: {json.dumps(made)}") from error
    assert min(seen[name] for name in ("update_status", "breach at an event", "breach alone", "breach counted")) > 200, seen


# --- The generator and the comparison ---------------------------------------------------------------------------------------------------


def test_histories_are_as_allowed_and_reach_what_the_definitions_name():
    made = [histories.make("all", number) for number in range(1500)]
    assert [each for each in made if histories.fault(each)] == []
    assert all(histories.EARLIEST <= each["events"][0]["at"] and each["until"] <= histories.LATEST for each in made)
    lengths = [len(each["events"]) for each in made]
    assert min(lengths) == 1 and 20 <= max(lengths) <= 25
    schedules = [each["schedule"] for each in made]
    zones = {schedule["time_zone"] for schedule in schedules if schedule}
    assert zones == set(histories.ZONES)
    assert None in schedules and [] in [schedule["intervals"] for schedule in schedules if schedule]
    bounds = {minute for schedule in schedules if schedule for interval in schedule["intervals"] for minute in interval}
    assert {0, 1440, 10080} <= bounds
    assert any(first < last for schedule in schedules if schedule for first, last in schedule["holidays"])
    statuses = {event["status"] for each in made for event in each["events"] if "status" in event}
    assert statuses == {"new", "open", "pending", "hold", "solved", "closed"}
    comments = {tuple(event["comment"].values()) for each in made for event in each["events"] if event.get("comment")}
    assert len(comments) == 4
    results = [clocks.compute(each) for each in made]
    kinds = {(event["metric"], event["type"]) for result in results for event in result["events"]}
    never = {("reply_time", "pause"), ("periodic_update_time", "pause"), ("resolution_time", "pause")}
    kinds_of_event = ("activate", "pause", "fulfill", "update_status", "apply_sla", "breach")
    assert kinds == {(metric, kind) for metric in METRICS for kind in kinds_of_event} - never


def test_the_same_seed_makes_the_same_histories():
    done = subprocess.run([sys.executable, HERE / "histories.py", "--seed", "same", "--count", "2", "--first", "5"],
                          capture_output=True, text=True, check=True)
    assert [json.loads(text) for text in done.stdout.splitlines()] == [histories.make("same", 5), histories.make("same", 6)]
    assert histories.make("other", 5) != histories.make("same", 5)


def run_compare(tool):
    return subprocess.run([sys.executable, HERE / "compare.py", "--tool", tool, "--count", "300"], capture_output=True, text=True)


def test_compare_says_how_much_agreed():
    done = run_compare(f"{sys.executable} {HERE / 'clocks.py'}")
    assert done.returncode == 0 and done.stdout.startswith("300 histories of seed 1 agree") and done.stdout.count("\n") == 1


@pytest.mark.parametrize("right, wrong", [
    ("(at < end or (is_last and at == end))", "at <= end"),
    ('"agent_work_time": ("new", "open")', '"agent_work_time": ("new", "open", "hold")'),
    ("first <= day <= last", "first <= day < last"),
])
def test_compare_finds_a_difference_and_makes_it_short(tmp_path, right, wrong):
    text = (HERE / "clocks.py").read_text()
    assert right in text
    (tmp_path / "clocks.py").write_text(text.replace(right, wrong))
    done = run_compare(f"{sys.executable} {tmp_path / 'clocks.py'}")
    assert done.returncode == 1
    short = json.loads(next(line for line in done.stdout.splitlines() if line.startswith('{"events"')))
    assert histories.fault(short) is None and len(short["events"]) <= 3
    assert done.stdout.count("first difference: ") == 2


def test_compare_shows_a_tool_that_fails():
    done = run_compare("echo nonsense; exit 3")
    assert done.returncode == 1 and "exit status 3" in done.stdout
