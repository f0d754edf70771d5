"""Smooths: their columns are splines of the penalty that they claim, learnt once, replayed anywhere."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad_vec
from scipy.interpolate import CubicSpline

import shoal as sl
from curve_table import table
from refusals import refused
from shoal.errors import DataError, FormulaError, ModelError, PriorError, ShoalWarning
from shoal.formula import parse
from shoal.model.bases import splines

SEEDS = pytest.mark.parametrize("seed", range(3))


def basis_of(formula, frame, weight=None, constant=False):
    (term,) = parse(formula).curves
    weight = np.ones(len(frame)) if weight is None else weight
    return splines.learn(term, frame, weight, constant)


def covariance_of_penalty(knots, x, shift=0.0):
    """The kernel of functions given their values at knots, whose penalty is the integral of f''^2.

    By SciPy's natural splines and quadrature: with f the values at the knots, the penalty is ``f' S f``, and
    its covariance the pseudo-inverse of S. Straight lines have no penalty, and are projected out.
    """
    spline = CubicSpline(knots, np.eye(len(knots)), bc_type="natural")
    penalty = sum(
        quad_vec(lambda t: np.outer(spline(t, 2), spline(t, 2)), a, b)[0]
        for a, b in zip(knots[:-1], knots[1:], strict=True)
    )
    values = spline(x)
    return values @ np.linalg.pinv(penalty, rcond=1e-10, hermitian=True) @ values.T


def without(lines, matrix):
    """Project columns out of both sides."""
    q, _ = np.linalg.qr(lines)
    left = np.eye(len(q)) - q @ q.T
    return left @ matrix @ left


@SEEDS
@pytest.mark.parametrize("k", [3, 4, 10])
def test_coefficients_with_one_sd_are_the_penalty_of_second_derivatives(k, seed):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, 40)
    basis = basis_of(f"y ~ s(x, k={k})", pd.DataFrame({"x": x}))
    (margin,) = basis.margins
    ours = basis.columns(x[:, None]) @ basis.columns(x[:, None]).T
    unit = margin.knots[-1] - margin.knots[0]
    dense = covariance_of_penalty((margin.knots - margin.knots[0]) / unit, (x - margin.knots[0]) / unit)
    dense = without(np.column_stack([np.ones(40), x]), dense)
    np.testing.assert_allclose(ours, dense * 40 / np.trace(dense), atol=1e-9)


@SEEDS
def test_a_smooth_sums_to_zero_over_the_rows_and_has_no_slope_there(seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"x": rng.normal(5, 3, 60), "z": rng.uniform(-1, 1, 60)})
    weight = rng.choice([0.0, 0.5, 1.0, 3.0], 60)
    for formula in ("y ~ s(x)", "y ~ t2(x, z)", "y ~ t2(x, z, k=[3, 6])"):
        basis = basis_of(formula, frame, weight)
        x = frame[["x", "z"]].to_numpy()[:, : len(basis.margins)]
        columns, lines = basis.columns(x), np.column_stack([np.ones(60), basis.population(x)])
        np.testing.assert_allclose((weight[:, None] * lines).T @ columns, 0, atol=1e-8)
        for part in range(len(basis.parts)):
            own = (columns[:, basis.part_of == part] ** 2).sum(axis=1)
            np.testing.assert_allclose(np.average(own, weights=weight), 1.0)


def test_units_and_zeros_of_a_predictor_do_not_matter():
    x = np.random.default_rng(0).normal(size=50)
    one = basis_of("y ~ s(x)", pd.DataFrame({"x": x}))
    for unit, zero in ((1e-6, 0.0), (1e5, 0.0), (2.5, -1e4)):
        moved = x * unit + zero
        other = basis_of("y ~ s(x)", pd.DataFrame({"x": moved}))
        np.testing.assert_allclose(other.columns(moved[:, None]), one.columns(x[:, None]), atol=1e-7)


@pytest.mark.parametrize("formula", ["y ~ s(x, k=6)", "y ~ t2(x, z)"])
def test_a_smooth_goes_on_as_a_straight_line(formula):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"x": rng.uniform(0, 1, 40), "z": rng.uniform(0, 1, 40)})
    basis = basis_of(formula, frame)
    for end, step in ((frame.x.max(), 1.0), (frame.x.min(), -1.0)):
        far = end + step * np.array([1e-7, 2e-7, 0.5, 1.0, 1e6])
        at = np.column_stack([far, np.full(5, 0.3)])[:, : len(basis.margins)]
        columns = basis.columns(at)
        slope = (columns[1] - columns[0]) / (far[1] - far[0])
        np.testing.assert_allclose(columns[3], columns[2] + slope * 0.5 * step, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(
            columns[4], columns[3] + (columns[3] - columns[2]) * (1e6 - 1) / 0.5, rtol=1e-6
        )


def test_products_of_splines_are_those_of_three_penalties():
    """Over a grid, whose predictors are independent, each part is the product of its predictors' parts."""
    a, b = np.meshgrid(np.linspace(0, 1, 7), np.linspace(-3, 2, 9))
    frame = pd.DataFrame({"x": a.ravel(), "z": b.ravel()})
    basis = basis_of("y ~ t2(x, z, k=4)", frame)
    assert basis.parts == ("x", "z", "x:z") == basis.linear
    columns, grid = basis.columns(frame.to_numpy()), frame.to_numpy()
    kernel = {}
    for name, column in zip(("x", "z"), grid.T, strict=True):
        own = basis_of(f"y ~ s({name}, k=4)", frame)
        straight = np.column_stack([np.ones(63), (column - column.mean()) / column.std()])
        kernel[name] = own.columns(column[:, None]) @ own.columns(column[:, None]).T, straight @ straight.T
    expected = {
        "x": kernel["x"][0] * kernel["z"][1],
        "z": kernel["x"][1] * kernel["z"][0],
        "x:z": kernel["x"][0] * kernel["z"][0],
    }
    for part, name in enumerate(basis.parts):
        own = columns[:, basis.part_of == part]
        dense = expected[name] * 63 / np.trace(expected[name])
        np.testing.assert_allclose(own @ own.T, dense, atol=1e-9)


