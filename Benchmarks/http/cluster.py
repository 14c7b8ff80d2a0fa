#!/usr/bin/env python3
"""Writes, reads, single-client latency and failover of three nodes on this machine, by wrk over HTTP to all of them.

Everything shares the machine's cores: read ratios, not absolutes. Prints one line a measurement and, with --json, everything.

    Benchmarks/http/cluster.py [--bin .build/release] [--seconds 10] [--nodes 3] [--tenants 20] [--failovers 5]
"""

import argparse
import http.client
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

KINDS = ["write64", "read64", "write1", "read1", "write256", "create64", "update64", "comment64", "failover", "sqlite", "idle"]
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "deploy"))
from local_cluster import LocalCluster  # noqa: E402


def call(address, method, path, body=None, headers={}, timeout=20):
    connection = http.client.HTTPConnection(address, timeout=timeout)
    try:
        connection.request(method, path, body and json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def metrics(cluster):
    """Counters of all nodes, added up."""
    total = {}
    for node in cluster.nodes.values():
        text = call(node["admin"], "GET", "/metrics")[1].decode()
        for name, value in re.findall(r"^(lodge_(?:log|link)_\S+) (\d+)$", text, re.M):
            total[name] = total.get(name, 0) + int(value)
    return total


def cpu(cluster):
    """CPU seconds of all nodes."""
    ticks = os.sysconf("SC_CLK_TCK")
    return sum(sum(map(int, pathlib.Path(f"/proc/{node['pid']}/stat").read_text().rsplit(") ", 1)[1].split()[11:13]))
               for node in cluster.nodes.values()) / ticks


def rss(cluster):
    return [int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{node['pid']}/status").read_text())[1]) / 1024
            for node in cluster.nodes.values()]


def load(cluster, tenants, mode, clients, seconds, tickets):
    """wrk against every node at once; `clients` connections together."""
    nodes = list(cluster.nodes.values())
    if clients < len(nodes):
        nodes = nodes[:clients]
    lines = "".join(f"{tenant['host']} {tenant['authorization']}\n" for tenant in tenants)
    before, busy, began = metrics(cluster), cpu(cluster), time.monotonic()
    processes = []
    for place, node in enumerate(nodes):
        connections = clients // len(nodes) + (1 if place < clients % len(nodes) else 0)
        environment = os.environ | {"BENCH_TENANTS": lines, "BENCH_MODE": mode, "BENCH_TICKETS": str(tickets),
                                    "BENCH_SEED": str(place)}
        processes.append(subprocess.Popen(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "15s", "--latency", "-s", str(HERE / "mix.lua"),
             f"http://{node['http']}"], env=environment, stdout=subprocess.PIPE, text=True))
    count, errors, medians, tails, duration = 0, 0, [], [], 0.0
    for process in processes:
        output = process.communicate(timeout=seconds + 60)[0]
        fields = re.search(r"RESULT (\d+) (\S+) (\S+) (\S+) (\d+)", output)
        if not fields:
            raise SystemExit(output)
        count += int(fields[1])
        duration = max(duration, float(fields[2]))
        medians.append(float(fields[3]))
        tails.append(float(fields[4]))
        errors += int(fields[5])
    after, elapsed = metrics(cluster), time.monotonic() - began
    delta = {name: after[name] - before.get(name, 0) for name in after}
    return {"mode": mode, "clients": clients, "per_second": count / duration, "p50_ms": statistics.median(medians),
            "p99_ms": max(tails), "errors": errors, "count": count,
            "cpu_us_each": (cpu(cluster) - busy) * 1e6 / max(1, count),
            "cores": (cpu(cluster) - busy) / elapsed,
            "log_bytes_each_node": delta.get("lodge_log_written_bytes_total", 0) / max(1, count) / len(cluster.nodes),
            "log_link_bytes_each_follower":
                delta.get('lodge_link_sent_bytes_total{link="log"}', 0) / max(1, count) / (len(cluster.nodes) - 1 or 1),
            "syncs_per_1000_each_node": delta.get("lodge_log_syncs_total", 0) * 1000 / max(1, count) / len(cluster.nodes)}


