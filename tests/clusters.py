"""A Dask cluster for tests."""

import contextlib

import pytest


@contextlib.contextmanager
def two_workers():
    """Give the client of a cluster that is threads of this process: what is compiled is shared."""
    distributed = pytest.importorskip("distributed", reason="Dask is an extra")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client
