"""The peers themselves: one SQLite always, the others with `-m peers`."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import compare
import pytest
from conftest import ROOT
from one_sqlite import OneSQLite
from peer import PeerFailure

PEERS = ROOT / "Benchmarks" / "peers"


@pytest.fixture
def one_sqlite(tmp_path):
    peer = OneSQLite()
    peer.start(tmp_path / "peer")
    peer.fill()
    yield peer
    peer.stop()


def test_one_sqlite_writes_and_syncs(one_sqlite):
    rows = one_sqlite._open()
    before = rows.execute("SELECT count(*) FROM audits").fetchone()[0]
    result = one_sqlite.load("mix", 64, 1)
    assert rows.execute("SELECT count(*) FROM audits").fetchone()[0] - before == result["count"] > 10
    assert result["clients"] == 1
    assert result["rate"] == pytest.approx(result["count"], rel=0.5)
    assert rows.execute("PRAGMA synchronous").fetchone()[0] == 2


def test_the_mix_of_one_sqlite_is_one_create_to_three_updates_to_two_comments(one_sqlite):
    count = one_sqlite.load("mix", 1, 1)["count"]
    rows = one_sqlite._open()
    filled = 20 * 50
    created = rows.execute("SELECT count(*) FROM tickets").fetchone()[0] - filled
    comments = rows.execute("SELECT sum(comments) FROM tickets").fetchone()[0] - filled - created
    spread = 4 * count**0.5
    assert abs(created - count / 6) < spread
    assert abs(comments - count / 3) < spread


def test_an_operation_that_a_peer_does_not_have_is_refused(one_sqlite):
    with pytest.raises(PeerFailure, match="does not know put; it knows mix"):
        one_sqlite.load("put", 1, 1)


def test_a_folder_serves_one_peer_at_a_time(one_sqlite):
    with pytest.raises(PeerFailure, match="in use"):
        OneSQLite().start(one_sqlite.folder)


def command(peer, *words):
    return subprocess.run([sys.executable, str(PEERS / f"{peer}.py"), *words], capture_output=True, text=True, timeout=600)


def test_the_command_line_starts_loads_and_stops_in_steps(tmp_path):
    folder = tmp_path / "peer"
    assert command("one_sqlite", "load", "--dir", str(folder)).stderr == f"one_sqlite: no one_sqlite was started in {folder}\n"
    assert command("one_sqlite", "start", "--dir", str(folder)).returncode == 0
    loaded = command("one_sqlite", "load", "--dir", str(folder), "--seconds", "1", "--json")
    assert json.loads(loaded.stdout)["rate"] > 0
    assert command("one_sqlite", "stop", "--dir", str(folder)).returncode == 0
    assert not folder.exists()


def test_every_peer_says_how_it_is_used():
    for name in compare.PEERS:
        help = command(name, "--help")
        assert help.returncode == 0
        assert f"Benchmarks/peers/{name}.py install" in help.stdout


@pytest.fixture
def open_folder():
    """A folder that others may go through, as PostgreSQL must, which runs as a user of its own; pytest's are closed to all others."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder).chmod(0o755)
        yield pathlib.Path(folder)


@pytest.mark.peers
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", compare.PEERS)
def test_a_peer_installs_starts_works_syncs_and_leaves_nothing(name, open_folder):
    if os.geteuid() != 0:
        pytest.skip("installing and counting syncs needs root")
    kind = compare.PEERS[name]
    peer = kind()
    peer.install()
    peer.start(open_folder / name)
    try:
        peer.fill()
        for operation in kind.operations:
            result = peer.load(operation, 4, 2)
            assert result["count"] > 0
            assert result["errors"] == 0, result
            assert result["client_cores"] < 1
        for operation in kind.writes:
            assert peer.syncs(operation)["syncs_each"] >= 0.99
        family = peer.server_pids()
        peer.pause()
        peer.resume()
        assert peer.load(kind.operations[0], 4, 1)["errors"] == 0
    finally:
        peer.stop()
    assert not (open_folder / name).exists()
    assert name == "one_sqlite" or not [pid for pid in family if os.path.exists(f"/proc/{pid}")]
