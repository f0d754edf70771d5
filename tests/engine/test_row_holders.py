"""One conformance test for all who hold rows; what happens where a worker is lost."""

import json
import os
import pickle
import signal
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest

import shoal as sl
from clusters import two_workers
from engine.rounds_problems import divided, posterior, table
from refusals import refused
from shoal.engine.rounds.holders import LocalRows
from shoal.engine.rules import Rule
from shoal.families import FAMILIES

RULE = Rule("hermite", 9)


@pytest.fixture(scope="module")
def own():
    return posterior("y ~ x + (1 + x | g)", table(20, 4))


@pytest.fixture(scope="module")
def client():
    with two_workers() as own_client:
        yield own_client


def of_dask(parts, client):
    from shoal.engine.rounds.dask_rows import DaskRows, Sent

    return DaskRows(Sent(parts), client)


HOLDERS = {
    "one thread": lambda parts, client: LocalRows(parts, 1),
    "two threads": lambda parts, client: LocalRows(parts, 2),
    "Dask": lambda parts, client: of_dask(parts, client()),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_every_holder_gives_the_same_numbers(name, own, request):
    """To the last digit, and the same draws: a part's numbers depend on nothing but the part."""
    parts = divided(own, 5)
    holder = HOLDERS[name](parts, lambda: request.getfixturevalue("client"))
    hs = own.target.values(
        own.target.start + 0.3 * np.random.default_rng(0).normal(size=(6, own.target.n_theta))
    )
    plain = LocalRows(parts, 1)
    value = holder.log_integrals(hs, RULE)
    assert value.shape == (len(parts), len(hs))
    np.testing.assert_array_equal(value, plain.log_integrals(hs, RULE))
    for single in (False, True):
        drawn = holder.draw(hs, (3, 1), single)
        assert [part.shape[1] for part in drawn] == [len(part.places) for part in parts]
        for one, two in zip(drawn, plain.draw(hs, (3, 1), single), strict=True):
            assert one.dtype == (np.float32 if single else np.float64)
            np.testing.assert_array_equal(one, two)
    assert not np.array_equal(holder.draw(hs, (3, 2), False)[0], drawn[0])


def test_a_fit_on_a_cluster_has_the_draws_of_one_without_and_says_what_was_sent(client):
    model = sl.Model("y ~ x + (1 | g)", table(30, 4), "bernoulli")
    fit, plain = model.fit(draws=50, seed=1, client=client), model.fit(draws=50, seed=1, sampler="quadrature")
    for name in plain.tree["posterior"].data_vars:
        np.testing.assert_array_equal(fit.tree["posterior"][name], plain.tree["posterior"][name])
    (note,) = json.loads(fit.tree.attrs["notes"])
    assert "rounds to the rows" in note and "MB were sent" in note
    assert "on a cluster" in model.fit(draws=1000, seed=1, client=client).certificate.reason


def test_bytes_of_rounds_are_counted(own, client):
    holder = of_dask(divided(own, 5), client)
    hs = own.target.values(np.tile(own.target.start, (10, 1)))
    value = holder.log_integrals(hs, RULE)
    assert holder.sent == 2 * hs.nbytes  # to two workers
    assert holder.received == value.nbytes


@contextmanager
def processes():
    """Give a client of two workers that are processes, and what ends the first."""
    distributed = pytest.importorskip("distributed", reason="Dask is an extra")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as own_client,
    ):
        pids = own_client.run(os.getpid)
        yield own_client, lambda: os.kill(min(pids.values()), signal.SIGKILL)


# A process that is killed leaves sockets that nobody closes.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.slow
def test_what_a_lost_worker_held_is_sent_to_another(own):
    parts = divided(own, 6)
    hs = own.target.values(np.tile(own.target.start, (4, 1)))
    expected = LocalRows(parts, 1).log_integrals(hs, RULE)
    with processes() as (client, kill):
        holder = of_dask(parts, client)
        np.testing.assert_array_equal(holder.log_integrals(hs, RULE), expected)
        kill()
        np.testing.assert_array_equal(holder.log_integrals(hs, RULE), expected)
        assert holder.lost >= 3


@pytest.mark.parametrize("error", [IndexError, FileNotFoundError])
def test_an_error_in_the_work_itself_is_no_lost_worker(own, client, error):
    holder = of_dask(divided(own, 5), client)
    with pytest.raises(error):
        holder._each(partial(_failing, error))


def _failing(error, parts):
    raise error("of the work")


def test_workers_that_are_always_lost_are_given_up(own, client, monkeypatch):
    holder = of_dask(divided(own, 5), client)
    monkeypatch.setattr(holder, "_answer", lambda worker, task: None)
    with refused("workers-lost"):
        holder.log_integrals(own.target.values(own.target.start[None]), RULE)


@pytest.mark.parametrize("name", FAMILIES)
def test_row_functions_are_sent_by_their_names(name):
    family = FAMILIES[name]
    for functions in (family.row_functions, family.interval_functions):
        for function in functions.values():
            assert pickle.loads(pickle.dumps(function)) is function
