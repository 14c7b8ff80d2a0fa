"""A real node for the client tests: started on free ports in a folder of its own."""

import base64
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import requests

BIN = pathlib.Path(os.environ.get("LODGE_BIN", pathlib.Path(__file__).parents[2] / ".build/debug"))
DEADLINE = 30

_getaddrinfo = socket.getaddrinfo


def _resolve(host, *arguments, **options):
    """Every *.desk.test is this machine; there is no DNS in a test."""
    name = host.decode() if isinstance(host, bytes) else host
    if name and (name.endswith(".desk.test") or name == "desk.test"):
        host = "127.0.0.1"
    return _getaddrinfo(host, *arguments, **options)


socket.getaddrinfo = _resolve


def wait_until(condition, what):
    """Polls for something another process does, until a deadline."""
    end = time.monotonic() + DEADLINE
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"waited {DEADLINE} s in vain for {what}")
        time.sleep(0.02)


class Node:
    def __init__(self, folder, *options, https=True, environment=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "data"
        self.log = self.folder / "lodged.log"
        self.out = self.folder / "lodged.out"
        self.ca = self.folder / "certs" / "ca.pem"
        arguments = ["--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
        if https:
            if not self.ca.exists():
                lodge("cert", "dev", "--out", str(self.ca.parent))
            arguments += ["--https", "127.0.0.1:0", "--cert", str(self.ca.parent / "server.pem"),
                          "--key", str(self.ca.parent / "server-key.pem")]
        self.arguments = [str(BIN / "lodged"), "--data", str(self.data), *arguments, *options]
        self.environment = environment
        self.start()

    def start(self):
        environment = dict(os.environ, **(self.environment or {}))
        self.process = subprocess.Popen(
            self.arguments, stdout=open(self.out, "w"), stderr=open(self.log, "a"), env=environment)
        addresses = self.data / "node.json"

        def is_ready():
            if self.process.poll() is not None:
                raise AssertionError(f"lodged ended with {self.process.returncode}:\n{self.log.read_text()}")
            if not addresses.exists():
                return False
            known = json.loads(addresses.read_text())
            return known["process"] == self.process.pid and known

        known = wait_until(is_ready, "lodged to listen")
        self.http = f"http://{known['http']}"
        self.admin = f"http://{known['admin']}"
        self.port = int(known["http"].rsplit(":", 1)[1])
        self.tls_port = int(known["https"].rsplit(":", 1)[1]) if known["https"] else None

    def stop(self):
        """Ends the node as systemd would; gives its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def kill(self):
        self.process.kill()
        self.process.wait(60)

    def lodge(self, *arguments, check=True):
        return lodge(*arguments, "--data", str(self.data), check=check)

    def create_tenant(self, name, requests_per_minute=1_000_000):
        output = self.lodge("tenant", "create", name, "--admin-email", f"ann@{name}.example", "--json",
                            "--requests-per-minute", str(requests_per_minute)).stdout
        answer = json.loads(output)
        return Tenant(self, name, answer["admin"]["email"], answer["admin"]["token"])

    @property
    def operator_token(self):
        return (self.data / "operator-token").read_text().strip()


class ClusterNode(Node):
    """A node of a cluster that somebody else started; `Tests/Clients/run --cluster`."""

    def __init__(self, file, name):
        self.cluster = json.loads(pathlib.Path(file).read_text())
        known = next(node for node in self.cluster["nodes"] if node["name"] == name)
        self.http, self.admin = f"http://{known['http']}", f"http://{known['admin']}"
        self.port = int(known["http"].rsplit(":", 1)[1])
        self.tls_port = int(known["https"].rsplit(":", 1)[1])
        self.ca = pathlib.Path(self.cluster["ca_file"])
        self.data, self.log = pathlib.Path(known["data"]), pathlib.Path(known["log"])

    def stop(self):
        """Leaves the node to who started it."""
        return 0

    def lodge(self, *arguments, check=True):
        return lodge(*arguments, check=check, environment={
            "LODGE_ADMIN_URL": self.admin, "LODGE_ADMIN_TOKEN": self.operator_token})

    @property
    def operator_token(self):
        return self.cluster["operator_token"]


def lodge(*arguments, check=True, environment=None):
    result = subprocess.run([str(BIN / "lodge"), *arguments], capture_output=True, text=True, timeout=60,
                            env=dict(os.environ, **(environment or {})))
    if check and result.returncode != 0:
        raise AssertionError(f"lodge {' '.join(arguments)}: {result.returncode}\n{result.stderr}")
    return result


class Tenant:
    """A tenant with its admin; `call` speaks plain HTTP."""

    def __init__(self, node, name, email, token):
        self.node, self.name, self.email, self.token = node, name, email, token
        self.session = requests.Session()
        self.session.trust_env = False

    @property
    def host(self):
        return f"{self.name}.desk.test:{self.node.port}"

    def headers(self, user=None, token=None):
        pair = f"{user or self.email}/token:{self.token if token is None else token}"
        return {"Host": self.host, "Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    def call(self, method, path, body=None, user=None, token=None, headers=None, data=None):
        return self.session.request(
            method, self.node.http + path, json=body, data=data, timeout=60,
            headers={**self.headers(user, token), **(headers or {})})

    def get(self, path, **options):
        answer = self.call("GET", path, **options)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
        return answer.json()

    def post(self, path, body, status=201, **options):
        answer = self.call("POST", path, body, **options)
        assert answer.status_code == status, (path, answer.status_code, answer.text[:500])
        return answer.json()

    def put(self, path, body, status=200, **options):
        answer = self.call("PUT", path, body, **options)
        assert answer.status_code == status, (path, answer.status_code, answer.text[:500])
        return answer.json()

    def finished(self, job):
        """Waits for a job to end and gives it."""
        def ended():
            status = self.get(f"/api/v2/job_statuses/{job['id']}.json")["job_status"]
            return status["status"] in ("completed", "failed", "killed") and status
        return wait_until(ended, f"job {job['id']}")
