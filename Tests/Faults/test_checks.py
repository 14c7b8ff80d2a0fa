"""The checks find what they are for: each of a stub's mistakes, and nothing in a stub without any."""

import time

import pytest

import client
import verify as checks
from history import Workload
from stub_desk import MISTAKES, StubCluster

pytestmark = pytest.mark.short

# What the check must say of each mistake, for it might fail for a reason of its own.
WORDS = {
    "loses a ticket": "acknowledged ones are lost", "makes a comment twice": "more than once",
    "forgets keys": "more than once|not linearizable", "reads old values": "not linearizable", "loses a write": "not linearizable",
    "differs": "differs between nodes", "hangs": "requests hung", "fails": ": 500", "does not say when to come again": "Retry-After",
}


def run(tmp_path, monkeypatch, mistake=None):
    """Clients at a stub for a while, and the checks."""
    # A stub that hangs need not do so for as long as a node would have to; one that does not may be slow on a busy machine.
    answer_within = 0.5 if mistake == "hangs" else 10
    monkeypatch.setattr(client, "ANSWER_WITHIN", answer_within)
    monkeypatch.setattr(client.Desk.call, "__defaults__", (None, None, answer_within + 0.2))
    cluster = StubCluster(tmp_path, mistake)
    try:
        work = Workload(cluster, [cluster.make_tenant("t")], clients=12, think=0.001)
        work.prepare()
        with work:
            end = time.monotonic() + 20
            while work.acknowledged < 200 and time.monotonic() < end:
                time.sleep(0.01)
        cluster.makes = lambda *_: False
        checks.verify(work, within=5)
        return work
    finally:
        cluster.end()


def test_a_good_desk_passes(tmp_path, monkeypatch):
    work = run(tmp_path, monkeypatch)
    assert work.counts["no answer"] > 0, "no write was ever sent twice"


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(tmp_path, monkeypatch, mistake):
    with pytest.raises(AssertionError, match=WORDS[mistake]):
        run(tmp_path, monkeypatch, mistake)
