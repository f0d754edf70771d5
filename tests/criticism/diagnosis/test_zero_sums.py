"""Effects that sum to zero: over which axis."""

import numpy as np
import pytest

from criticism.diagnosis.drawn import codes, finding, noise, tree
from shoal.criticism.diagnosis import diagnose

GROUPS, PREDICTORS = 12, 3
NAMED = {"tau": ["predictor"], "epsilon": ["group", "predictor"]}


def slopes(over, dtype=float, turned=False):
    """Effects (group, predictor), or turned, that sum to zero over one axis; a scale for each predictor."""
    effects = noise(1, GROUPS, PREDICTORS)
    axis = {"group": 2, "predictor": 3}[over]
    effects -= effects.mean(axis, keepdims=True)
    if turned:
        effects = np.swapaxes(effects, 2, 3)
    return {"tau": np.exp(0.2 * noise(2, PREDICTORS)), "epsilon": effects.astype(dtype)}


@pytest.mark.parametrize("dtype", [float, np.float32])
def test_the_wrong_axis_of_seed_003(dtype):
    d = diagnose(tree(slopes("predictor", dtype), dims=NAMED))
    said = finding(d, "zero-sum-axis")
    assert not d.trustworthy and codes(d) == ["zero-sum-axis"]
    assert "sums to zero over predictor" in said.evidence and "not over group" in said.evidence
    assert "tau has one value for each predictor" in said.evidence
    assert 'dims=("predictor", "group")).T' in said.remedy


def test_numbered_axes_are_told_apart_by_their_lengths():
    """Stan's arrays have no names for their dimensions."""
    said = finding(diagnose(tree(slopes("predictor"))), "zero-sum-axis")
    assert said.severity == "error" and "not over epsilon_dim_0" in said.evidence


@pytest.mark.parametrize("turned", [False, True])
def test_the_right_axis_makes_a_mean_of_these_levels(turned):
    dims = {"tau": ["predictor"], "epsilon": ["predictor", "group"] if turned else ["group", "predictor"]}
    d = diagnose(tree(slopes("group", turned=turned), dims=dims))
    assert codes(d) == ["finite-population"] and d.ok
    assert "epsilon sums to zero over group (12)" in next(iter(d)).evidence


def test_without_scales_the_longer_axis_seems_to_hold_the_levels():
    alone = {"epsilon": slopes("predictor")["epsilon"]}
    said = finding(diagnose(tree(alone, dims=NAMED)), "zero-sum-axis")
    assert said.severity == "warning" and "longer axis" in said.evidence
    alone = {"epsilon": slopes("group")["epsilon"]}
    assert codes(diagnose(tree(alone, dims=NAMED))) == ["finite-population"]


def test_more_effects_than_levels():
    """Twelve slopes, each with its own scale, in three groups that sum to zero: as it should be."""
    v = {"tau": np.exp(0.2 * noise(2, GROUPS)), "epsilon": slopes("predictor")["epsilon"]}
    dims = {"tau": ["slope"], "epsilon": ["slope", "region"]}
    assert codes(diagnose(tree(v, dims=dims))) == ["finite-population"]


def test_sums_over_both_axes_are_right_over_the_levels_too():
    both = slopes("predictor")
    both["epsilon"] -= both["epsilon"].mean(2, keepdims=True)
    assert codes(diagnose(tree(both, dims=NAMED))) == ["finite-population"]


def test_sums_near_zero_are_not_zero():
    v = slopes("predictor")
    v["epsilon"] += 1e-6 * noise(5, GROUPS, PREDICTORS)
    assert codes(diagnose(tree(v, dims=NAMED))) == []


def test_a_vector_that_sums_to_zero():
    effects = noise(3, GROUPS)
    effects -= effects.mean(-1, keepdims=True)
    d = diagnose(tree({"mu_g": effects}, dims={"mu_g": ["group"]}))
    assert codes(d) == ["finite-population"] and "just these levels" in next(iter(d)).evidence


def test_a_name_that_promises_a_zero_sum():
    d = diagnose(tree({"zero_sum_effects": noise(3, GROUPS)}, dims={"zero_sum_effects": ["group"]}))
    assert codes(d) == ["zero-sum"] and "none of its axes" in next(iter(d)).evidence
