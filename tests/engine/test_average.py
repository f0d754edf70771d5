"""Rows averaged over the effects: an expansion about the mean, where that makes the map wider."""

import numpy as np
import pandas as pd

from engine.targets import skewed
from shoal.engine import density
from shoal.fit.posterior import posterior_of
from shoal.model import Response, specify
from shoal.tables import read


def map_of(target, theta):
    """Return log volume and mode of the map at theta."""
    room, nothing = target.room(), np.zeros(target.n_effects)
    density.refined(target.handle, 0, theta, nothing, room.space, room.where, nothing.copy())
    return room.map.volume[0], room.map.mode.copy()


def averaged(target, theta):
    target.expand(theta)
    before = map_of(target, theta)
    target.average(theta, np.random.default_rng(0))
    return before, map_of(target, theta)


def test_binary_rows_are_expanded_about_the_mean():
    """Groups of which all rows but a few are ones have means farther out than modes."""
    g = np.repeat(np.arange(40), 6)
    table = read(pd.DataFrame({"g": g, "y": np.where(np.arange(240) % 6 < np.where(g < 20, 5, 1), 1, 0)}))
    target = posterior_of(specify([Response("y ~ 1 + (1 | g)", "bernoulli")], table, {})).target
    (volume, mode), (wider, mean) = averaged(target, np.array([1.0]))
    assert wider > volume + 0.5
    assert np.sort(np.abs(mean))[-40:].mean() > np.sort(np.abs(mode))[-40:].mean()


def test_rows_whose_average_would_make_the_map_narrower_are_not_averaged():
    """Logarithms of Gamma(0.15) variables: curvatures rise without bound on one side of a long tail."""
    before, after = averaged(skewed(0.15, 0.3), np.zeros(1))
    assert before[0] == after[0]
    np.testing.assert_array_equal(before[1], after[1])
