#!/usr/bin/env python3
"""etcd, three nodes: plain puts of 256 bytes at the leader, and linearizable gets there, by h2load over cleartext gRPC.

Everything is etcd's default (it syncs its log before it says that an entry is stored), but for a quota that a long run does not reach.
"""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import struct
from typing import Any

import figures
from peer import Peer, PeerFailure, install_packages, main, run, wait
from processes import begin, free_ports

KEY = b"bench/key"
VALUE_BYTES = 256
WARM_UP = 1
# What an answer has at least: gRPC's frame and a header with cluster, member, revision and term; a get's also the value.
LEAST_ANSWER = {"put": 5 + 20, "get": 5 + 20 + VALUE_BYTES}


class Etcd(Peer):
    name = "etcd"
    operations = ("get", "put")
    writes = ("put",)

    def install(self) -> None:
        install_packages("etcd-server", "nghttp2-client")

    def _begin(self) -> None:
        ports = free_ports(6)
        self.state["clients"] = ports[:3]
        peers = [f"http://127.0.0.1:{port}" for port in ports[3:]]
        cluster = ",".join(f"n{number}={url}" for number, url in enumerate(peers))
        for number, port in enumerate(self.state["clients"]):
            url = f"http://127.0.0.1:{port}"
            self._add(begin(
                ["etcd", "--name", f"n{number}", "--data-dir", self.folder / f"n{number}",
                 "--listen-client-urls", url, "--advertise-client-urls", url,
                 "--listen-peer-urls", peers[number], "--initial-advertise-peer-urls", peers[number],
                 "--initial-cluster", cluster, "--initial-cluster-state", "new", "--initial-cluster-token", str(self.folder),
                 "--quota-backend-bytes", str(8 << 30)],
                self.folder / f"n{number}.log"))
        for operation, body in (("put", put_request(VALUE_BYTES)), ("get", range_request())):
            (self.folder / operation).write_bytes(frame(body))
        self.wait_ready()

    def wait_ready(self) -> None:
        def is_ready() -> bool:
            self._check_running(self.folder / "n0.log")
            return all(json.loads(self._ask(port, "GET", "/health"))["health"] == "true" for port in self.state["clients"])

        wait(is_ready, 30, "etcd's three nodes are healthy")

    def fill(self) -> None:
        value = secrets.token_hex(VALUE_BYTES // 2).encode()
        self._ask(self._leader(), "POST", "/v3/kv/put", {"key": _text(KEY), "value": _text(value)})

    def _load(self, operation: str, clients: int, seconds: int) -> dict[str, Any]:
        leader, log = self._leader(), self.folder / "h2load.log"
        log.unlink(missing_ok=True)
        version = self._version(leader)
        output = run(
            ["h2load", "-c", str(clients), "-t", "1", "-m", "1", "-D", str(seconds), f"--warm-up-time={WARM_UP}",
             "-d", self.folder / operation, "-H", "content-type: application/grpc", "-H", "te: trailers", f"--log-file={log}",
             f"http://127.0.0.1:{leader}/etcdserverpb.KV/{'Put' if operation == 'put' else 'Range'}"], within=seconds + 60)
        result = figures.h2load(output, log.read_text(), seconds, LEAST_ANSWER[operation])
        if operation == "put":
            result["with_warm_up"] = self._version(leader) - version
            if result["with_warm_up"] < result["count"]:
                raise PeerFailure(f"etcd answered {result['count']} puts and stored {result['with_warm_up']}")
        return result

    def _leader(self) -> int:
        """The port of the node that leads."""
        def leader() -> int | None:
            for port in self.state["clients"]:
                status = json.loads(self._ask(port, "POST", "/v3/maintenance/status", {}))
                if status.get("leader") == status["header"]["member_id"]:
                    return port
            return None

        return wait(leader, 15, "etcd has a leader")

    def _version(self, port: int) -> int:
        """How often the key was put."""
        found = json.loads(self._ask(port, "POST", "/v3/kv/range", {"key": _text(KEY)}))
        return int(found["kvs"][0]["version"]) if found.get("kvs") else 0

    def _ask(self, port: int, method: str, path: str, body: Any = None) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        if answer.status != 200 and path != "/health":
            raise PeerFailure(f"etcd answers {path} with {answer.status}: {data[:300].decode(errors='replace')}")
        return data


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def put_request(value_bytes: int) -> bytes:
    """etcdserverpb.PutRequest{key = 1, value = 2}."""
    return field(1, KEY) + field(2, secrets.token_hex(value_bytes)[:value_bytes].encode())


def range_request() -> bytes:
    """etcdserverpb.RangeRequest{key = 1}: one key, linearizable since `serializable` is not set."""
    return field(1, KEY)


def field(number: int, value: bytes) -> bytes:
    """A protobuf field of bytes."""
    length, size = b"", len(value)
    while size >= 128:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + value


def frame(message: bytes) -> bytes:
    """A gRPC message: not compressed, length, bytes."""
    return b"\0" + struct.pack(">I", len(message)) + message


if __name__ == "__main__":
    main(Etcd)
