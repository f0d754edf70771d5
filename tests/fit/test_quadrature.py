"""Models sampled by quadrature, as a user does it."""

import json
from contextlib import ExitStack
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from engine.rounds_problems import table
from refusals import refused
from shoal.engine import convergence
from shoal.engine.rounds import parts
from shoal.errors import ModelError
from shoal.fit import run


@pytest.fixture(scope="module")
def model():
    return sl.Model("y ~ x + (1 | g)", table(60, 4, sd=1.5), "bernoulli")


@pytest.fixture(scope="module")
def fit(model):
    return model.fit(draws=500, seed=1, sampler="quadrature")


def draws(fit, name):
    values = fit.tree["posterior"][name].values
    return np.moveaxis(values.reshape(*values.shape[:2], -1), -1, 0)


def test_draws_are_of_the_same_posterior_as_other_moves(model, fit):
    """Means and standard deviations, in Monte Carlo errors, for as many quantities as are compared."""
    other = model.fit(draws=1000, seed=2, sampler="alternating")
    for name in fit.tree["posterior"].data_vars:
        one, two = draws(fit, name), draws(other, name)
        error = np.hypot(convergence.mcse_mean(one), convergence.mcse_mean(two))
        assert np.all(abs(one.mean((1, 2)) - two.mean((1, 2))) < 4.5 * error)
        error = np.hypot(convergence.mcse_sd(one), convergence.mcse_sd(two))
        assert np.all(abs(one.std((1, 2)) - two.std((1, 2))) < 4.5 * error)


@pytest.mark.parametrize("sampler", ["quadrature", "auto"])
def test_what_belongs_together_is_found_once(sampler):
    """By the plan that asks whether levels are independent, for the run that divides them."""
    data = table(100, 2)
    model = sl.Model("y ~ 1 + (1 | g)", data[["y", "g"]], "bernoulli")
    found = {"components": parts.components, "units_of": parts.units_of, "equal": parts.equal}
    with ExitStack() as stack:
        counted = [stack.enter_context(patch.object(parts, n, wraps=own)) for n, own in found.items()]
        fit = model.fit(draws=20, seed=1, sampler=sampler, progress=False)
    assert fit.tree.attrs["sampler"] == "quadrature"
    assert [own.call_count for own in counted] == [1, 1, 1]


def test_draws_are_about_independent(fit):
    assert fit.tree.attrs["sampler"] == "quadrature"
    for name in set(fit.tree["posterior"].data_vars) - {"r_g"}:
        assert convergence.ess_bulk(draws(fit, name)).min() > 1500  # of 2,000
    assert np.median(convergence.ess_bulk(draws(fit, "r_g"))) > 1800


def test_a_run_says_what_its_rounds_cost(fit):
    facts = json.loads(fit.tree.attrs["sampler_facts"])
    assert 0 < facts["rounds"] <= 60 and facts["points"] >= 2000
    assert facts["integration_error"] < 1 / np.sqrt(2000)  # the Monte Carlo error of a mean, in its own sds
    assert facts["rule"].startswith("hermite")
    assert facts["bytes_sent"] == facts["bytes_received"] == 0  # nothing left this process


@pytest.mark.slow
def test_draws_do_not_depend_on_the_number_of_cores(model, fit):
    one = model.fit(draws=500, seed=1, sampler="quadrature", cores=1)
    for name in fit.tree["posterior"].data_vars:
        np.testing.assert_array_equal(one.tree["posterior"][name], fit.tree["posterior"][name])


def test_effects_that_are_not_kept_are_not_drawn(model, fit):
    without = model.fit(draws=500, seed=1, sampler="quadrature", store="none")
    assert "r_g" not in without.tree["posterior"]
    np.testing.assert_array_equal(without.tree["posterior"]["sd_g"], fit.tree["posterior"]["sd_g"])
    facts, kept = (json.loads(f.tree.attrs["sampler_facts"]) for f in (without, fit))
    assert facts["points"] == kept["points"] - 2000


