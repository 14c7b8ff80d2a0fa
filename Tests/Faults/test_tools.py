"""Networks and disks that break on order are tried by themselves first."""

import errno
import os
import socket
import subprocess
import sys

import pytest

import disks
import network
from local_cluster import LocalCluster

pytestmark = pytest.mark.short


@pytest.fixture(scope="module")
def wires():
    if reason := network.why_not():
        pytest.skip(reason)
    with network.Network(["n1", "n2", "n3"]) as wires:
        yield wires


def reaches(wires, sender, receiver):
    """Whether a datagram of one node arrives at another: no answer is needed, so each way is seen alone."""
    listen = "import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 7000)); s.settimeout(1); " \
             "print('ready', flush=True); s.recv(9)"
    send = "import socket, sys; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', (sys.argv[1], 7000))"
    listener = subprocess.Popen([*wires.prefix_of(receiver), sys.executable, "-c", listen], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL)
    listener.stdout.readline()
    subprocess.run([*wires.prefix_of(sender), sys.executable, "-c", send, wires.addresses[receiver]], check=True)
    return listener.wait(10) == 0


def test_a_drop_is_one_way_and_heals(wires):
    assert reaches(wires, "n1", "n2") and reaches(wires, "n2", "n1")
    wires.drop("n1", "n2")
    assert not reaches(wires, "n1", "n2")
    assert reaches(wires, "n2", "n1") and reaches(wires, "n3", "n2")
    wires.heal()
    assert reaches(wires, "n1", "n2")


def test_an_isolated_node_is_still_reached_by_the_test(wires):
    wires.isolate("n3")
    assert not reaches(wires, "n3", "n1") and not reaches(wires, "n2", "n3")
    assert reaches(wires, "n1", "n2")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((wires.addresses["n3"], 7001), timeout=5)
    wires.heal()


def test_a_small_disk_fills_and_is_freed(tmp_path):
    if reason := disks.why_not():
        pytest.skip(reason)
    with disks.SmallDisk(tmp_path / "disk", 2) as disk:
        disk.fill()
        with pytest.raises(OSError) as error:
            (disk.folder / "more").write_bytes(b"x")
        assert error.value.errno == errno.ENOSPC
        (disk.folder / "more").unlink(missing_ok=True)
        disk.free()
        (disk.folder / "more").write_bytes(bytes(1 << 20))
    assert not os.path.ismount(tmp_path / "disk")


def test_one_bit_is_flipped(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc\0\0")
    assert disks.end_of_content(path) == 3
    assert disks.next_content(path, 0.5) == 1
    disks.flip_bit(path, 1, bit=0)
    assert path.read_bytes() == b"acc\0\0"
    assert disks.places_of(b"c", tmp_path, "fil*") == [(path, 1), (path, 2)]


def test_a_cluster_that_was_stopped_is_started_again(cluster):
    """No node listens before most of them run: whoever started one after the other would wait in vain."""
    cluster.stop()
    assert cluster.running() == []
    again = LocalCluster(cluster.directory)
    again.start(3)
    assert again.running() == ["n1", "n2", "n3"] and again.status()["healthy"]
    again.stop()
