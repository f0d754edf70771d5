"""Default priors speak of what columns span: no recoding of them changes what a model says of its rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import shoal as sl
from oracles import distances
from shoal.families import FAMILIES
from shoal.model.terms.coefficients import Coefficients
from shoal.model.terms.group_effects import GroupEffects
from sweeps import sparsely

few = settings(max_examples=8, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
SEEDS = st.integers(0, 2**16)
ROWS = 60
RESPONSES = {
    "gaussian": "y", "student": "y", "lognormal": "p", "gamma": "p", "exponential": "p", "poisson": "c",
    "negbinomial": "c", "zero_inflated_poisson": "c", "zero_inflated_negbinomial": "c",
    "zero_inflated_binomial": "m | trials(12)", "bernoulli": "b", "binomial": "k | trials(12)",
    "hurdle_poisson": "c", "hurdle_negbinomial": "c", "hurdle_gamma": "h", "hurdle_lognormal": "h",
    "zero_inflated_beta": "h", "zero_one_inflated_beta": "h", "ordered_beta": "h",
    "weibull": "p", "inverse_gaussian": "p", "beta_binomial": "k | trials(12)", "beta": "q",
    "cumulative": "t", "sratio": "t", "cratio": "t", "acat": "t", "categorical": "t",
    "skew_normal": "y", "von_mises": "a", "asym_laplace": "y",
    "multinomial": "cbind(k, m, 12 - m)", "dirichlet": "cbind(q, r)",
}  # fmt: skip
OVER = ("chain", "draw")


def table(seed):
    rng = np.random.default_rng(seed)
    share = rng.uniform(0.05, 0.95, ROWS)
    return pd.DataFrame(
        {
            "y": rng.normal(3, 2, ROWS), "p": rng.gamma(2, 1, ROWS), "c": rng.poisson(1.5, ROWS),
            "b": np.arange(ROWS) % 3 == 0, "k": rng.binomial(12, share), "q": share, "r": 1 - share,
            "m": rng.binomial(12, share) * (np.arange(ROWS) % 4 > 0),
            "h": share * (np.arange(ROWS) % 4 > 0), "t": np.arange(ROWS) % 4,
            "g": np.arange(ROWS) % 6, "x": rng.normal(2000, 6, ROWS),
            "z": rng.gamma(1, 1, ROWS), "a": rng.vonmises(0.5, 2.0, ROWS),
            "f": rng.permutation(list("abc") * 20),
        }
    ).astype({"b": int})  # fmt: skip


def test_every_family_is_among_them():
    assert set(RESPONSES) == set(FAMILIES)


def of_rows(formula, data, family):
    """Return prior mean and covariance of the rows' linear predictors, less cutpoints if there are any."""
    spec = sl.Model(formula, data, family).specification
    *_, term = (term for term in spec.terms if isinstance(term, Coefficients))
    mean, scale, _ = term.affine()
    columns = term.columns(np.arange(ROWS))
    return columns @ mean, columns @ scale @ scale.T @ columns.T


def same_prior(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(b).max())


@pytest.mark.parametrize("family", sparsely(sorted(RESPONSES), 1))
@given(seed=SEEDS)
@few
def test_columns_recoded_in_any_way_have_the_prior_they_had(family, seed):
    data, rng = table(seed), np.random.default_rng([seed, 1])
    x = data[["x", "z"]].to_numpy()
    recoded = (x - rng.normal(0, 10, 2)) @ rng.normal(size=(2, 2))
    other = data.assign(x=recoded[:, 0], z=recoded[:, 1])
    formula = f"{RESPONSES[family]} ~ x + z"
    same_prior(of_rows(formula, data, family), of_rows(formula, other, family))


BASES = [
    ("x + I(x**2)", "scale(x) + I(scale(x)**2)"),
    ("x + I(x**2)", "poly(x, 2)"),
    ("x * z", "center(x) * scale(z)"),
    ("f * z", "C(f, Sum) * center(z)"),
    ("f", "0 + f"),
    ("f + z", "0 + f + z"),
]
PAIRS = [
    (family, *pair)
    for family in sorted(RESPONSES)
    for pair in BASES
    if not (FAMILIES[family].ordinal and "0 +" in pair[1])  # cutpoints take the place of an intercept
]


@pytest.mark.parametrize(("family", "one", "other"), sparsely(PAIRS, share=5))
def test_bases_of_one_span_have_one_prior(family, one, other):
    y, data = RESPONSES[family], table(7)
    same_prior(of_rows(f"{y} ~ {one}", data, family), of_rows(f"{y} ~ {other}", data, family))


