"""Coarse rules with a polynomial that leads to a fine one."""

import numpy as np
import pytest

from engine.rounds_problems import divided, posterior, table
from shoal.engine import mode
from shoal.engine.progress import Progress
from shoal.engine.rounds import corrected
from shoal.engine.rounds.holders import LocalRows
from shoal.engine.rounds.marginal import Marginal
from shoal.engine.rules import Rule

FINE = Rule("hermite", 9)


@pytest.fixture(scope="module")
def marginal():
    own = posterior(data=table(600, 5))
    return Marginal(own.target, LocalRows(divided(own), 2), Progress())


@pytest.fixture(scope="module")
def middle(marginal):
    """Mode and root of the density by Laplace's approximation."""
    return mode.find(lambda x: marginal.log_density(x, corrected.LAPLACE), marginal.target.start)


def found(marginal, middle, enough):
    rng = np.random.default_rng(1)
    return corrected.find(marginal, FINE, [corrected.LAPLACE, Rule("hermite", 3)], *middle, rng, enough)


def test_a_polynomial_makes_up_for_a_coarse_rule(marginal, middle):
    """At other points of the posterior than those it was made of."""
    integral, center, root = found(marginal, middle, 0.02)
    assert integral.rule != FINE and integral.exact == FINE and "polynomial" in str(integral)
    z = np.random.default_rng(2).normal(size=(50, len(center)))
    thetas = center + z @ root.T
    fine = marginal.log_density(thetas, FINE)
    assert np.std(integral.log_density(marginal, thetas) - fine) < 0.04
    assert np.std(marginal.log_density(thetas, integral.rule) - fine) > 0.08  # what it makes up for


def test_the_mode_is_that_of_the_fine_rule(marginal, middle):
    _, center, _ = found(marginal, middle, 0.02)
    exact, root = mode.find(lambda x: marginal.log_density(x, FINE), marginal.target.start)
    assert np.all(abs(np.linalg.solve(root, center - exact)) < 0.3)


def test_a_rule_that_no_polynomial_reaches_is_taken_as_it_is(marginal, middle):
    integral, center, _ = found(marginal, middle, 0.0)
    assert integral.rule == integral.exact == FINE and str(integral) == "hermite 9"
    thetas = center[None]
    np.testing.assert_array_equal(integral.log_density(marginal, thetas), marginal.log_density(thetas, FINE))
