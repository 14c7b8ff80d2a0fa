"""A network of its own for each node, so that what passes between two of them can be dropped, one way or both.

Each node runs in a network namespace with one address on a bridge; the test reaches all nodes from outside the namespaces,
whatever the nodes can reach among each other. Packets are dropped where they arrive, without an answer, as a broken link
does it. Needs root, `ip` and `nft`.
"""

import os
import random
import shutil
import subprocess

TABLE = "table inet faults"


def why_not():
    """What is missing for networks, or nothing."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in ("ip", "nft") if not shutil.which(tool)]
    if missing:
        return f"{' and '.join(missing)} not installed (Debian: iproute2, nftables)"
    try:
        with Network(["n1"]) as network:
            network.drop("n2", "n1", address="10.0.0.1")
    except subprocess.CalledProcessError as error:
        return f"not permitted: {' '.join(error.cmd)}: {error.stderr.strip()}"
    return None


def _run(*command, text=None):
    subprocess.run(command, input=text, check=True, capture_output=True, text=True, timeout=20)


class Network:
    """A bridge with a namespace for each name; `close` takes all of it away."""

    def __init__(self, names):
        self.tag = f"{os.getpid() % 100_000}x{random.randrange(1000)}"
        self.prefix = f"10.{random.randrange(128, 250)}.{random.randrange(1, 250)}"
        self.addresses = {name: f"{self.prefix}.{number}" for number, name in enumerate(names, start=1)}
        self._bridge = f"lb{self.tag}"
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def _make(self):
        _run("ip", "link", "add", self._bridge, "type", "bridge")
        _run("ip", "addr", "add", f"{self.prefix}.254/24", "dev", self._bridge)
        _run("ip", "link", "set", self._bridge, "up")
        for number, (name, address) in enumerate(self.addresses.items()):
            space, cable = self.space(name), f"lv{number}{self.tag}"
            _run("ip", "netns", "add", space)
            _run("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
            _run("ip", "link", "set", cable, "master", self._bridge, "up")
            _run("ip", "-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
            _run("ip", "-n", space, "link", "set", "lo", "up")
            _run("ip", "-n", space, "link", "set", "eth0", "up")
            self._rules(name, f"add {TABLE}\n"
                        f"add chain inet faults arriving {{ type filter hook input priority 0; policy accept; }}\n")

    def space(self, name):
        return f"lodge-{self.tag}-{name}"

    def prefix_of(self, name):
        """The words before a node's command that put it into its network."""
        return ["ip", "netns", "exec", self.space(name)]

    def _rules(self, name, text):
        _run("ip", "netns", "exec", self.space(name), "nft", "-f", "-", text=text)

    def drop(self, sender, receiver, address=None):
        """From now on nothing that `sender` sends arrives at `receiver`; the other way it does."""
        self._rules(receiver, f"add rule inet faults arriving ip saddr {address or self.addresses[sender]} drop\n")

    def cut(self, one, other):
        self.drop(one, other)
        self.drop(other, one)

    def isolate(self, name, sends=True, receives=True):
        """Cuts a node from all others: what it sends, what it should receive, or both."""
        for other in self.addresses:
            if other != name and sends:
                self.drop(name, other)
            if other != name and receives:
                self.drop(other, name)

    def heal(self):
        for name in self.addresses:
            self._rules(name, "flush chain inet faults arriving\n")

    def close(self):
        for name in self.addresses:
            subprocess.run(["ip", "netns", "del", self.space(name)], capture_output=True, timeout=20)
        subprocess.run(["ip", "link", "del", self._bridge], capture_output=True, timeout=20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
