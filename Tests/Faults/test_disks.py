"""Disks that are full, damaged or gone."""

import concurrent.futures
import pathlib
import re
import secrets
import shutil
import time

import pytest

import disks
from client import NoAnswer
from test_crashes import leader_for
from verify import require_equal_replicas, verify

DISK_MEGABYTES = 320
DAMAGE_WORDS = re.compile(r"damage|corrupt|checksum|crc|quarantin|malformed|rebuil", re.IGNORECASE)


@pytest.fixture
def small(make_cluster):
    """Three nodes with a small disk each; gives the cluster and the disks."""
    if reason := disks.why_not():
        pytest.skip(reason)
    mounted = {}

    def mount(cluster):
        for name in ("n1", "n2", "n3"):
            mounted[name] = disks.SmallDisk(cluster.directory / name, DISK_MEGABYTES)

    try:
        yield make_cluster(prepare=mount, arguments=["--log-megabytes", "16"]), mounted
    finally:
        for cluster in make_cluster.made:
            cluster.kill_all()
        for disk in mounted.values():
            disk.close()


@pytest.mark.parametrize("who", ["leader", "follower"])
def test_one_disk_is_full(small, workload, seconds, who):
    """The others serve. The node says so, lives, and catches up once there is space."""
    cluster, mounted = small
    work = workload(cluster, tenants=1)
    leader = leader_for(cluster, work)
    name = leader if who == "leader" else next(each for each in cluster.names if each != leader)
    with work:
        work.wait_progress()
        mounted[name].fill()
        work.wait_progress(200, within=60)
        time.sleep(seconds(2, 10))
        work.wait_progress(50, within=30)
        assert cluster.is_running(name), f"{name} ended for lack of space\n{cluster.log_tail(name)}"
        mounted[name].free()
        cluster.wait_healthy()
    verify(work)


def test_all_disks_are_full(small, workload):
    """Writes are refused by 507 or 503, reads go on, nothing acknowledged is lost, and space is enough to go on."""
    cluster, mounted = small
    work = workload(cluster, tenants=1)
    with work:
        work.wait_progress()
        for disk in mounted.values():
            disk.fill()
        deadline = time.monotonic() + 60
        while not (work.counts[507] or work.counts[503]):
            assert time.monotonic() < deadline, f"no write was refused: {work.counts}"
            time.sleep(0.1)
        # The clients of the workload may all be at a write by now, which they try again until there is room.
        reader, deadline = work.new_client(), time.monotonic() + 5
        while time.monotonic() < deadline:
            assert reader.read(work.tenants[0], 0) is not None, f"nobody could read while the disks were full: {work.counts}"
            time.sleep(0.1)
        reader.close()
        assert cluster.running() == cluster.names, "a full disk ended a node\n" + cluster.log_tails()
        for disk in mounted.values():
            disk.free()
        work.wait_progress(within=30)
    verify(work)


