"""Nodes whose certificate the others must not believe. The cluster goes on without them."""

import pathlib
import shutil
import time

import pytest

import certificates
from verify import verify

NAME = "n3"


def others_report(cluster, name):
    """Whether the first node hears from another."""
    status = cluster.status(node=cluster.names[0])
    return next(node["is_connected"] for node in status["nodes"] if node["name"] == name)


def impostor(cluster, tls):
    certificates.write(certificates.of_an_impostor(certificates.load(tls / "node.pem")), tls / "node.pem")


def expired(cluster, tls):
    key = certificates.load_key(cluster.ca / "ca-key.pem")
    certificates.write(certificates.expired(certificates.load(tls / "node.pem"), key), tls / "node.pem")


def of_another_cluster(cluster, tls):
    """A whole identity, authority and all, of a cluster that has a node of the same number and zone."""
    other = cluster.directory / "other"
    cluster._lodge("cluster", "init", "--data", str(other / "node"), "--ca", str(other / "ca"), "--name", NAME, "--zone", "c",
                   "--peer", cluster.node(NAME)["peer"])
    for file in ("node.pem", "node-key.pem", "ca.pem"):
        shutil.copy(other / "node" / "tls" / file, tls / file)


def of_another_node(cluster, tls):
    """Good, but another node's: the number in it is not the one that says hello."""
    source = pathlib.Path(cluster.node("n2")["data"]) / "tls"
    for file in ("node.pem", "node-key.pem"):
        shutil.copy(source / file, tls / file)


@pytest.mark.parametrize("spoil", [impostor, expired, of_another_cluster, of_another_node], ids=lambda each: each.__name__)
def test_a_bad_certificate_is_refused(cluster, workload, seconds, spoil):
    work = workload(cluster)
    tls = pathlib.Path(cluster.node(NAME)["data"]) / "tls"
    good = cluster.directory / "good-tls"
    with work:
        work.wait_progress()
        cluster.stop_node(NAME)
        shutil.copytree(tls, good)
        spoil(cluster, tls)
        # It may refuse to start, or start and be refused by the others.
        cluster.start_node(NAME, wait=False)
        end = time.monotonic() + seconds(5, 10)
        while time.monotonic() < end:
            assert not others_report(cluster, NAME), f"{spoil.__name__}: the others took {NAME} in"
            time.sleep(0.2)
        work.wait_progress(50)
        if cluster.is_running(NAME):
            cluster.stop_node(NAME)
        shutil.rmtree(tls)
        shutil.copytree(good, tls)
        cluster.start_node(NAME)
        cluster.wait_healthy()
    verify(work)


def test_a_revoked_certificate_is_refused(cluster, workload, seconds):
    """From a running node too: its links are closed, not only new ones refused."""
    work = workload(cluster)
    with work:
        work.wait_progress()
        serial = format(certificates.load(pathlib.Path(cluster.node(NAME)["data"]) / "tls" / "node.pem").serial_number, "x")
        cluster.call("POST", "/admin/v1/certificates/revocations", {"revocation": {"serial": serial, "reason": "a test"}})
        end = time.monotonic() + 15
        while others_report(cluster, NAME):
            assert time.monotonic() < end, f"{NAME} is connected 15 s after its certificate was revoked"
            time.sleep(0.2)
        work.excused.add(NAME)
        work.nodes = [name for name in cluster.names if name != NAME]
        work.wait_progress(50)
        cluster.kill(NAME)
        cluster.start_node(NAME, wait=False)
        time.sleep(seconds(3, 10))
        assert not others_report(cluster, NAME)
        work.wait_progress(50)
        cluster.kill(NAME)
        cluster.lodge("cluster", "remove", NAME)
        cluster.forget_node(NAME)
        cluster.add_node("n4", "c")
        work.nodes = cluster.names
        cluster.wait_healthy(90)
    verify(work)
