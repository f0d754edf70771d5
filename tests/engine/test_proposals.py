"""Proposals that follow a density by a polynomial: what they draw, what they say of it, and their worth."""

import numpy as np
import pytest
from scipy.special import logsumexp

from shoal.engine import mode
from shoal.engine.alternating import PROPOSALS, log_proposal
from shoal.engine.chain import as_compiled
from shoal.engine.evaluate import DEAR
from shoal.engine.kinds import FLOATS
from shoal.engine.mixture import PILOT, SMALL_PILOT, Mixture, MixtureFit, fit
from shoal.engine.proposals import COSTLY, LEAST_KEPT, MOST_THINNING, follow, thinning
from shoal.priors.compiled import compiled_as


def skewed(x):
    """Logarithms of Gamma(4) variables, each around the half of the one before."""
    away = x.copy()
    away[:, 1:] -= 0.5 * x[:, :-1]
    return (4.0 * away - np.exp(away)).sum(1)


def found(size, pilot=PILOT, dear=False, seed=5):
    center, root = mode.find(skewed, np.zeros(size))
    return fit(skewed, center, root, np.random.default_rng(seed), pilot, dear)


@pytest.mark.parametrize(("pilot", "dear"), [(PILOT, False), (SMALL_PILOT, False), (SMALL_PILOT, True)])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_proposals_follow_a_density_more_closely_than_their_mixture(size, pilot, dear):
    rough = found(size, pilot, dear)
    fine = follow(rough)
    x = fine.proposal.draw(np.random.default_rng(1), 4000)
    log_weight = skewed(x) - fine.proposal.log_density(x)
    efficiency = np.exp(2 * logsumexp(log_weight) - logsumexp(2 * log_weight)) / len(x)
    # Few points of a mixture that keeps its wide tails: in four dimensions it is followed less closely.
    assert efficiency > max(0.95 if pilot == PILOT or dear else 0.92, rough.efficiency)
    assert abs(efficiency - fine.efficiency) < 0.05
    order = np.sort(np.exp(log_weight - logsumexp(log_weight)))
    accepted = 2 * (order * (1 - (np.arange(len(x)) + 0.5) / len(x))).sum()
    assert abs(accepted - fine.acceptance) < 0.05


def test_the_density_is_that_of_the_draws():
    proposal = follow(found(2)).proposal
    grid = np.linspace(-8, 8, 401)
    points = np.stack(np.meshgrid(grid, grid, indexing="ij"), -1).reshape(-1, 2)
    density = np.exp(proposal.log_density(points))
    density /= density.sum()
    x = proposal.draw(np.random.default_rng(2), 40_000)
    mean, second = density @ points, np.einsum("s,si,sj->ij", density, points, points)
    assert (np.abs(x.mean(0) - mean) < 4 * x.std(0) / 200).all()
    products = x[:, :, None] * x[:, None, :]
    assert (np.abs(products.mean(0) - second) < 4 * products.std(0) / 200).all()


def test_no_polynomial_takes_the_mixtures_tails_away():
    proposal = follow(found(2)).proposal
    far = 1e3 * np.random.default_rng(3).normal(size=(50, 2))
    lost = proposal.log_density(far) - proposal.mixture.log_density(far)
    assert (lost >= np.log(LEAST_KEPT) - 1e-9).all() and (lost <= 1e-9).all()


@compiled_as(FLOATS(PROPOSALS, FLOATS))
def _each(q, theta):
    out = np.empty(theta.size // 2)
    for i in range(out.size):
        out[i] = log_proposal(q, theta[2 * i : 2 * i + 2])
    return out


def test_compiled_code_has_the_same_density():
    proposal = follow(found(2)).proposal
    x = 2 * np.random.default_rng(4).normal(size=(100, 2)) + 1
    np.testing.assert_allclose(_each(as_compiled(proposal), x.ravel()), proposal.log_density(x), rtol=1e-9)


def test_few_points_are_no_polynomial():
    mixture = Mixture(np.ones(1), np.zeros((1, 2)), np.eye(2)[None])
    x = mixture.draw(np.random.default_rng(6), 15)
    few = MixtureFit(mixture, np.zeros(2), np.eye(2), x, skewed(x), np.full(15, 1 / 15), 0.5)
    proposal = follow(few).proposal
    assert not len(proposal.coefficient)
    assert proposal.draw(np.random.default_rng(7), 30).shape == (30, 2)


def test_worse_proposals_are_thinned_more():
    assert thinning(1.0, 0.0) == 1
    assert 1 < thinning(0.8, 0.0) < thinning(0.3, 0.0) == MOST_THINNING


def test_dear_proposals_are_made_once_a_draw_and_costly_ones_where_few_repeat():
    assert thinning(0.95, 0.0) > thinning(0.95, 1.1 * COSTLY) == 1
    assert thinning(0.8, 1.1 * COSTLY) == thinning(0.8, 0.0)
    assert thinning(0.3, 1.1 * DEAR) == 1
