"""The commands that scripts rely on: options, output, exit statuses, shutdown."""

import concurrent.futures
import contextlib
import json
import pathlib
import re
import signal
import sqlite3
import subprocess

import pytest
import requests

from lodge import BIN, Node, lodge, wait_until


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    node = Node(tmp_path_factory.mktemp("commands"), https=False)
    yield node
    assert node.stop() == 0


def test_a_new_tenant_is_printed_as_agreed(own):
    answer = json.loads(own.lodge("tenant", "create", "agreed", "--admin-email", "a@agreed.example", "--json").stdout)
    assert answer["tenant"] == "agreed" and isinstance(answer["id"], int)
    assert answer["hosts"] == [f"agreed.localhost:{own.port}"]
    assert answer["admin"]["email"] == "a@agreed.example"
    pair = (f"{answer['admin']['email']}/token", answer["admin"]["token"])
    for host in (answer["hosts"][0], "agreed.desk.test", "AGREED.any.example:99"):
        me = requests.get(f"{own.http}/api/v2/users/me.json", auth=pair, headers={"Host": host}, timeout=10)
        assert me.status_code == 200, host
        assert me.json()["user"]["url"].startswith(f"http://{host}/")


def test_each_verb_does_what_it_says(own):
    desk = own.create_tenant("verbs")

    def status():
        return desk.call("GET", "/api/v2/users/me.json").status_code

    assert status() == 200
    own.lodge("tenant", "suspend", "verbs")
    assert status() == 403
    own.lodge("tenant", "resume", "verbs")
    assert status() == 200
    shown = json.loads(own.lodge("tenant", "limits", "verbs", "--agents", "3", "--plan", "small", "--json").stdout)
    assert (shown["limits"]["agents"], shown["plan"]) == (3, "small")
    own.lodge("tenant", "hostname", "add", "verbs", "help.verbs.example")
    custom = requests.get(f"{own.http}/api/v2/users/me.json", timeout=10,
                          headers={**desk.headers(), "Host": "help.verbs.example"})
    assert custom.status_code == 200
    token = own.lodge("tenant", "token", "verbs", "--admin-email", desk.email).stdout.strip()
    assert desk.call("GET", "/api/v2/users/me.json", token=token).status_code == 200
    assert "verbs\tactive" in own.lodge("tenant", "list").stdout
    assert own.lodge("tenant", "delete", "verbs", "--permanently", check=False).returncode == 1
    own.lodge("tenant", "delete", "verbs")
    assert status() == 403
    own.lodge("tenant", "delete", "verbs", "--permanently")
    assert status() == 404
    assert own.lodge("tenant", "show", "verbs", check=False).returncode == 1


@pytest.mark.parametrize("arguments, words", [
    (["tenant", "create", "bad_", "--admin-email", "a@b.example"], "cannot be a tenant's name"),
    (["tenant", "create", "www", "--admin-email", "a@b.example"], "reserved"),
    (["tenant", "create", "ok", "--admin-email", "nobody"], "not properly formatted"),
    (["tenant", "show", "nobody"], "no tenant named nobody"),
    (["tenant", "hostname", "add", "agreed", "nodots"], "not a host name"),
    (["token", "revoke", "1"], "no such operator token"),
])
def test_refusals_are_one_line_with_the_reason(own, arguments, words):
    result = own.lodge(*arguments, check=False)
    assert result.returncode == 1
    assert words in result.stderr and result.stderr.count("\n") == 1


def test_operators_tokens_work_until_they_are_revoked(own):
    made = json.loads(own.lodge("token", "create", "script", "--json").stdout)
    environment = {"LODGE_ADMIN_URL": own.admin, "LODGE_ADMIN_TOKEN": made["token"]}
    assert lodge("status", environment=environment).returncode == 0
    own.lodge("token", "revoke", str(made["id"]))
    refused = lodge("status", environment=environment, check=False)
    assert refused.returncode == 1 and "token is needed" in refused.stderr


def test_without_a_node_the_answer_says_so(tmp_path):
    result = lodge("status", "--data", str(tmp_path), check=False)
    assert result.returncode == 69 and str(tmp_path) in result.stderr


@pytest.mark.parametrize("arguments, words", [
    (["--shards", "99"], ["shards", "99", "1 to 64"]),
    (["--http", "nowhere"], ["http", "nowhere", "HOST:PORT"]),
    (["--https", "127.0.0.1:0"], ["https", "cert"]),
    (["--config", "/nowhere.yaml"], ["config", "/nowhere.yaml"]),
])
def test_a_bad_setting_stops_the_start(tmp_path, arguments, words):
    result = subprocess.run([str(BIN / "lodged"), "--data", str(tmp_path / "data"), *arguments],
                            capture_output=True, text=True, timeout=30)
    assert result.returncode == 64
    assert all(word in result.stderr for word in words), result.stderr
    assert not (tmp_path / "data").exists()


def test_one_node_holds_a_data_folder(own):
    result = subprocess.run([str(BIN / "lodged"), "--data", str(own.data), "--http", "127.0.0.1:0"],
                            capture_output=True, text=True, timeout=30)
    assert result.returncode == 73 and "in use" in result.stderr


