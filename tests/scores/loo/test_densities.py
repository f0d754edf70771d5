"""Densities of what is left out, against plain quadrature and the plain densities of the rows."""

from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from drawn import at, drawn, row_densities
from scipy.integrate import quad
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm, t

import shoal as sl
from posterior.cases import (
    ALL,
    BINOMIAL,
    COUNTS_AND_OTHERS,
    CROSSED,
    GAUSSIAN,
    LATENT,
    ORDERED,
    STUDENT_EFFECTS,
    TWO_GAUSSIAN,
    TWO_SCALES,
    Case,
)
from posterior.density import linear_predictor
from refusals import refused
from shoal.estimands.predictive import as_dataset
from shoal.fit.results import Results
from shoal.model.design import Design
from shoal.model.prior_draws import draw_prior
from shoal.priors import Fixed
from shoal.scores.loo import levels
from shoal.scores.loo.densities import densities
from shoal.scores.loo.factors import factors_of
from shoal.scores.loo.result import unreliable
from shoal.scores.loo.units import inside, level_of_row, units_of
from sweeps import sparsely


def found(results, unit, **options):
    units = units_of(results.model, unit)
    blocks = list(densities(results, units, np.arange(len(units.labels)), 1, **options))
    order = np.argsort(np.concatenate([b.units for b in blocks]))
    values = np.concatenate([b.values for b in blocks], axis=1)[:, order]
    methods = [m for b in blocks for m in b.method]
    return units, values, [methods[i] for i in order], np.concatenate([b.error for b in blocks])[order]


@pytest.mark.parametrize("case", sparsely(ALL, 1), ids=str)
def test_rows_have_the_plain_density_of_all_responses(case):
    results = drawn(case)
    _, values, methods, _ = found(results, "row")
    assert set(methods) == {"none"}
    for draw in range(len(values)):
        parameters = at(results, draw)
        plain = sum(
            row_densities(d, linear_predictor(d, parameters), parameters) for d in results.model.designs
        )
        np.testing.assert_allclose(values[draw], plain, rtol=1e-9, atol=1e-9)


def root_of(results, group, parameters):
    """Return a square root of the covariance of a level's effects."""
    sd = np.asarray(parameters[group.sd])
    if not group.correlated:
        return np.diag(sd)
    return sd[:, None] * np.linalg.cholesky(np.asarray(parameters[group.cor]))


def by_quadrature(results, units, unit, parameters, nodes, far=30.0):
    """Return the log density of a unit's rows, the effects of its own levels integrated on a plain grid.

    The effects are standard normals u times a root of their covariance, `nodes` of each from -far to far;
    linear predictors are affine in u.
    """
    model = results.model
    rows = units.of_row == unit
    pieces = []  # variable, level, root
    for place in inside(model, units):
        for level in np.flatnonzero(place.home == unit):
            for _, group in place.factor.groups:
                pieces.append((group.r, level, root_of(results, group, parameters)))
            for latent in place.factor.latents:
                pieces.append((f"latent_{latent}", level, np.eye(1)))
    size = sum(len(root) for *_, root in pieces)

    def predictors(u):
        changed = {name: np.array(value, float) for name, value in parameters.items()}
        ends = np.cumsum([len(root) for *_, root in pieces])[:-1]
        for (name, level, root), part in zip(pieces, np.split(u, ends), strict=True):
            effects = root @ part
            changed[name][level] = effects if changed[name].ndim == 2 else effects[0]
        return [linear_predictor(d, changed)[rows] for d in model.designs]

    base = predictors(np.zeros(size))
    axis = np.linspace(-far, far, nodes)
    grid = np.stack(np.meshgrid(*[axis] * size, indexing="ij"), axis=-1).reshape(-1, size)
    total = -0.5 * (grid**2).sum(1) - 0.5 * size * np.log(2 * np.pi) + size * np.log(axis[1] - axis[0])
    for k, design in enumerate(model.designs):
        columns = [predictors(one)[k] - base[k] for one in np.eye(size)]
        own = design.changed(partial(Design.at, kept=np.flatnonzero(rows)))
        total = total + row_densities(own, base[k] + grid @ np.array(columns), parameters).sum(1)
    return logsumexp(total)


