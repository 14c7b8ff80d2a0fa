"""Histories of simulated clusters: good ones, and one in which a planted mistake shows."""

import os
import pathlib
import subprocess

import pytest

from check import main

BIN = pathlib.Path(os.environ.get("LODGE_BIN", ".build/debug")) / "lodge-sim"

pytestmark = pytest.mark.skipif(not BIN.exists(), reason=f"{BIN} is not built")


def simulate(path, seed, *options):
    command = [BIN, "run", "--seed", str(seed), "--history", path, "--shard-store", "0", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=200)


@pytest.mark.parametrize("seed", range(1, 13))
def test_a_good_run_is_linearizable(tmp_path, seed):
    path = tmp_path / "history.jsonl"
    result = simulate(path, seed)
    assert result.returncode == 0, result.stdout
    assert path.stat().st_size > 0
    # 3 is undecided, which is not a failure.
    assert main([str(path)]) in (0, 3)


def test_a_planted_mistake_shows_in_the_history(tmp_path):
    """The checker here must see by itself what the run's own checker sees."""
    path = tmp_path / "history.jsonl"
    for seed in range(1, 60):
        result = simulate(path, seed, "--plant", "ignoresLogAtVote")
        if result.returncode == 1 and main([str(path)]) == 1:
            return
        result = simulate(path, seed, "--plant", "readsBeforeOwnTermCommit")
        if "not linearizable" in result.stdout:
            assert main([str(path)]) == 1
            return
    pytest.fail("no history in 60 seeds was bad")
