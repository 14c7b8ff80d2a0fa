"""Clusters for fault tests: started on free ports in a directory that stays when a test fails."""

import itertools
import signal

import pytest

from clusters import Clusters
from history import Workload
from local_cluster import LocalCluster, default_binaries

CLUSTER_FIXTURES = {"make_cluster", "cluster", "shared_cluster", "wired_clusters"}
_names = itertools.count(1)


def pytest_configure():
    """A test run that is ended still ends its nodes, which live in sessions of their own."""
    def interrupt(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def pytest_collection_modifyitems(config, items):
    """Gives long faults their time. Without binaries only the tools' own tests can run, and the others say why not."""
    for item in items:
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(600))
    missing = [name for name in ("lodge", "lodged") if not (default_binaries() / name).exists()]
    if missing:
        skip = pytest.mark.skip(reason=f"{' and '.join(missing)} not built in {default_binaries()}")
        for item in items:
            if CLUSTER_FIXTURES & set(item.fixturenames):
                item.add_marker(skip)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if not report.failed:
        return
    for fixture in CLUSTER_FIXTURES & set(item.fixturenames):
        clusters = item.funcargs.get(fixture)
        for cluster in [clusters] if isinstance(clusters, LocalCluster) else getattr(clusters, "made", []):
            cluster.is_kept = True
            report.sections.append((f"nodes' logs, in {cluster.directory}", cluster.log_tails(40)))


@pytest.fixture
def make_cluster():
    """Makes clusters for one test."""
    clusters = Clusters()
    yield clusters
    clusters.end()


@pytest.fixture
def cluster(make_cluster):
    """Three nodes of one test."""
    return make_cluster()


@pytest.fixture(scope="module")
def shared_cluster():
    """Three nodes for all tests of a file that leave a cluster as they found it."""
    clusters = Clusters()
    yield clusters()
    clusters.end()


@pytest.fixture
def whole_cluster(shared_cluster):
    """The shared cluster with all nodes running and well, whatever the test before left."""
    for name in shared_cluster.running():
        shared_cluster.resume(name)
    shared_cluster.start(len(shared_cluster.names))
    return shared_cluster


@pytest.fixture
def seconds(request):
    """Chooses how long a fault goes on: short for make test, long for make faults."""
    is_short = request.config.getoption("-m") == "short"
    return lambda short, full: short if is_short else full


@pytest.fixture
def workload():
    """Makes workloads on new tenants, so that several tests may share a cluster; ends those that a failure left."""
    made = []

    def make(cluster, tenants=2, **options):
        new = [cluster.make_tenant(f"t{next(_names)}") for _ in range(tenants)]
        made.append(Workload(cluster, new, **options))
        made[-1].prepare()
        return made[-1]

    yield make
    for workload in made:
        workload.abandon()
