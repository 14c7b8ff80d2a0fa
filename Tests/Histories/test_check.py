"""Tests of the checker: planted histories, a brute-force oracle, simulated runs, the command."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from linearizability import Operation, check_history, check_key

COMMAND = Path(__file__).with_name("check.py")


def op(
    client: int,
    call: str,
    invoked: int,
    returned: int | None,
    result: int | bool | None = None,
    outcome: str = "ok",
    level: str = "linearizable",
) -> Operation:
    """An operation on key k from a call such as "cas 0 1" (expected, then argument)."""
    kind, *numbers = call.split()
    kind = {"cas": "compareAndSet"}.get(kind, kind)
    return Operation(
        client=client,
        key="k",
        kind=kind,
        argument=int(numbers[-1]) if numbers else None,
        expected=int(numbers[0]) if kind == "compareAndSet" else None,
        result=result,
        invoked=invoked,
        returned=returned,
        outcome=outcome,
        level=level,
    )


def unknown(client: int, call: str, invoked: int) -> Operation:
    return op(client, call, invoked, None, outcome="unknown")


def refused(client: int, call: str, invoked: int, returned: int) -> Operation:
    return op(client, call, invoked, returned, outcome="refused")


def verdict(operations: list[Operation]) -> str:
    return check_key("k", operations).verdict


GOOD = {
    "nothing": [],
    "the initial value": [op(1, "read", 0, 1, 0)],
    "a write then a read": [op(1, "write 5", 0, 10), op(2, "read", 11, 20, 5)],
    "overlapping reads see new then old": [
        op(1, "write 5", 0, 30),
        op(2, "read", 5, 20, 5),
        op(3, "read", 6, 20, 0),
    ],
    "a read overlapping the write sees the old value": [
        op(1, "write 5", 0, 10),
        op(2, "read", 5, 20, 0),
    ],
    "times which touch overlap": [op(1, "write 5", 0, 10), op(2, "read", 10, 20, 0)],
    "two adds": [op(1, "add 1", 0, 10, 2), op(2, "add 1", 5, 15, 1)],
    "one of two compareAndSets wins": [
        op(1, "cas 0 1", 0, 10, True),
        op(2, "cas 0 2", 0, 10, False),
        op(1, "read", 11, 12, 1),
    ],
    "an unknown write takes effect late": [
        unknown(1, "write 5", 0),
        op(2, "read", 10, 20, 0),
        op(1, "write 6", 30, 40),
        op(2, "read", 50, 60, 6),
        op(2, "read", 70, 80, 5),
    ],
    "an unknown write never takes effect": [
        unknown(1, "write 5", 0),
        op(2, "read", 10, 20, 0),
    ],
    "a compareAndSet fails because of an unknown write nobody else sees": [
        unknown(1, "write 5", 0),
        op(2, "cas 0 1", 10, 20, False),
        op(3, "write 7", 30, 40),
        op(3, "read", 50, 60, 7),
    ],
    "a chain of unknown operations": [
        unknown(1, "write 5", 0),
        unknown(2, "cas 8 3", 0),
        unknown(3, "add 3", 0),
        op(4, "read", 10, 20, 0),
        op(4, "read", 30, 40, 3),
    ],
    "an unknown add applied once": [
        unknown(1, "add 2", 0),
        op(2, "add 1", 10, 20, 1),
        op(2, "read", 30, 40, 3),
    ],
    "equal unknown adds, each applied": [
        unknown(1, "add 2", 0),
        unknown(2, "add 2", 25),
        op(3, "read", 10, 20, 2),
        op(3, "read", 30, 40, 4),
    ],
    "an unknown write must be saved for the last read": [
        unknown(3, "write 0", 0),
        op(1, "write 7", 0, 10),
        op(2, "cas 0 7", 0, 20, True),
        op(1, "read", 30, 40, 0),
    ],
    "an unknown read": [unknown(1, "read", 0), op(2, "write 5", 10, 20)],
    "a refused write is not seen": [refused(1, "write 5", 0, 10), op(2, "read", 20, 30, 0)],
    "a session read of an old value": [
        op(1, "write 5", 0, 10),
        op(2, "read", 20, 30, 0, level="session"),
        op(2, "read", 40, 50, 5, level="stale"),
    ],
    "a stale read of an unknown add": [
        op(1, "write 5", 0, 10),
        unknown(1, "add 2", 20),
        op(2, "read", 20, 30, 7, level="stale"),
    ],
}

BAD = {
    "a stale read": [
        op(1, "write 5", 0, 10),
        op(1, "write 6", 20, 30),
        op(2, "read", 40, 50, 5),
    ],
    "an acknowledged write lost": [op(1, "write 5", 0, 10), op(2, "read", 20, 30, 0)],
    "an update lost by two compareAndSets": [
        op(1, "cas 0 1", 0, 10, True),
        op(2, "cas 0 2", 5, 15, True),
    ],
    "an add applied twice": [op(1, "add 1", 0, 10, 1), op(2, "read", 20, 30, 2)],
    "an unknown add applied twice": [
        unknown(1, "add 1", 0),
        op(2, "read", 10, 20, 1),
        op(2, "read", 30, 40, 2),
    ],
    "a value never written": [op(1, "write 5", 0, 10), op(2, "read", 5, 20, 9)],
    "one client goes back in time": [
        op(1, "write 5", 0, 100),
        op(2, "read", 10, 20, 5),
        op(2, "read", 30, 40, 0),
    ],
    "one client goes back in time without a pause": [
        op(1, "write 5", 0, 100),
        op(2, "read", 10, 20, 5),
        op(2, "read", 20, 40, 0),
    ],
    "going back in time across clients": [
        op(1, "write 5", 0, 100),
        op(2, "read", 10, 20, 5),
        op(3, "read", 30, 40, 0),
    ],
    "an unknown write seen, then lost": [
        unknown(1, "write 5", 0),
        op(2, "read", 10, 20, 5),
        op(2, "read", 30, 40, 0),
    ],
    "an unknown write seen before it was invoked": [
        op(2, "read", 10, 20, 5),
        unknown(1, "write 5", 21),
    ],
    "an unknown write of the same client seen before it": [
        op(1, "read", 10, 20, 5),
        unknown(1, "write 5", 20),
    ],
    "a refused write is seen": [refused(1, "write 5", 0, 10), op(2, "read", 20, 30, 5)],
    "a compareAndSet failed though it had to succeed": [
        op(1, "write 5", 0, 10),
        op(2, "cas 5 6", 20, 30, False),
    ],
    "a compareAndSet succeeded though it had to fail": [
        op(1, "write 5", 0, 10),
        op(2, "cas 4 6", 20, 30, True),
    ],
    "a session read of a value never written": [
        op(1, "write 5", 0, 10),
        op(2, "read", 20, 30, 6, level="session"),
    ],
    "a stale read of the future": [
        op(2, "read", 0, 10, 5, level="stale"),
        op(1, "write 5", 11, 20),
    ],
    "a stale read of a refused write": [
        refused(1, "write 5", 0, 10),
        op(2, "read", 20, 30, 5, level="stale"),
    ],
}


@pytest.mark.parametrize("name", GOOD)
def test_good(name: str) -> None:
    assert verdict(GOOD[name]) == "good"


@pytest.mark.parametrize("name", BAD)
def test_bad(name: str) -> None:
    assert verdict(BAD[name]) == "bad"


def test_verdict_does_not_depend_on_the_order_of_lines() -> None:
    for expected, histories in (("good", GOOD), ("bad", BAD)):
        for name, history in histories.items():
            shuffled = random.Random(name).sample(history, len(history))
            assert verdict(shuffled) == expected, name


def test_report_has_the_longest_prefix_and_what_is_blocked() -> None:
    write, lost = op(1, "write 5", 0, 10), op(2, "read", 20, 30, 0)
    report = check_key("k", [write, lost])
    assert (report.prefix, report.blocked, report.state) == ([write], [lost], 5)


def test_keys_are_independent() -> None:
    other = [replace(each, key="other") for each in BAD["a stale read"]]
    reports = check_history([*GOOD["two adds"], *other])
    assert [(each.key, each.verdict) for each in reports] == [("k", "good"), ("other", "bad")]


def test_limit_leaves_a_key_undecided() -> None:
    adds = [unknown(client, f"add {2 ** client}", 0) for client in range(40)]
    history = [*adds, op(50, "read", 10, 20, -1)]
    assert check_key("k", history, limit=2_000).verdict == "undecided"


# The oracle


def brute_force(history: list[Operation]) -> bool:
    """Tries every order of every subset which has all the operations known to have happened."""
    happened = [each for each in history if each.outcome != "refused"]

    def precedes(first: Operation, second: Operation) -> bool:
        if first.returned is None:
            return False
        if first.client == second.client and first.returned == second.invoked:
            return second.returned is None or first.invoked < second.returned
        return first.returned < second.invoked

    def place(left: list[Operation], value: int) -> bool:
        if all(each.outcome == "unknown" for each in left):
            return True
        for index, each in enumerate(left):
            others = left[:index] + left[index + 1 :]
            if any(precedes(other, each) for other in others):
                continue
            changed, result = register(each, value)
            if each.outcome == "ok" and result != each.result:
                continue
            if place(others, changed):
                return True
        return False

    # Choosing the unknown operations beforehand would try the same orders again and again:
    # those not placed when all others are, never took effect.
    return place(happened, 0)


def register(operation: Operation, value: int) -> tuple[int, int | bool | None]:
    """The sequential register again, so that the oracle shares no code with the checker."""
    match operation.kind:
        case "read":
            return value, value
        case "write":
            return operation.argument, None
        case "add":
            return value + operation.argument, value + operation.argument
        case _:
            matches = value == operation.expected
            return (operation.argument if matches else value), matches


def simulate(
    seed: int,
    count: int,
    clients: int,
    keys: int,
    values: int,
    pause: int,
    unknown_share: float,
    refused_share: float,
) -> list[Operation]:
    """A valid history: clients at work on atomic registers, each effect at a random instant.

    An unknown operation takes effect soon, late or never. A small `pause` makes times touch.
    """
    rng = random.Random(seed)
    now = [rng.randint(0, pause) for _ in range(clients)]
    planned: list[tuple[int | None, Operation]] = []
    for _ in range(count):
        client = min(range(clients), key=lambda each: now[each])
        kind = rng.choice(("read", "write", "compareAndSet", "add"))
        invoked = now[client] + rng.randint(0, pause)
        effect: int | None = invoked + rng.randint(0, pause)
        ended = effect + rng.randint(0, pause)
        now[client] = ended
        returned: int | None = ended
        outcome = "ok"
        chance = rng.random()
        if chance < unknown_share:
            outcome, returned = "unknown", None
            effect = rng.choice((effect, effect + rng.randint(0, 20 * pause), None))
        elif chance < unknown_share + refused_share:
            outcome, effect = "refused", None
        planned.append((effect, Operation(
            client=client,
            key=f"k{rng.randrange(keys)}",
            kind=kind,
            argument=None if kind == "read" else rng.randrange(values),
            expected=rng.randrange(values) if kind == "compareAndSet" else None,
            result=None,
            invoked=invoked,
            returned=returned,
            outcome=outcome,
        )))
    registers: dict[str, int] = {}
    history = [each for effect, each in planned if effect is None]
    # The sort is stable, so effects of one client in one microsecond stay in its order.
    effects = [(effect, each) for effect, each in planned if effect is not None]
    for _, each in sorted(effects, key=lambda pair: pair[0]):
        registers[each.key], result = register(each, registers.get(each.key, 0))
        history.append(replace(each, result=result) if each.outcome == "ok" else each)
    rng.shuffle(history)
    return history


def corrupt(history: list[Operation], seed: int, values: int) -> list[Operation]:
    """The history with one result changed, if any operation has one."""
    rng = random.Random(seed)
    with_result = [index for index, each in enumerate(history) if each.result is not None]
    if not with_result:
        return history
    index = rng.choice(with_result)
    old = history[index].result
    if isinstance(old, bool):
        new: int | bool = not old
    else:
        new = rng.choice([each for each in range(values + 1) if each != old])
    return [*history[:index], replace(history[index], result=new), *history[index + 1 :]]


def small_histories(cases: int) -> Iterator[list[Operation]]:
    for seed in range(cases):
        rng = random.Random(-1 - seed)
        history = simulate(
            seed,
            count=rng.randint(1, 6),
            clients=rng.randint(1, 4),
            keys=1,
            values=3,
            pause=rng.randint(1, 6),
            unknown_share=rng.choice((0, 0.2, 0.5)),
            refused_share=rng.choice((0, 0.2)),
        )
        for change in range(rng.randrange(3)):
            history = corrupt(history, seed + change, 3)
        yield history


def test_agrees_with_brute_force() -> None:
    found = {"good": 0, "bad": 0}
    for case, history in enumerate(small_histories(20_000)):
        answer = verdict(history)
        assert answer == ("good" if brute_force(history) else "bad"), (case, history)
        found[answer] += 1
    assert min(found.values()) > 4_000, found


def test_reported_prefix_is_linearizable_and_blocked_cannot_follow() -> None:
    for history in small_histories(2_000):
        report = check_key("k0", history)
        value = 0
        for each in report.prefix:
            value, result = register(each, value)
            assert each.outcome == "unknown" or result == each.result
        if report.verdict == "bad":
            assert value == report.state
            assert report.blocked
            assert all(register(each, value)[1] != each.result for each in report.blocked)


SIZES = {
    "20 keys": {"count": 5_000, "clients": 5, "keys": 20},
    "1 key": {"count": 2_000, "clients": 5, "keys": 1},
}


def simulate_run(seed: int, size: str, unknown_share: float = 0.05) -> list[Operation]:
    return simulate(
        seed,
        values=10,
        pause=1_000,
        unknown_share=unknown_share,
        refused_share=0.02,
        **SIZES[size],
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", range(5))
def test_simulated_run_is_good_and_quick(seed: int, size: str) -> None:
    history = simulate_run(seed, size)
    started = time.monotonic()
    verdicts = {each.verdict for each in check_history(history)}
    assert verdicts == {"good"}
    assert time.monotonic() - started < 5


def test_corrupted_simulated_runs_are_almost_always_bad() -> None:
    bad = 0
    for seed in range(20):
        reports = check_history(corrupt(simulate_run(seed, "20 keys"), seed, 10))
        verdicts = {each.verdict for each in reports}
        assert "undecided" not in verdicts
        bad += "bad" in verdicts
    assert bad >= 16


# The command


def line(**changes: object) -> str:
    record = {
        "client": 1,
        "key": "k",
        "kind": "write",
        "argument": 5,
        "expected": None,
        "result": None,
        "invoked": 0,
        "returned": 10,
        "outcome": "ok",
    }
    return json.dumps(record | changes)


READ = {"kind": "read", "argument": None, "invoked": 20, "returned": 30}


def run(text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(COMMAND), "-", *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_command_good() -> None:
    note = '{"kind": "note", "text": "anything"}'
    done = run("\n".join([note, line(), "", line(**READ, result=5)]))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("good: 2 operations, 1 keys, 0 bad, 0 undecided, ")
    assert done.stdout.count("\n") == 1


def test_command_bad() -> None:
    done = run("\n".join([line(), line(**READ, result=0)]))
    assert done.returncode == 1
    assert "key 'k' is not linearizable" in done.stdout
    assert "line 1: client 1 write(5) -> ok  [0.000 .. 0.010 ms]" in done.stdout
    assert "line 2: client 1 read() -> 0  [0.020 .. 0.030 ms]" in done.stdout


def test_command_reads_the_initial_value() -> None:
    history = line(**READ, result=7)
    assert run(history).returncode == 1
    assert run(history, "--initial", "7").returncode == 0


def test_command_json() -> None:
    done = run("\n".join([line(), line(**READ, result=0)]), "--json")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert (answer["verdict"], answer["operations"], answer["keys"]) == ("bad", 2, 1)
    (bad,) = answer["bad"]
    assert (bad["key"], bad["valueAfterPrefix"]) == ("k", 5)
    assert (len(bad["prefix"]), len(bad["blocked"])) == (1, 1)


def test_command_undecided() -> None:
    done = run("\n".join([line(), line(**READ, result=5)]), "--limit", "1")
    assert done.returncode == 3
    assert "key 'k' is undecided" in done.stdout
    assert json.loads(run(line(), "--limit", "0", "--json").stdout)["verdict"] == "undecided"


def test_command_says_bad_though_another_key_is_undecided() -> None:
    hard = [line(), line(**READ, result=5)]
    bad = line(**READ | {"client": 2}, key="b", result=9)
    assert run("\n".join([*hard, bad]), "--limit", "1").returncode == 1


def test_command_checks_each_file_apart(tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text(line())
    bad.write_text(line(**READ, result=5))
    done = subprocess.run(
        [sys.executable, str(COMMAND), str(good), str(bad)], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert f"{bad}: key 'k' is not linearizable" in done.stdout
    assert str(good) not in done.stdout


MALFORMED = {
    "no JSON": "{",
    "not UTF-8": b"\xff\xff".decode("latin-1"),
    "no object": "[]",
    "unknown kind": line(kind="increment"),
    "unknown outcome": line(outcome="maybe"),
    "unknown level": line(level="eventual"),
    "client not a number": line(client="one"),
    "key not a string": line(key=7),
    "no argument": line(argument=None),
    "no expected value": line(kind="compareAndSet", result=True),
    "result of a write": line(result=5),
    "no result of a read": line(kind="read"),
    "boolean result of a read": line(kind="read", result=True),
    "number as result of a compareAndSet": line(kind="compareAndSet", expected=1, result=1),
    "result of an unknown operation": line(kind="add", outcome="unknown", returned=None, result=1),
    "an unknown operation returned": line(outcome="unknown"),
    "an ok operation never returned": line(returned=None),
    "returned before invoked": line(invoked=11),
    "time not whole": line(invoked=0.5),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_command_malformed(name: str) -> None:
    text = f"{line(client=9)}\n{MALFORMED[name]}\n"
    done = subprocess.run(
        [sys.executable, str(COMMAND), "-"], input=text.encode("latin-1"), capture_output=True
    )
    assert done.returncode == 2
    assert b"malformed history: stdin:2: " in done.stderr
    assert done.stdout == b""


def test_command_client_with_two_open_operations() -> None:
    done = run("\n".join([line(), line(invoked=9, returned=20)]))
    assert done.returncode == 2
    assert "stdin:2: client 1" in done.stderr and "line 1" in done.stderr


def test_command_client_goes_on_after_an_unknown_operation() -> None:
    done = run("\n".join([line(outcome="unknown", returned=None), line(invoked=9, returned=20)]))
    assert done.returncode == 0


def test_command_unknown_operation_while_another_is_open() -> None:
    done = run("\n".join([line(), line(invoked=9, returned=None, outcome="unknown")]))
    assert done.returncode == 2


def test_command_missing_file() -> None:
    done = subprocess.run(
        [sys.executable, str(COMMAND), "/nowhere/at/all"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "/nowhere/at/all" in done.stderr
