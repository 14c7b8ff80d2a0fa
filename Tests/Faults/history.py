"""Clients that write and read while nodes fail, and remember exactly what they were told.

Three kinds of promises are tried at once. *Registers* are tickets whose subject holds a number: writes and reads of them
are recorded in the format of Tests/Histories and must be linearizable. *Tickets* carry an external id of their own each:
whoever was told 201 must find exactly one. *Comments* carry a word of their own each: told 200, exactly one; not told,
at most one.

A write that fails is sent again under the same `Idempotency-Key`, to another node each time; only when that goes on for
PATIENCE seconds its outcome is given up as unknown.
"""

import collections
import itertools
import json
import random
import threading
import time
import uuid

from client import ANSWER_WITHIN, Desk, NoAnswer

PATIENCE = 40
# A node that cannot serve now (no majority, no disk space, too much to do) says so by one of these.
TRY_AGAIN = (429, 503, 507)
PAUSE_BETWEEN_TRIES = 0.05


def microseconds():
    return time.monotonic_ns() // 1000


class History:
    """Operations in the format that Tests/Histories/README.md describes, from many threads."""

    def __init__(self):
        self.records = []
        self._lock = threading.Lock()

    def add(self, client, key, kind, invoked, outcome, argument=None, result=None, level=None):
        record = {"client": client, "key": key, "kind": kind, "argument": argument, "result": result, "invoked": invoked,
                  "returned": None if outcome == "unknown" else microseconds(), "outcome": outcome}
        if level:
            record["level"] = level
        with self._lock:
            self.records.append(record)

    def write(self, path):
        with open(path, "w") as file:
            for record in self.records:
                file.write(json.dumps(record) + "\n")


class Told:
    """What was asked for under one name, and whether somebody said that it was done."""

    def __init__(self):
        self.acknowledged, self.unknown = set(), set()


class Workload:
    """Some clients over all nodes of a cluster, for some tenants.

    excused: nodes that may be late, because a test keeps them from running.
    """

    def __init__(self, cluster, tenants, clients=6, registers=3, seed=1, think=0.004, nodes=None):
        self.cluster, self.tenants, self.seed, self.think = cluster, tenants, seed, think
        self.nodes = list(nodes or cluster.names)
        self.history = History()
        self.tickets = {tenant["name"]: Told() for tenant in tenants}
        self.comments = {tenant["name"]: Told() for tenant in tenants}
        self.registers, self.counters = {}, {}
        self.register_count = registers
        self.excused = set()
        self.late, self.surprises, self.latencies = [], [], []
        self.counts = collections.Counter()
        self.numbers = itertools.count(1)
        self._client_numbers = itertools.count(1)
        self._ending = threading.Event()
        self._threads = []
        self._client_count = clients

    def new_client(self):
        return Client(self, next(self._client_numbers))

    def prepare(self):
        """Makes the tickets that serve as registers and as counters."""
        client = self.new_client()
        for tenant in self.tenants:
            name = tenant["name"]
            self.registers[name] = [client.make(tenant, f"register {number}", "value 0")
                                    for number in range(self.register_count)]
            self.counters[name] = client.make(tenant, "counter", "counter")
        client.close()

    def start(self):
        if not self.registers:
            self.prepare()
        self._ending.clear()
        self._threads = [threading.Thread(target=self._run, args=(self.new_client(),), daemon=True)
                         for _ in range(self._client_count)]
        for thread in self._threads:
            thread.start()

    def abandon(self):
        """Lets the clients end some time; for a test that has failed already."""
        self._ending.set()

    def stop(self):
        """Ends the clients, each after the operation it is at."""
        self._ending.set()
        for thread in self._threads:
            thread.join(PATIENCE + 2 * ANSWER_WITHIN)
            assert not thread.is_alive(), "a client hangs in an operation"
        self._threads = []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def _run(self, client):
        try:
            while not self._ending.is_set():
                client.do_something()
                time.sleep(self.think * client.random.random() * 2)
        except Exception as error:  # A client that dies silently would leave a history that proves nothing.
            self.surprises.append(f"client {client.number} ended: {error!r}")
        finally:
            client.close()

    @property
    def acknowledged(self):
        """How many writes have been acknowledged so far."""
        return self.counts["write"] + self.counts["ticket"] + self.counts["comment"]

    def wait_progress(self, writes=20, within=20):
        """Waits for so many more acknowledged writes and as many answered reads; gives the seconds they took.

        Raises: AssertionError when the cluster does not serve.
        """
        start, before, reads = time.monotonic(), self.acknowledged, self.counts["read"]
        while self.acknowledged < before + writes or self.counts["read"] < reads + writes:
            if time.monotonic() > start + within:
                raise AssertionError(
                    f"{self.acknowledged - before} of {writes} writes were acknowledged and {self.counts['read'] - reads} reads answered "
                    f"within {within} s; {dict(self.counts)}\n" + self.cluster.log_tails())
            assert not (self._threads and not any(thread.is_alive() for thread in self._threads)), self.surprises
            time.sleep(0.01)
        return time.monotonic() - start