def test_a_fit_is_judged_and_kept_as_any_other(model, fit, tmp_path):
    assert "Integrated where their rows are" in fit.tree.attrs["plan"]
    assert not [finding for finding in fit.diagnose().findings if finding.severity == "error"]
    fit.save(tmp_path / "fit.nc")
    assert sl.load(tmp_path / "fit.nc").tree.attrs["sampler"] == "quadrature"
    assert np.isfinite(fit.loo().elpd)


def test_a_store_of_states_is_refused(model):
    with refused("store-quadrature"):
        model.fit(sampler="quadrature", store="replay")


def test_effects_are_summarised_as_they_come(model, fit):
    """The very draws that are kept otherwise; a round of 512 ends in the midst of a chain."""
    summarised = model.fit(draws=500, seed=1, sampler="quadrature", store="summaries", progress=False)
    assert "r_g" not in summarised.tree["posterior"]
    np.testing.assert_array_equal(summarised.tree["posterior"]["x"], fit.tree["posterior"]["x"])
    one, other = (own.effects("g") for own in (fit, summarised))
    for name in ("mean", "sd"):
        np.testing.assert_allclose(other[name], one[name], rtol=1e-4, atol=1e-6)
    for name in ("eti90_lb", "eti90_ub"):
        assert np.all(abs(other[name] - one[name]) < 0.1 * one["sd"])


def test_a_checkpoint_keeps_what_is_done(model, fit, tmp_path, monkeypatch):
    pytest.importorskip("zarr", reason="checkpoints are Zarr stores, an extra")
    how = {"draws": 500, "seed": 1, "sampler": "quadrature", "checkpoint": tmp_path / "run.zarr"}
    with pytest.raises(ModelError) as problem:
        model.fit(**how | {"checkpoint": tmp_path / "disk.zarr"}, store="disk")
    assert problem.value.code == "store-quadrature"
    first = model.fit(**how)
    monkeypatch.setattr(run, "_in_rounds", None)  # nothing is sampled again
    for one in (first, model.fit(**how)):
        for name in fit.tree["posterior"].data_vars:
            np.testing.assert_array_equal(one.tree["posterior"][name], fit.tree["posterior"][name])


def test_other_samplers_do_not_ask_a_cluster(model):
    with refused("sampler-on-a-cluster"):
        model.posterior(sampler="nuts", client=object())


def test_known_standard_deviations_leave_the_coefficients_to_sample(model):
    fixed = sl.Model("y ~ x + (1 | g)", table(60, 4), "bernoulli", priors={"sd": sl.priors.Fixed(1.0)})
    fit = fixed.fit(draws=100, seed=1, sampler="quadrature")
    assert (fit.tree["posterior"]["sd_g"] == 1.0).all()


@pytest.mark.sbc
def test_ranks_of_true_values_are_uniform():
    """Simulation-based calibration, effects included."""
    priors = {
        "Intercept": sl.priors.Normal(0, 1),
        "b": sl.priors.Normal(0, 1),
        "sd": sl.priors.HalfNormal(1.5),
    }
    one = sl.Model("y ~ x + (1 | g)", table(12, 4), "bernoulli", priors=priors)
    calibration = one.sbc(40, draws=100, chains=2, seed=3, sampler="quadrature")
    assert calibration.ok, calibration.verdict


def test_ordered_rows_of_two_a_person_are_sampled_well():
    """Two correlated effects explain nearly every row, and other moves fail their checks."""
    rng = np.random.default_rng(5)
    person, product = np.repeat(np.arange(185), 2), np.tile([0, 1], 185)
    u = rng.normal(size=(185, 2)) @ np.array([[1.5, -0.4], [0.0, 1.0]])
    eta = 0.6 * product + u[person, 0] + u[person, 1] * product
    y = 1 + ((eta + rng.logistic(size=370))[:, None] > [-2.0, -0.5, 0.8, 2.2]).sum(1)
    table = pd.DataFrame({"y": y, "product": product, "person": person})
    model = sl.Model("y ~ product + (1 + product | person)", table, "cumulative")
    fit = model.fit(draws=600, seed=1, progress=False)
    summary = fit.summary()
    assert summary[["ess_bulk", "ess_tail"]].min().min() > 1000
    assert abs(summary["mean"]["product"] - 0.6) < 3 * summary["sd"]["product"]
