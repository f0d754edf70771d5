"""Levels whose rows scatter more than the model says are named; those of a model that holds are not."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl

LEVELS, ROWS, ODD = 12, 12, 3


def table(seed, noise=1.0):
    """Return rows of four kinds of response; those of one level have `noise` times the noise, or some."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(LEVELS), ROWS)
    x, scale = rng.normal(size=g.size), np.where(g == ODD, noise, 1.0)
    eta = 0.5 * x + 0.7 * rng.normal(size=LEVELS)[g]
    apart = (scale - 1) * rng.normal(size=g.size)
    return pd.DataFrame(
        {
            "g": np.array([f"site{i}" for i in range(LEVELS)])[g],
            "x": x,
            "y": eta + scale * rng.normal(size=g.size),
            "w": np.exp(eta + scale * rng.normal(size=g.size)),
            "count": rng.poisson(np.exp(1.5 + eta + apart)),
            "k": rng.binomial(30, 1 / (1 + np.exp(-eta - apart))),
            "mark": pd.Categorical(
                np.clip(np.round(2 * eta + rng.logistic(size=g.size)), -2, 2), ordered=True
            ),
            "n": 30,
        }
    )


def named(formula, data, family="gaussian"):
    fit = sl.Model(formula, data, family).fit(seed=1, cores=1, draws=400)
    return [f for f in fit.diagnose() if f.code == "misfit-by-level"]


@pytest.mark.parametrize(
    ("formula", "family", "noise", "remedy"),
    [
        ("y ~ x + (1 | g)", "gaussian", 4, "family='student'"),
        ("y ~ x + (1 | g)", "gaussian", 16, "family='student'"),
        ("w ~ x + (1 | g)", "lognormal", 4, "family='student' for the logarithm"),
        ("count ~ x + (1 | g)", "poisson", 2.5, "family='negbinomial'"),
        ("k | trials(n) ~ x + (1 | g)", "binomial", 2.5, "family='beta_binomial'"),
    ],
)
def test_a_level_with_more_noise_than_others_is_named_with_the_family_that_has_room_for_it(
    formula, family, noise, remedy
):
    (finding,) = named(formula, table(1, noise), family)
    assert finding.severity == "warning" and finding.evidence.startswith("1 of 12 levels of g has")
    assert f"site{ODD} (" in finding.evidence and f"{ROWS} rows" in finding.evidence
    assert remedy in finding.remedy


@pytest.mark.parametrize(
    ("formula", "family"),
    [
        ("y ~ x + (1 | g)", "gaussian"),
        pytest.param("y ~ x + (1 | g)", "student", marks=pytest.mark.slow),
        pytest.param("count ~ x + (1 | g)", "poisson", marks=pytest.mark.slow),
        pytest.param("k | trials(n) ~ x + (1 | g)", "binomial", marks=pytest.mark.slow),
        pytest.param("mark ~ x + (1 | g)", "cumulative", marks=pytest.mark.slow),
    ],
)
def test_levels_of_a_model_that_holds_are_not_named(formula, family):
    assert [found for seed in range(4) for found in named(formula, table(seed), family)] == []


def test_a_family_with_room_for_the_noise_answers_the_finding():
    assert named("y ~ x + (1 | g)", table(1, 4), "student") == []


@pytest.mark.parametrize(
    ("formula", "family", "remedy"),
    [
        ("count ~ x + (1 | g)", "poisson", "family='negbinomial'"),
        ("k | trials(n) ~ x + (1 | g)", "binomial", "family='beta_binomial'"),
    ],
)
def test_where_most_levels_have_too_much_noise_it_is_the_family(formula, family, remedy):
    rng, data = np.random.default_rng(3), table(2)
    eta = 1.5 + 1.2 * rng.normal(size=len(data))
    data = data.assign(count=rng.poisson(np.exp(eta)), k=rng.binomial(30, 1 / (1 + np.exp(-eta))))
    (finding,) = named(formula, data, family)
    assert repr(family) in finding.evidence and finding.remedy.startswith(remedy)
    assert "rows of" not in finding.remedy
