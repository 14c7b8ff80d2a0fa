"""Clusters of tests: in a new directory each, which stays when something failed."""

import os
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "deploy"))

from local_cluster import ClusterFailure, LocalCluster  # noqa: E402


class Clusters:
    """Makes clusters and ends them. Their directories stay if a test with them failed or LODGE_KEEP is set."""

    def __init__(self):
        self.made = []

    def __call__(self, nodes=3, shards=3, arguments=(), prepare=None, **options):
        directory = pathlib.Path(tempfile.mkdtemp(prefix="lodge-faults-"))
        cluster = LocalCluster(directory, shards=shards, arguments=arguments, **options)
        cluster.is_kept = bool(os.environ.get("LODGE_KEEP"))
        self.made.append(cluster)
        if prepare:
            prepare(cluster)
        try:
            cluster.start(nodes)
        except ClusterFailure as failure:
            cluster.is_kept = True
            pytest.fail(f"{failure}\nthe directory {directory} stays", pytrace=False)
        return cluster

    def end(self):
        for cluster in self.made:
            try:
                cluster.stop()
            except ClusterFailure:
                cluster.kill_all()
                # A node that a failed test left in any state need not end well.
                if not cluster.is_kept:
                    cluster.is_kept = True
                    raise
        for cluster in self.made:
            if not cluster.is_kept:
                shutil.rmtree(cluster.directory, ignore_errors=True)