def write_much(cluster, work, megabytes):
    """Writes so much text that does not compress, through all running nodes."""
    tenant, kilobytes = work.tenants[0], 32

    def write(number):
        client = work.new_client()
        body = {"ticket": {"subject": "much", "comment": {"body": secrets.token_hex(kilobytes * 1024)}}}
        answer = client.insist(tenant, "PUT", f"/api/v2/tickets/{much}.json", body, 200, f"much-{number}-{megabytes}")
        client.close()
        assert answer, f"write {number} was not carried out"

    client = work.new_client()
    nodes, work.nodes = work.nodes, cluster.running()
    much = client.make(tenant, f"much {megabytes}", "much")
    work.tickets[tenant["name"]].acknowledged.add(f"much {megabytes}")
    # Half of what hexadecimal digits take is information.
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(megabytes * 1024 // kilobytes)))
    work.nodes = nodes
    client.close()


@pytest.fixture
def short_log(make_cluster):
    """Three nodes that keep little log."""
    return make_cluster(arguments=["--log-megabytes", "16"])


def test_a_node_returns_after_the_log_it_needs_is_gone(short_log, workload):
    """The others kept 16 MB of log; it missed more, so it must come back by a snapshot."""
    cluster, name = short_log, "n3"
    work = workload(cluster, tenants=1)
    with work:
        work.wait_progress()
        cluster.kill(name)
        write_much(cluster, work, 64)
        mark = pathlib.Path(cluster.node(name)["log"]).stat().st_size
        cluster.start_node(name)
        cluster.wait_healthy(120)
    verify(work, 120)
    assert "snapshot" in log_since(cluster, name, mark).lower(), f"{name} came back by the log alone\n{cluster.log_tail(name)}"


def log_since(cluster, name, mark):
    with open(cluster.node(name)["log"], "rb") as file:
        file.seek(mark)
        return file.read().decode(errors="replace")


@pytest.mark.parametrize("name", ["n1", "n3"])
def test_a_disk_is_wiped_and_a_new_node_takes_its_place(make_cluster, workload, name):
    """The old node is removed; the new one, in its place, has a name and an identity of its own."""
    cluster = make_cluster()
    work = workload(cluster)
    with work:
        work.wait_progress()
        zone = cluster.node(name)["zone"]
        # The operator's token lies on the first node's disk; the cluster's file has it too.
        _ = cluster.operator_token
        cluster.kill(name)
        shutil.rmtree(cluster.node(name)["data"])
        cluster.lodge("cluster", "remove", name)
        cluster.forget_node(name)
        work.nodes = cluster.names
        cluster.add_node("n4", zone)
        work.nodes = cluster.names
        cluster.wait_healthy(90)
        work.wait_progress()
    assert "n4" in cluster.names and len(cluster.names) == 3
    verify(work)


def log_files(cluster, name):
    """The files of a node's log that something was written to, fullest first."""
    data = pathlib.Path(cluster.node(name)["data"])
    files = [path for path in data.rglob("*") if path.is_file() and "log" in path.relative_to(data).parts[0]]
    written = [(disks.end_of_content(path), path) for path in files]
    return [path for end, path in sorted(written, reverse=True) if end > 4096]


@pytest.mark.parametrize("place", [0.25, 0.5, 0.75])
def test_a_bit_of_the_log_flips(cluster, workload, place):
    """Records after it are good, so this is no torn end: the node must notice, and get the truth from the others."""
    name = "n3"
    work = workload(cluster)
    with work:
        work.wait_progress(300, within=60)
        cluster.kill(name)
        files = log_files(cluster, name)
        assert files, f"no log was found below {cluster.node(name)['data']}"
        disks.flip_bit(files[0], disks.next_content(files[0], place), bit=3)
        work.wait_progress(50)
        mark = pathlib.Path(cluster.node(name)["log"]).stat().st_size
        cluster.start_node(name)
        cluster.wait_healthy(90)
    verify(work)
    assert DAMAGE_WORDS.search(log_since(cluster, name, mark)), f"{name} says nothing of it\n{cluster.log_tail(name, 60)}"


def test_a_bit_flips_in_the_logs_of_two_nodes(cluster, workload):
    """At different places: each record is whole somewhere. Both nodes come back, or the cluster refuses; it never errs."""
    work = workload(cluster)
    with work:
        work.wait_progress(300, within=60)
        cluster.kill_all()
        for name, place in (("n1", 0.3), ("n2", 0.6)):
            path = log_files(cluster, name)[0]
            disks.flip_bit(path, disks.next_content(path, place), bit=5)
        cluster.start(3, wait=False)
        time.sleep(20)
        serves = cluster.try_status() is not None and (cluster.try_status() or {}).get("healthy")
    if serves:
        verify(work)
    else:
        assert work.counts[503] or work.counts["no answer"], work.counts
        work.stop()


def replica_of(cluster, shard, number):
    for each in cluster.status()["shards"]:
        if each["shard"] == shard:
            return next((replica["replica"] for replica in each["replicas"] if replica["node"] == number), None)
    return None


def wait_for_another_replica(cluster, shard, name, replica, within):
    end = time.monotonic() + within
    while replica_of(cluster, shard, cluster.node(name)["id"]) in (replica, None):
        assert time.monotonic() < end, f"{name} still holds its damaged replica of shard {shard}\n{cluster.log_tail(name, 60)}"
        time.sleep(0.3)
    cluster.wait_healthy(90)


@pytest.mark.parametrize("damage", ["structure", "text"])
def test_a_shards_file_is_damaged(cluster, workload, damage):
    """`structure`: SQLite itself stumbles over it. `text`: a letter of a subject changes, and only the state hash can show it, once
    a change of that subject takes another word out of the sum than was put in."""
    name, marker = "n3", secrets.token_hex(20)
    work = workload(cluster, tenants=1)
    shard = work.tenants[0]["shard"]
    client = work.new_client()
    ticket = client.make(work.tenants[0], f"marked {marker}", f"subject {marker}")
    work.tickets[work.tenants[0]["name"]].acknowledged.add(f"marked {marker}")
    with work:
        work.wait_progress(100)
    cluster.wait_healthy()
    require_equal_replicas(cluster)
    replica = replica_of(cluster, shard, cluster.node(name)["id"])
    # A clean end folds everything into the shard's file.
    cluster.stop_node(name)
    places = disks.places_of(f"subject {marker}".encode(), cluster.node(name)["data"], "*.sqlite")
    assert places, "the ticket is in none of the node's files"
    # The subject is in the ticket and in its audit.
    for path, offset in places if damage == "text" else places[:1]:
        disks.flip_bit(path, offset + 10 if damage == "text" else offset // 4096 * 4096, bit=1 if damage == "text" else 6)
    cluster.start_node(name)
    with work:
        touch(work, client, ticket, marker)
        wait_for_another_replica(cluster, shard, name, replica, 120)
    verify(work)
    answer = client.desks[work.tenants[0]["name"]].get(name, f"/api/v2/tickets/{ticket}.json")
    assert answer["ticket"]["subject"] == f"again {marker}"
    client.close()


def test_the_leaders_rows_are_damaged(cluster, workload):
    """The followers find that the leader's block says another state hash, read their own rows, and make it read its: it stops, is
    replaced from a sound replica, and they stay as they are."""
    marker = secrets.token_hex(20)
    work = workload(cluster, tenants=1)
    tenant = work.tenants[0]
    shard, client = tenant["shard"], work.new_client()
    ticket = client.make(tenant, f"marked {marker}", f"subject {marker}")
    work.tickets[tenant["name"]].acknowledged.add(f"marked {marker}")
    with work:
        work.wait_progress(100)
    cluster.wait_healthy()
    name = cluster.leader_of(shard)
    replicas = {other: replica_of(cluster, shard, cluster.node(other)["id"]) for other in cluster.names}
    damage_text_of(cluster, name, f"subject {marker}")
    transfer(cluster, shard, name)
    with work:
        touch(work, client, ticket, marker)
        wait_for_another_replica(cluster, shard, name, replicas[name], 120)
    verify(work)
    for other in cluster.names:
        if other != name:
            assert replica_of(cluster, shard, cluster.node(other)["id"]) == replicas[other], f"{other} was rebuilt\n{cluster.log_tail(other)}"
    answer = client.desks[tenant["name"]].get(name, f"/api/v2/tickets/{ticket}.json")
    assert answer["ticket"]["subject"] == f"again {marker}"
    client.close()


def test_rows_that_rotted_are_found_without_being_touched(cluster, workload):
    """`lodge shard check`, which is what a node does from time to time, reads all rows; the damaged replica is replaced."""
    name, marker = "n2", secrets.token_hex(20)
    work = workload(cluster, tenants=1)
    shard, client = work.tenants[0]["shard"], work.new_client()
    client.make(work.tenants[0], f"marked {marker}", f"subject {marker}")
    work.tickets[work.tenants[0]["name"]].acknowledged.add(f"marked {marker}")
    client.close()
    with work:
        work.wait_progress(50)
    cluster.wait_healthy()
    replica = replica_of(cluster, shard, cluster.node(name)["id"])
    damage_text_of(cluster, name, f"subject {marker}")
    answer = cluster.lodge("shard", "check", str(shard), check=False)
    assert answer.returncode == 1 and "do not add up" in answer.stdout, answer
    wait_for_another_replica(cluster, shard, name, replica, 60)
    cluster.wait_healthy()
    answer = cluster.lodge("shard", "check", str(shard), check=False)
    assert answer.returncode == 0 and answer.stdout.count("sound") == 3, answer
    verify(work)


def damage_text_of(cluster, name, text):
    """Changes one letter of a text in a shard's file of a node that is stopped for it."""
    # A clean end folds everything into the shard's file.
    cluster.stop_node(name)
    places = disks.places_of(text.encode(), cluster.node(name)["data"], "*.sqlite")
    assert places, "the text is in none of the node's files"
    for path, offset in places:
        disks.flip_bit(path, offset + 10, bit=1)
    cluster.start_node(name)
    cluster.wait_healthy()


def transfer(cluster, shard, name):
    """Makes a node lead a shard."""
    deadline = time.monotonic() + 30
    while cluster.leader_of(shard) != name:
        assert time.monotonic() < deadline, f"{name} does not take shard {shard} over"
        cluster.lodge("shard", "transfer", str(shard), "--to", name, check=False)
        time.sleep(0.2)


def touch(work, client, ticket, marker):
    """Makes every replica read the damaged page, by a change of the subject on it."""
    for name in work.cluster.names:
        try:
            client.desks[work.tenants[0]["name"]].call(
                name, "PUT", f"/api/v2/tickets/{ticket}.json", {"ticket": {"subject": f"again {marker}"}})
        except NoAnswer:
            continue