def test_population_columns_are_named_and_a_level_has_its_own():
    frame = table()
    model = sl.Model("y ~ f + s(x, by=f) + s(x, by=z)", frame).specification
    (design,) = model.designs
    expected = ["s(x, by=f)[a:linear]", "s(x, by=f)[b:linear]", "s(x, by=z)[constant]", "s(x, by=z)[linear]"]
    assert list(design.columns[-4:]) == expected
    away = frame.x - frame.x.mean()
    by_hand = [away * (frame.f == "a"), away * (frame.f == "b"), frame.z, frame.z * away]
    np.testing.assert_allclose(design.x[:, -4:], np.column_stack(by_hand), atol=1e-12)
    names = ["sds_s(x, by=f)[a]", "sds_s(x, by=f)[b]", "sds_s(x, by=z)"]
    assert [name for name in model.priors if name.startswith("sds")] == names


@pytest.mark.parametrize(
    ("formula", "error"),
    [
        ("y ~ s(x, k=2)", FormulaError),
        ("y ~ s(x, z)", FormulaError),
        ("y ~ s(x, by=2)", FormulaError),
        ("y ~ s(x):z", FormulaError),
        ("y ~ z + (s(x) | f)", FormulaError),
        ("y ~ s(x) + s(x, k=5)", FormulaError),
        ("y ~ s(x, bs='tp')", FormulaError),
        ("y ~ s(x, m=2)", FormulaError),
        ("y ~ t2(x)", FormulaError),
        ("y ~ t2(x, z, k=[4])", FormulaError),
        ("y ~ s(q)", DataError),  # five values for ten knots
        ("y ~ s(f)", DataError),
        ("y ~ s(x, by=nothing)", DataError),
        ("y ~ s(x, by=one)", DataError),
        ("y ~ x + s(x)", DataError),  # its straight part twice
        ("y ~ s(1)", DataError),
        ("y ~ s(y)", ModelError),
    ],
)
def test_what_is_no_smooth_is_refused(formula, error):
    with pytest.raises(error):
        sl.Model(formula, table().assign(one=1.0))


def test_too_few_values_are_answered_with_a_size_that_will_do():
    with refused("basis-size", match=r"s\(q, k=5\)"):
        sl.Model("y ~ s(q)", table())
    assert sl.Model("y ~ s(q, k=5)", table())


def test_a_prior_of_all_smooths_and_of_one():
    priors = {"sds": sl.priors.HalfNormal(2), "sds_s(z)": sl.priors.Exponential(3)}
    model = sl.Model("y ~ s(x) + s(z)", table(), priors=priors).specification
    assert str(model.priors["sds_s(x)"].prior) == "HalfNormal(2)"
    assert str(model.priors["sds_s(z)"].prior) == "Exponential(3)"
    with pytest.raises(PriorError):
        sl.Model("y ~ s(x)", table(), priors={"sds": sl.priors.Normal(0, 1)})


def test_the_curve_and_its_band_are_those_of_the_dense_prior():
    """Given its sd and sigma, the curve is a Gaussian process of known covariance."""
    frame, sd, sigma = table(), 0.8, 0.5
    priors = {
        "sds": sl.priors.Fixed(sd),
        "sigma": sl.priors.Fixed(sigma),
        "Intercept": sl.priors.Normal(0, 3),
        "b": sl.priors.Normal(0, 2),
    }
    fit = sl.Model("y ~ s(x, k=8)", frame, priors=priors).fit(draws=4000, seed=3, progress=False)
    new = pd.DataFrame({"x": np.linspace(frame.x.min(), frame.x.max(), 15)})
    x, at = frame.x.to_numpy(), new.x.to_numpy()
    both, n = np.concatenate([x, at]), len(x)
    knots = np.quantile(np.unique(x), np.linspace(0, 1, 8))
    bent = covariance_of_penalty(knots, both)
    # Lines fitted over the rows are taken from every function.
    lines = np.column_stack([np.ones(len(both)), both])
    left = np.eye(len(both))
    left[:, :n] -= lines @ np.linalg.pinv(lines[:n])
    bent = left @ bent @ left.T
    bent *= n / np.trace(bent[:n, :n])
    away = both - x.mean()
    prior = sd**2 * bent + 9.0 + 4.0 * np.outer(away, away)
    gain = prior[n:, :n] @ np.linalg.inv(prior[:n, :n] + sigma**2 * np.eye(n))
    mean = gain @ frame.y.to_numpy()
    band = np.sqrt(np.diag(prior[n:, n:] - gain @ prior[:n, n:]))
    drawn = fit.predict(new, kind="linear").values.reshape(-1, 15)
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=5 * (band / np.sqrt(len(drawn))).max())
    np.testing.assert_allclose(drawn.std(axis=0), band, rtol=5 / np.sqrt(2 * len(drawn)))


def test_predictions_beyond_the_fitted_values_are_warned_of():
    frame = table()
    fit = sl.Model("y ~ f + s(x, by=f, k=5)", frame).fit(draws=100, seed=1, progress=False)
    new = pd.DataFrame({"x": [frame.x.max() + 1.0], "f": ["a"]})
    with pytest.warns(ShoalWarning, match="straight line"):
        fit.predict(new)
    with pytest.raises(DataError):
        fit.predict(new.assign(f="c", x=0.0))