def test_a_taken_port_is_a_clear_error(own, tmp_path):
    result = subprocess.run(
        [str(BIN / "lodged"), "--data", str(tmp_path / "data"), "--http", f"127.0.0.1:{own.port}",
         "--admin", "127.0.0.1:0"], capture_output=True, text=True, timeout=30)
    assert result.returncode == 69 and "cannot listen" in result.stderr


def test_the_first_token_is_printed_once_and_files_are_private(tmp_path):
    node = Node(tmp_path, https=False)
    token = node.operator_token
    # It is printed once the node listens, which who asks its health may know before.
    wait_until(lambda: token in node.out.read_text(), "the token to be printed")
    assert node.out.read_text().count(token) == 1 and token not in node.log.read_text()
    assert (node.data / "operator-token").stat().st_mode & 0o077 == 0
    assert node.data.stat().st_mode & 0o077 == 0
    assert node.stop() == 0
    node.start()
    assert token not in node.out.read_text() and node.operator_token == token
    assert node.stop() == 0


def test_health_and_metrics_are_on_the_operators_listener(own):
    for path, words in (("/healthz", "ok"), ("/readyz", "ready"), ("/metrics", "lodge_http_requests_total")):
        answer = requests.get(own.admin + path, timeout=10)
        assert answer.status_code == 200 and words in answer.text
    assert requests.get(own.admin + "/admin/v1/tenants", timeout=10).status_code == 401
    assert requests.get(own.http + "/metrics", timeout=10).status_code == 404


def make_tickets(desk, count, acknowledged):
    for _ in range(count):
        try:
            answer = desk.call("POST", "/api/v2/tickets.json", {"ticket": {"comment": {"body": "still here"}}})
        except requests.RequestException:
            return
        if answer.status_code != 201:
            return
        acknowledged.append(answer.json()["ticket"]["id"])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_acknowledged_is_there_after_the_end(tmp_path, how):
    """20 clients write while the node is ended; whatever they were told is true afterwards."""
    node = Node(tmp_path, https=False)
    desk = node.create_tenant("ended")
    acknowledged = []
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        running = [pool.submit(make_tickets, desk, 500, acknowledged) for _ in range(20)]
        while len(acknowledged) < 100:
            assert not all(future.done() for future in running)
        node.process.send_signal(how)
        status = node.process.wait(60)
    assert status == (0 if how == signal.SIGTERM else -9)
    node.start()
    desk.node = node
    total = desk.get("/api/v2/tickets/count.json")["count"]["value"]
    assert total >= len(acknowledged) >= 100
    found, url = set(), "/api/v2/tickets.json?page[size]=100"
    while url:
        page = desk.get(url)
        found |= {ticket["id"] for ticket in page["tickets"]}
        url = page["meta"]["has_more"] and page["links"]["next"].split(desk.host, 1)[1]
    assert set(acknowledged) <= found and len(found) == total
    # Numbers have no gap: no refused or lost request left a hole.
    assert found == set(range(1, total + 1))
    assert node.stop() == 0


def test_a_node_that_ends_says_which_step_it_is_in(tmp_path):
    node = Node(tmp_path, "--log-level", "debug", https=False)
    assert node.create_tenant("bye").get("/api/v2/users/me.json")
    assert node.stop() == 0
    steps = re.findall(r'message=stopping step="?([^"\n]*)', node.log.read_text())
    assert steps[:5] == ["draining", "HTTP listener", "operators' listener", "TokenUses", "JobRunner"], steps
    assert steps[5] == "handing over shards" and steps[-2:] == ["log", "links"], steps


def cpu_nanoseconds(node):
    """What each of the node's threads has used, by the thread's number, with its name."""
    used = {}
    for folder in pathlib.Path(f"/proc/{node.process.pid}/task").iterdir():
        used[folder.name] = ((folder / "comm").read_text().strip(), int((folder / "schedstat").read_text().split()[0]))
    return used


def test_requests_are_answered_by_the_threads_that_read_them(own):
    """No pool of Swift's runtime works beside the event loops."""
    desk = own.create_tenant("threads")
    before = cpu_nanoseconds(own)
    for _ in range(200):
        desk.get("/api/v2/users/me.json")
    after = cpu_nanoseconds(own)
    spent = {}
    for thread, (name, used) in after.items():
        kind = "loops" if name.startswith("NIO-") else "runtime" if "qos" in name or name == "lodged" else "ours"
        spent[kind] = spent.get(kind, 0) + used - before.get(thread, (name, 0))[1]
    assert spent["loops"] > 10_000_000, spent
    assert spent.get("runtime", 0) < spent["loops"] / 20, spent


def test_no_other_process_opens_a_shard_of_a_running_node(tmp_path):
    node = Node(tmp_path, https=False)
    node.create_tenant("locked")
    files = sorted((node.data / "shards").glob("*.sqlite"))
    assert len(files) > 1

    def tables(file, mode):
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode={mode}", uri=True, timeout=0)) as connection:
            return connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]

    try:
        for file in files:
            for mode in ("ro", "rw"):
                with pytest.raises(sqlite3.OperationalError, match="locked"):
                    tables(file, mode)
    finally:
        status = node.stop()
    assert status == 0
    assert all(tables(file, "ro") > 0 for file in files)