class Client:
    """One client: one operation at a time, connections of its own, choices from its own seed."""

    def __init__(self, workload, number):
        self.workload, self.number = workload, number
        self.random = random.Random(f"{workload.seed}-{number}")
        self.desks = {tenant["name"]: Desk(workload.cluster, tenant) for tenant in workload.tenants}
        self.positions = {}

    def close(self):
        for desk in self.desks.values():
            desk.close()

    def do_something(self):
        tenant = self.random.choice(self.workload.tenants)
        kind = self.random.choices(("read", "write", "ticket", "comment"), (4, 3, 2, 2))[0]
        if kind in ("read", "write"):
            getattr(self, kind)(tenant, self.random.randrange(self.workload.register_count))
        else:
            getattr(self, kind)(tenant)

    # Operations

    def write(self, tenant, register):
        workload, name = self.workload, tenant["name"]
        value, invoked = next(workload.numbers), microseconds()
        answer = self.insist(tenant, "PUT", f"/api/v2/tickets/{workload.registers[name][register]}.json",
                              {"ticket": {"subject": f"value {value}"}}, 200, str(uuid.uuid4()))
        key = f"{name}/{register}"
        workload.history.add(self.number, key, "write", invoked, "ok" if answer else "unknown", argument=value)
        workload.counts["write" if answer else "unknown"] += 1
        if answer:
            self.positions[key] = answer.headers["X-Lodge-Position"]

    def read(self, tenant, register, node=None, level=None, within=PATIENCE):
        """Reads a register, at a given node or at any; a read that nobody answers is as if it had not been."""
        workload, name = self.workload, tenant["name"]
        key = f"{name}/{register}"
        level = level or self.random.choices(("linearizable", "session", "stale"), (8, 1, 1))[0]
        headers = {"X-Lodge-Consistency": level}
        if level == "session" and self.positions.get(key):
            headers = {"X-Lodge-Min-Position": self.positions[key]}
        invoked = microseconds()
        answer = self.insist(tenant, "GET", f"/api/v2/tickets/{workload.registers[name][register]}.json", None, 200,
                              headers=headers, node=node, within=within)
        if answer is None:
            workload.counts["unanswered read"] += 1
            return None
        value = int(answer.json["ticket"]["subject"].split()[1])
        workload.history.add(self.number, key, "read", invoked, "ok", result=value, level=level)
        workload.counts["read"] += 1
        return value

    def ticket(self, tenant):
        external = str(uuid.uuid4())
        answer = self.insist(
            tenant, "POST", "/api/v2/tickets.json",
            {"ticket": {"subject": "one of many", "external_id": external, "comment": {"body": external}}}, 201, external)
        self._tell("ticket", self.workload.tickets[tenant["name"]], external, answer)
        if answer and answer.json["ticket"]["external_id"] != external:
            self.workload.surprises.append(f"the answer to ticket {external} is another's: {answer}")

    def comment(self, tenant):
        word = str(uuid.uuid4())
        answer = self.insist(tenant, "PUT", f"/api/v2/tickets/{self.workload.counters[tenant['name']]}.json",
                              {"ticket": {"comment": {"body": word}}}, 200, word)
        self._tell("comment", self.workload.comments[tenant["name"]], word, answer)

    def make(self, tenant, external, subject):
        """A ticket the workload needs; gives its number."""
        answer = self.insist(tenant, "POST", "/api/v2/tickets.json",
                              {"ticket": {"subject": subject, "external_id": external, "comment": {"body": external}}}, 201,
                              str(uuid.uuid4()))
        assert answer, f"ticket {external} could not be made: {self.workload.surprises}\n{self.workload.cluster.log_tails()}"
        return answer.json["ticket"]["id"]

    def _tell(self, kind, told, name, answer):
        (told.acknowledged if answer else told.unknown).add(name)
        self.workload.counts[kind if answer else "unknown"] += 1

    # Requests

    def insist(self, tenant, method, path, body, good, key=None, headers=None, node=None, within=PATIENCE):
        """Sends a request until a node carries it out, at another node each time unless one is given.

        Gives the good answer, or nothing when the outcome is unknown.
        """
        workload, desk = self.workload, self.desks[tenant["name"]]
        headers = {**(headers or {}), **({"Idempotency-Key": key} if key else {})}
        nodes = [node] if node else self.random.sample(workload.nodes, len(workload.nodes))
        started = time.monotonic()
        for name in itertools.cycle(nodes):
            if time.monotonic() > started + within:
                return None
            if node is None and name in workload.excused and workload.excused < set(nodes):
                continue
            try:
                answer = desk.call(name, method, path, body, headers)
            except NoAnswer as error:
                workload.counts["no answer"] += 1
                if error.is_late and name not in workload.excused:
                    workload.late.append(f"{method} {path} at {name}: {error}")
                time.sleep(PAUSE_BETWEEN_TRIES)
                continue
            if answer.status == good:
                workload.latencies.append((started, time.monotonic() - started, method))
                return answer
            workload.counts[answer.status] += 1
            if answer.status in TRY_AGAIN:
                self._require_pause(answer, method, path, name)
            else:
                # The state of the world is what the client thinks it is, so nothing else can be an answer.
                workload.surprises.append(f"{method} {path} at {name}: {answer}")
            time.sleep(PAUSE_BETWEEN_TRIES)

    def _require_pause(self, answer, method, path, name):
        """Who cannot serve must say when to come again, in whole seconds."""
        pause = answer.headers.get("Retry-After", "")
        if answer.status != 507 and not pause.isdigit():
            self.workload.surprises.append(f"{method} {path} at {name}: {answer} with Retry-After {pause!r}")
