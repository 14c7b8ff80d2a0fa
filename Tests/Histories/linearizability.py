"""Decides whether a history of operations on integer registers is linearizable.

The search is that of Wing & Gong ("Testing and verifying concurrent objects", 1993): place, one
after another, operations no unplaced operation precedes, and go back when none fits. Its form is
that of Lowe ("Testing for linearizability", 2017): call and return events in a doubly linked list
from which placed operations are lifted, and a memo of the pairs (set of placed operations, state)
already tried. Keys are checked one by one, which is sound and complete by the locality theorem;
Horn & Kroening ("Faster linearizability checking via P-compositionality", 2015).

Operations whose outcome is unknown are optional and have no deadline. Searching over them like
over the others would double the work with each, so three facts, proved where they are used, keep
them out of the way: BRIDGE (`_Search._successors`), TWIN (`_Search._first_free`) and SUBSET
(`_Search._is_new`). A fourth, PURE, also in `_successors`, places reads without branching.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

DEFAULT_LIMIT = 5_000_000


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of a history. Times are microseconds; `returned` is None for an unknown outcome."""

    client: int
    key: str
    kind: str
    argument: int | None
    expected: int | None
    result: int | bool | None
    invoked: int
    returned: int | None
    outcome: str
    level: str = "linearizable"
    line: int = 0


@dataclass(slots=True)
class KeyReport:
    """What the check of one key found.

    `prefix` and `blocked` are filled for a key which is not linearizable: the longest sequence of
    operations the search could place, and the operations one of which had to come next but none
    could. `state` is the value after the prefix. `impossible_reads` are session or stale reads of
    a value the key cannot have held.
    """

    key: str
    operations: int
    verdict: str = "good"
    steps: int = 0
    state: int | None = None
    prefix: list[Operation] = field(default_factory=list)
    blocked: list[Operation] = field(default_factory=list)
    impossible_reads: list[Operation] = field(default_factory=list)


def step(operation: Operation, state: int) -> tuple[int, int | bool | None]:
    """The sequential register: the state after the operation, and its result."""
    if operation.kind == "read":
        return state, state
    if operation.kind == "write":
        return operation.argument, None
    if operation.kind == "add":
        return state + operation.argument, state + operation.argument
    if state == operation.expected:
        return operation.argument, True
    return state, False


def check_history(
    operations: Iterable[Operation], initial: int = 0, limit: int = DEFAULT_LIMIT
) -> list[KeyReport]:
    """One report for each key, in the order of the keys' names."""
    by_key: dict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        by_key[operation.key].append(operation)
    return [check_key(key, by_key[key], initial, limit) for key in sorted(by_key)]


def check_key(
    key: str, operations: list[Operation], initial: int = 0, limit: int = DEFAULT_LIMIT
) -> KeyReport:
    """Checks all operations of one key; `limit` bounds the steps of the search."""
    report = KeyReport(key, len(operations))
    happened = [each for each in operations if each.outcome != "refused"]
    strict = [each for each in happened if each.kind != "read" or each.level == "linearizable"]
    _Search(strict, initial, limit).run(report)
    report.impossible_reads = _impossible_reads(happened, initial)
    if report.impossible_reads:
        report.verdict = "bad"
    return report


def _impossible_reads(operations: list[Operation], initial: int) -> list[Operation]:
    """Session and stale reads of a value the key cannot have held before they returned.

    A value can have been held if it is the initial one or was made by an operation invoked no
    later than the read returned. An unknown add can have been applied to any such value, so every
    value between the smallest and the largest sum of them counts as possible. This accepts a few
    values too many and never rejects one that was held.
    """
    reads = [
        each
        for each in operations
        if each.kind == "read" and each.level != "linearizable" and each.outcome == "ok"
    ]
    reads.sort(key=lambda each: each.returned)
    effects = [each for each in operations if each.kind != "read"]
    effects.sort(key=lambda each: each.invoked, reverse=True)
    values = {initial}
    lowest = highest = 0
    failures = []
    for read in reads:
        while effects and effects[-1].invoked <= read.returned:
            effect = effects.pop()
            if effect.kind == "add" and effect.outcome == "unknown":
                lowest += min(effect.argument, 0)
                highest += max(effect.argument, 0)
            elif effect.kind == "add":
                values.add(effect.result)
            elif effect.result is not False:
                values.add(effect.argument)
        if read.result in values:
            continue
        if not any(lowest <= read.result - value <= highest for value in values):
            failures.append(read)
    return failures


