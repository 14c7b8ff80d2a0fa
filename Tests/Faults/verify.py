"""What must be true after every fault, once it is over."""

import collections
import pathlib
import sys
import time

from client import Desk

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "Histories"))

import check as histories  # noqa: E402
from linearizability import check_history  # noqa: E402

CONVERGED_WITHIN = 60


def verify(workload, within=CONVERGED_WITHIN, least=30):
    """Ends the workload and checks all its promises; `least` writes and reads make the check worth something.

    Gives the state hashes, by shard.
    """
    workload.stop()
    cluster = workload.cluster
    cluster.wait_healthy(within)
    _read_registers_everywhere(workload)
    path = cluster.directory / f"history-{time.monotonic_ns()}.jsonl"
    workload.history.write(path)
    assert not workload.surprises, "\n".join(workload.surprises[:20])
    assert not workload.late, "requests hung:\n" + "\n".join(workload.late[:20])
    require_linearizable(path)
    for tenant in workload.tenants:
        for node in cluster.names:
            _count_everything(workload, tenant, node)
    assert workload.acknowledged >= least and workload.counts["read"] >= least, f"too little happened: {dict(workload.counts)}"
    return require_equal_replicas(cluster, within)


def require_linearizable(path):
    operations = histories.read_file(str(path))
    bad = [line for report in check_history(operations) if report.verdict == "bad"
           for line in histories.explain(str(path), report)]
    assert not bad, "\n".join(bad)


def _read_registers_everywhere(workload):
    """One more read of each register at each node, which the history must explain like any other."""
    client = workload.new_client()
    for node in workload.cluster.names:
        for tenant in workload.tenants:
            for register in range(workload.register_count):
                value = client.read(tenant, register, node=node, level="linearizable")
                assert value is not None, f"{node} does not answer for {tenant['name']}\n{workload.cluster.log_tail(node)}"
    client.close()


def _count_everything(workload, tenant, node):
    name = tenant["name"]
    desk = Desk(workload.cluster, tenant)
    tickets = collections.Counter(each["external_id"] for each in desk.pages(node, "/api/v2/tickets.json", "tickets"))
    own = {f"register {number}" for number in range(workload.register_count)} | {"counter"}
    _require_counts(f"tickets of {name} at {node}", tickets, workload.tickets[name], own)
    path = f"/api/v2/tickets/{workload.counters[name]}/comments.json"
    comments = collections.Counter(each["body"] for each in desk.pages(node, path, "comments"))
    _require_counts(f"comments of {name} at {node}", comments, workload.comments[name], {"counter"})
    desk.close()


def _require_counts(what, found, told, own):
    lost = told.acknowledged - set(found)
    assert not lost, f"{what}: {len(lost)} of {len(told.acknowledged)} acknowledged ones are lost, among them {sorted(lost)[:5]}"
    twice = [name for name, count in found.items() if count > 1]
    assert not twice, f"{what}: there more than once: {twice[:5]}"
    strange = set(found) - told.acknowledged - told.unknown - own
    assert not strange, f"{what}: nobody asked for {sorted(map(str, strange))[:5]}"


def require_equal_replicas(cluster, within=CONVERGED_WITHIN):
    """Waits until all replicas of each shard have applied as much, and compares what they hold then."""
    end = time.monotonic() + within
    while True:
        status = cluster.status()
        behind = [shard for shard in status["shards"] if len({each["applied"] for each in shard["replicas"]}) != 1]
        if not behind:
            break
        assert time.monotonic() < end, f"replicas did not come to the same index within {within} s: {behind}\n{cluster.log_tails()}"
        time.sleep(0.1)
    for shard in status["shards"]:
        hashes = {each["node"]: each["state_hash"] for each in shard["replicas"]}
        assert len(set(hashes.values())) == 1, f"shard {shard['shard']} differs between nodes at one index: {hashes}"
        assert all(hashes.values()), f"shard {shard['shard']} has no state hash"
    assert status["shards"], "the cluster reports no shards"
    return {shard["shard"]: shard["replicas"][0]["state_hash"] for shard in status["shards"]}
