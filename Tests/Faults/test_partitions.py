"""Links between nodes that lose everything, both ways or one. Needs root and nftables."""

import time

import pytest

import network
from client import ANSWER_WITHIN, NoAnswer
from clusters import Clusters
from local_cluster import poll
from test_crashes import FAILOVER_WITHIN, leader_for
from verify import verify


@pytest.fixture(scope="module")
def wires():
    if reason := network.why_not():
        pytest.skip(reason)
    with network.Network(["n1", "n2", "n3", "n4", "n5"]) as wires:
        yield wires


@pytest.fixture(scope="module")
def wired_clusters(wires):
    """Makes a cluster in the network; one of three nodes serves all tests here but one."""
    clusters = Clusters()
    yield lambda nodes: clusters(
        nodes, hosts=wires.addresses, prefix={name: wires.prefix_of(name) for name in wires.addresses})
    clusters.end()


@pytest.fixture(scope="module")
def shared_cluster(wired_clusters):
    return wired_clusters(3)


@pytest.fixture
def wired(wires, shared_cluster):
    wires.heal()
    shared_cluster.start(3)
    yield shared_cluster
    wires.heal()


def others(cluster, name):
    return [each for each in cluster.names if each != name]


@pytest.mark.short
def test_the_leader_is_cut_off(wired, wires, workload, seconds):
    """It must not answer for what the others may have changed, and say in time that it cannot."""
    work = workload(wired, tenants=1)
    with work:
        for _ in range(seconds(1, 4)):
            work.wait_progress()
            leader = leader_for(wired, work)
            wires.isolate(leader)
            work.wait_progress(50, FAILOVER_WITHIN + ANSWER_WITHIN)
            require_refusal(work, leader)
            wires.heal()
            wired.wait_healthy()
    verify(work)


def require_refusal(work, node):
    """A node without a majority answers 503 to a write and to a linearizable read, and soon."""
    tenant = work.tenants[0]
    client = work.new_client()
    path = f"/api/v2/tickets/{work.registers[tenant['name']][0]}.json"
    for method, body in (("GET", None), ("PUT", {"ticket": {"priority": "high"}})):
        start = time.monotonic()
        try:
            answer = client.desks[tenant["name"]].call(node, method, path, body)
        except NoAnswer as error:
            raise AssertionError(f"{node}, cut off, did not answer {method}: {error}") from None
        assert answer.status == 503, f"{node}, cut off, answered {method} with {answer}"
        assert time.monotonic() - start < ANSWER_WITHIN
    client.close()


def test_a_follower_is_cut_off_and_disturbs_nobody(wired, wires, workload, seconds):
    """Coming back, it must not depose the leader: pre-vote."""
    work = workload(wired, tenants=1)
    with work:
        work.wait_progress()
        leader = leader_for(wired, work)
        term = term_of(wired, work)
        wires.isolate(others(wired, leader)[0])
        work.wait_progress(50, FAILOVER_WITHIN)
        time.sleep(seconds(3, 10))
        wires.heal()
        wired.wait_healthy()
        work.wait_progress()
        assert (leader_for(wired, work), term_of(wired, work)) == (leader, term)
    verify(work)


def term_of(cluster, work):
    shard = work.tenants[0]["shard"]
    return next(each["term"] for each in cluster.status()["shards"] if each["shard"] == shard)


def voters_of(cluster, shard):
    return next(each["voters"] for each in cluster.status()["shards"] if each["shard"] == shard)


@pytest.mark.parametrize("sends, receives", [(True, False), (False, True)], ids=["mute", "deaf"])
@pytest.mark.parametrize("who", ["leader", "follower"])
def test_one_way(wired, wires, workload, who, sends, receives):
    """`mute`: nothing that the node sends arrives. `deaf`: nothing that is sent to it arrives."""
    work = workload(wired, tenants=1)
    with work:
        work.wait_progress()
        leader = leader_for(wired, work)
        wires.isolate(leader if who == "leader" else others(wired, leader)[0], sends, receives)
        work.wait_progress(50, FAILOVER_WITHIN + ANSWER_WITHIN)
        time.sleep(3)
        work.wait_progress(50, FAILOVER_WITHIN)
        wires.heal()
        wired.wait_healthy()
    verify(work)


@pytest.mark.parametrize("pair", ["leader and follower", "both followers"])
def test_two_of_three_do_not_see_each_other(wired, wires, workload, seconds, pair):
    work = workload(wired, tenants=1)
    with work:
        work.wait_progress()
        leader = leader_for(wired, work)
        one, other = others(wired, leader)
        wires.cut(*((leader, one) if pair == "leader and follower" else (one, other)))
        work.wait_progress(100, FAILOVER_WITHIN + ANSWER_WITHIN)
        time.sleep(seconds(2, 10))
        work.wait_progress(100, FAILOVER_WITHIN)
        wires.heal()
        wired.wait_healthy()
    verify(work)


def test_all_links_are_cut_and_nobody_serves(wired, wires, workload):
    work = workload(wired, tenants=1)
    with work:
        work.wait_progress()
    for name in wired.names:
        wires.isolate(name)
    time.sleep(2)
    for name in wired.names:
        require_refusal(work, name)
    wires.heal()
    with work:
        work.wait_progress(within=30)
    verify(work)


def test_links_come_and_go(wired, wires, workload, seconds):
    """Faster than some elections, slower than others."""
    work = workload(wired)
    with work:
        end, turn = time.monotonic() + seconds(10, 60), 0
        while time.monotonic() < end:
            name = wired.names[turn % 3]
            wires.isolate(name, sends=turn % 2 == 0, receives=turn % 5 != 0 or turn % 2 == 1)
            time.sleep((0.3, 1, 2.5)[turn % 3])
            wires.heal()
            time.sleep((0.2, 1)[turn % 2])
            turn += 1
        work.wait_progress(within=30)
    verify(work)


def test_a_leader_with_a_minority_of_five(wires, wired_clusters, workload):
    """Two of five, the leader among them, are not enough, though each sees another node."""
    cluster = wired_clusters(5)
    work = workload(cluster, tenants=1)
    cluster.lodge("cluster", "set", "--replication-factor", "5")
    shard = work.tenants[0]["shard"]
    assert poll(lambda: len(voters_of(cluster, shard)) == 5, 30), f"shard {shard} has the voters {voters_of(cluster, shard)}"
    with work:
        work.wait_progress()
        leader = leader_for(cluster, work)
        minority = [leader, others(cluster, leader)[0]]
        for name in minority:
            for other in cluster.names:
                if other not in minority:
                    wires.cut(name, other)
        work.wait_progress(50, FAILOVER_WITHIN + ANSWER_WITHIN)
        for name in minority:
            require_refusal(work, name)
        wires.heal()
        cluster.wait_healthy()
    verify(work)
    cluster.stop()
