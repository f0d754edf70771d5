"""A printed model says what it is: equations, priors, data, plan."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from compiling import used_kernels

N = sl.priors


def table():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "y": rng.normal(size=12),
            "x": rng.normal(size=12),
            "o": np.ones(12),
            "s": np.full(12, 0.5),
            "k": rng.integers(0, 5, 12),
            "n": np.full(12, 5),
            "g": np.repeat(["a", "b", "c"], [3, 4, 5]),
        }
    )


def sections(model):
    """Return the printed lines of each section, without indentation."""
    head, *parts = (part.splitlines() for part in str(model).split("\n\n"))
    return {"": head} | {title: [line.strip() for line in lines] for title, *lines in parts}


def test_eight_schools_is_printed_whole():
    model = sl.Model(
        "y | se(se) ~ 1 + (1 | school)",
        sl.load_dataset("eight_schools"),
        priors={"Intercept": N.Normal(0, 5), "sd_school": N.HalfCauchy(5)},
    )
    s = sections(model)
    assert s[""] == ["y | se(se) ~ 1 + (1 | school)", "family gaussian, link identity"]
    assert s["Model"] == [
        "y[i] ~ Normal(eta, se)",
        "eta[i] = Intercept + r_school[school[i]]",
        "r_school[g][Intercept] ~ Normal(0, sd_school[Intercept])",
    ]
    assert s["Priors"] == ["Intercept             Normal(0, 5)", "sd_school[Intercept]  HalfCauchy(5)"]
    assert s["Data"][0] == "8 rows" and s["Data"][1].startswith("school: 8 levels, 1 row each")
    assert s["Plan"][0].startswith("- Integrated exactly: 1 population coefficient and 8 group effects, ")
    assert ": 1 hyperparameter, each draw accepted or refused" in s["Plan"][1]


@pytest.mark.parametrize(
    "formula, equation, distribution",
    [
        (
            "y ~ x + (1 + x | g)",
            "Intercept + b[x] x[i] + r_g[g[i]] + r_g[g[i]][x] x[i]",
            "Normal(eta, sigma)",
        ),
        ("y | se(s, sigma=True) ~ 1", "Intercept", "Normal(eta, sqrt(se^2 + sigma^2))"),
        ("y ~ 0 + x + offset(log(o))", "b[x] x[i] + offset log(o)[i]", "Normal(eta, sigma)"),
        ("y ~ 0 + (1 | g)", "r_g[g[i]]", "Normal(eta, sigma)"),
    ],
)
def test_the_linear_predictor_has_every_part(formula, equation, distribution):
    lines = sections(sl.Model(formula, table()))["Model"]
    assert lines[:2] == [f"y[i] ~ {distribution}", f"eta[i] = {equation}"]


def test_correlated_and_zero_sum_effects_say_so():
    lines = sections(sl.Model("y ~ x + (1 + x | gr(g, zero_sum=True))", table()))["Model"]
    assert "r_g[g][Intercept, x] ~ MultiNormal(0, D cor_g D), D = diag(sd_g)" in lines
    assert lines[-1] == "sum over g of each effect = 0: the population part is the mean of these levels"
    lines = sections(sl.Model("y ~ x + (1 + x || g)", table()))["Model"]
    assert lines[2:] == [f"r_g[g][{e}] ~ Normal(0, sd_g[{e}])" for e in ("Intercept", "x")]


def test_defaults_are_told_from_what_the_user_gave():
    s = sections(
        sl.Model("y ~ x + (1 + x | g)", table(), priors={"x": N.Normal(0, 1), "sd": N.HalfNormal(2)})
    )
    lines = {line.split("  ")[0]: line for line in s["Priors"]}
    assert set(lines) == {"Intercept", "x", "sd_g[Intercept]", "sd_g[x]", "cor_g", "sigma"}
    assert "default" not in lines["x"] and "Normal(0, 1)" in lines["x"]
    assert "default" not in lines["sd_g[x]"] and "HalfNormal(2)" in lines["sd_g[x]"]
    assert lines["Intercept"].endswith("default, on the mean at average columns")
    assert "LKJ(2)" in lines["cor_g"] and lines["cor_g"].endswith("default")
    assert lines["sigma"].endswith("default")


def test_an_intercept_alone_needs_no_word_on_average_columns():
    assert "average columns" not in str(sl.Model("y ~ 1 + (1 | g)", table()))


def test_merged_rows_and_level_sizes_are_counted():
    lines = sections(sl.Model("k | trials(n) ~ 1 + (1 | g)", table(), family="binomial"))["Data"]
    assert lines == [
        "12 rows, merged into 3 (equal in every predictor)",
        "g: 3 levels, 3 to 5 rows each; effects: Intercept",
    ]
    assert sections(sl.Model("k | trials(n) ~ x", table(), family="binomial"))["Data"] == ["12 rows"]


def test_a_plan_without_hyperparameters_says_so():
    fixed = {"sd_g": N.Fixed(1), "sigma": N.Fixed(1)}
    plan = sections(sl.Model("y ~ 1 + (1 | g)", table(), priors=fixed))["Plan"]
    assert plan[1] == "- No hyperparameter is left to sample: all are fixed."
    counts = sl.Model("k | trials(n) ~ 1 + (1 | g)", table(), "binomial", {"sd_g": N.Fixed(1)})
    assert "after whitening by the marginal: the transported effects." in sections(counts)["Plan"][1]


def test_the_plan_of_counts_is_transport():
    plan = sections(sl.Model("k | trials(n) ~ 1 + (1 | g)", table(), family="binomial"))["Plan"]
    assert plan[0].startswith("- Transported:") and "Hamiltonian" in plan[1]


def test_reprs_are_one_line():
    model = sl.Model("y ~ 1 + (1 | g)", table())
    assert repr(model) == "<shoal.Model 'y ~ 1 + (1 | g)', gaussian>"
    fit = model.fit(draws=10, chains=2, seed=1, cores=1)
    assert repr(fit) == "<shoal.Fit 'y ~ 1 + (1 | g)': 2 chains of 10 draws>"


def test_describing_counts_meetings_and_evaluates_nothing(monkeypatch):
    """The plan needs the size of the factor, and neither a density nor a sampler."""
    with used_kernels(monkeypatch) as used:
        model = sl.Model("y ~ x + (1 + x | g)", table())
        assert used == []
        str(model)
    assert {name.split(".")[2] for name in used} <= {"sparse", "pattern", "function_lists"}