ONE_EFFECT = [
    GAUSSIAN[7],
    CROSSED[0],
    TWO_SCALES[2],
    BINOMIAL[1],
    BINOMIAL[7],
    Case("b | weights(w) ~ x1 + (0 + x2 | g)", "bernoulli"),
    COUNTS_AND_OTHERS[0],
    COUNTS_AND_OTHERS[2],
    *(case for case in COUNTS_AND_OTHERS[4:] if "1 + x1 | g" not in case.formula),
    ORDERED[0],
    *(case for case in ORDERED if "thres(gr=i) ~ x" in case.formula or "cs(x2)" in case.formula),
    LATENT[0],
    TWO_GAUSSIAN[2],
    Case("p | weights(w) ~ x1 + (1 | g)", "lognormal"),
]


@pytest.mark.parametrize("case", sparsely(ONE_EFFECT), ids=str)
def test_one_effect_is_integrated_as_on_a_fine_grid(case):
    results = drawn(case, draws=2, seed=1)
    units, values, methods, error = found(results, "g")
    assert set(methods) <= {"exact", "quadrature"}
    for draw, unit in product(range(2), range(len(units.labels))):
        expected = by_quadrature(results, units, unit, at(results, draw), 2_001)
        np.testing.assert_allclose(values[draw, unit], expected, atol=1e-6 + 2 * error[unit])
    assert error.max() < 1e-3


def gaussian_levels(results, units, unit, parameters):
    """Return the multivariate normal log density of a unit's rows, its own levels' effects integrated."""
    (design,) = results.model.designs
    rows = np.flatnonzero(units.of_row == unit)
    changed = {name: np.array(value, float) for name, value in parameters.items()}
    sigma = changed.get("sigma", 0.0)
    covariance = np.diag(np.asarray(design.rows.se)[rows] ** 2 + sigma**2)
    for place in inside(results.model, units):
        for _, group in place.factor.groups:
            root = root_of(results, group, parameters)
            for level in np.flatnonzero(place.home == unit):
                z = np.where((group.index[rows] == level)[:, None], group.z[rows], 0.0) @ root
                covariance += z @ z.T
                changed[group.r][level] = 0.0
    mean = linear_predictor(design, changed)[rows]
    return multivariate_normal(mean, covariance).logpdf(np.asarray(design.rows.y)[rows])


@pytest.mark.parametrize(
    "case",
    [
        *(GAUSSIAN[9], GAUSSIAN[10], GAUSSIAN[11], GAUSSIAN[12], *CROSSED[:3], CROSSED[4], TWO_SCALES[0]),
        Case("y ~ x1 + (1 + x2 | g/i)", "gaussian"),
        Case("y ~ x1 + (1 + x2 | g/i) + (1 | g:h)", "gaussian"),
    ],
    ids=str,
)
def test_gaussian_levels_have_their_multivariate_normal_density(case):
    results = drawn(case)
    for unit in ("g", "i") if "i)" in case.formula else ("g",):
        units, values, methods, error = found(results, unit)
        assert set(methods) == {"exact"} and not error.any()
        for draw, u in product(range(len(values)), range(len(units.labels))):
            expected = gaussian_levels(results, units, u, at(results, draw))
            np.testing.assert_allclose(values[draw, u], expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    "case", [Case("b ~ x1 + (1 + x2 || g)", "bernoulli"), Case("c ~ x1 + (1 + x1 | g)", "poisson")], ids=str
)
def test_several_effects_are_integrated_without_bias_and_with_honest_errors(case):
    results = drawn(case, draws=1)
    # Many equal draws: each has a set of points of its own, as far as these go.
    many = type(results)(results.model, results.tree.isel(draw=np.zeros(64, int)))
    units, values, methods, error = found(many, "g")
    assert set(methods) == {"importance sampling"}
    for unit in range(len(units.labels)):
        expected = by_quadrature(results, units, unit, at(results, 0), 601, far=12.0)
        ratio = np.exp(values[:, unit] - expected)
        assert abs(ratio.mean() - 1) < 4 * ratio.std(ddof=1) / 8
        # Quasi-random points do better than the error that takes them for random ones.
        assert ratio.std(ddof=1) < 1.2 * error[unit]
        assert error[unit] < 0.2


