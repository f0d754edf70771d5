"""Checks of a finished run find what is planted, and nothing else."""

import numpy as np
import pytest
from targets import Point

from shoal.engine.checks import failures, screen
from shoal.sample.target import Draws


def good(chains=4, count=1000, effects=50):
    rng = np.random.default_rng(8)
    point = Point(
        rng.normal(size=(chains, count, 2)),
        rng.normal(size=(chains, count, 1)),
        (rng.normal(size=(chains, count, 1, effects)), rng.normal(size=(chains, count, 2, 3))),
    )
    stats = {
        "lp": rng.normal(size=(chains, count)),
        "energy": rng.normal(size=(chains, count)),
        "diverging": np.zeros((chains, count), bool),
    }
    return Draws(point, stats, "hmc")


PARTS = ["values", "beta", "first factor", "second factor"]


def part_of(draws, part):
    """Return one array of the point."""
    r = dict(zip(PARTS[2:], draws.point.r, strict=True))
    return r[part] if part in r else getattr(draws.point, part)


@pytest.mark.parametrize("chains", [1, 4])
@pytest.mark.parametrize("effects", [0, 3, 50])
def test_independent_draws_pass(chains, effects):
    assert failures(good(chains, effects=effects)) == []


def test_divergences_are_counted():
    draws = good()
    draws.stats["diverging"][1, 4:7] = True
    assert failures(draws) == ["3 divergent trajectories"]


def test_stuck_chains_are_named():
    draws = good()
    draws.point.values[2] = draws.point.values[2, :1]
    assert failures(draws) == ["stuck chains 2"]


@pytest.mark.parametrize("part", PARTS)
def test_a_chain_elsewhere_is_found(part):
    draws = good()
    part_of(draws, part)[3, ..., -1] += 3
    (first, *_) = failures(draws)
    assert first.startswith("R-hat 1.")


@pytest.mark.parametrize("part", PARTS)
def test_slow_chains_are_found(part):
    draws = good()
    values = part_of(draws, part)
    for i in range(1, values.shape[1]):
        values[:, i, ..., -1] = 0.99 * values[:, i - 1, ..., -1] + 0.14 * values[:, i, ..., -1]
    assert any(problem.startswith("effective sample size") for problem in failures(draws))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_draws_that_are_not_finite_fail(part, bad):
    draws = good()
    part_of(draws, part)[1, 5, ..., 0] = bad
    assert failures(draws) != []


def test_slow_energy_is_found():
    draws = good()
    draws.stats["energy"][0] = np.cumsum(draws.stats["energy"][0])
    assert any(problem.startswith("E-BFMI 0.0") for problem in failures(draws))


def test_constant_parameters_are_no_failure():
    draws = good()
    draws.point.values[..., 0] = 1.5  # a fixed value
    assert failures(draws) == []


def test_few_draws_decide_nothing():
    draws = good(count=50)
    draws.point.values[3] += 9
    assert failures(draws) == []


def test_no_parameters_at_all():
    empty = Point(np.zeros((2, 10, 0)), np.zeros((2, 10, 0)), ())
    stats = {"lp": np.zeros((2, 10)), "diverging": np.zeros((2, 10), bool)}
    assert failures(Draws(empty, stats, "independence")) == []


def test_screen_keeps_the_worst_effects():
    effects = np.random.default_rng(0).normal(size=(200, 4, 300))
    effects[17, 2] += 1  # a chain elsewhere
    effects[133] = np.cumsum(effects[133], axis=-1)  # a random walk
    kept = screen(effects)
    assert len(kept) <= 40
    assert {17, 133} <= set(kept)
