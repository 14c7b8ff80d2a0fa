"""The library that breaks nodes is itself tried, or a fault test could pass because nothing broke."""

import subprocess
import sys
import time

import pytest

from shim import POWER_LOST, Control

pytestmark = pytest.mark.short


class Program:
    """A Python program under the library. It does what a line says, `ready` then, and `over` when standard input ends."""

    LOOP = """
import os, sys, time
os.chdir(sys.argv[1])
for line in sys.stdin:
    try:
        exec(line)
        print("ready", flush=True)
    except OSError as error:
        print("errno", error.errno, flush=True)
"""

    def __init__(self, control, folder):
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.LOOP, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**control.environment, "PATH": "/usr/bin:/bin"})

    def do(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self):
        self.process.stdin.close()
        return self.process.wait(20)

    def await_power_loss(self):
        assert self.process.wait(20) == POWER_LOST


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def control(tmp_path, folder):
    return Control(tmp_path / "control", folder, fail="log")


@pytest.fixture
def program(control, folder):
    program = Program(control, folder)
    yield program
    program.process.kill()
    program.process.wait(20)


OPEN = "f = os.open('{0}', os.O_RDWR | os.O_CREAT, 0o600)"


def lines(program, *all_lines):
    for line in all_lines:
        assert program.do(line) == "ready", line


def test_an_unwatched_program_keeps_what_it_did_not_sync(control, folder):
    """The control file alone, without an order, changes nothing."""
    program = Program(control, folder)
    lines(program, OPEN.format("a"), "os.write(f, b'kept')")
    assert program.end() == 0
    assert (folder / "a").read_bytes() == b"kept"
    assert (control.writes, control.unsynced_bytes, control.processes) == (1, 4, 1)


def test_power_loss_takes_unsynced_bytes_and_leaves_synced_ones(control, program, folder):
    lines(program, OPEN.format("a"), "os.write(f, b'synced..')", "os.fsync(f)", "os.pwrite(f, b'LOST', 2)",
          "os.pwrite(f, b'longer', 20)", "os.pwrite(f, b'X', 3)")
    assert control.unsynced_bytes == 11
    assert (folder / "a").read_bytes()[:8] == b"syLXST.."
    control.lose_power()
    program.await_power_loss()
    assert (folder / "a").read_bytes() == b"synced.."
    assert control.undone_bytes == 11


@pytest.mark.parametrize("write", [
    "os.write(f, b'gone')", "os.writev(f, [b'go', b'ne'])", "os.pwrite(f, b'gone', 4)", "os.pwritev(f, [b'go', b'ne'], 2)",
    "os.ftruncate(f, 3)", "os.ftruncate(f, 100)", "os.posix_fallocate(f, 0, 5000)", "open('a', 'w').close()",
    "os.write(os.open('a', os.O_WRONLY | os.O_APPEND), b'gone')",
    "os.write(os.open('a', os.O_WRONLY), b'gone')"])
def test_each_way_to_write_is_undone(control, program, folder, write):
    lines(program, OPEN.format("a"), "os.pwrite(f, b'12345678', 0)", "os.fdatasync(f)", write)
    assert control.writes == 2
    control.lose_power()
    program.await_power_loss()
    assert (folder / "a").read_bytes() == b"12345678"


def test_a_sync_covers_only_its_own_file(control, program, folder):
    lines(program, OPEN.format("a"), "os.write(f, b'one')", "g = os.open('b', os.O_RDWR | os.O_CREAT)",
          "os.write(g, b'two')", "os.fdatasync(f)", "os.fsync(os.open('.', os.O_RDONLY))")
    control.lose_power()
    program.await_power_loss()
    assert (folder / "a").read_bytes() == b"one"
    assert (folder / "b").read_bytes() == b""


def test_names_come_back_unless_their_folder_was_synced(control, program, folder):
    lines(program,
          "for n in 'old', 'kept', 'goes', 'target', 'source': open(n, 'w').write(n)",
          "for n in 'old', 'kept', 'goes', 'target', 'source': os.fsync(os.open(n, os.O_RDONLY))",
          "os.unlink('goes')", "os.fsync(os.open('.', os.O_RDONLY))",
          "os.unlink('kept')", "os.rename('old', 'new')", "os.rename('source', 'target')", "open('made', 'w').write('x')")
    control.lose_power()
    program.await_power_loss()
    found = {file.name: file.read_text() for file in folder.iterdir()}
    assert found == {"old": "old", "kept": "kept", "target": "target", "source": "source"}


