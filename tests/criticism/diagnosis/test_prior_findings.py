"""Priors beside posteriors, in draws that came with draws from the prior."""

import numpy as np
import pytest

from criticism.diagnosis.drawn import CHAINS, DRAWS, codes, finding, hierarchy, noise, rng, tree
from shoal.criticism.diagnosis import diagnose

S = 1000


def learnt(tau=5.0):
    """Eight effects of a standard deviation that the data know to a fifth."""
    mu, sd = noise(1), tau * np.exp(0.2 * noise(2))
    return {"mu": mu, "tau": sd, "theta": mu[..., None] + sd[..., None] * noise(3, 8)}


def prior(tau, mu=50.0):
    return {"tau": np.asarray(tau)[None], "mu": mu * rng(7).normal(size=(1, S))}


def half_normal(scale):
    return scale * np.abs(rng(8).normal(size=S))


@pytest.mark.parametrize(
    "given, side",
    [(half_normal(0.5), "expects less than"), (rng(0).gamma(40.0, 1.0, S), "expects more than")],
)
def test_a_prior_on_another_scale_than_the_data(given, side):
    d = diagnose(tree(learnt(), prior=prior(given)))
    said = finding(d, "sd-prior")
    assert codes(d) == ["sd-prior"] and said.severity == "warning"
    assert side in said.evidence and said.evidence.startswith("tau:")


@pytest.mark.parametrize("given", [half_normal(5), half_normal(500), rng(0).exponential(3, S)])
def test_a_wide_prior_is_no_conflict(given):
    assert codes(diagnose(tree(learnt(), prior=prior(given)))) == []


def test_a_posterior_that_is_its_prior():
    d = diagnose(tree(hierarchy(), prior=prior(np.exp(rng(3).normal(size=S)))))
    said = finding(d, "sd-is-prior")
    assert codes(d) == ["sd-is-prior"] and "8 levels of school" in said.evidence


def test_a_parameter_that_scales_nothing_is_not_called_unlearnt():
    lone = np.exp(noise(4))
    d = diagnose(tree({"k": lone}, prior={"k": np.exp(rng(3).normal(size=(1, S)))}))
    assert codes(d) == []


@pytest.mark.parametrize("width, severity", [(1.1, "warning"), (2.0, "note"), (50.0, None)])
def test_a_mean_located_by_its_prior(width, severity):
    d = diagnose(tree(learnt(), prior=prior(half_normal(5), width)))
    assert [f.severity for f in d if f.code == "intercept-prior"] == ([severity] if severity else [])
    if severity:
        assert "information about the mu" in finding(d, "intercept-prior").evidence


def test_a_handful_of_prior_draws_says_nothing():
    few = {"tau": half_normal(0.5)[None, :50], "mu": rng(0).normal(size=(1, 50))}
    assert codes(diagnose(tree(learnt(), prior=few))) == []


def test_effects_that_go_with_a_scale_are_found_without_names():
    """Eight schools among other vectors: rows' predictions follow the same sd, the schools are fewer."""
    v = hierarchy()
    v["rows"] = np.repeat(v["theta"], 5, axis=-1)
    v["other"] = noise(11, 8)
    v["sigma"] = np.exp(noise(12))
    coverage = diagnose(tree(v, dims={"rows": ["row"], "other": ["else"]})).coverage
    assert "tau of theta" in coverage and "sigma of" not in coverage
    assert v["rows"].shape == (CHAINS, DRAWS, 40)


@pytest.mark.parametrize("dim", ["effect", "chol_stds_dim_0"])
def test_each_of_several_sds_goes_with_its_own_effects(dim):
    """A vector of standard deviations, as an LKJ prior has it, and a table of effects."""
    sds = np.exp(noise(1, 2))
    v = {"chol_stds": sds, "r": sds[:, :, None, :] * noise(2, 8, 2)}
    coverage = diagnose(tree(v, dims={"chol_stds": [dim], "r": ["school", "effect"]})).coverage
    assert "chol_stds[0] of r (over school), chol_stds[1] of r (over school)" in coverage
