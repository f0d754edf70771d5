"""What has no mean shows none: its draws have one, and it means nothing."""

import numpy as np
import pandas as pd

import shoal as sl
from shoal.engine.convergence import without_mean


def test_tails_are_told_by_their_pareto_shape():
    rng = np.random.default_rng(1)
    size = (4, 1000)
    light = [
        rng.normal(size=size),
        rng.exponential(size=size),
        rng.lognormal(0, 1, size),
        rng.standard_t(3, size),
    ]
    heavy = [rng.pareto(0.5, size), 1 / rng.normal(size=size) ** 2]
    assert without_mean(np.array(light + heavy)).tolist() == [False] * 4 + [True] * 2
    assert without_mean(np.ones((1, 4, 1000))).tolist() == [False]


def test_the_shape_of_counts_that_are_poissons_has_no_mean():
    rng = np.random.default_rng(1)
    fits = [
        sl.Model("y ~ 1", pd.DataFrame({"y": y}), "negbinomial").fit(seed=1)
        for y in (rng.poisson(5, 200), rng.poisson(rng.gamma(2, 2.5, 200)))
    ]
    none, some = (fit.summary() for fit in fits)
    assert none.loc["shape", ["mean", "sd", "mcse_mean"]].isna().all() and none.loc["shape", "eti90_lb"] > 5
    assert "none of shape" in none.attrs["mean"] and "none of shape" in repr(none)
    assert some.notna().all(axis=None) and "mean" not in some.attrs and some.loc["Intercept"].notna().all()
    assert none.loc["Intercept"].notna().all()


def test_a_correlation_at_its_bound_has_a_mean():
    """Of slopes of days near 18,000 it is -1 but for some millionths, whose logarithms are far apart."""
    rng = np.random.default_rng(5)
    g, days = np.repeat(np.arange(12), 20), 18000 + rng.integers(0, 60, 240)
    y = rng.normal(0, 0.6, 12)[g] + (0.02 + rng.normal(0, 0.02, 12)[g]) * (days - 18030)
    y += rng.normal(size=240) * np.where(g == 4, 8, 1)
    table = (
        sl.Model("y ~ days + (days | g)", pd.DataFrame({"y": y, "days": days, "g": g})).fit(seed=2).summary()
    )
    assert table.loc["cor_g[days, Intercept]", "mean"] < -0.999 and table.notna().all(axis=None)