def test_levels_inside_a_unit_are_integrated_with_it():
    """Of g/h, the levels of g:h lie inside those of g: (1 | g) and (1 | g:h) are one integral."""
    case = Case("b ~ x1 + (1 | g/h)", "bernoulli", {})
    results = drawn(case, draws=1)
    many = type(results)(results.model, results.tree.isel(draw=np.zeros(64, int)))
    units, values, *_ = found(many, "g")
    places = {place.factor.name: place for place in inside(results.model, units)}
    assert (places["g"].home == np.arange(4)).all() and (places["g:h"].home >= 0).all()
    levels = 1 + np.bincount(places["g:h"].home, minlength=4)
    for unit in np.flatnonzero(levels <= 3):
        expected = by_quadrature(results, units, unit, at(results, 0), 81, far=8.0)
        ratio = np.exp(values[:, unit] - expected)
        assert abs(ratio.mean() - 1) < 4 * ratio.std(ddof=1) / 8 + 1e-3


@pytest.mark.parametrize(
    "case", [STUDENT_EFFECTS[0], Case("b ~ 1 + (1 | gr(g, dist='student'))", "bernoulli")]
)
def test_student_effects_are_integrated_under_their_heavy_tails(case):
    results = drawn(case, draws=2)
    units, values, methods, _ = found(results, "g")
    assert set(methods) == {"quadrature"}
    (design,) = results.model.designs
    for draw, unit in product(range(2), range(len(units.labels))):
        parameters = at(results, draw)
        rows = units.of_row == unit
        sd, nu = float(parameters["sd_g"][0]), float(parameters["nu_g"])

        def density(r, parameters=parameters, rows=rows, sd=sd, nu=nu, unit=unit):
            changed = {name: np.array(value, float) for name, value in parameters.items()}
            changed["r_g"][unit] = r
            eta = linear_predictor(design, changed)
            return np.exp(row_densities(design, eta, changed)[rows].sum() + t(nu, 0, sd).logpdf(r))

        width = sd * 400
        points = np.array([-50, -10, -3, -1, 0, 1, 3, 10, 50]) * sd
        expected = quad(density, -width, width, points=points, limit=400)[0]
        np.testing.assert_allclose(values[draw, unit], np.log(expected), atol=2e-3)


def test_levels_without_a_population_keep_their_drawn_effects():
    for formula in ("b ~ 1 + (1 | gr(g, zero_sum=True))", "b ~ 1 + (1 | gr(g, cov=K))"):
        results = drawn(Case(formula, "bernoulli"))
        units, values, methods, _ = found(results, "g")
        assert set(methods) == {"none"}
        rows = found(results, "row")[1]
        for unit in range(len(units.labels)):
            np.testing.assert_allclose(values[:, unit], rows[:, units.of_row == unit].sum(1))


def test_units_of_several_levels_are_sums_of_rows():
    """x1 is no factor, and cuts through the levels of h: nothing is integrated, whatever is merged."""
    results = drawn(Case("k | trials(n) ~ x1 + (1 | h)", "binomial"))
    units, values, methods, _ = found(results, "x1")
    assert set(methods) == {"none"} and len(units.labels) == 3
    rows = found(results, "row")[1]
    for unit in range(3):
        np.testing.assert_allclose(values[:, unit], rows[:, units.of_row == unit].sum(1))


@pytest.mark.parametrize("addition", ["", " + weights(w)"])
def test_trials_are_bernoulli_rows(addition):
    results = drawn(Case(f"k | trials(n){addition} ~ x1 + (1 | g)", "binomial"))
    units, values, *_ = found(results, "trial")
    (design,) = results.model.designs
    assert units.singles.number.sum() == design.rows.trials.sum()
    success = units.singles.each.y == 1
    assert units.singles.number[success].sum() == design.rows.y.sum()
    for draw in range(len(values)):
        eta = linear_predictor(design, at(results, draw))[units.singles.row]
        sign = np.where(success, 1.0, -1.0)
        weight = design.rows.weight[units.singles.row]
        np.testing.assert_allclose(values[draw], -weight * np.logaddexp(0, -sign * eta))


