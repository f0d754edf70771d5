"""A run is held against another move's: sound ones agree, and what differs is found."""

from dataclasses import replace

import numpy as np
import pytest

from shoal.engine import other_move
from shoal.engine.explore import fit_marginal
from shoal.engine.other_move import differences, limit, short, weights_of_map
from shoal.engine.settings import Settings


def draws(seed, shape, scale=1.0, shift=0.0, rho=0.0):
    """Return autocorrelated normal draws."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=shape)
    for i in range(1, shape[-1]):
        values[..., i] = rho * values[..., i - 1] + np.sqrt(1 - rho**2) * values[..., i]
    return shift + scale * values


FIRST, SECOND = (5, 4, 500), (5, 2, 120)


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_two_samples_of_one_distribution_hardly_ever_pass_the_limit(rho):
    worst = [
        np.abs(differences(draws(s, FIRST, rho=rho), draws(10_000 + s, SECOND, rho=rho))[0]).max()
        for s in range(200)
    ]
    assert max(worst) < limit(10)
    # The statistics have the size of errors: the largest of ten normal numbers has a median of about 1.8.
    assert 1.5 < np.median(worst) < 2.4


def test_heavy_tails_are_compared_by_their_ranks():
    rng = np.random.default_rng(3)
    apart, _ = differences(rng.standard_cauchy(FIRST), rng.standard_cauchy(SECOND))
    assert np.abs(apart).max() < limit(10)


@pytest.mark.parametrize(("change", "column"), [({"shift": 0.7}, 0), ({"scale": 1.9}, 1)])
def test_another_location_or_spread_is_found(change, column):
    apart, least = differences(draws(1, FIRST), draws(2, SECOND, **change))
    assert (np.abs(apart[:, column]) > limit(10)).all()
    assert least[0] > least[1] > 100


def test_a_tenth_of_a_run_is_short_and_of_another_seed():
    own = Settings(seed=7)
    beside = short(own, "hmc")
    iterations = beside.chains * (beside.warmup + beside.draws)
    assert 240 <= iterations <= own.chains * (own.warmup + own.draws) / 10
    assert beside.seed != own.seed and beside == short(own, "hmc")
    assert short(replace(own, draws=100), "hmc") is None
    assert short(replace(own, thin=5), "hmc").draws > beside.draws


def test_every_sampler_has_another():
    for sampler in ("independence", "alternating", "nuts"):
        assert other_move.other(sampler, 3) == "hmc"
    assert other_move.other("hmc", 3) == "alternating"
    assert other_move.other("hmc", 30) == other_move.other("hmc", 0) == "nuts"


def test_a_map_that_is_exact_gives_weights_without_a_tail():
    import shoal as sl

    schools = sl.load_dataset("eight_schools")
    fixed = {"sd_school[Intercept]": sl.priors.Fixed(5.0)}
    target = sl.Model("y | se(se) ~ 1 + (1 | school)", schools, priors=fixed).posterior().target
    assert weights_of_map(target, fit_marginal(target, 1, 1), 1) == -np.inf
    free = sl.Model("y | se(se) ~ 1 + (1 | school)", schools).posterior().target
    assert weights_of_map(free, fit_marginal(free, 1, 1), 1) < 0.7
