"""Checks of a finished run find what is planted, and nothing else."""

import numpy as np
import pytest

from shoal.engine.checks import bfmi, convergence, failures, rhat_limit, screen
from shoal.engine.settings import Chains

PARTS = ["hyperparameters", "coefficients", "first factor", "second factor"]


def good(chains=4, count=1000, effects=50):
    """Return the statistics of a run, and its draws by part: small variables, then effects."""
    rng = np.random.default_rng(8)
    shapes = (2,), (1,), (1, effects), (2, 3)
    values = {part: rng.normal(size=(chains, count, *own)) for part, own in zip(PARTS, shapes, strict=True)}
    stats = {
        "lp": rng.normal(size=(chains, count)),
        "energy": rng.normal(size=(chains, count)),
        "diverging": np.zeros((chains, count), bool),
    }
    return stats, values


def found(stats, values, facts=None):
    """Return what the checks say."""
    parts = list(values.values())
    draws = Chains(
        np.zeros((*stats["lp"].shape, 0)), np.zeros((*stats["lp"].shape, 0)), stats, "hmc", facts or {}
    )
    return failures(draws, parts[:2], parts[2:])


@pytest.mark.parametrize("chains", [1, 4])
@pytest.mark.parametrize("effects", [0, 3, 50])
def test_independent_draws_pass(chains, effects):
    assert found(*good(chains, effects=effects)) == []


def test_divergences_are_counted():
    stats, values = good()
    stats["diverging"][1, 4:7] = True
    (problem,) = found(stats, values)
    assert "3" in problem


def test_stuck_chains_are_named():
    stats, values = good()
    values["hyperparameters"][2] = values["hyperparameters"][2, :1]
    (problem,) = found(stats, values)
    assert "2" in problem


@pytest.mark.parametrize("part", PARTS)
def test_a_chain_elsewhere_is_found(part):
    stats, values = good()
    values[part][3, ..., -1] += 3
    (first, *_) = found(stats, values)
    assert first.startswith("R-hat 1.")


@pytest.mark.parametrize("part", PARTS)
def test_slow_chains_are_found(part):
    stats, values = good()
    own = values[part]
    for i in range(1, own.shape[1]):
        own[:, i, ..., -1] = 0.99 * own[:, i - 1, ..., -1] + 0.14 * own[:, i, ..., -1]
    assert any(problem.startswith("effective sample size") for problem in found(stats, values))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_draws_that_are_not_finite_fail(part, bad):
    stats, values = good()
    values[part][1, 5, ..., 0] = bad
    assert found(stats, values) != []


def test_slow_energy_is_found():
    stats, values = good()
    stats["energy"][0] = np.cumsum(stats["energy"][0])
    assert any(problem.startswith("E-BFMI 0.0") for problem in found(stats, values))
    np.testing.assert_allclose(bfmi(good()[0]["energy"]), 2, rtol=0.2)


@pytest.mark.parametrize(("k", "count"), [(0.2, 0), (0.69, 0), (0.71, 1), (1.4, 1), (-np.inf, 0)])
def test_weights_without_a_mean_are_found(k, count):
    assert len(found(*good(), {"pareto_k": k})) == count


@pytest.mark.parametrize(("error", "count"), [(0.01, 0), (0.2, 1), (np.nan, 1), (np.inf, 1)])
def test_integrals_that_are_too_coarse_or_undefined_are_found(error, count):
    assert len(found(*good(), {"integration_error": error})) == count


def test_constant_parameters_are_no_failure():
    stats, values = good()
    values["hyperparameters"][..., 0] = 1.5  # a fixed value
    assert found(stats, values) == []


def test_few_draws_decide_nothing():
    stats, values = good(count=50)
    values["hyperparameters"][3] += 9
    assert found(stats, values) == []


def test_no_parameters_at_all():
    stats = {"lp": np.zeros((2, 10)), "diverging": np.zeros((2, 10), bool)}
    assert found(stats, {part: np.zeros((2, 10, 0)) for part in PARTS}) == []
    assert found(stats, {}) == []


def test_draws_in_single_precision_are_judged_alike():
    stats, values = good(effects=200)
    single = {part: own.astype(np.float32) for part, own in values.items()}
    assert found(stats, single) == found(stats, values) == []
    single["first factor"][3, ..., 7] += 3
    assert found(stats, single) != []


def test_limit_of_r_hat_grows_with_the_number_of_quantities_only():
    assert rhat_limit(4, 1000, 1) == rhat_limit(4, 1000, 40) == 1.01
    limits = [rhat_limit(4, 1000, count) for count in (100, 10_000, 1_000_000)]
    assert 1.01 <= limits[0] < limits[1] < limits[2] < 1.05
    assert rhat_limit(4, 10_000, 10_000) < limits[1]


def test_convergence_of_one_chain_has_no_r_hat():
    values = np.random.default_rng(0).normal(size=(3, 1, 500))
    rhat, ess = convergence(values)
    np.testing.assert_array_equal(rhat, 1)
    assert (ess > 250).all()


def test_screen_keeps_the_worst_effects():
    effects = np.random.default_rng(0).normal(size=(200, 4, 300))
    effects[17, 2] += 1  # a chain elsewhere
    effects[133] = np.cumsum(effects[133], axis=-1)  # a random walk
    kept = screen(effects)
    assert len(kept) <= 40
    assert {17, 133} <= set(kept)
