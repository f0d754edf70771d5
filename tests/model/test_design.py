"""From formula and table to arrays: levels, merging, refusals, warnings, and priors resolved from them."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refusals import refused
from shoal.errors import DataError, FormulaError, ModelError, PriorError, ShoalWarning
from shoal.families import get_family
from shoal.formula import parse
from shoal.model import Response, specify
from shoal.model.build_design import build
from shoal.model.merged_rows import merge
from shoal.priors import LKJ, Exponential, Fixed, Gamma, HalfNormal, Normal, StudentT
from shoal.tables import read

N = 12


def frame(**columns):
    rng = np.random.default_rng(4)
    base = {
        "y": rng.normal(size=N),
        "b": np.arange(N) % 2,
        "k": np.arange(N) % 3,
        "n": np.full(N, 4),
        "x": rng.normal(2, 3, N),
        "d": np.repeat([0.0, 1.0], N // 2),
        "w": np.full(N, 2.0),
        "s": np.linspace(0.5, 1, N),
        "g": np.arange(N) % 4,
    }
    return pd.DataFrame({**base, **columns})


def design(text, table=None, family="gaussian"):
    return build(parse(text), read(frame() if table is None else table), get_family(family))


def model(text, table=None, family="gaussian", **priors):
    return specify([Response(text, family)], read(frame() if table is None else table), priors)


LABELS = {
    "integers with holes": ([7, -2, 7, 100] * 3, [-2, 7, 100]),
    "text": (["b", "a", "c", "b"] * 3, ["a", "b", "c"]),
    "ordered as declared": (pd.Categorical(["b", "a", "c", "b"] * 3, ["c", "b", "a"]), ["c", "b", "a"]),
    "categories nobody has": (pd.Categorical(["b", "a"] * 6, ["a", "x", "b", "z"]), ["a", "b"]),
    "truth": ([True, False, False, True] * 3, [False, True]),
    "integer categories": (pd.Categorical([3, 1, 3, 2] * 3), [1, 2, 3]),
}


@pytest.mark.parametrize("kind", LABELS)
def test_levels_keep_their_labels_and_their_rows(kind):
    values, labels = LABELS[kind]
    group = design("y ~ 1 + (1 | g)", frame(g=values)).groups[0]
    assert group.labels.tolist() == labels
    assert group.labels[group.index].tolist() == list(values)
    assert group.counts.sum() == N and group.counts.min() > 0


def test_levels_of_an_interaction_are_pairs():
    table = frame(a=["u", "v"] * 6, g=[1, 1, 2, 2] * 3)
    group = design("y ~ 1 + (1 | a:g)", table).groups[0]
    assert group.labels.tolist() == ["u:1", "u:2", "v:1", "v:2"]
    assert group.labels[group.index].tolist() == [f"{a}:{g}" for a, g in zip(table.a, table.g, strict=True)]


def test_pairs_of_labels_that_would_read_alike_are_refused():
    table = frame(a=["u:v", "u", "u"] * 4, c=["w", "v:w", "z"] * 4)
    with refused("levels-alike", match="'u:v:w'"):
        design("y ~ 1 + (1 | a:c)", table)


def test_effects_are_the_columns_of_their_terms():
    d = design("y ~ x + (1 + x | g) + (0 + d || g)")
    (group,) = d.groups
    assert group.effects == ("Intercept", "x", "d")
    assert group.blocks == ((0, 1), (2,))
    np.testing.assert_array_equal(group.z, np.column_stack([np.ones(N), frame().x, frame().d]))
    assert d.columns == ("Intercept", "x") and not group.zero_sum
    assert design("y ~ 1 + (1 | gr(g, zero_sum=True))").groups[0].zero_sum


def test_response_parts_and_offsets():
    d = design("y | se(s) + weights(2 * w) ~ 1 + offset(x) + offset(d)")
    np.testing.assert_array_equal(d.rows.se, frame().s)
    np.testing.assert_array_equal(d.rows.weight, np.full(N, 4.0))
    np.testing.assert_allclose(d.offset, frame().x + frame().d)
    assert d.known_se and not d.se_sigma
    np.testing.assert_array_equal(design("k | trials(n) ~ 1", family="binomial").rows.trials, np.full(N, 4.0))


@pytest.mark.parametrize(
    ("name", "safe"), [("sigma", "b_sigma"), ("g", "b_g"), ("sd_g", "b_sd_g"), ("draw", "b_draw"), ("x", "x")]
)
def test_columns_named_like_a_parameter_are_told_apart(name, safe):
    table = frame(g=np.arange(N) % 4)
    table[name] = np.arange(N) % 3 + 0.5 if name != "g" else table["g"]
    assert design(f"y ~ 1 + {name} + (1 | g)", table).columns == ("Intercept", safe)


def test_slashes_stay_in_names():
    table = frame(**{"a/b": np.arange(N) % 3})
    assert design("y ~ 1 + I(x / w)").columns[1] == "I(x / w)"
    assert design("y ~ 1 + (1 | `a/b`)", table).groups[0].name == "a/b"


@given(st.integers(0, 2**16))
@settings(max_examples=20, deadline=None)
def test_merging_depends_on_predictors_and_never_on_the_response(seed):
    rng = np.random.default_rng(seed)
    levels = rng.permutation(np.arange(N) % 3)
    table = frame(x=rng.integers(0, 2, N) + np.eye(N)[0], g=levels, w=rng.uniform(1, 2, N))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ShoalWarning)  # a few tables are separated
        d = design("b | weights(w) ~ x + offset(d) + (1 + x | g)", table, "bernoulli")
    m = merge(d)
    keys = np.column_stack([d.offset, d.x, d.groups[0].z, d.groups[0].index])
    merged = keys[m.first]
    np.testing.assert_array_equal(merged[m.source], keys)
    assert len(merged) == len(np.unique(keys, axis=0)) and np.all(np.diff(merged[:, -1]) >= 0)
    w = d.rows.weight
    np.testing.assert_allclose(m.rows.y, np.bincount(m.source, w * d.rows.y))
    np.testing.assert_allclose(m.rows.trials, np.bincount(m.source, w))
    other = merge(d.with_response(rng.permutation(d.rows.y)))
    np.testing.assert_array_equal(other.source, m.source)
    np.testing.assert_array_equal(other.rows.trials, m.rows.trials)


def test_gaussian_rows_are_sorted_by_level_not_merged():
    d = design("y ~ 1 + (1 | g)")
    m = merge(d)
    index = d.groups[0].index[m.first]
    assert len(index) == N and np.all(np.diff(index) >= 0)
    np.testing.assert_array_equal(m.rows.y[m.source], d.rows.y)
    np.testing.assert_array_equal(index[m.source], d.groups[0].index)


REFUSED = [
    ("k | trials(n) ~ 1", {}, "gaussian", ModelError, r"trials\(...\), which family 'gaussian' does not"),
    ("b | se(s) ~ 1", {}, "bernoulli", ModelError, "neither trials nor se"),
    ("k ~ 1", {}, "binomial", ModelError, r"needs trials\(...\)(.|\n)*k \| trials\(n\) ~ 1$"),
    ("y ~ 1", {"y": ["high", "low"] * 6}, "gaussian", DataError, "'y' holds 'high', 'low', not numbers"),
    ("y ~ 1 + offset(g)", {"g": ["u", "v"] * 6}, "gaussian", DataError, "'g' holds 'u', 'v'"),
    ("y | se(s - 0.5) ~ 1", {}, "gaussian", DataError, r"not above zero in 1 row \(row 0: 0\)"),
    ("y | weights(-d) ~ 1", {}, "gaussian", DataError, "Weights '-d' are below zero in 6 rows .* 1 more"),
    ("y ~ 1 + (1 | g)", {"g": ["only"] * N}, "gaussian", DataError, r"'g' has one level \('only'\)"),
    ("y ~ 1 + (1 | g)", {"g": range(N)}, "gaussian", DataError, "Every one of the 12 rows is its own level"),
    ("y ~ 1 + (0 | g)", {}, "gaussian", FormulaError, "no effects"),
    ("y ~ 1 + (1 | g) + (x | g)", {}, "gaussian", ModelError, r"Intercept of grouping factor 'g' .*twice"),
    ("y ~ (1 | g) + (0 + x | gr(g, zero_sum=True))", {}, "gaussian", ModelError, "differ in zero_sum"),
    ("y ~ w", {}, "gaussian", DataError, "'w' has the same value, 2, in all 12 rows"),
    ("y ~ 1", {"y": [1.5] * N}, "gaussian", DataError, "same value, 1.5, in all 12 rows"),
    ("y ~ x", {"x": [np.nan, 1.0] * 6}, "gaussian", DataError, r"'x': 6 missing of 12"),
    ("y ~ x", {"x": [np.inf, *range(N - 1)]}, "gaussian", DataError, r"'x': 1 infinite of 12 \(row 0\)"),
    ("log(d) ~ 1", {}, "gaussian", DataError, r"log\(d\).* in 6 of 12 rows.*row 0"),
    ("y ~ sigma + b_sigma", {"sigma": range(N), "b_sigma": range(N)}, "gaussian", DataError, "are named"),
    ("b ~ 1", {"b": [0, 3] * 6}, "bernoulli", DataError, r"6 of 12 rows \(row 1: 3"),
]


@pytest.mark.parametrize(
    ("text", "columns", "family", "error", "message"), REFUSED, ids=[case[0] for case in REFUSED]
)
def test_tables_and_formulas_that_mean_nothing_are_refused(text, columns, family, error, message):
    with np.errstate(divide="ignore"), pytest.raises(error, match=f"(?s){message}"):
        design(text, frame(**columns), family)


def test_one_row_a_level_is_data_when_errors_are_known():
    assert len(design("y | se(s) ~ 1 + (1 | g)", frame(g=range(N))).groups[0].labels) == N
    assert len(design("y ~ 1 + (0 + x | g)", frame(g=range(N))).groups[0].labels) == N


SEPARATED = [
    ("b ~ x", {"x": np.linspace(-1, 1, N), "b": np.linspace(-1, 1, N) > 0.2}, "x"),
    ("b ~ x + d", {"b": np.repeat([0, 0, 1, 0, 1, 0], 2) * np.repeat([0, 1], 6)}, "d"),
    ("k | trials(n) ~ d", {"k": np.repeat([0, 2], 6)}, "d"),
]


@pytest.mark.parametrize(("text", "columns", "name"), SEPARATED, ids=[s[0] for s in SEPARATED])
def test_separation_is_said_with_its_column(text, columns, name):
    family = "binomial" if "trials" in text else "bernoulli"
    with pytest.warns(ShoalWarning, match=f"separation: {name} predicts"):
        design(text, frame(**columns), family)


def test_overlapping_responses_give_no_warning():
    """A warning is an error here, by the configuration of pytest."""
    design("b ~ x + d", family="bernoulli")
    design("b ~ d + (1 | g)", family="bernoulli")


@pytest.mark.parametrize("value", [0, 1])
def test_responses_all_alike_are_said(value):
    with pytest.warns(ShoalWarning, match=rf"All 12 responses sit at one edge \({value}\)"):
        design("b ~ 1", frame(b=[value] * N), "bernoulli")


def test_default_priors_have_the_scale_of_the_data():
    table = frame(y=100 + 10 * frame().y)
    found = model("y ~ x + (1 + x | g)", table).priors
    s = np.std(table.y)
    expected = {
        "Intercept": Normal(float(np.mean(table.y)), 2.5 * s),
        "x": Normal(0.0, 2.5 * s / np.std(table.x)),
        "sd_g[Intercept]": Exponential(1 / s),
        "sd_g[x]": Exponential(np.std(table.x) / s),
        "cor_g": LKJ(2.0),
        "sigma": Exponential(1 / s),
    }
    assert set(found) == set(expected)
    for name, prior in expected.items():
        assert found[name].default and type(found[name].prior) is type(prior)
        np.testing.assert_allclose(found[name].prior.params, prior.params)
    assert [name for name, p in found.items() if p.centered] == ["Intercept", "sd_g[Intercept]"]


@pytest.mark.parametrize("factor", [0.01, 1000.0])
def test_default_priors_follow_the_units_of_measurement(factor):
    one = model("y ~ x + (1 + x | g)").priors
    other = model("y ~ x + (1 + x | g)", frame(x=factor * frame().x)).priors
    np.testing.assert_allclose(other["x"].prior.sigma * factor, one["x"].prior.sigma)
    np.testing.assert_allclose(other["sd_g[x]"].prior.rate, one["sd_g[x]"].prior.rate * factor)
    assert other["Intercept"] == one["Intercept"]


def test_logit_scale_does_not_depend_on_the_responses_and_its_middle_does():
    one = model("b ~ x", frame(b=(np.arange(N) % 2 == 0).astype(int)), family="bernoulli").priors
    other = model("b ~ x", frame(b=(np.arange(N) % 3 == 0).astype(int)), "bernoulli").priors
    assert one["x"] == other["x"] and one["Intercept"].prior == Normal(0.0, 2.5)
    np.testing.assert_allclose(other["Intercept"].prior.params, (np.log(4.5 / 8.5), 2.5))


def test_the_most_specific_prior_wins():
    given_priors = {
        "b": Normal(0, 9),
        "x": StudentT(4),
        "sd": Exponential(1),
        "sd_g": Exponential(2),
        "sd_g[x]": HalfNormal(3),
        "Intercept": Normal(1, 1),
        "cor_g": LKJ(5),
    }
    found = model("y ~ x + d + (1 + x | g)", **given_priors).priors
    assert found["x"].prior == StudentT(4) and found["d"].prior == Normal(0, 9)
    assert found["sd_g[x]"].prior == HalfNormal(3) and found["sd_g[Intercept]"].prior == Exponential(2)
    assert found["cor_g"].prior == LKJ(5) and found["sigma"].default
    assert found["Intercept"].prior == Normal(1, 1) and not found["Intercept"].centered
    everywhere = model("y ~ x + (1 + x | g)", sd=Gamma(2, 2)).priors
    assert everywhere["sd_g[x]"].prior == everywhere["sd_g[Intercept]"].prior == Gamma(2, 2)


def test_slopes_alias_leaves_the_intercept_alone():
    assert model("y ~ x", b=Normal(0, 1)).priors["Intercept"].default


@pytest.mark.parametrize(
    ("priors", "message"),
    [
        ({"sd_h": Exponential(1)}, r"no parameter 'sd_h'[^?]*Did you mean 'sd_g'"),
        ({"zzz": Normal()}, r"Intercept, x, sd_g\[Intercept\], sd_g\[x\], cor_g, sigma, b, sd_g, sd, cor"),
        ({"sigma": Normal()}, "Normal has support 'real', 'sigma' is 'positive'"),
        ({"x": Exponential(1)}, "For 'x' use Normal, StudentT, Laplace or Fixed"),
        ({"cor_g": Normal()}, "For 'cor_g' use LKJ"),
        ({"cor_g": Fixed(0)}, "cannot be Fixed"),
        ({"sd_g": Fixed(-1)}, r"Fixed\(-1\)"),
        ({"x": 3}, "A prior such as"),
    ],
)
def test_priors_that_do_not_fit_are_refused(priors, message):
    with pytest.raises(PriorError, match=f"(?s){message}"):
        model("y ~ x + (1 + x | g)", **priors)


def test_correlations_have_a_prior_only_where_there_are_any():
    with refused("no-correlation", match="no parameter 'cor_g'"):
        model("y ~ x + (1 + x || g)", cor_g=LKJ(2))


def test_a_response_among_its_predictors_is_refused():
    for formula in ("y ~ x + y", "y ~ 1 + (1 + y | g)"):
        with refused("response-on-both-sides", match="'y' is the response and a predictor"):
            model(formula)