def test_trials_that_hang_together_are_not_left_out_one_by_one():
    """Those of a beta-binomial row share a probability: the others of the row tell about one."""
    results = drawn(Case("k | trials(n) ~ x1 + (1 | g)", "beta_binomial"))
    with refused("unit-not-counted"):
        units_of(results.model, "trial")


def test_a_row_that_is_all_of_a_level_is_integrated_once_it_is_unseen():
    results = drawn(Case("b ~ x1 + (1 | i)", "bernoulli"))
    units, values, *_ = found(results, "row", alone=True)
    factor = factors_of(results.model)[0]
    level = level_of_row(factor)
    counts = np.bincount(level, minlength=factor.levels)
    seen = found(results, "row")[1]
    alone = counts[level] == 1
    np.testing.assert_allclose(values[:, ~alone], seen[:, ~alone])
    if alone.any():
        by_level = found(results, "i")[1]
        np.testing.assert_allclose(values[:, alone], by_level[:, level[alone]])


@pytest.mark.parametrize("case", [BINOMIAL[1], CROSSED[4]], ids=str)
def test_draws_of_large_levels_are_taken_in_parts(case, monkeypatch):
    results = drawn(case, draws=6)
    whole = found(results, "g")
    monkeypatch.setattr(levels, "LARGEST", 3 * int(whole[0].sizes.max()))
    monkeypatch.setattr(levels, "BLOCK", 1)
    parts = found(results, "g")
    np.testing.assert_allclose(parts[1], whole[1], rtol=1e-12)
    assert parts[2] == whole[2]
    np.testing.assert_allclose(parts[3], whole[3], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("scale", [1.0, 1000.0])
@pytest.mark.parametrize("family", ["student", "gaussian"])
def test_integrals_do_not_depend_on_the_unit_of_the_response(family, scale):
    """Outlying levels and rows far from their mean, which short steps from the mean would not reach."""
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(6), 8)
    r = 2 * rng.normal(size=6)
    r[0] = 9.0
    y = (r[g] + 0.5 * rng.normal(size=48)) * scale
    term = "(1 | g)" if family == "student" else "(1 | gr(g, dist='student'))"
    nu = "nu" if family == "student" else "nu_g"
    priors = {"Intercept": Fixed(0.0), "sd_g": Fixed(2 * scale), "sigma": Fixed(0.5 * scale), nu: Fixed(4.0)}
    model = sl.Model(f"y ~ 1 + {term}", {"y": y, "g": g}, family=family, priors=priors).specification
    values = draw_prior(model, rng, 1)
    tree = xr.DataTree.from_dict({"posterior": as_dataset(model, values, 1)})
    _, found_values, methods, error = found(Results(model, tree), "g")
    x = np.linspace(-60, 60, 240_001) * scale
    for level in range(6):
        own = y[g == level, None]
        if family == "student":
            each = norm(0, 2 * scale).logpdf(x) + t(4, x, 0.5 * scale).logpdf(own).sum(0)
        else:
            each = t(4, 0, 2 * scale).logpdf(x) + norm(x, 0.5 * scale).logpdf(own).sum(0)
        exact = logsumexp(each) + np.log(x[1] - x[0])
        np.testing.assert_allclose(found_values[0, level], exact, atol=1e-3)
    assert set(methods) == {"quadrature"} and error.max() < 1e-3


def test_integrals_that_are_too_coarse_are_not_relied_on():
    table = pd.DataFrame(
        {
            "pareto_k": [0.1, 0.1, np.nan, np.nan, 0.9],
            "integral_error": [0.05, 0.2, 0.2, 0.5, 0.0],
            "method": ["psis", "psis", "refit", "refit", "psis"],
        }
    )
    np.testing.assert_array_equal(unreliable(table, 0.7), [False, True, False, True, True])
