"""Nodes that are killed or stand still while clients work."""

import itertools
import random
import threading
import time

import pytest

from client import ANSWER_WITHIN
from verify import verify

# What a newly elected leader may take until it acknowledges, on a busy two-core machine with a debug build; see engine.md,
# section 12 for what a release build must reach.
FAILOVER_WITHIN = 10


def leader_for(cluster, work):
    """The node that leads the shard of a workload's first tenant."""
    return cluster.leader_of(work.tenants[0]["shard"])


@pytest.mark.short
def test_nothing_fails(whole_cluster, workload, seconds):
    """Without a fault no request fails and the checks pass, so what they find elsewhere is the fault's."""
    work = workload(whole_cluster)
    with work:
        time.sleep(seconds(2, 10))
    verify(work)
    assert work.counts["unknown"] == work.counts["no answer"] == 0, work.counts


@pytest.mark.short
def test_the_leader_is_killed(whole_cluster, workload, seconds):
    cluster, work = whole_cluster, workload(whole_cluster)
    with work:
        for _ in range(seconds(1, 5)):
            work.wait_progress()
            leader = leader_for(cluster, work)
            cluster.kill(leader)
            print(f"{work.wait_progress(1, FAILOVER_WITHIN):.3f} s until the next acknowledged write")
            work.wait_progress(50)
            cluster.start_node(leader)
            cluster.wait_healthy()
    verify(work)


@pytest.mark.short
def test_a_follower_is_killed(whole_cluster, workload, seconds):
    cluster, work = whole_cluster, workload(whole_cluster, tenants=1)
    with work:
        for _ in range(seconds(1, 5)):
            leader = leader_for(cluster, work)
            follower = next(name for name in cluster.names if name != leader)
            work.wait_progress()
            cluster.kill(follower)
            work.wait_progress(50, FAILOVER_WITHIN)
            cluster.start_node(follower)
            cluster.wait_healthy()
    verify(work)


@pytest.mark.short
def test_all_are_killed_at_once(whole_cluster, workload, seconds):
    cluster, work = whole_cluster, workload(whole_cluster)
    with work:
        for _ in range(seconds(1, 4)):
            work.wait_progress()
            cluster.kill_all()
            cluster.start(len(cluster.names), wait=False)
            work.wait_progress(within=30)
    verify(work)


def test_one_after_another_is_killed_every_few_seconds(whole_cluster, workload, seconds):
    cluster, work = whole_cluster, workload(whole_cluster, tenants=3, clients=8)
    choice = random.Random(7)
    with work:
        end = time.monotonic() + seconds(15, 90)
        while time.monotonic() < end:
            name = choice.choice(cluster.names)
            cluster.kill(name)
            time.sleep(choice.uniform(0.2, 3))
            cluster.start_node(name)
            time.sleep(choice.uniform(0, 3))
        work.wait_progress(within=30)
    verify(work, least=200)


def test_a_majority_is_killed_and_who_is_left_says_so(whole_cluster, workload):
    """One of three answers, in bounded time, that it cannot serve; it invents nothing."""
    cluster, work = whole_cluster, workload(whole_cluster, tenants=1)
    with work:
        work.wait_progress()
    left = cluster.names[0]
    for name in cluster.names[1:]:
        cluster.kill(name)
    desk = work.new_client().desks[work.tenants[0]["name"]]
    path = f"/api/v2/tickets/{work.registers[work.tenants[0]['name']][0]}.json"
    for method, body in (("PUT", {"ticket": {"priority": "low"}}), ("GET", None)):
        start = time.monotonic()
        answer = desk.call(left, method, path, body)
        assert (answer.status, answer.headers.get("Retry-After", "").isdigit()) == (503, True), (method, answer)
        assert time.monotonic() - start < ANSWER_WITHIN
    assert desk.call(left, "GET", path, headers={"X-Lodge-Consistency": "stale"}).status == 200
    cluster.start(len(cluster.names))
    with work:
        work.wait_progress()
    verify(work)


@pytest.mark.short
def test_a_leader_that_stood_still_serves_nothing_old(whole_cluster, workload, seconds):
    """It was replaced while it stood still and does not know. Reads that wait at its door are the first thing it sees."""
    cluster, work = whole_cluster, workload(whole_cluster, tenants=1, registers=4)
    tenant = work.tenants[0]
    with work:
        for _ in range(seconds(1, 4)):
            work.wait_progress()
            leader = leader_for(cluster, work)
            work.excused.add(leader)
            cluster.pause(leader)
            work.wait_progress(within=20)
            time.sleep(seconds(3, 5))
            readers = [start_reader(work, tenant, register, leader) for register in range(work.register_count)]
            # Long enough that the requests are in the node's sockets, and acknowledged writes before them in other nodes.
            time.sleep(0.3)
            cluster.resume(leader)
            for reader in readers:
                reader.join(ANSWER_WITHIN * 2)
                assert not reader.is_alive()
            work.excused.discard(leader)
            cluster.wait_healthy()
    verify(work)


def start_reader(work, tenant, register, node):
    """Reads a register at one node a few times, beginning now; what it read goes into the history."""
    def read():
        client = work.new_client()
        for _ in range(5):
            client.read(tenant, register, node=node, level="linearizable", within=ANSWER_WITHIN)
        client.close()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def test_each_node_stands_still_in_turn(whole_cluster, workload, seconds):
    """Short enough to be nothing, long enough to lose an election, and between."""
    cluster, work = whole_cluster, workload(whole_cluster)
    with work:
        lengths = itertools.cycle((0.2, 0.6, 1.5, 4))
        for name, length in zip(itertools.islice(itertools.cycle(cluster.names), seconds(3, 12)), lengths):
            work.excused.add(name)
            cluster.pause(name)
            time.sleep(length)
            cluster.resume(name)
            work.excused.discard(name)
            work.wait_progress(within=30)
    verify(work)
