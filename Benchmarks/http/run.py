#!/usr/bin/env python3
"""Requests per second and latency of one node over HTTP, by wrk.

Starts `lodged` on free ports in a temporary folder, fills one tenant, and runs get, list, create and
update at several connection counts. Server and load share the machine, so read ratios, not absolutes.

    Benchmarks/http/run.py [--bin .build/release] [--seconds 5] [--connections 1,16,64]
    Benchmarks/http/run.py --tenants 10000 --tickets-each 10      # memory instead of speed
"""

import argparse
import base64
import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Node:
    def __init__(self, binaries, folder):
        self.binaries = binaries
        self.folder = folder
        self.http = free_port()
        self.admin = free_port()
        self.process = subprocess.Popen(
            [binaries / "lodged", "--data", folder, "--http", f"127.0.0.1:{self.http}",
             "--admin", f"127.0.0.1:{self.admin}"],
            stdout=subprocess.DEVNULL, stderr=open(f"{folder}.log", "w"))
        deadline = time.monotonic() + 20
        while True:
            try:
                if self.request("GET", "/readyz", port=self.admin)[0] == 200:
                    return
            except OSError:
                pass
            if time.monotonic() > deadline:
                raise SystemExit(f"lodged did not start; see {folder}.log")
            time.sleep(0.05)

    def request(self, method, path, body=None, headers={}, port=None, connection=None):
        own = connection is None
        connection = connection or http.client.HTTPConnection("127.0.0.1", port or self.http, timeout=30)
        connection.request(method, path, body and json.dumps(body), headers)
        answer = connection.getresponse()
        data = answer.read()
        if own:
            connection.close()
        return answer.status, data

    def create_tenant(self, name):
        output = subprocess.run(
            [self.binaries / "lodge", "tenant", "create", name, "--admin-email",
             f"admin@{name}.example", "--json", "--data", self.folder],
            check=True, capture_output=True).stdout
        return json.loads(output)

    def resident_megabytes(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def credentials(tenant):
    pair = f"{tenant['admin']['email']}/token:{tenant['admin']['token']}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def raise_limit(node, name):
    """Rate limits are for tenants in service; a load test asks the operator for more."""
    subprocess.run(
        [node.binaries / "lodge", "tenant", "limits", name, "--requests-per-minute", "100000000",
         "--data", node.folder], check=True, capture_output=True)


def speed(node, arguments):
    tenant = node.create_tenant("bench")
    raise_limit(node, "bench")
    environment = dict(
        os.environ, BENCH_HOST="bench.desk.test", BENCH_AUTHORIZATION=credentials(tenant))
    headers = {
        "Host": "bench.desk.test", "Authorization": credentials(tenant),
        "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", node.http, timeout=30)
    for number in range(arguments.tickets):
        body = {"ticket": {"subject": f"Ticket {number}", "comment": {"body": "Hello there. " * 20}}}
        status, data = node.request("POST", "/api/v2/tickets.json", body, headers, connection=connection)
        if status != 201:
            raise SystemExit(f"create: {status} {data[:300]}")
    print(f"| operation | connections | requests/s | p50 ms | p99 ms | errors |\n|---|---|---|---|---|---|")
    for operation in arguments.operations.split(","):
        for count in [int(text) for text in arguments.connections.split(",")]:
            output = subprocess.run(
                ["wrk", "-t1", f"-c{count}", f"-d{arguments.seconds}s", "-s",
                 pathlib.Path(__file__).with_name("desk.lua"), f"http://127.0.0.1:{node.http}"],
                env=dict(environment, BENCH_OPERATION=operation, BENCH_TICKETS=str(arguments.tickets)),
                check=True, capture_output=True, text=True)
            rate, median, tail, errors = re.search(r"RESULT (\S+) (\S+) (\S+) (\S+)", output.stdout).groups()
            print(f"| {operation} | {count} | {rate} | {median} | {tail} | {errors} |", flush=True)
            if output.stderr:
                print(output.stderr.strip(), file=sys.stderr)
    print(f"RSS after the load: {node.resident_megabytes():.0f} MB")


def memory(node, arguments):
    print(f"RSS empty: {node.resident_megabytes():.1f} MB")
    token = pathlib.Path(node.folder, "operator-token").read_text().strip()

    def fill(range_):
        admin = http.client.HTTPConnection("127.0.0.1", node.admin, timeout=60)
        desk = http.client.HTTPConnection("127.0.0.1", node.http, timeout=60)
        for number in range_:
            name = f"tenant-{number}"
            status, data = node.request(
                "POST", "/admin/v1/tenants",
                {"tenant": {"name": name, "admin_email": f"admin@{name}.example"}},
                {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
                connection=admin)
            if status not in (200, 201):
                raise SystemExit(f"tenant: {status} {data[:300]}")
            answer = json.loads(data)
            tenant = answer if "admin" in answer else answer["tenant"]
            headers = {
                "Host": f"{name}.desk.test", "Authorization": credentials(tenant),
                "Content-Type": "application/json"}
            for ticket in range(arguments.tickets_each):
                body = {"ticket": {"subject": f"Ticket {ticket}", "comment": {"body": "Hello there. " * 20}}}
                status, data = node.request(
                    "POST", "/api/v2/tickets.json", body, headers, connection=desk)
                if status != 201:
                    raise SystemExit(f"create: {status} {data[:300]}")

    workers = 8
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(fill, range(w, arguments.tenants, workers)) for w in range(workers)]:
            done.result()
    print(f"{arguments.tenants} tenants x {arguments.tickets_each} tickets in "
          f"{time.monotonic() - started:.0f} s; RSS: {node.resident_megabytes():.1f} MB")
    size = sum(f.stat().st_size for f in pathlib.Path(node.folder).rglob("*") if f.is_file())
    print(f"data folder: {size / 1e6:.0f} MB")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, default=pathlib.Path(".build/release"))
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", default="1,16,64")
    parser.add_argument("--operations", default="get,list,create,update")
    parser.add_argument("--tickets", type=int, default=1000)
    parser.add_argument("--tenants", type=int, default=0)
    parser.add_argument("--tickets-each", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        node = Node(arguments.bin.resolve(), os.path.join(folder, "data"))
        try:
            memory(node, arguments) if arguments.tenants else speed(node, arguments)
        finally:
            node.stop()


main()