class _LimitReached(Exception):
    """The search used all the steps it was given."""


class _Configuration(NamedTuple):
    """Where the search stands.

    The set of placed required operations is all those numbered below `low` and, of the others,
    those whose bit (number - low) is set in `window`. It is the bitmask of Lowe's memo, kept as
    short as the operations which overlap, whatever the length of the history.
    `used` is the bitmask of the unknown operations which took effect.
    """

    low: int
    window: int
    state: int
    used: int

    def has_placed(self, number: int) -> bool:
        return number < self.low or bool(self.window >> (number - self.low) & 1)


class _Placement(NamedTuple):
    """The unknown operations of `bridge` take effect, then the required operation `number`."""

    number: int
    bridge: tuple[int, ...]
    after: _Configuration


class _Search:
    """The search over the operations of one key."""

    def __init__(self, operations: list[Operation], initial: int, limit: int) -> None:
        by_time = sorted(operations, key=lambda each: each.invoked)
        # Required operations returned, so they took effect. An unknown read has no effect and no
        # result, so it restricts nothing.
        self._required = [each for each in by_time if each.outcome == "ok"]
        self._unknown = [
            each for each in by_time if each.outcome == "unknown" and each.kind != "read"
        ]
        self._initial = initial
        self._limit = limit
        self._steps = 0
        self._tried: dict[tuple[int, int, int], list[int]] = {}
        self._pure = [_is_pure(each) for each in self._required]
        self._order_clients()
        self._sort_unknown()
        self._link_events()

    # Preparation

    def _order_clients(self) -> None:
        """Finds the operations which precede another though their times only touch.

        Operations whose times touch count as overlapping, except when they are of one client,
        which waits for an answer before it goes on. Two of one client which both begin and end
        in the same microsecond stay unordered: nothing tells which was first.
        """
        ended: dict[tuple[int, int], list[int]] = defaultdict(list)
        for number, each in enumerate(self._required):
            ended[each.client, each.returned].append(number)

        def before(later: Operation) -> tuple[int, ...]:
            return tuple(
                number
                for number in ended.get((later.client, later.invoked), ())
                if later.returned is None or self._required[number].invoked < later.returned
            )

        self._before_required = [before(each) for each in self._required]
        self._before_unknown = [before(each) for each in self._unknown]

    def _sort_unknown(self) -> None:
        """Groups unknown operations with the same effect, by the value they lead to.

        Those which never change a state are left out: without them all others fit as before.
        """
        self._writes: dict[int, list[int]] = defaultdict(list)
        self._swaps: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        self._adds: dict[int, list[int]] = defaultdict(list)
        for number, each in enumerate(self._unknown):
            if each.kind == "write":
                self._writes[each.argument].append(number)
            elif each.kind == "add" and each.argument != 0:
                self._adds[each.argument].append(number)
            elif each.kind == "compareAndSet" and each.expected != each.argument:
                self._swaps[each.argument][each.expected].append(number)

    def _link_events(self) -> None:
        """Links calls and returns by time; a call goes before a return of the same time.

        The event 2 * number is the call of a required operation, 2 * number + 1 its return. The
        last event number is a sentinel, before the first event and after the last.
        """
        self._sentinel = 2 * len(self._required)
        events = sorted(range(self._sentinel), key=lambda event: (self._time(event), event & 1))
        self._next = [0] * (self._sentinel + 1)
        self._previous = [0] * (self._sentinel + 1)
        ring = [self._sentinel, *events]
        for left, right in zip(ring, [*events, self._sentinel]):
            self._next[left] = right
            self._previous[right] = left

    def _time(self, event: int) -> int:
        operation = self._required[event >> 1]
        return operation.returned if event & 1 else operation.invoked

    def _lift(self, number: int) -> None:
        for event in (2 * number, 2 * number + 1):
            self._next[self._previous[event]] = self._next[event]
            self._previous[self._next[event]] = self._previous[event]

    def _unlift(self, number: int) -> None:
        for event in (2 * number + 1, 2 * number):
            self._next[self._previous[event]] = event
            self._previous[self._next[event]] = event

    # Search

    def run(self, report: KeyReport) -> None:
        try:
            self._run(report)
        except _LimitReached:
            report.verdict = "undecided"
            report.prefix, report.blocked, report.state = [], [], None
        report.steps = self._steps

    def _run(self, report: KeyReport) -> None:
        """Depth first, without recursion: a history may be longer than Python's stack."""
        if not self._required:
            return
        start = _Configuration(0, 0, self._initial, 0)
        path: list[_Placement] = []
        open_choices = [self._successors(start)]
        deepest = -1
        while open_choices:
            placement = next(open_choices[-1], None)
            if placement is not None:
                if not self._is_new(placement.after):
                    continue
                self._lift(placement.number)
                path.append(placement)
                if len(path) == len(self._required):
                    return
                open_choices.append(self._successors(placement.after))
                continue
            if len(path) > deepest:
                deepest = len(path)
                self._describe(path, path[-1].after if path else start, report)
            open_choices.pop()
            if path:
                self._unlift(path.pop().number)
        report.verdict = "bad"

    def _describe(
        self, path: list[_Placement], at: _Configuration, report: KeyReport
    ) -> None:
        report.prefix = []
        for placement in path:
            report.prefix += [self._unknown[number] for number in placement.bridge]
            report.prefix.append(self._required[placement.number])
        report.state = at.state
        report.blocked = [self._required[number] for number in self._candidates(at)[0]]

    def _spend(self, steps: int) -> None:
        self._steps += steps
        if self._steps > self._limit:
            raise _LimitReached

    def _is_new(self, at: _Configuration) -> bool:
        """Remembers a configuration; False if trying it is no use.

        SUBSET: of two configurations with the same placed operations and state, one whose used
        unknown operations are a subset of the other's can be continued in every way the other
        can, as unknown operations need never take effect. If it failed, so does the other. (It
        has been tried to the end: what is still open on the path has fewer placed operations.)
        """
        tried = self._tried.setdefault((at.low, at.window, at.state), [])
        self._spend(1 + len(tried))
        if any(used & at.used == used for used in tried):
            return False
        tried.append(at.used)
        return True

    def _candidates(self, at: _Configuration) -> tuple[list[int], int]:
        """The required operations no unplaced one precedes, and the time of the first return."""
        candidates = []
        event = self._next[self._sentinel]
        while not event & 1:
            number = event >> 1
            if all(map(at.has_placed, self._before_required[number])):
                candidates.append(number)
            event = self._next[event]
        return candidates, self._time(event)

    def _successors(self, at: _Configuration) -> Iterator[_Placement]:
        """The required operations which may come next, each with unknown ones right before it.

        PURE: an operation which, with its recorded result, changes no state wherever it is (a
        read, a failed compareAndSet) and fits now is placed now, with no alternative: in any
        linearization which has it later it can be moved here without effect on the others.

        BRIDGE: unknown operations need only take effect right before a required operation which
        does not fit without them. In any linearization look at a run of unknown operations and
        what follows it. If nothing does, leave the run out. If a required operation X follows
        which fits before the run too: a write hides the run, so leave it out; a read, add or
        successful compareAndSet fits one state only, so the run leads from that state to itself,
        leave it out; a failed compareAndSet changes nothing, so put it before the run instead,
        which is allowed as no operation must wait for an unknown one. Each change shortens a run
        or moves it later, so repeating it ends.
        """
        candidates, deadline = self._candidates(at)
        # What returned first more often took effect first.
        candidates.sort(key=lambda number: self._required[number].returned)
        fitting: list[_Placement] = []
        unfit: list[int] = []
        for number in candidates:
            state, result = step(self._required[number], at.state)
            if result != self._required[number].result:
                unfit.append(number)
                continue
            placement = self._place(at, number, (), state)
            if self._pure[number]:
                yield placement
                return
            fitting.append(placement)
        yield from fitting
        if self._unknown and self._unknown[0].invoked <= deadline:
            yield from self._bridged(at, unfit, deadline)

    def _place(
        self, at: _Configuration, number: int, bridge: tuple[int, ...], state: int
    ) -> _Placement:
        low, window, used = at.low, at.window | 1 << (number - at.low), at.used
        while window & 1:
            low += 1
            window >>= 1
        for unknown in bridge:
            used |= 1 << unknown
        return _Placement(number, bridge, _Configuration(low, window, state, used))

    def _bridged(
        self, at: _Configuration, unfit: list[int], deadline: int
    ) -> Iterator[_Placement]:
        """Placements of operations which fit only after unknown ones, short bridges first.

        Bridges are sought backwards, from the one state an operation fits, breadth first over
        all operations together, so that one hopeless operation does not delay the others.
        """
        goals: deque[tuple[int, int, int, tuple[int, ...]]] = deque()
        seen: set[tuple[int, int, int]] = set()
        for number in unfit:
            operation = self._required[number]
            if operation.kind == "compareAndSet" and not operation.result:
                # It fits every state but this one. One change is enough: whatever the run did
                # after it can be moved behind the operation, which then fits (see BRIDGE).
                for unknown, state in self._changes(at, deadline):
                    self._spend(1)
                    yield self._place(at, number, (unknown,), state)
            else:
                goals.append((number, _fitting_state(operation), at.used, ()))
        while goals:
            number, goal, used, tail = goals.popleft()
            self._spend(1)
            for unknown, needed in self._makers(goal, used, at, deadline):
                bridge = (unknown, *tail)
                if needed is None or needed == at.state:
                    fitting = _fitting_state(self._required[number])
                    state, _ = step(self._required[number], fitting)
                    yield self._place(at, number, bridge, state)
                    continue
                further = used | 1 << unknown
                if (number, needed, further) not in seen:
                    seen.add((number, needed, further))
                    goals.append((number, needed, further, bridge))

    def _makers(
        self, goal: int, used: int, at: _Configuration, deadline: int
    ) -> Iterator[tuple[int, int | None]]:
        """Unknown operations which lead to the goal, each with the state it needs (None: any)."""
        write = self._first_free(self._writes.get(goal, []), used, at, deadline)
        if write is not None:
            # A write hides all before it, so it is the first of its bridge.
            yield write, None
        for expected, twins in self._swaps.get(goal, {}).items():
            swap = self._first_free(twins, used, at, deadline)
            if swap is not None:
                yield swap, expected
        for argument, twins in self._adds.items():
            add = self._first_free(twins, used, at, deadline)
            if add is not None:
                yield add, goal - argument

    def _changes(self, at: _Configuration, deadline: int) -> Iterator[tuple[int, int]]:
        """Unknown operations which change the present state, and the state they lead to."""
        groups = [*self._writes.values(), *self._adds.values()]
        groups += [swaps[at.state] for swaps in self._swaps.values() if at.state in swaps]
        for twins in groups:
            unknown = self._first_free(twins, at.used, at, deadline)
            if unknown is not None:
                state, _ = step(self._unknown[unknown], at.state)
                if state != at.state:
                    yield unknown, state

    def _first_free(
        self, twins: list[int], used: int, at: _Configuration, deadline: int
    ) -> int | None:
        """The first of some unknown operations with the same effect which can come now.

        TWIN: operations with the same effect which can both come now can both come at any later
        time, so in any linearization they can change places; trying the first is enough.
        """
        for unknown in twins:
            if self._unknown[unknown].invoked > deadline:
                return None
            if not used >> unknown & 1 and all(
                map(at.has_placed, self._before_unknown[unknown])
            ):
                return unknown
        return None


def _is_pure(operation: Operation) -> bool:
    """Whether the operation, with its recorded result, changes no state wherever it is placed."""
    if operation.kind == "compareAndSet":
        return not operation.result or operation.expected == operation.argument
    return operation.kind == "read" or (operation.kind == "add" and operation.argument == 0)


def _fitting_state(operation: Operation) -> int:
    """The only state in which the operation has its recorded result."""
    if operation.kind == "compareAndSet":
        return operation.expected
    if operation.kind == "add":
        return operation.result - operation.argument
    return operation.result
