"""What every peer is: five methods, and a command line that calls them one by one.

    Benchmarks/peers/etcd.py install
    Benchmarks/peers/etcd.py start  [--dir DIR]
    Benchmarks/peers/etcd.py load   [--dir DIR] [--operation put] [--clients 64] [--seconds 5] [--json]
    Benchmarks/peers/etcd.py syncs  [--dir DIR] [--operation put]      # syncs a write by strace, at one client
    Benchmarks/peers/etcd.py stop   [--dir DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any, ClassVar

import figures
from processes import PeerFailure, cpu_seconds, end, is_running, known, run, signal_all, tree, wait

WORDS = ("printer vpn login password invoice laptop screen network slow error cannot reset account mail outage server request access "
         "license upgrade broken please urgent office customer payment refund delivery timeout certificate database backup").split()
# A server that uses more than this share of a core when nobody asks it for anything is stopped while the other side is measured.
RESTLESS = 0.05


class Peer:
    """A system that Lodge is held against. What is known of a started one stands in its folder, so that any command can go on with it.

    A subclass says how to `_begin`, `fill` and `_load`; everything that it starts is in `state["processes"]`.
    """

    name: ClassVar[str]
    # Operations in the order in which they are measured: those that add rows last.
    operations: ClassVar[tuple[str, ...]]
    # Those of the operations that write, of which syncs can be counted.
    writes: ClassVar[tuple[str, ...]]
    clients: ClassVar[int] = 64

    def __init__(self) -> None:
        self.folder = pathlib.Path()
        self.state: dict[str, Any] = {"processes": []}

    # The five methods

    def install(self) -> None:
        """Installs what the peer needs, from Debian's packages and PyPI alone."""
        raise NotImplementedError

    def start(self, folder: str | os.PathLike[str]) -> None:
        """Starts it with no data in a folder, which is its own from then on."""
        self.folder = pathlib.Path(folder).absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._file.exists():
            raise PeerFailure(f"{self.folder} is in use; stop that one first")
        # Servers that do not run as root come through here to their own folders below.
        self.folder.chmod(0o755)
        self._save()
        try:
            self._begin()
            self._save()
        except BaseException:
            self.stop()
            raise

    def fill(self) -> None:
        """Gives it the rows that the loads work on."""

    def load(self, operation: str, clients: int, seconds: int) -> dict[str, Any]:
        """Does one operation over and over for a bounded time.

        Gives `count`, `rate` (a second), `p50_ms`, `p99_ms`, `errors`, and the cores kept busy by the servers and by the load.
        """
        if operation not in self.operations:
            raise PeerFailure(f"{self.name} does not know {operation}; it knows {', '.join(self.operations)}")
        servers, load, began = cpu_seconds(self.server_pids()), own_cpu_seconds(), time.monotonic()
        result = self._load(operation, clients, seconds)
        elapsed = time.monotonic() - began
        return result | {
            "operation": operation, "clients": clients, "seconds": seconds,
            "server_cores": (cpu_seconds(self.server_pids()) - servers) / elapsed,
            "client_cores": (own_cpu_seconds() - load) / elapsed}

    def stop(self) -> None:
        """Ends it and removes its data."""
        end(self.state["processes"])
        shutil.rmtree(self.folder, ignore_errors=True)

    # What a subclass says

    def _begin(self) -> None:
        raise NotImplementedError

    def _load(self, operation: str, clients: int, seconds: int) -> dict[str, Any]:
        raise NotImplementedError

    # What the comparison asks besides

    def server_pids(self) -> list[int]:
        return [process["pid"] for process in self.state["processes"]]

    def idle_cores(self, seconds: float = 2) -> float:
        """The share of a core that the servers take while nobody asks them for anything."""
        before = cpu_seconds(self.server_pids())
        time.sleep(seconds)
        return (cpu_seconds(self.server_pids()) - before) / seconds

    def pause(self) -> None:
        """Takes the processor from it."""
        signal_all([known(pid) for pid in tree(self.server_pids())], signal.SIGSTOP)

    def resume(self) -> None:
        """Gives it back."""
        signal_all([known(pid) for pid in tree(self.server_pids())], signal.SIGCONT)
        self.wait_ready()

    def wait_ready(self) -> None:
        """Returns once it does its work again."""

    def syncs(self, operation: str, seconds: int = 3) -> dict[str, float]:
        """fsync and fdatasync calls a write, of all servers together, counted by strace while one client writes."""
        if not shutil.which("strace"):
            raise PeerFailure("counting syncs needs strace: apt-get install strace")
        report = pathlib.Path(tempfile.mkdtemp(prefix="lodge-syncs-")) / "strace"
        words = ["strace", "-f", "-c", "-o", str(report), "-e", "trace=fsync,fdatasync,msync"]
        tracer = subprocess.Popen([*words, *(f"-p{pid}" for pid in tree(self.server_pids()))], stderr=subprocess.DEVNULL)
        try:
            time.sleep(1)  # strace does not say when it is attached to all threads.
            if tracer.poll() is not None:
                raise PeerFailure("strace could not attach; it needs root")
            result = self._load(operation, 1, seconds)
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(30)
        count = figures.syncs(report.read_text())
        shutil.rmtree(report.parent)
        writes = result.get("with_warm_up", result["count"])
        return {"writes": writes, "syncs": count, "syncs_each": count / max(1, writes)}

    # Its folder

    @classmethod
    def attach(cls, folder: str | os.PathLike[str]) -> Peer:
        """The peer that another command started in a folder."""
        peer = cls()
        peer.folder = pathlib.Path(folder).absolute()
        if not peer._file.exists():
            raise PeerFailure(f"no {cls.name} was started in {peer.folder}")
        peer.state = json.loads(peer._file.read_text())
        return peer

    @property
    def _file(self) -> pathlib.Path:
        return self.folder / "peer.json"

    def _save(self) -> None:
        with open(os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self.state, file)

    def _add(self, process: dict[str, int]) -> None:
        """Keeps a process at once, so that `stop` finds it even if what comes next fails."""
        self.state["processes"].append(process)
        self._save()

    def _check_running(self, log: pathlib.Path) -> None:
        if not all(is_running(process) for process in self.state["processes"]):
            raise PeerFailure(f"a server of {self.name} ended\n{log.read_text(errors='replace')[-2000:] if log.exists() else ''}")


