"""The stories of Tests/Clients, unchanged, at a node of a cluster, and while other nodes are killed."""

import os
import pathlib
import subprocess
import sys
import threading

import pytest

from clusters import ClusterFailure
from verify import require_equal_replicas

CLIENTS = pathlib.Path(__file__).parents[1] / "Clients"
STORIES = sorted(str(path) for path in CLIENTS.glob("test_story_*.py")) + [
    str(CLIENTS / name) for name in ("test_recorded_shapes.py", "test_strict_models.py")]
KILL_EVERY = 5


def run_stories(cluster, node, within=900):
    """Runs the stories at one node.

    Raises: AssertionError with their report when one fails.
    """
    environment = {**os.environ, "LODGE_BIN": cluster.state["bin"], "LODGE_CLUSTER": str(cluster.file),
                   "LODGE_CLUSTER_NODE": node}
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--timeout", "240", "-p", "no:cacheprovider", *STORIES],
        cwd=CLIENTS, env=environment, capture_output=True, text=True, timeout=within)
    assert result.returncode == 0, f"stories at {node}:\n{result.stdout[-12_000:]}\n{result.stderr[-2000:]}"
    print(result.stdout.splitlines()[-1])


class Killer(threading.Thread):
    """Kills one node after another, never two at once, and starts it again."""

    def __init__(self, cluster, victims):
        super().__init__(daemon=True)
        self.cluster, self.victims, self.killed, self.problem = cluster, victims, 0, None
        self._end = threading.Event()

    def run(self):
        try:
            while not self._end.wait(KILL_EVERY):
                name = self.victims[self.killed % len(self.victims)]
                self.cluster.kill(name)
                self.killed += 1
                self._end.wait(1)
                self.cluster.start_node(name)
                self.cluster.wait_healthy()
        except ClusterFailure as failure:
            self.problem = failure

    def stop(self):
        self._end.set()
        self.join(120)
        assert not self.is_alive() and self.problem is None, self.problem


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("node", ["n1", "n3"])
def test_the_stories_at_any_node(make_cluster, node):
    cluster = make_cluster(shards=4)
    run_stories(cluster, node)
    require_equal_replicas(cluster)


@pytest.mark.timeout(1200)
def test_the_stories_while_other_nodes_are_killed(make_cluster):
    """The clients talk to a node that lives; that shards lose their leaders behind it must not show."""
    cluster = make_cluster(shards=4)
    killer = Killer(cluster, ["n2", "n3"])
    killer.start()
    try:
        run_stories(cluster, "n1")
    finally:
        killer.stop()
    assert killer.killed > 0
    cluster.wait_healthy()
    require_equal_replicas(cluster)