def test_a_synced_new_file_keeps_its_name(control, program, folder):
    """As file systems in use do it, though POSIX does not demand it."""
    lines(program, OPEN.format("a"), "os.write(f, b'x')", "os.fsync(f)")
    control.lose_power()
    program.await_power_loss()
    assert (folder / "a").read_bytes() == b"x"


def test_a_torn_loss_leaves_a_beginning_of_what_was_written(control, folder):
    """Over many seeds: any number of whole writes, then a part of one in steps of 512 bytes, then nothing."""
    lengths = set()
    whole = b"".join(bytes([number]) * 2048 for number in range(1, 6))
    for seed in range(1, 25):
        control.restore_power()
        program = Program(control, folder)
        lines(program, OPEN.format("a"), "os.ftruncate(f, 0)", "os.fsync(f)",
              "for n in range(1, 6): os.write(f, bytes([n]) * 2048)")
        control.lose_power(torn=seed)
        program.await_power_loss()
        left = (folder / "a").read_bytes()
        assert whole.startswith(left) and len(left) % 512 == 0
        lengths.add(len(left))
    assert len(lengths) > 5 and any(length % 2048 for length in lengths)


def test_ordered_syncs_fail_and_no_others(control, program):
    lines(program, OPEN.format("log-1"), "g = os.open('other', os.O_RDWR | os.O_CREAT)")
    control.failing_syncs = 1
    assert program.do("os.fsync(g)") == "ready"
    assert program.do("os.fdatasync(f)") == "errno 5"
    assert program.do("os.fdatasync(f)") == "ready"
    assert (control.syncs, control.failed_syncs) == (3, 1)


def test_a_failed_sync_makes_nothing_durable(control, program, folder):
    lines(program, OPEN.format("log-1"), "os.fsync(f)", "os.write(f, b'lost')")
    control.failing_syncs = 1
    assert program.do("os.fsync(f)") == "errno 5"
    control.lose_power()
    program.await_power_loss()
    assert (folder / "log-1").read_bytes() == b""


def test_syncs_take_longer(control, program):
    lines(program, OPEN.format("a"))
    control.sync_delay_ms = 200
    start = time.monotonic()
    lines(program, "os.fsync(f)")
    assert time.monotonic() - start >= 0.2


@pytest.mark.parametrize("hours", [1, -1])
def test_the_wall_clock_moves_and_the_monotonic_one_does_not(control, program, folder, hours):
    report = "open('times', 'w').write(repr([time.time(), time.monotonic(), time.clock_gettime(time.CLOCK_REALTIME)]))"
    lines(program, report)
    before = eval((folder / "times").read_text())
    control.clock_offset_ns = hours * 3_600_000_000_000 + 123_456_789
    lines(program, report)
    after = eval((folder / "times").read_text())
    for index in (0, 2):
        assert abs(after[index] - before[index] - hours * 3600 - 0.123) < 5
    assert 0 <= after[1] - before[1] < 5


def test_a_deadline_of_the_moved_clock_still_comes(control, program):
    control.clock_offset_ns = 3_600_000_000_000
    start = time.monotonic()
    lines(program,
          "import ctypes; c = ctypes.CDLL(None); s = ctypes.create_string_buffer(64); c.sem_init(s, 0, 0)",
          "d = time.time() + 0.3; t = (ctypes.c_long * 2)(int(d), int(d % 1 * 1e9)); c.sem_timedwait(s, t)")
    assert 0.25 < time.monotonic() - start < 10


def test_sqlite_survives_power_loss_at_its_last_sync(control, folder):
    """The program whose syncs matter most here, in the mode Lodge uses: what a checkpoint has synced stays, and the file is sound."""
    import sqlite3

    script = "import sqlite3; d = sqlite3.connect('s.db', isolation_level=None); "
    script += "d.execute('pragma journal_mode=wal'); d.execute('pragma synchronous=normal'); "
    script += "d.execute('pragma wal_autocheckpoint=0'); d.execute('create table t (n)')"
    program = Program(control, folder)
    lines(program, script, "for n in range(100): d.execute('insert into t values (?)', (n,))",
          "d.execute('pragma wal_checkpoint(passive)').fetchall()",
          "for n in range(100): d.execute('insert into t values (?)', (n,))")
    control.lose_power()
    program.await_power_loss()
    assert control.undone_bytes > 0
    database = sqlite3.connect(folder / "s.db")
    assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    assert database.execute("select count(*) from t").fetchone() == (100,)
