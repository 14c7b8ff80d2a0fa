"""A load tester: runs the harness, believes its numbers because it finds what is wrong."""

import contextlib
import http.client
import http.server
import json
import pathlib
import subprocess
import sys
import threading

import pytest

from lodge import BIN

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "deploy"))
from local_cluster import LocalCluster  # noqa: E402

SMALL = ["--clients", "4", "--warm-up", "0", "--tenants", "3", "--tickets", "5"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = LocalCluster(tmp_path_factory.mktemp("bench") / "cluster", BIN, log_level="warning")
    cluster.start(1)
    yield cluster
    cluster.stop()


def bench(*options):
    return subprocess.run([str(BIN / "lodge-bench"), "run", *options], capture_output=True, text=True, timeout=120)


def test_a_run_starts_its_node_and_tells_all_that_a_sceptic_asks_for(tmp_path):
    path = tmp_path / "result.json"
    result = bench("--nodes", "1", "--seconds", "2", "--json", str(path), *SMALL)
    assert result.returncode == 0, result.stdout + result.stderr
    told = json.loads(path.read_text())
    assert told["command"] == "run" and told["seed"] == 1 and told["build"]["version"]
    assert told["machine"]["cores"] >= 1 and told["machine"]["kernel"] and told["machine"]["fileSystem"]
    assert told["configuration"]["tenants"] == "3" and "create=1" in told["configuration"]["mix"]
    phase, = told["phases"]
    assert {each["operation"] for each in phase["operations"]} >= {"create", "update", "comment", "get", "list"}
    assert all(each["latency"]["p99"] >= each["latency"]["p50"] > 0 for each in phase["operations"])
    assert len(phase["intervals"]) == 2 and {each["name"] for each in phase["processes"]} == {"n1", "lodge-bench"}
    assert phase["wire"]["requestBytes"] > 0 and phase["wire"]["syncs"] > 0
    checks = phase["checks"]
    assert checks["answersChecked"] > 100 and checks["wrongAnswerCount"] == 0
    assert checks["acknowledgedWrites"] == checks["writesFound"] > 20 and checks["ticketsReadBack"] >= 15


def test_a_running_cluster_is_used_over_tls_and_left_running(cluster):
    result = bench("--cluster", str(cluster.directory), "--seconds", "1", "--tls", *SMALL)
    assert result.returncode == 0, result.stdout + result.stderr
    assert cluster.is_running("n1")


def test_a_node_that_ended_by_itself_fails_the_run_and_the_result_is_written_first(cluster, tmp_path):
    # A second process of the first node: what the load asks is answered, and one process of the cluster ends meanwhile.
    state = json.loads(cluster.file.read_text())
    process = subprocess.Popen(["sleep", "0.5"])
    try:
        (tmp_path / "n9.log").write_text("out of luck\n")
        state["nodes"].append({**state["nodes"][0], "name": "n9", "pid": process.pid, "log": str(tmp_path / "n9.log")})
        (tmp_path / "cluster.json").write_text(json.dumps(state))
        path = tmp_path / "result.json"
        result = bench("--cluster", str(tmp_path), "--seconds", "1", "--json", str(path), *SMALL)
    finally:
        process.wait()
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"n9 (process {process.pid}) ended by itself\nout of luck" in result.stderr
    phase, = json.loads(path.read_text())["phases"]
    assert phase["checks"]["acknowledgedWrites"] == phase["checks"]["writesFound"] > 0
    assert "n9" in phase["events"][-1]["text"]


def test_a_soak_is_an_open_loop_of_so_many_minutes(cluster, tmp_path):
    path = tmp_path / "result.json"
    result = bench("--cluster", str(cluster.directory), "--soak", "0.05", "--rate", "40", "--connections", "4", *SMALL[2:],
                   "--json", str(path))
    assert result.returncode == 0, result.stdout + result.stderr
    told = json.loads(path.read_text())
    phase, = told["phases"]
    assert told["configuration"]["nodes"] == "1" and phase["nodes"] == 1
    assert phase["name"] == "canonical soak open" and 2.9 < phase["seconds"] < 6
    assert 60 < sum(each["count"] for each in phase["operations"]) < 180


def test_a_slower_disk_is_what_writes_wait_for(tmp_path):
    path = tmp_path / "result.json"
    result = bench("--nodes", "1", "--sync-delay", "30000", "--writes-only", "--seconds", "1", "--clients", "1",
                   *SMALL[2:], "--json", str(path))
    assert result.returncode == 0, result.stdout + result.stderr
    phase, = json.loads(path.read_text())["phases"]
    assert all(each["latency"]["p50"] > 30_000 for each in phase["operations"]), phase["operations"]


def compare(*options):
    return subprocess.run([str(BIN / "lodge-bench"), "compare", *options], capture_output=True, text=True, timeout=60)


def test_runs_of_two_builds_are_compared_by_their_spread(cluster, tmp_path):
    path = tmp_path / "result.json"
    assert bench("--cluster", str(cluster.directory), "--seconds", "1", "--json", str(path), *SMALL).returncode == 0

    def runs(name, *factors):
        """Results that differ from what was measured by a factor of the rate."""
        paths = []
        for number, factor in enumerate(factors):
            told = json.loads(path.read_text())
            for each in told["phases"][0]["operations"]:
                each["count"] = round(each["count"] * 1000 * factor)
            paths.append(tmp_path / f"{name}{number}.json")
            paths[-1].write_text(json.dumps(told))
        return ",".join(str(each) for each in paths)

    usual, alike, slow = runs("a", 1, 1.03, 0.98), runs("b", 0.99, 1.02, 1.01), runs("c", 0.7, 0.72, 0.69)
    same = compare("--a", usual, "--b", alike, "--strict")
    assert same.returncode == 0 and "worse" not in same.stdout.split("Method")[0], same.stdout + same.stderr
    worse = compare("--a", usual, "--b", slow.split(",")[0], "--b", ",".join(slow.split(",")[1:]), "--strict")
    line, = (each for each in worse.stdout.splitlines() if each.startswith("writes/s"))
    assert worse.returncode == 1 and line.endswith("worse"), worse.stdout + worse.stderr
    told = json.loads(compare("--a", usual, "--b", slow, "--json").stdout)
    assert told, told
    half = compare("--a", usual)
    assert half.returncode != 0 and "both" in half.stderr


class Proxy(http.server.BaseHTTPRequestHandler):
    """Hands on what it gets, but for what `tamper` does."""

    protocol_version = "HTTP/1.1"

    def forward(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, text = self.ask(self.command, self.path, body)
        status, text = self.server.tamper(self, status, text)
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = forward

    def ask(self, method, path, body):
        with contextlib.closing(http.client.HTTPConnection(self.server.node, timeout=30)) as node:
            node.request(method, path, body or None, dict(self.headers))
            answer = node.getresponse()
            return answer.status, answer.read()

    def log_message(self, *_):
        pass


def other_subject(request, status, text):
    """Tickets of somebody else."""
    if request.command == "GET" and "/tickets/1.json" in request.path:
        text = text.replace(b'"subject":"d', b'"subject":"x')
    return status, text


def undo_updates(request, status, text):
    """Says that an update was done, and makes another of it."""
    if request.command == "PUT":
        other = b'{"ticket":{"status":"solved"}}'
        request.headers.replace_header("Content-Length", str(len(other)))
        request.ask("PUT", request.path, other)
    return status, text


def swallow_a_comment(request, status, text):
    """Hides one comment that was acknowledged from the ticket's history."""
    if "/audits.json" in request.path:
        told = json.loads(text)
        told["audits"] = [each for each in told["audits"] if len(told["audits"]) < 3 or each != told["audits"][-1]]
        text = json.dumps(told, separators=(",", ":")).encode()
    return status, text


@pytest.mark.parametrize("mix, tamper, words", [
    ("get=1", other_subject, "not the subject that was written"),
    ("update=1", undo_updates, "is solved at the end"),
    ("comment=1", swallow_a_comment, "lost: audit"),
])
def test_an_answer_that_is_not_true_fails_the_run(cluster, tmp_path, mix, tamper, words):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.node, server.tamper = cluster.node("n1")["http"], tamper
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        state = json.loads(cluster.file.read_text())
        state["nodes"][0]["http"] = f"127.0.0.1:{server.server_address[1]}"
        (tmp_path / "cluster.json").write_text(json.dumps(state))
        result = bench("--cluster", str(tmp_path), "--seconds", "1", "--mix", mix, *SMALL)
    finally:
        server.shutdown()
        server.server_close()
    assert result.returncode == 1 and words in result.stdout, result.stdout + result.stderr


@pytest.mark.parametrize("options, words", [
    (["--clients", "2", "--rate", "5"], "exclude each other"),
    (["--mix", "fetch=1"], "create, update, comment, get, list, search"),
    (["--cluster", "/nowhere"], "/nowhere/cluster.json"),
    (["--bin", "/nowhere"], "/nowhere/lodged"),
])
def test_what_cannot_be_run_is_said_clearly(options, words):
    result = bench(*options)
    assert result.returncode != 0 and words in result.stderr, result.stderr
