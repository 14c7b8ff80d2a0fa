"""How compare.py pairs and alternates, with peers that only count; and its processes, with small programs."""

import json
import signal
import subprocess
import sys
import time

import compare
import processes
import pytest
from peer import Peer, PeerFailure


class Counted(Peer):
    """A peer without servers, whose rate is what the test says."""

    operations = ("put", "write", "create")
    writes = ("put",)

    def __init__(self, name, rates, idle, diary, busy):
        super().__init__()
        self.name = name
        self.rates = iter(rates)
        self.idle = idle
        self.diary = diary
        self.busy = busy

    def idle_cores(self, seconds=2):
        """Busy for some time after each load, when the comparison looks whether it is quiet."""
        if seconds < 1:
            return self.busy.pop() if self.busy else 0
        return self.idle

    def pause(self):
        self.diary.append(f"{self.name} stands")

    def resume(self):
        self.diary.append(f"{self.name} goes on")

    def _load(self, operation, clients, seconds):
        assert not self.busy, "a load began before all was quiet"
        self.diary.append(f"{self.name} {operation} {clients}")
        if seconds != compare.WARM_UP_SECONDS:
            self.busy.extend([0.9] * 3)
        rate = 1 if seconds == compare.WARM_UP_SECONDS else next(self.rates)
        return {"count": 1, "rate": rate, "p50_ms": 1, "p99_ms": 2, "errors": 1}


@pytest.fixture
def comparison(tmp_path):
    def make(diary, theirs, ours, idle=0.0):
        busy = []
        peer, lodge = Counted("etcd", theirs, idle, diary, busy), Counted("lodge", ours, 0.5, diary, busy)
        return compare.Comparison(peer, lodge, tmp_path, 5, say=lambda text: None)

    return make


def test_each_round_measures_both_and_begins_with_the_other_one(comparison):
    diary = []
    rows = comparison(diary, [100, 200], [50, 10, 150, 20]).rounds(compare.Pair("put", 64, (("write", 64), ("create", 16))), 2)
    put, write, create = "etcd put 64", "lodge write 64", "lodge create 16"
    assert diary == [put, write, create, put, write, create, write, create, put]
    assert [(row["lodge_operation"], row["lodge_clients"], row["ratio"]) for row in rows] == [("write", 64, 0.625), ("create", 16, 0.1)]
    assert rows[0]["theirs"]["rate"] == 150 and rows[0]["ours"]["rate"] == 100
    assert rows[0]["theirs"]["errors"] == 2


def test_a_peer_that_is_busy_when_idle_stands_while_lodge_is_measured(comparison):
    diary = []
    comparison(diary, [100], [50], idle=0.2).rounds(compare.Pair("put", 64, (("write", 64),)), 1)
    assert diary[2:] == ["etcd put 64", "etcd stands", "lodge write 64", "etcd goes on"]


def test_a_disk_that_changed_between_loads_is_told(comparison):
    row = comparison([], [100, 100], [50, 50]).rounds(compare.Pair("put", 64, (("write", 64),)), 2)[0]
    for loads in row["rounds"].values():
        for load in loads:
            load["sync_ms"] = 0.2
    assert "disk" not in compare.line(row)
    row["rounds"]["ours"][1]["sync_ms"] = 3.9
    assert "a sync 0.20 to 3.90 ms\n  the disk was not the same" in compare.line(row)
    assert "theirs: 2 errors, the first: not told" in compare.line(row)


def test_every_pair_is_of_operations_that_both_sides_know():
    from lodge_cluster import MODES

    for name, pairs in compare.PAIRS.items():
        for pair in pairs:
            assert pair.operation in compare.PEERS[name].operations
            assert pair.ours and all(operation in MODES for operation, _ in pair.ours)


def test_every_mode_of_lodge_is_one_that_the_lua_script_knows():
    from lodge_cluster import MIX, MODES

    script = MIX.read_text()
    known = {mode for mode in ("read", "list", "search") if f'mode == "{mode}"' in script} | {"create", "update", "comment", "write"}
    assert set(MODES.values()) <= known


@pytest.mark.parametrize("words", [["--peers", "etdc"], ["--peers", "etcd", "--operations", "mix"], ["--rounds", "0"]])
def test_options_that_mean_nothing_are_refused(words, capsys):
    with pytest.raises(SystemExit) as ended:
        compare.main(words)
    assert ended.value.code == 2


def test_missing_programs_of_lodge_are_named(tmp_path):
    with pytest.raises(SystemExit, match="there is no lodged"):
        compare.main(["--peers", "one_sqlite", "--bin", str(tmp_path)])


# Processes


def test_the_end_of_a_server_is_the_end_of_its_children(tmp_path):
    process = processes.begin(["sh", "-c", "trap '' TERM; sleep 600 & echo $! > child; wait; wait"], tmp_path / "log", cwd=tmp_path)
    child = processes.wait(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text().strip(), 10, "a child")
    family = [process, processes.known(int(child))]
    assert set(processes.tree([process["pid"]])) == {each["pid"] for each in family}
    processes.signal_all(family, signal.SIGSTOP)
    processes.STOPPED_WITHIN, kept = 0.2, processes.STOPPED_WITHIN
    try:
        processes.end([process])
    finally:
        processes.STOPPED_WITHIN = kept
    processes.wait(lambda: not any(processes.is_running(each) for each in family), 10, "both end")


def test_another_process_with_the_same_number_is_left_alone():
    child = subprocess.Popen(["sleep", "600"])
    try:
        stranger = processes.known(child.pid) | {"began": 1}
        assert not processes.is_running(stranger)
        processes.end([stranger], signal.SIGKILL)
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()


def test_the_processor_time_of_children_counts_also_after_their_end(tmp_path):
    burn = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    program = f"import subprocess, sys, time\nsubprocess.run([sys.executable, '-c', {burn!r}])\nopen('done', 'w')\ntime.sleep(600)"
    process = processes.begin([sys.executable, "-c", program], tmp_path / "log", cwd=tmp_path)
    try:
        processes.wait((tmp_path / "done").exists, 30, "the child burns")
        assert 0.3 <= processes.cpu_seconds([process["pid"]]) < 3
    finally:
        processes.end([process])


def test_a_program_that_is_missing_or_fails_is_told():
    with pytest.raises(PeerFailure, match="no program no-such-program"):
        processes.run(["no-such-program"])
    with pytest.raises(PeerFailure, match="ended with 3: sorry"):
        processes.run(["sh", "-c", "echo sorry >&2; exit 3"])
    began = time.monotonic()
    with pytest.raises(PeerFailure, match="did not end within"):
        processes.run(["sleep", "600"], within=0.1)
    assert time.monotonic() - began < 60


def test_free_ports_are_all_different():
    assert len(set(processes.free_ports(20))) == 20


# The request bodies of etcd


def test_a_put_is_framed_as_protobuf_and_grpc_have_it():
    import etcd

    put = etcd.put_request(256)
    key = b"\x0a\x09bench/key"
    assert put[:len(key)] == key
    assert put[len(key):len(key) + 3] == b"\x12\x80\x02"  # Field 2, 256 bytes.
    assert len(put) == len(key) + 3 + 256
    assert etcd.frame(put)[:5] == b"\0" + len(put).to_bytes(4, "big")
    assert etcd.range_request() == key


def test_the_result_of_a_comparison_can_be_kept(tmp_path):
    json.dumps(compare.circumstances(str(tmp_path)))
