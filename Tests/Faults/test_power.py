"""Disks that forget what was not synced, that are slow to sync, or that fail to sync the log; wall clocks that jump.

Each node runs under preload.c.
"""

import time

import pytest

from clusters import Clusters
from shim import POWER_LOST, Control
from test_crashes import leader_for
from verify import verify


@pytest.fixture(scope="module")
def controls():
    """The library's orders for each node, filled when the cluster is made."""
    return {}


@pytest.fixture(scope="module")
def shared_cluster(controls):
    def put_library_under(cluster):
        cluster.directory.mkdir(exist_ok=True)
        for name in ("n1", "n2", "n3"):
            controls[name] = Control(cluster.directory / f"{name}.control", cluster.directory / name, fail="/log/")
            cluster.environment[name] = controls[name].environment

    clusters = Clusters()
    yield clusters(prepare=put_library_under)
    clusters.end()


@pytest.fixture
def watched(controls, shared_cluster):
    """The cluster with power everywhere, good disks and right clocks."""
    for control in controls.values():
        control.restore_power()
        control.sync_delay_ms = control.failing_syncs = control.clock_offset_ns = 0
    shared_cluster.start(len(shared_cluster.names))
    return shared_cluster


def lose_power(cluster, controls, names, torn=None):
    """Takes the power of some nodes at the same time and gives it back."""
    before = {name: controls[name].undone_bytes for name in names}
    for name in names:
        controls[name].lose_power(torn)
    for name in names:
        status = cluster.wait_end(name)
        assert status == POWER_LOST, f"{name} ended with {status} and not from the loss of power\n{cluster.log_tail(name)}"
        controls[name].restore_power()
    return sum(controls[name].undone_bytes - before[name] for name in names)


@pytest.mark.short
def test_all_lose_power_at_once(watched, controls, workload, seconds):
    """Whatever was acknowledged is on the disks of a majority, however many other writes are lost."""
    work, undone = workload(watched), 0
    with work:
        for turn in range(seconds(2, 8)):
            work.wait_progress(50, within=30)
            undone += lose_power(watched, controls, watched.names, torn=turn if turn % 2 else None)
            watched.start(len(watched.names), wait=False)
            work.wait_progress(within=40)
    verify(work)
    assert undone > 0, "no node lost anything: the test has shown nothing"


@pytest.mark.parametrize("torn", [None, 11, 12])
def test_the_leader_loses_power(watched, controls, workload, torn):
    work = workload(watched)
    with work:
        work.wait_progress(50)
        leader = leader_for(watched, work)
        lose_power(watched, controls, [leader], torn)
        work.wait_progress(50, within=20)
        watched.start_node(leader)
        watched.wait_healthy()
    verify(work)


def test_a_minority_loses_power_again_and_again(watched, controls, workload, seconds):
    work = workload(watched)
    with work:
        for turn in range(seconds(3, 12)):
            name = watched.names[turn % 3]
            lose_power(watched, controls, [name], turn if turn % 2 else None)
            watched.start_node(name)
            work.wait_progress(within=30)
            watched.wait_healthy()
    verify(work)


@pytest.mark.parametrize("who", ["leader", "follower"])
def test_a_disk_is_slow_to_sync(watched, controls, workload, seconds, who):
    """A follower's slow disk is the majority's business only if it is the majority; a leader's should make it step down."""
    work = workload(watched, tenants=1)
    leader = leader_for(watched, work)
    name = leader if who == "leader" else next(each for each in watched.names if each != leader)
    with work:
        work.wait_progress()
        controls[name].sync_delay_ms = 1500
        time.sleep(3)
        took = work.wait_progress(100, within=40)
        time.sleep(seconds(2, 10))
        controls[name].sync_delay_ms = 0
        watched.wait_healthy()
    print(f"100 writes and as many reads took {took:.2f} s with the {who}'s disk slow")
    assert controls[name].syncs > 0
    verify(work)


def test_all_disks_are_slow(watched, controls, workload, seconds):
    work = workload(watched, clients=12)
    with work:
        for control in controls.values():
            control.sync_delay_ms = 100
        time.sleep(seconds(3, 15))
        work.wait_progress(within=30)
        for control in controls.values():
            control.sync_delay_ms = 0
    verify(work)


@pytest.mark.parametrize("who", ["leader", "follower"])
def test_a_sync_fails(watched, controls, workload, who):
    """A failed sync is final: the node ends rather than acknowledge, and comes back by its peers."""
    work = workload(watched, tenants=1)
    leader = leader_for(watched, work)
    name = leader if who == "leader" else next(each for each in watched.names if each != leader)
    with work:
        work.wait_progress()
        failed = controls[name].failed_syncs
        controls[name].failing_syncs = 1
        work.wait_progress(100, within=30)
        deadline = time.monotonic() + 30
        while controls[name].failed_syncs == failed:
            assert time.monotonic() < deadline, f"{name} has not synced anything for 30 s"
            time.sleep(0.05)
        status = watched.wait_end(name, 30)
        assert status not in (0, None), f"{name} ended as if nothing had happened"
        work.wait_progress(50, within=20)
        watched.start_node(name)
        watched.wait_healthy()
    verify(work)


def test_syncs_fail_on_all(watched, controls, workload):
    """Nothing that was acknowledged depends on the sync that failed."""
    work = workload(watched)
    with work:
        work.wait_progress()
        for control in controls.values():
            control.failing_syncs = 1
        # The last one of three has nothing to sync any more, as nobody agrees with it. It meets its failure when others are back.
        deadline = time.monotonic() + 30
        while len(watched.running()) > 1:
            assert time.monotonic() < deadline, f"{watched.running()} still run"
            time.sleep(0.05)
        last = watched.running()
        for name in watched.names:
            if name not in last:
                controls[name].failing_syncs = 0
                watched.start_node(name, wait=False)
        for name in last:
            watched.wait_end(name, 30)
            controls[name].failing_syncs = 0
        assert all(control.failed_syncs > 0 for control in controls.values())
        watched.start(len(watched.names))
        work.wait_progress(within=40)
    verify(work)


@pytest.mark.parametrize("hours", [1, -1])
@pytest.mark.parametrize("who", ["leader", "follower", "all"])
def test_the_clock_jumps(watched, controls, workload, seconds, who, hours):
    """Elections, waiting and order do not depend on what time it is."""
    work = workload(watched, tenants=1)
    leader = leader_for(watched, work)
    follower = next(each for each in watched.names if each != leader)
    names = {"leader": [leader], "follower": [follower], "all": watched.names}[who]
    with work:
        work.wait_progress()
        for name in names:
            controls[name].clock_offset_ns = hours * 3_600_000_000_000
        work.wait_progress(100, within=15)
        time.sleep(seconds(1, 5))
        for name in names:
            controls[name].clock_offset_ns = 0
        work.wait_progress(100, within=15)
        assert watched.running() == watched.names
    verify(work)