def own_cpu_seconds() -> float:
    """CPU of this process and of the children that it has waited for: the load programs'."""
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def install_packages(*packages: str) -> None:
    """Installs Debian packages that are missing; leaves the versions of those that are there."""
    missing = [package for package in packages if not _is_installed(package)]
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise PeerFailure(f"this is no Debian: install the equivalents of {' '.join(missing)}")
    if os.geteuid() != 0:
        raise PeerFailure(f"installing needs root: apt-get install --no-install-recommends {' '.join(missing)}")
    print(f"Installing Debian packages: {' '.join(missing)}", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    wait_for_lock = ["-o", "DPkg::Lock::Timeout=120"]
    run(["apt-get", "update", "-q"], within=300, env=environment)
    run(["apt-get", "install", "-y", "-q", *wait_for_lock, "--no-install-recommends", *missing], within=900, env=environment)


def _is_installed(package: str) -> bool:
    done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", package], capture_output=True, text=True)
    return done.stdout == "installed"


def main(kind: type[Peer], arguments: Sequence[str] | None = None) -> None:
    """The command line of one peer."""
    usage = "\n".join(sys.modules[__name__].__doc__.splitlines()[2:])
    usage = usage.replace("etcd.py", f"{kind.name}.py").replace(" put", f" {kind.writes[-1]}")
    description = f"{(sys.modules[kind.__module__].__doc__ or '').strip()}\n\n{usage}"
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["install", "start", "load", "syncs", "stop"])
    parser.add_argument("--dir", default=os.path.join(tempfile.gettempdir(), "lodge-peers", kind.name), help="where its data lies")
    parser.add_argument("--operation", choices=kind.operations, help="all of them without it")
    parser.add_argument("--clients", type=int, default=kind.clients)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    try:
        _obey(kind, options)
    except (PeerFailure, figures.Unreadable) as failure:
        raise SystemExit(f"{kind.name}: {failure}") from None


def _obey(kind: type[Peer], options: argparse.Namespace) -> None:
    def show(result: dict[str, Any]) -> None:
        rounded = {key: round(value, 3) if isinstance(value, float) else value for key, value in result.items()}
        print(json.dumps(rounded) if options.json else "  ".join(f"{key} {value}" for key, value in rounded.items()), flush=True)

    if options.command == "install":
        kind().install()
    elif options.command == "start":
        peer = kind()
        peer.start(options.dir)
        peer.fill()
        peer._save()
    elif options.command == "load":
        peer = kind.attach(options.dir)
        for operation in [options.operation] if options.operation else kind.operations:
            show(peer.load(operation, options.clients, options.seconds))
    elif options.command == "syncs":
        peer = kind.attach(options.dir)
        for operation in [options.operation] if options.operation else kind.writes:
            show({"operation": operation} | peer.syncs(operation))
    else:
        kind.attach(options.dir).stop()


__all__ = ["RESTLESS", "WORDS", "Peer", "PeerFailure", "install_packages", "main", "run", "wait"]
