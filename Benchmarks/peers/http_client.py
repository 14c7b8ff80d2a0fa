"""A bounded load over HTTP for servers that do some hundred requests a second: threads, and one connection a request.

A pre-fork server's worker serves one connection at a time, so a connection that is kept open would keep everybody else waiting.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import figures

TIMEOUT = 60


class Request(NamedTuple):
    method: str
    path: str
    expected: int
    headers: Mapping[str, str]
    body: bytes | None = None


def ask(port: int, request: Request) -> tuple[http.client.HTTPResponse, bytes]:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.request(request.method, request.path, request.body, {**request.headers, "Connection": "close"})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def drive(port: int, clients: int, seconds: float, make: Callable[[], Request], most: int | None = None) -> dict[str, Any]:
    """`clients` threads, each with one request in flight, until the time is over or `most` requests were made.

    A request that was begun in time is waited for, and the rate is over all of the time: what a slow server still works on at the end
    is not held against it.
    """
    lock = threading.Lock()
    latencies: list[float] = []
    failures: list[str] = []
    made = 0
    began = time.monotonic()
    end = began + seconds

    def client() -> None:
        nonlocal made
        while time.monotonic() < end:
            with lock:
                if most is not None and made >= most:
                    return
                made += 1
                request = make()
            asked = time.monotonic()
            try:
                answer, data = ask(port, request)
                took, failure = (time.monotonic() - asked) * 1000, None
                if answer.status != request.expected:
                    failure = f"{request.method} {request.path}: {answer.status} {data[:300].decode(errors='replace')}"
            except (OSError, http.client.HTTPException) as error:
                failure = f"{request.method} {request.path}: {error!r}"
            with lock:
                if failure:
                    failures.append(failure)
                else:
                    latencies.append(took)

    threads = [threading.Thread(target=client, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result = figures.summary(latencies, time.monotonic() - began, len(failures))
    return result | ({"first_error": failures[0]} if failures else {})