def idle(cluster, wanted, seconds):
    """Makes tenants until there are so many, and looks at what the nodes do when nobody asks for anything."""
    nodes = list(cluster.nodes.values())
    before = rss(cluster)
    headers = {"Authorization": f"Bearer {cluster.operator_token}", "Content-Type": "application/json"}
    numbers, failures = iter(range(wanted)), []
    lock = threading.Lock()

    def make(node):
        connection = http.client.HTTPConnection(node["admin"], timeout=60)
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            body = json.dumps({"tenant": {"name": f"idle{number}", "admin_email": "ann@idle.example"}})
            for _ in range(50):
                connection.request("POST", "/admin/v1/tenants", body, headers)
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != 503:
                    break
                time.sleep(0.2)
            # Taken: a try that was said to have failed had made it.
            if answer.status not in (201, 409):
                failures.append((answer.status, text))
                return

    began = time.monotonic()
    makers = [threading.Thread(target=make, args=(nodes[place % len(nodes)],)) for place in range(48)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    if failures:
        raise SystemExit(f"tenants: {failures[:3]}")
    filled = time.monotonic() - began
    time.sleep(15)  # The last checkpoints of what was just made.
    counters, busy, began = metrics(cluster), cpu(cluster), time.monotonic()
    time.sleep(seconds)
    elapsed = time.monotonic() - began
    sent = sum(value - counters.get(name, 0) for name, value in metrics(cluster).items() if "sent_bytes" in name)
    pairs = len(nodes) * (len(nodes) - 1) / 2 or 1
    return {"mode": "idle", "tenants": wanted, "made_per_second": wanted / filled, "rss_mb_before": before, "rss_mb": rss(cluster),
            "cpu_percent_each_node": (cpu(cluster) - busy) / elapsed * 100 / len(nodes),
            "bytes_per_second_each_pair": sent / elapsed / pairs}


def failover(cluster, tenant, shard):
    """Kills the shard's leader; seconds until the next acknowledged write at another node."""
    leader = cluster.leader_of(shard)
    others = [node for name, node in cluster.nodes.items() if name != leader]
    os.kill(cluster.node(leader)["pid"], signal.SIGKILL)
    began = time.monotonic()
    number = 0
    while True:
        number += 1
        try:
            status, _ = call(others[number % 2]["http"], "POST", "/api/v2/tickets.json",
                             {"ticket": {"subject": "failover", "comment": {"body": "x"}}},
                             {"Host": tenant["host"], "Authorization": tenant["authorization"],
                              "Content-Type": "application/json", "Idempotency-Key": f"{began}"}, timeout=5)
            if status == 201:
                break
        except OSError:
            pass
        time.sleep(0.005)
    gap = time.monotonic() - began
    cluster.restart(leader)
    cluster.wait_healthy(within=60)
    return gap


def fill(cluster, options):
    """Tenants with tickets, as `load` wants them."""
    tenants = []
    for number in range(options.tenants):
        made = cluster.make_tenant(f"t{number}", requests_per_minute=1_000_000_000)
        tenants.append({"host": f"t{number}.localhost", "shard": made["shard"], "authorization": made["authorization"]})
    first = next(iter(cluster.nodes.values()))["http"]
    for tenant in tenants:
        for _ in range(options.tickets):
            status, body = call(first, "POST", "/api/v2/tickets.json", {"ticket": {"subject": "start", "comment": {"body": "x"}}},
                                {"Host": tenant["host"], "Authorization": tenant["authorization"],
                                 "Content-Type": "application/json"})
            assert status == 201, body
    return tenants


def compare(ours, theirs, options, report):
    """Both clusters run; short loads of one and the other in turn, so that what the machine does in between meets both alike."""
    tenants = [fill(cluster, options) for cluster in (ours, theirs)]
    time.sleep(4)
    for mode, clients in [("write", 64), ("read", 64)]:
        rates = [[], []]
        for turn in range(options.rounds + 1):
            for place, cluster in enumerate((ours, theirs)):
                rate = load(cluster, tenants[place], mode, clients, 3, options.tickets)["per_second"]
                if turn:
                    rates[place].append(rate)
        ratios = sorted(a / b for a, b in zip(*rates))
        report({"mode": mode, "clients": clients, "per_second": statistics.median(rates[0]), "against": statistics.median(rates[1]),
                "ratio": statistics.median(ratios), "ratio_quartiles": [round(ratios[len(ratios) // 4], 3),
                                                                        round(ratios[-1 - len(ratios) // 4], 3)]})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=".build/release")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--tenants", type=int, default=20)
    parser.add_argument("--shards", type=int, help="tenant shards; the default of a new cluster without it")
    parser.add_argument("--tickets", type=int, default=50)
    parser.add_argument("--failovers", type=int, default=5)
    parser.add_argument("--only", default="", help="of " + ",".join(KINDS) + ", with commas; without it, all but the single operations")
    parser.add_argument("--idle", type=int, default=0, help="last, make so many tenants more and watch the nodes doing nothing")
    parser.add_argument("--preload", default="", help="LD_PRELOAD for the nodes; its settings come from the environment")
    parser.add_argument("--against", help="another folder of programs: both are measured in turn, and nothing else is")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--sync-delay", type=int, default=0, help="microseconds that every sync takes longer, of one SQLite beside it too")
    parser.add_argument("--json")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    wanted = [each for each in options.only.split(",") if each]
    if unknown := set(wanted) - set(KINDS):
        parser.error(f"--only does not know {', '.join(sorted(unknown))}; it knows {', '.join(KINDS)}")
    folder = tempfile.mkdtemp(prefix="lodge-bench-")
    environment = {}
    if options.sync_delay:
        options.preload = f"{folder}/slow_sync.so"
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", options.preload, str(HERE / "slow_sync.c"), "-ldl"], check=True)
        os.environ["SLOW_SYNC_MICROSECONDS"] = str(options.sync_delay)
    if options.preload:
        environment = {f"n{number + 1}": {"LD_PRELOAD": options.preload} for number in range(options.nodes)}
    cluster = LocalCluster(folder, options.bin, environment=environment, log_level="warning", shards=options.shards)
    results = []
    if not options.against and (not wanted or "sqlite" in wanted):
        preload = {"LD_PRELOAD": options.preload} if options.preload else {}
        command = [sys.executable, str(HERE.parent / "peers" / "one_sqlite.py"), "--dir", folder + "/one_sqlite", "--json"]
        for step in ("start", "load", "stop"):
            output = subprocess.run([*command, step], env=os.environ | preload, capture_output=True, text=True, check=True).stdout
            if step == "load":
                print(json.dumps({"mode": "one unreplicated SQLite, FULL", "per_second": json.loads(output)["rate"]}), flush=True)

    def report(result):
        results.append(result)
        print(json.dumps({key: round(value, 2) if isinstance(value, float) else value for key, value in result.items()}),
              flush=True)

    try:
        cluster.start(options.nodes)
        if options.against:
            other = LocalCluster(folder + "/against", options.against, environment=environment, log_level="warning", shards=options.shards)
            try:
                other.start(options.nodes)
                return compare(cluster, other, options, report)
            finally:
                other.stop()
        tenants = fill(cluster, options)
        time.sleep(4)
        usual = [("write", 64), ("read", 64), ("write", 1), ("read", 1), ("write", 256)]
        for mode, clients in usual + [("create", 64), ("update", 64), ("comment", 64)]:
            if f"{mode}{clients}" in wanted or not wanted and (mode, clients) in usual:
                load(cluster, tenants, mode, clients, 2, options.tickets)
                report(load(cluster, tenants, mode, clients, options.seconds, options.tickets))
        report({"mode": "memory", "rss_mb": rss(cluster)})
        if options.idle:
            report(idle(cluster, options.idle, options.seconds))
        if options.nodes > 1 and options.failovers and (not wanted or "failover" in wanted):
            gaps = sorted(failover(cluster, tenants[0], tenants[0]["shard"]) for _ in range(options.failovers))
            report({"mode": "failover", "runs": len(gaps), "p50_s": statistics.median(gaps), "max_s": gaps[-1],
                    "all_s": [round(gap, 3) for gap in gaps]})
    finally:
        cluster.stop()
        if not options.keep:
            subprocess.run(["rm", "-rf", folder])
        else:
            print(folder)
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
