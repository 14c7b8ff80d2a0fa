"""Clients that are themselves the fault: one that reads very slowly, one that asks for too much."""

import pathlib
import socket
import threading
import time

from history import PATIENCE, Workload
from verify import verify

# A tenant beside one that floods, both on one shard, on a two-core machine with a debug build and the load on it too.
NEIGHBOUR_P99 = 1.5
NEIGHBOUR_REQUESTS = 100
# A WAL that a reader holds grows; PASSIVE checkpoints resume when it ends. Engine.md, section 4: from 32 MB on they are tried.
WAL_LIMIT = 512 << 20


class SlowReader(threading.Thread):
    """Asks for a long list and takes a few bytes of the answer now and then."""

    def __init__(self, cluster, tenant, node, path, seconds):
        super().__init__(daemon=True)
        self.seconds, self.received, self.ended_early = seconds, 0, None
        host, port = cluster.node(node)["http"].rsplit(":", 1)
        self.socket = socket.socket()
        # As little as the kernel allows may wait on this side.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        self.socket.settimeout(5)
        self.socket.connect((host, int(port)))
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {tenant['name']}.localhost:{port}\r\n"
                            f"Authorization: {tenant['authorization']}\r\n\r\n".encode())

    def run(self):
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            try:
                data = self.socket.recv(64)
            except OSError as error:
                self.ended_early = repr(error)
                break
            if not data:
                self.ended_early = "closed by the node"
                break
            self.received += len(data)
            time.sleep(0.2)
        self.socket.close()


def wal_bytes(cluster):
    return max((path.stat().st_size for name in cluster.names for path in pathlib.Path(cluster.node(name)["data"]).rglob("*-wal")),
               default=0)


def test_slow_readers_hold_nothing_up(cluster, workload, seconds):
    """A minute of readers that hardly read, at each node, while others write; nobody waits and no WAL grows without end."""
    work = workload(cluster, tenants=1)
    client = work.new_client()
    tenant = work.tenants[0]
    for number in range(150):
        client.make(tenant, f"long {number}", "long " * 40)
        work.tickets[tenant["name"]].acknowledged.add(f"long {number}")
    client.close()
    readers = [SlowReader(cluster, tenant, node, "/api/v2/tickets.json?page[size]=100", seconds(15, 60))
               for node in cluster.names for _ in range(4)]
    for reader in readers:
        reader.start()
    with work:
        while any(reader.is_alive() for reader in readers):
            work.wait_progress(20, within=10)
            assert wal_bytes(cluster) < WAL_LIMIT
    assert all(reader.received > 1000 for reader in readers), [(reader.received, reader.ended_early) for reader in readers]
    verify(work)


def tenants_of_one_shard(cluster):
    """Two tenants that share a leader, a lane and a file."""
    by_shard = {}
    for number in range(20):
        tenant = cluster.make_tenant(f"flood{number}")
        if tenant["shard"] in by_shard:
            return by_shard[tenant["shard"]], tenant
        by_shard[tenant["shard"]] = tenant
    raise AssertionError("20 tenants are on 20 shards")


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def test_a_flood_of_one_tenant_leaves_the_other_served(cluster, seconds):
    """The neighbour asks ten times a second; 99 of 100 of its requests are answered within NEIGHBOUR_P99."""
    flooding, quiet = tenants_of_one_shard(cluster)
    flood = Workload(cluster, [flooding], clients=48, think=0, seed=3)
    calm = Workload(cluster, [quiet], clients=2, think=0.15, seed=4)
    for work in (flood, calm):
        work.prepare()
    calm.latencies.clear()
    with calm:
        while len(calm.latencies) < NEIGHBOUR_REQUESTS:
            time.sleep(0.1)
    alone = [took for _, took, _ in calm.latencies]
    calm.latencies.clear()
    with flood:
        time.sleep(2)
        with calm:
            end = time.monotonic() + PATIENCE + seconds(0, 60)
            while len(calm.latencies) < seconds(1, 4) * NEIGHBOUR_REQUESTS and time.monotonic() < end:
                time.sleep(0.1)
    beside = [took for _, took, _ in calm.latencies]
    print(f"neighbour's p99: {percentile(alone, 0.99) * 1000:.0f} ms alone, {percentile(beside, 0.99) * 1000:.0f} ms beside "
          f"{flood.acknowledged + flood.counts['read']} requests of the other")
    assert len(beside) >= NEIGHBOUR_REQUESTS, f"only {len(beside)} requests of the neighbour were served"
    assert percentile(beside, 0.99) < NEIGHBOUR_P99
    verify(flood)
    verify(calm)
