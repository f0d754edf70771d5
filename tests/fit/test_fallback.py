"""What happens when a run fails its checks."""

import json

import numpy as np
import pandas as pd
import pytest
import scipy.signal

import shoal as sl
from shoal.engine import checks
from shoal.engine.progress import Progress
from shoal.engine.sampler import sample
from shoal.engine.settings import Chains, Settings
from shoal.errors import ShoalWarning
from shoal.fit import run


def test_nuts_that_would_take_too_long_is_not_run_and_the_fit_says_so(monkeypatch):
    monkeypatch.setattr(run, "LONGEST_FALLBACK", 0.0)
    monkeypatch.setattr(run.checks, "failures", lambda *arguments: ["R-hat 2.000"])
    schools = sl.Model("y | se(se) ~ 1 + (1 | school)", sl.load_dataset("eight_schools"))
    fit = schools.fit(draws=50, seed=1, progress=False)
    (note,) = json.loads(fit.tree.attrs["notes"])
    assert "R-hat 2.000" in note and "was not run" in note
    assert fit.tree.attrs["sampler"] == "independence"


def test_a_run_that_fails_is_made_again_by_nuts(monkeypatch):
    monkeypatch.setattr(run.checks, "failures", lambda *arguments: ["R-hat 2.000"])
    schools = sl.Model("y | se(se) ~ 1 + (1 | school)", sl.load_dataset("eight_schools"))
    fit = schools.fit(draws=50, seed=1, progress=False)
    assert fit.tree.attrs["sampler"] == "nuts"
    assert "NUTS on the same density" in json.loads(fit.tree.attrs["notes"])[0]


@pytest.mark.slow
def test_a_run_that_diverged_is_made_again_in_short_steps():
    """A slope that separates under a wide prior, beside more hyperparameters than are proposed at once."""
    rng = np.random.default_rng(1)
    g, x = np.arange(300) % 15, (np.arange(300) % 14 == 0).astype(float)
    a, b, c = rng.normal(size=(3, 300))
    y = np.where(x == 1, 1, rng.random(300) < 1 / (1 + np.exp(-rng.normal(0, 1, 15)[g])))
    table = pd.DataFrame({"y": y.astype(int), "x": x, "a": a, "b": b, "c": c, "g": g})
    wide = {"x": sl.priors.Normal(0, 100)}
    with pytest.warns(ShoalWarning, match="separation"):
        model = sl.Model("y ~ x + (1 + a + b + c | g)", table, "bernoulli", priors=wide)
    fit = model.fit(seed=1, progress=False)
    (note,) = json.loads(fit.tree.attrs["notes"])
    assert "divergent" in note and "NUTS in short steps (target_accept=0.99)" in note
    assert fit.diagnose().trustworthy


def few_rows_a_level():
    rng = np.random.default_rng(1)
    level = np.repeat(np.arange(100), 2)
    y = rng.binomial(1, 1 / (1 + np.exp(-rng.normal(0, 2, 100)[level])))
    return sl.Model("y ~ 1 + (1 | g)", pd.DataFrame({"y": y, "g": level.astype(str)}), "bernoulli")


def test_chains_that_agree_and_are_only_too_short_go_on(monkeypatch):
    monkeypatch.setattr(run.checks, "failures", lambda *arguments: ["effective sample size 350"])
    monkeypatch.setattr(run.checks, "longer", lambda *arguments: 3)
    fit = few_rows_a_level().fit(draws=50, seed=1, progress=False)
    assert fit.tree.attrs["sampler"] != "nuts"
    assert fit.tree["posterior"].sizes["draw"] == 50
    assert "with 3 times as many iterations on the same density" in json.loads(fit.tree.attrs["notes"])[0]


def test_a_thinned_run_keeps_every_third_iteration_of_the_same_chains():
    target = few_rows_a_level().posterior().target
    elements = np.arange(5)
    once, thinned = (
        sample(target, "hmc", "transport", elements, Settings(**how, seed=3), Progress())
        for how in ({"draws": 300}, {"draws": 100, "thin": 3})
    )
    # Where a call ends, positions are whitened anew: equal but for rounding.
    np.testing.assert_allclose(thinned.theta, once.theta[:, 2::3], rtol=1e-9)
    np.testing.assert_allclose(thinned.points, once.points[:, 2::3], rtol=1e-7)
    np.testing.assert_allclose(thinned.stats["lp"], once.stats["lp"][:, 2::3], rtol=1e-9)


def chains(rho, sampler="hmc", diverging=False):
    """Return four chains of one quantity of given autocorrelation."""
    noise = np.random.default_rng(1).normal(size=(4, 1000)) * np.sqrt(1 - rho**2)
    values = scipy.signal.lfilter([1.0], [1.0, -rho], noise)
    stats = {"lp": values, "diverging": np.full((4, 1000), diverging)}
    return Chains(values[..., None], values[..., None], stats, sampler), [values], []


def test_only_chains_that_agree_are_worth_more_iterations():
    assert checks.longer(*chains(0.85)) in range(2, 6)
    assert checks.longer(*chains(0.2)) == 0  # enough
    assert checks.longer(*chains(0.999)) == 0  # too slow
    assert checks.longer(*chains(0.85, sampler="independence")) == 0
    assert checks.longer(*chains(0.85, diverging=True)) == 0
