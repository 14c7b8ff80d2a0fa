"""A cluster of Lodge nodes on one machine, each a process with a data directory of its own.

`deploy/local-cluster` is the command; tests use `LocalCluster` itself, which can also start a node with other environment
variables or under another command (`ip netns exec …`), so that they can break it. What is known of the cluster stands in
DIR/cluster.json, which both read: any number of commands may act on the same directory one after another.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

HEALTHY_WITHIN = 60
READY_WITHIN = 30
STOPPED_WITHIN = 60
ADMIN_TIMEOUT = 15
# A node asks all others before it answers for the cluster, and one that stands still keeps it waiting.
STATUS_TIMEOUT = 6
LOG_TAIL_LINES = 15
# Below the range the kernel takes ports of outgoing connections from, so that no such connection holds a stopped node's port.
PORTS = range(21_000, 32_000)
ZONES = "abcdefg"


class ClusterFailure(Exception):
    """Something that the caller should read: what did not work, with the lines of the log that may say why."""


class LocalCluster:
    """The nodes of one cluster. `options` are for a new directory; an existing one keeps what it was made with.

    hosts: the address a node listens on, by node name; 127.0.0.1 for those not named.
    environment, prefix: variables added to a node's environment and words before its command, by node name; `start_node`
    changes them for one node. They live as long as this object: the tests own them, the file does not.
    """

    def _share_of_the_machine(self) -> dict[str, str]:
        """A node takes itself for alone on its machine; nodes with an event loop for every core each would only wake one another."""
        cores = len(os.sched_getaffinity(0))
        return {"NIO_SINGLETON_GROUP_LOOP_COUNT": str(max(1, cores // len(self.state["nodes"])))}

    def __init__(
        self,
        directory: str | os.PathLike[str],
        binaries: str | os.PathLike[str] | None = None,
        *,
        shards: int | None = None,
        log_level: str = "info",
        arguments: Sequence[str] = (),
        hosts: Mapping[str, str] | None = None,
        environment: Mapping[str, Mapping[str, str]] | None = None,
        prefix: Mapping[str, Sequence[str]] | None = None,
    ):
        self.directory = pathlib.Path(directory).absolute()
        self.hosts = dict(hosts or {})
        self.environment = {name: dict(each) for name, each in (environment or {}).items()}
        self.prefix = {name: list(each) for name, each in (prefix or {}).items()}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        if self.file.exists():
            self.state = json.loads(self.file.read_text())
            if binaries:
                self.state["bin"] = str(pathlib.Path(binaries).absolute())
        else:
            self.state = {
                "bin": str(pathlib.Path(binaries or default_binaries()).absolute()),
                "shards": shards,
                "log_level": log_level,
                "arguments": list(arguments),
                "ca_file": str(self.directory / "certificates" / "ca.pem"),
                "operator_token_file": str(self.directory / "n1" / "operator-token"),
                "operator_token": None,
                "nodes": [],
            }

    # What is known

    @property
    def file(self) -> pathlib.Path:
        return self.directory / "cluster.json"

    @property
    def ca(self) -> pathlib.Path:
        """The folder of the authority that signs nodes' certificates."""
        return self.directory / "ca"

    @property
    def nodes(self) -> dict[str, dict[str, Any]]:
        return {node["name"]: node for node in self.state["nodes"]}

    @property
    def names(self) -> list[str]:
        return [node["name"] for node in self.state["nodes"]]

    def node(self, name: str | int) -> dict[str, Any]:
        """A node by its name or its number."""
        for node in self.state["nodes"]:
            if name in (node["name"], node["id"], str(node["id"])):
                return node
        raise ClusterFailure(f"there is no node {name}; there are {', '.join(self.names) or 'none'}")

    def save(self) -> None:
        """Replaces the file in one step: who reads it meanwhile sees the old one or the new one."""
        self.directory.mkdir(parents=True, exist_ok=True)
        new = self.file.with_suffix(".new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self.state, file, indent=2)
            file.write("\n")
        new.replace(self.file)

    def log_tail(self, name: str, lines: int = LOG_TAIL_LINES) -> str:
        path = pathlib.Path(self.node(name)["log"])
        if not path.exists():
            return f"--- {name} has no log\n"
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - 64_000))
            last = file.read().decode(errors="replace").splitlines()[-lines:]
        return "\n".join([f"--- {name}: {path}", *last, ""])

    def log_tails(self, lines: int = LOG_TAIL_LINES) -> str:
        return "".join(self.log_tail(name, lines) for name in self.names)

    # Making it

    def start(self, count: int = 3, wait: bool = True) -> None:
        """Makes what is missing, starts what is not running, and waits until all is healthy."""
        self._make_certificates()
        for number in range(len(self.names) + 1, count + 1):
            self._add(f"n{number}", ZONES[(number - 1) % min(count, len(ZONES))])
        # Nodes of a cluster that was stopped listen once most of them run: none is waited for before all are started.
        stopped = [name for name in self.names if self._is_prepared(name) and not self.is_running(name)]
        for name in stopped:
            self.start_node(name, wait=False)
        for name in stopped if wait else []:
            self.wait_ready(name)
        for name in self.names:
            if not self._is_prepared(name):
                self._prepare(name)
                self.start_node(name, wait=wait)
        if wait:
            self.wait_healthy()

    def add_node(self, name: str, zone: str, wait: bool = True) -> None:
        """Joins one more node to the running cluster."""
        self._add(name, zone)
        self._prepare(name)
        self.start_node(name, wait=wait)

    def forget_node(self, name: str) -> None:
        """Drops a stopped node from the file; its directory stays."""
        if self.is_running(name):
            raise ClusterFailure(f"{name} is running")
        self.state["nodes"].remove(self.node(name))
        self.save()

    def _add(self, name: str, zone: str) -> None:
        host = self.hosts.get(name, "127.0.0.1")
        ports = self._free_ports(4)
        addresses = dict(zip(("http", "https", "admin", "peer"), (f"{host}:{port}" for port in ports)))
        number = max((node["id"] for node in self.state["nodes"]), default=0) + 1
        self.state["nodes"].append(
            {"id": number, "name": name, "zone": zone, "pid": None, **addresses, "data": str(self.directory / name),
             "log": str(self.directory / f"{name}.log")})
        self.save()

    def _free_ports(self, count: int) -> list[int]:
        """Ports that nobody listens on now and no node of this cluster was given before."""
        taken = {int(node[key].rsplit(":", 1)[1]) for node in self.state["nodes"]
                 for key in ("http", "https", "admin", "peer")}
        free: list[int] = []
        for port in random.sample(PORTS, 1000):
            if port not in taken and _is_free(port):
                free.append(port)
            if len(free) == count:
                return free
        raise ClusterFailure(f"no {count} free ports between {PORTS.start} and {PORTS.stop}")

    def _make_certificates(self) -> None:
        if not pathlib.Path(self.state["ca_file"]).exists():
            hosts = [word for host in sorted(set(self.hosts.values())) for word in ("--host", host)]
            self._lodge("cert", "dev", "--out", str(self.directory / "certificates"), *hosts)

    def _is_prepared(self, name: str) -> bool:
        return (pathlib.Path(self.node(name)["data"]) / "node-identity.json").exists()

    def _prepare(self, name: str) -> None:
        """Gives a node its identity: the first makes the cluster, the others join it through one that runs."""
        node = self.node(name)
        common = ["--data", node["data"], "--ca", str(self.ca), "--name", name, "--zone", node["zone"],
                  "--peer", node["peer"]]
        if not (self.ca / "ca.pem").exists():
            shards = ["--shards", str(self.state["shards"])] if self.state["shards"] else []
            self._lodge("cluster", "init", *common, *shards)
            return
        through = next((each for each in self.names if each != name and self.is_running(each)), None)
        if through is None:
            raise ClusterFailure(f"{name} cannot join: no other node runs")
        token = self.operator_token
        self._lodge("cluster", "join", *common, "--url", f"http://{self.node(through)['admin']}", "--token", token)

    @property
    def operator_token(self) -> str:
        """The operator's token, which the first node wrote at its first start."""
        if not self.state["operator_token"]:
            path = pathlib.Path(self.state["operator_token_file"])
            if not path.exists():
                raise ClusterFailure(f"there is no {path}; has the first node ever started?")
            self.state["operator_token"] = path.read_text().strip()
            self.save()
        return self.state["operator_token"]

    # Processes

    def start_node(
        self,
        name: str,
        env: Mapping[str, str] | None = None,
        prefix: Sequence[str] | None = None,
        wait: bool = True,
        log_level: str | None = None,
    ) -> None:
        """Starts a node that is not running. `env` and `prefix`, when given, replace what it was started with before."""
        if self.is_running(name):
            raise ClusterFailure(f"{name} is running already")
        if env is not None:
            self.environment[name] = dict(env)
        if prefix is not None:
            self.prefix[name] = list(prefix)
        node = self.node(name)
        certificates = pathlib.Path(self.state["ca_file"]).parent
        command = [
            *self.prefix.get(name, []), str(pathlib.Path(self.state["bin"]) / "lodged"),
            "--data", node["data"], "--http", node["http"], "--https", node["https"], "--admin", node["admin"],
            "--cert", str(certificates / "server.pem"), "--key", str(certificates / "server-key.pem"),
            "--log-level", log_level or self.state["log_level"], *self.state["arguments"]]
        with open(node["log"], "ab") as log, open(self.directory / f"{name}.out", "wb") as out:
            # A session of its own: a Ctrl-C for the command or the test is none for the node.
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=log, start_new_session=True,
                env={**self._share_of_the_machine(), **os.environ, **self.environment.get(name, {})})
        self._children[name] = child
        node["pid"] = child.pid
        self.save()
        if wait:
            self.wait_ready(name)

    def wait_ready(self, name: str, within: float = READY_WITHIN) -> None:
        """Waits until the node says where it listens, which it does once it does."""
        node = self.node(name)
        path = pathlib.Path(node["data"]) / "node.json"

        def is_ready() -> bool:
            if not self.is_running(name):
                raise ClusterFailure(f"{name} ended while it started\n{self.log_tail(name)}")
            with contextlib.suppress(OSError, ValueError):
                return json.loads(path.read_text())["process"] == node["pid"]
            return False

        if not poll(is_ready, within):
            raise ClusterFailure(f"{name} did not get ready within {within:.0f} s\n{self.log_tail(name)}")
        if name == self.names[0]:
            _ = self.operator_token

    def is_running(self, name: str) -> bool:
        """Whether the node's process lives; one that only waits for its parent to read its status does not."""
        child = self._children.get(name)
        if child is not None and child.pid == self.node(name)["pid"]:
            return child.poll() is None
        pid = self.node(name)["pid"]
        if not pid:
            return False
        try:
            # The number may be another process's by now, after a restart of the machine for instance.
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return False
        return state != "Z" and self.node(name)["data"].encode() in words

    def running(self) -> list[str]:
        return [name for name in self.names if self.is_running(name)]

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Sends a signal; after SIGKILL the process is gone when this returns."""
        if not self.is_running(name):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.node(name)["pid"], number)
        if number == signal.SIGKILL:
            self.wait_end(name)

    def kill_all(self) -> None:
        """Kills every node before it waits for any, so that none sees another go."""
        names = self.running()
        for name in names:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.node(name)["pid"], signal.SIGKILL)
        for name in names:
            self.wait_end(name)

    def wait_end(self, name: str, within: float = STOPPED_WITHIN) -> int | None:
        """Waits until a node's process is gone; gives its status if it is this process's child."""
        if not poll(lambda: not self.is_running(name), within):
            raise ClusterFailure(f"{name} (process {self.node(name)['pid']}) did not end within {within:.0f} s\n"
                                 + self.log_tail(name))
        child = self._children.pop(name, None)
        self.node(name)["pid"] = None
        self.save()
        return child.returncode if child else None

    def stop_node(self, name: str) -> int | None:
        """Ends a node as systemd would."""
        if not self.is_running(name):
            return None
        self.kill(name, signal.SIGCONT)
        self.kill(name, signal.SIGTERM)
        return self.wait_end(name)

    def stop(self) -> None:
        """Ends all nodes at once; whoever does not end by itself is killed, and the caller told."""
        names = self.running()
        for name in names:
            self.kill(name, signal.SIGCONT)
            self.kill(name, signal.SIGTERM)
        failures = []
        for name in names:
            try:
                self.wait_end(name)
            except ClusterFailure as failure:
                failures.append(str(failure))
                self.kill(name)
        if failures:
            raise ClusterFailure("\n".join(failures))

    def restart(self, name: str, wait: bool = True) -> None:
        self.stop_node(name)
        self.start_node(name, wait=wait)

    def pause(self, name: str) -> None:
        """Stops a node from running while it keeps its sockets, and returns when the kernel says that it has."""
        self.kill(name, signal.SIGSTOP)
        stat = pathlib.Path(f"/proc/{self.node(name)['pid']}/stat")
        poll(lambda: stat.read_text().rsplit(")", 1)[1].split()[0] == "T", 5)

    def resume(self, name: str) -> None:
        self.kill(name, signal.SIGCONT)

    # Asking it

    def call(self, method: str, path: str, body: Any = None, node: str | None = None,
             timeout: float = ADMIN_TIMEOUT) -> Any:
        """One request to a node's operator listener, by default to the first that runs."""
        name = node or next(iter(self.running()), None)
        if name is None:
            raise ClusterFailure("no node runs")
        connection = http.client.HTTPConnection(self.node(name)["admin"], timeout=timeout)
        try:
            headers = {"Authorization": f"Bearer {self.operator_token}", "Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise ClusterFailure(f"{name} does not answer {method} {path}: {error!r}") from None
        finally:
            connection.close()
        if answer.status >= 300:
            raise ClusterFailure(f"{name} answers {method} {path} with {answer.status}: {data[:500].decode(errors='replace')}")
        return json.loads(data) if data else None

    def lodge(self, *arguments: str, node: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs the operator's command line against a node, by default the first that runs."""
        name = node or next(iter(self.running()), self.names[0])
        return self._lodge(*arguments, check=check, environment={
            "LODGE_ADMIN_URL": f"http://{self.node(name)['admin']}", "LODGE_ADMIN_TOKEN": self.operator_token})

    def _lodge(self, *arguments: str, check: bool = True,
               environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        command = str(pathlib.Path(self.state["bin"]) / "lodge")
        try:
            result = subprocess.run(
                [command, *arguments], capture_output=True, text=True, timeout=90, env={**os.environ, **(environment or {})})
        except FileNotFoundError:
            raise ClusterFailure(f"there is no {command}; build it, or say where it is with --bin") from None
        except subprocess.TimeoutExpired:
            raise ClusterFailure(f"lodge {' '.join(arguments)} did not end within 90 s\n{self.log_tails()}") from None
        if check and result.returncode != 0:
            raise ClusterFailure(f"lodge {' '.join(arguments)} ended with {result.returncode}: "
                                 f"{result.stderr.strip() or result.stdout.strip()}")
        return result

    def status(self, node: str | None = None) -> dict[str, Any]:
        """The cluster as one node sees it: `lodge cluster status --json`."""
        return self.call("GET", "/admin/v1/cluster", node=node)

    def try_status(self) -> dict[str, Any] | None:
        """The cluster as the first node that answers sees it; asks no paused node for long."""
        for name in self.running():
            with contextlib.suppress(ClusterFailure):
                return self.call("GET", "/admin/v1/cluster", node=name, timeout=STATUS_TIMEOUT)
        return None

    def leader_of(self, shard: int, within: float = 15) -> str:
        """The name of the node that leads a shard, once one does and lives."""
        def leader() -> str | None:
            status = self.try_status()
            names = {each["id"]: each["name"] for each in (status or {}).get("nodes", [])}
            for each in (status or {}).get("shards", []):
                if each["shard"] == shard and each.get("leader"):
                    name = names.get(each["leader"])
                    return name if name in self.names and self.is_running(name) else None
            return None

        found = poll(leader, within)
        if not found:
            raise ClusterFailure(f"shard {shard} had no leader within {within:.0f} s\n{self.log_tails()}")
        return found

    def wait_healthy(self, within: float = HEALTHY_WITHIN) -> dict[str, Any]:
        """Waits until every node of this cluster runs, each sees it healthy, and gives the status."""
        last: list[Any] = [None]

        def healthy() -> dict[str, Any] | None:
            dead = [name for name in self.names if not self.is_running(name)]
            if dead:
                raise ClusterFailure(f"{', '.join(dead)} ended\n" + "".join(self.log_tail(name) for name in dead))
            for name in self.names:
                try:
                    last[0] = self.call("GET", "/admin/v1/cluster", node=name, timeout=STATUS_TIMEOUT)
                except ClusterFailure as failure:
                    last[0] = str(failure)
                    return None
                active = {each["name"] for each in last[0]["nodes"] if each["state"] == "active"}
                if not last[0]["healthy"] or not set(self.names) <= active:
                    return None
            return last[0]

        status = poll(healthy, within, every=0.1)
        if not status:
            raise ClusterFailure(f"the cluster was not healthy within {within:.0f} s; last seen: {json.dumps(last[0])}\n"
                                 + self.log_tails())
        self._take_numbers(status)
        return status

    def _take_numbers(self, status: dict[str, Any]) -> None:
        """The cluster gives nodes their numbers; a node that took a removed one's place has none that could be guessed."""
        known = {each["name"]: each["id"] for each in status["nodes"]}
        changed = [node for node in self.state["nodes"] if known.get(node["name"], node["id"]) != node["id"]]
        for node in changed:
            node["id"] = known[node["name"]]
        if changed:
            self.save()

    def make_tenant(self, name: str, requests_per_minute: int = 10_000_000, node: str | None = None) -> dict[str, Any]:
        """Makes a tenant; gives its name, its shard, and the `authorization` header of its admin."""
        email = f"ann@{name}.example"
        output = self.lodge("tenant", "create", name, "--admin-email", email, "--json",
                            "--requests-per-minute", str(requests_per_minute), node=node).stdout
        made = json.loads(output)
        pair = f"{made['admin']['email']}/token:{made['admin']['token']}"
        return {"name": name, "shard": made["shard"], "email": made["admin"]["email"], "token": made["admin"]["token"],
                "authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def poll(condition: Callable[[], Any], within: float, every: float = 0.03) -> Any:
    """Asks until the answer is true or the time is over, and gives the last answer."""
    end = time.monotonic() + within
    while True:
        answer = condition()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(every)


def default_binaries() -> pathlib.Path:
    return pathlib.Path(os.environ.get("LODGE_BIN") or pathlib.Path(__file__).parents[1] / ".build" / "debug")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


def describe(cluster: LocalCluster) -> Iterable[str]:
    """The lines of `local-cluster status`."""
    status = cluster.try_status()
    seen = {each["name"]: each for each in (status or {}).get("nodes", [])}
    for name, node in cluster.nodes.items():
        process = f"process {node['pid']}" if cluster.is_running(name) else "not running"
        state = seen.get(name, {}).get("state", "unknown")
        yield f"{name}  zone {node['zone']}  {process}, {state}  http://{node['http']}  https://{node['https']}  admin {node['admin']}"
    if status is None:
        yield "no node answers"
        return
    names = {each["id"]: each["name"] for each in status["nodes"]}
    for shard in status["shards"]:
        applied = " ".join(f"{names.get(each['node'], each['node'])}:{each['applied']}" for each in shard["replicas"])
        yield (f"shard {shard['shard']}  leader {names.get(shard['leader'], 'none')}  term {shard['term']}  "
               f"applied {applied}")
    yield "healthy" if status["healthy"] else "not healthy"