@pytest.mark.parametrize(("family", "slope"), [("gaussian", 0.1), ("bernoulli", 0.1)])
def test_an_interaction_with_a_year_is_what_it_is_with_a_centred_one(family, slope):
    """The case that showed it: 400 rows, years 2001 to 2020, twenty levels."""
    rng = np.random.default_rng(3)
    g, year, z = rng.integers(0, 20, 400), rng.integers(2001, 2021, 400), rng.normal(size=400)
    eta = 0.3 * z + slope * (year - 2010) * z + 0.5 * rng.normal(size=20)[g]
    w = eta + rng.normal(size=400) if family == "gaussian" else rng.random(400) < 1 / (1 + np.exp(-eta))
    data = pd.DataFrame({"w": w.astype(float), "year": year, "late": year - 2010, "z": z, "g": g})
    fits = [sl.Model(f"w ~ {name} * z + (1 | g)", data, family).fit(seed=1) for name in ("year", "late")]
    one, other = (f.tree["posterior"][f"{n}:z"].values for f, n in zip(fits, ("year", "late"), strict=True))
    assert abs(one.mean() - slope) < 4 * one.std()
    assert abs(distances(one[..., None], other[..., None])).max() < 4.5


def group_effects(formula, data, family):
    """Return rates of sds, and what effects do in the rows: columns at average columns, and levels."""
    spec = sl.Model(formula, data, family).specification
    *_, term = (term for term in spec.terms if isinstance(term, GroupEffects))
    part = spec.parts[-1]
    sds = [term.hyperparameters()[f"{part.prefix}sd_g[{effect}]"].rate for effect in ("Intercept", "x")]
    return sds, term.columns(part, np.arange(ROWS)), part.groups[0].index


@pytest.mark.parametrize("family", sparsely(sorted(RESPONSES)))
@given(seed=SEEDS)
@few
def test_a_slope_of_levels_has_one_prior_wherever_its_column_is_zero(family, seed):
    data, rng = table(seed), np.random.default_rng([seed, 2])
    shift, unit = rng.normal(0, 5000), rng.lognormal(0, 2)
    formula = f"{RESPONSES[family]} ~ x + (1 + x | g)"
    sds, z, level = group_effects(formula, data, family)
    theirs, z_other, level_other = group_effects(formula, data.assign(x=(data["x"] - shift) / unit), family)
    np.testing.assert_array_equal(level, level_other)
    np.testing.assert_allclose(z, z_other * np.tile([1, unit], z.shape[1] // 2), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(sds, np.multiply(theirs, [1, unit]), rtol=1e-9)


def test_days_near_18_000_are_days_from_their_middle():
    rng = np.random.default_rng(1)
    site, days = np.repeat(np.arange(15), 30), 18000 + rng.uniform(0, 60, 450)
    slopes = rng.normal(0.01, 0.02, 15)
    y = 0.5 * rng.normal(size=15)[site] + slopes[site] * (days - 18030) + rng.normal(size=450)
    data = pd.DataFrame({"y": y, "days": days, "late": days - 18030, "site": site})
    one, other = (sl.Model(f"y ~ {x} + ({x} | site)", data).fit(seed=1) for x in ("days", "late"))
    own, theirs = one.tree["posterior"], other.tree["posterior"]
    pairs = [(own["sigma"], theirs["sigma"]), (own["sd_site"][..., 1], theirs["sd_site"][..., 1])]
    for found, expected in pairs:
        np.testing.assert_allclose(found.mean(), expected.mean(), rtol=1e-3)
    np.testing.assert_allclose(
        own["r_site"][..., 1].mean(OVER), theirs["r_site"][..., 1].mean(OVER), atol=1e-4
    )
    at_middle = own["r_site"][..., 0] + 18030 * own["r_site"][..., 1]
    np.testing.assert_allclose(at_middle.mean(OVER), theirs["r_site"][..., 0].mean(OVER), atol=1e-3)
    assert own["sigma"].mean() < 1.15 and one.diagnose().ok


def test_an_independent_intercept_has_room_at_zero():
    data = table(2)
    sds = sl.Model("y ~ x + (1 + x || g)", data).priors
    spread = data["x"].std(ddof=0)
    wide = np.hypot(1, data["x"].mean() / spread) * data["y"].std(ddof=0)
    np.testing.assert_allclose(1 / sds["sd_g[Intercept]"].rate, wide)
