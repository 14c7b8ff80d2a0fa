"""Processes of peers: started so that another command can end them, and their CPU, children and all."""

from __future__ import annotations

import contextlib
import os
import pathlib
import random
import signal
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

# Below the range the kernel takes ports of outgoing connections from.
PORTS = range(21_000, 32_000)
STOPPED_WITHIN = 15


class PeerFailure(Exception):
    """Something that the caller should read: what is missing or did not work, and what to do."""


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on."""
    free: list[int] = []
    for port in random.sample(PORTS, 1000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            free.append(port)
        if len(free) == count:
            return free
    raise PeerFailure(f"no {count} free ports between {PORTS.start} and {PORTS.stop}")


def wait(condition: Callable[[], Any], within: float, what: str) -> Any:
    """Asks until the answer is true, and gives it. A refused connection is an answer that is not."""
    end = time.monotonic() + within
    last: object = None
    while True:
        try:
            if answer := condition():
                return answer
        except OSError as error:
            last = error
        if time.monotonic() > end:
            raise PeerFailure(f"{what}: not within {within:.0f} s" + (f" ({last})" if last else ""))
        time.sleep(0.05)


def run(command: Sequence[str | os.PathLike[str]], within: float = 60, **options: Any) -> str:
    """Runs a program to its end and gives its output; says what it printed if it fails."""
    words = [os.fspath(word) for word in command]
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=within, **options)
    except FileNotFoundError:
        raise PeerFailure(f"there is no program {words[0]}; run the peer's `install` first") from None
    except subprocess.TimeoutExpired:
        raise PeerFailure(f"{' '.join(words)[:200]} did not end within {within:.0f} s") from None
    if done.returncode != 0:
        raise PeerFailure(f"{' '.join(words)[:200]} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


def begin(command: Sequence[str | os.PathLike[str]], log: pathlib.Path, **options: Any) -> dict[str, int]:
    """Starts a server in a session of its own, and gives what `end` needs to find it again."""
    words = [os.fspath(word) for word in command]
    try:
        with open(log, "ab") as file:
            child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True, **options)
    except FileNotFoundError:
        raise PeerFailure(f"there is no program {words[0]}; run the peer's `install` first") from None
    return known(child.pid)


def known(pid: int) -> dict[str, int]:
    """A process by number and start: the number alone may be another process's later."""
    return {"pid": pid, "began": int(_stat(pid)[19])}


def is_running(process: dict[str, int]) -> bool:
    try:
        fields = _stat(process["pid"])
    except OSError:
        return False
    return fields[0] != "Z" and int(fields[19]) == process["began"]


def end(processes: Iterable[dict[str, int]], number: int = signal.SIGTERM) -> None:
    """Asks each process to end, and kills what does not, with its children."""
    living = [process for process in processes if is_running(process)]
    trees = [[known(pid) for pid in tree([process["pid"]])] for process in living]
    for process, family in zip(living, trees):
        signal_all(family, signal.SIGCONT)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process["pid"], number)
    for family in trees:
        deadline = time.monotonic() + STOPPED_WITHIN
        while any(is_running(each) for each in family) and time.monotonic() < deadline:
            _reap(family)
            time.sleep(0.02)
        signal_all(family, signal.SIGKILL)
        _reap(family)


def signal_all(family: Iterable[dict[str, int]], number: int) -> None:
    for process in family:
        if is_running(process):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process["pid"], number)


def _reap(family: Iterable[dict[str, int]]) -> None:
    """Takes the status of those that are children of this process, which would stay zombies without."""
    for process in family:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process["pid"], os.WNOHANG)


def tree(roots: Iterable[int]) -> list[int]:
    """The processes and all their descendants, now."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                children.setdefault(int(_stat(int(name))[1]), []).append(int(name))
    todo, found = list(roots), []
    while todo:
        pid = todo.pop()
        if pid not in found and os.path.exists(f"/proc/{pid}"):
            found.append(pid)
            todo += children.get(pid, [])
    return found


def cpu_seconds(roots: Iterable[int]) -> float:
    """CPU of the processes and all their descendants so far; of those that ended too, once their parent has asked for their status."""
    ticks = 0
    for pid in tree(roots):
        with contextlib.suppress(OSError):
            ticks += sum(int(field) for field in _stat(pid)[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def sync_milliseconds(folder: pathlib.Path, count: int = 50) -> float:
    """What one sync of one more block takes on the disk now, in the middle of several: half of what a comparison of writes depends on."""
    took = []
    with open(folder / "sync-probe", "wb", buffering=0) as file:
        for _ in range(count):
            file.write(bytes(4096))
            began = time.monotonic()
            os.fdatasync(file.fileno())
            took.append((time.monotonic() - began) * 1000)
    (folder / "sync-probe").unlink()
    return statistics.median(took)


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third, the state, on: what comes before may hold spaces."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
