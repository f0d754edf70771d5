"""Convergence diagnostics: those of arviz-stats where it has them, by hand where it has others or none."""

import warnings

import numpy as np
import pytest
from arviz_stats.base import array_stats

from shoal.engine import convergence
from shoal.engine.convergence import TAIL

AXES = {"chain_axis": 0, "draw_axis": 1}


def autoregressive(coefficient, chains, draws, seed):
    rng = np.random.default_rng(seed)
    x, out = rng.normal(size=chains) / np.sqrt(1 - coefficient**2), np.empty((chains, draws))
    for i in range(draws):
        x = coefficient * x + rng.normal(size=chains)
        out[:, i] = x
    return out


def quantities(chains, draws):
    """Return draws of many kinds by what they are."""
    rng = np.random.default_rng([chains, draws])
    coefficients = (-0.9, -0.5, 0, 0.5, 0.9, 0.99)
    out = {f"autocorrelation {c}": autoregressive(c, chains, draws, 1) for c in coefficients}
    smooth = out["autocorrelation 0.9"]
    return out | {
        "heavy tails": rng.standard_cauchy((chains, draws)),
        "ties": rng.poisson(1.5, (chains, draws)).astype(float),
        "two values": (rng.random((chains, draws)) < 0.3).astype(float),
        "repeated draws": np.repeat(smooth, 3, axis=1)[:, :draws],
        "far from zero": 1e6 + rng.normal(size=(chains, draws)),
        "tiny": 1e-9 * smooth,
        "chains apart": rng.normal(size=(chains, draws)) + 3 * np.arange(chains)[:, None],
        "chains of unequal spread": rng.normal(size=(chains, draws)) * (1 + np.arange(chains)[:, None]),
        "a trend": smooth + np.linspace(0, 5, draws),
    }


SHAPES = [(4, 1000), (4, 997), (2, 400), (1, 500), (3, 101), (4, 20), (2, 13), (2, 8), (7, 5), (4, 4)]
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
THEIRS = {
    "ess_bulk": lambda x: array_stats.ess(x, method="bulk", **AXES),
    "ess_tail": lambda x: array_stats.ess(x, method="tail", prob=(TAIL, 1 - TAIL), **AXES),
    "mcse_mean": lambda x: array_stats.mcse(x, method="mean", **AXES),
    "rhat": lambda x: array_stats.rhat(x, method="rank", **AXES),
}


@each_shape
@pytest.mark.parametrize("name", THEIRS)
def test_diagnostics_are_those_of_arviz(name, shape):
    kinds = quantities(*shape)
    if name == "rhat" and shape[0] == 1:
        assert (convergence.rhat(np.stack([*kinds.values()])) == 1).all()
        return
    found = getattr(convergence, name)(np.stack([*kinds.values()]))
    for value, (kind, draws) in zip(found, kinds.items(), strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of divisions by a variance of zero
            expected = THEIRS[name](draws)
        np.testing.assert_allclose(value, expected, rtol=1e-8, err_msg=kind)


def test_many_quantities_at_once_are_each_alone():
    values = np.stack([*quantities(4, 101).values()])
    for name in (*THEIRS, "mcse_sd"):
        function = getattr(convergence, name)
        alone = np.concatenate([function(one[None]) for one in values])
        np.testing.assert_allclose(function(values), alone, rtol=1e-12)


def test_what_never_varies_is_as_good_as_known():
    constant = np.full((1, 4, 100), 0.7)
    assert convergence.ess_bulk(constant) == convergence.ess_tail(constant) == 400
    assert convergence.mcse_mean(constant) < 1e-15


def test_two_halves_that_differ_are_seen_in_a_single_chain():
    draws = np.random.default_rng(2).normal(size=(1, 4, 1000))
    draws[:, :, 500:] += 1.0
    assert convergence.rhat(draws) > 1.1 and convergence.ess_bulk(draws) < 200


def test_error_of_an_sd_by_hand():
    """That of the variance, a mean of squared deviations, over twice the sd."""
    for draws in quantities(4, 400).values():
        square = (draws - draws.mean()) ** 2
        error = array_stats.mcse(square, method="mean", **AXES) * np.sqrt((square.size - 1) / square.size)
        expected = error / (2 * np.sqrt(square.mean()))
        np.testing.assert_allclose(convergence.mcse_sd(draws[None]), expected, rtol=1e-8)


def test_error_of_an_sd_is_its_spread_over_runs():
    runs = np.stack([autoregressive(0.6, 4, 400, seed) for seed in range(300)])
    claimed = convergence.mcse_sd(runs)
    assert np.sqrt(np.mean(claimed**2)) == pytest.approx(runs.std(axis=(1, 2)).std(), rel=0.12)


@pytest.mark.parametrize("prob", [0.5, 0.9, 0.94])
def test_intervals_by_hand(prob):
    values = np.stack([*quantities(4, 101).values()])
    bounds = convergence.interval(values, prob)
    shortest = convergence.interval(values, prob, "hdi")
    for draws, eti, hdi in zip(values.reshape(len(values), -1), bounds, shortest, strict=True):
        draws = np.sort(draws)
        np.testing.assert_allclose(eti, np.quantile(draws, [(1 - prob) / 2, (1 + prob) / 2]))
        held = int(prob * len(draws))
        widths = [draws[i + held] - draws[i] for i in range(len(draws) - held)]
        assert hdi[1] - hdi[0] == min(widths)
        assert hdi[0] == draws[int(np.argmin(widths))]
        assert ((draws >= hdi[0]) & (draws <= hdi[1])).sum() > prob * len(draws) - 1


# Where 3 sqrt(size) is whole, the tails are the same.
@pytest.mark.parametrize("size", [100, 400, 900, 2500, 10_000])
@pytest.mark.parametrize("shape", [-0.3, 0.1, 0.4, 0.7, 1.2])
def test_pareto_k_is_that_of_arviz(size, shape):
    rng = np.random.default_rng([size, int(100 * shape + 50)])
    log_weights = np.log(1 + ((1 - rng.random(size)) ** -shape - 1) / shape)
    expected = array_stats.psislw(-log_weights)[1]
    np.testing.assert_allclose(convergence.pareto_k(log_weights), expected, rtol=1e-8)
    moved = np.append(rng.permutation(log_weights) - 700.0, -np.inf)
    np.testing.assert_allclose(convergence.pareto_k(moved), expected, rtol=1e-6)


@pytest.mark.parametrize("weights", [np.zeros(1000), np.arange(20.0), np.full(50, -np.inf), np.zeros(0)])
def test_weights_without_a_tail_have_no_shape(weights):
    assert convergence.pareto_k(weights) == -np.inf


def test_pareto_k_is_the_shape_of_the_tail():
    """Draws of a generalised Pareto distribution of shape 0.8."""
    rng = np.random.default_rng(3)
    found = [convergence.pareto_k(-0.8 * np.log(rng.random(4000))) for _ in range(50)]
    assert np.mean(found) == pytest.approx(0.8, abs=4 * np.std(found) / np.sqrt(50) + 0.02)


def test_weights_that_rounding_makes_equal_have_a_tail_all_the_same():
    """Most of the largest weights are one and the same number."""
    weights = np.concatenate([np.zeros(3980), 0.01 * np.arange(20)])
    assert -np.inf < convergence.pareto_k(weights) < 0.7
