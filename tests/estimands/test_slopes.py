"""Slopes equal derivatives worked out by hand, and the figures that marginaleffects publishes."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from estimand_cases import from_prior
from scipy.special import expit
from test_predictor_effects import DATA, draws

import shoal as sl
from refusals import refused
from shoal.api import Fit
from shoal.errors import DataError, ModelError
from shoal.estimands import adjusted, predictions, predictor_effects, slopes
from shoal.estimands.slopes import weights_at
from shoal.fit.results import Results


@pytest.fixture(scope="module")
def binary():
    priors = {"b": sl.priors.Normal(0, 1), "sd": sl.priors.HalfNormal(1)}
    return from_prior("b ~ x + z + c + (1 + x | g)", DATA, family="bernoulli", priors=priors)


def rate_and_slope(fit):
    """Return probabilities and slopes of the rows of the data, (chain, draw, row)."""
    r = fit.results.posterior["r_g"].sel(g=DATA["g"].to_numpy()).values
    slope = draws(fit, "x")[..., None] + r[..., 1]
    eta = draws(fit, "Intercept")[..., None] + draws(fit, "z")[..., None] * DATA["z"].to_numpy()
    eta = eta + draws(fit, "c[T.high]")[..., None] * (DATA["c"] == "high").to_numpy()
    p = expit(eta + r[..., 0] + slope * DATA["x"].to_numpy())
    return p, p * (1 - p) * slope


def test_weights_differentiate_polynomials_of_the_eighth_degree():
    place, nodes = np.linspace(-1, 9, 9), np.arange(9.0)
    for degree in range(9):
        expected = degree * place ** max(degree - 1, 0)
        np.testing.assert_allclose(weights_at(place) @ nodes**degree, expected, rtol=1e-8, atol=1e-7)


@pytest.mark.parametrize("kind", ["dydx", "eyex", "eydx", "dyex"])
def test_average_slopes_are_those_of_the_rows(binary, kind):
    """A derivative is that of an interpolation, whose differences are over steps of a thousandth."""
    p, slope = rate_and_slope(binary)
    x = DATA["x"].to_numpy()
    expected = {"dydx": slope, "eyex": slope * x / p, "eydx": slope / p, "dyex": slope * x}[kind].mean(-1)
    out = binary.slope("x", kind=kind)
    np.testing.assert_allclose(out.draws[..., 0], expected, rtol=1e-11, atol=1e-12)
    assert "mean over the 96 rows" in out.population and "x" in out.scale


def test_slopes_at_values_for_each_category(binary):
    out = binary.slope({"x": [0.0, 1.0]}, by="c", over="typical")
    beta = draws(binary, "x")[..., None]
    eta = draws(binary, "Intercept")[..., None] + draws(binary, "z")[..., None] * DATA["z"].mean()
    for i, (high, x) in enumerate([(0, 0.0), (0, 1.0), (1, 0.0), (1, 1.0)]):
        p = expit(eta + draws(binary, "c[T.high]")[..., None] * high + beta * x)
        np.testing.assert_allclose(out.draws[..., [i]], p * (1 - p) * beta, rtol=1e-11, atol=1e-12)
    assert out.table["c"].tolist() == ["low", "low", "high", "high"]
    typical = binary.slope("x", over="typical")
    assert typical.table["term"].tolist() == ["x"] and "x=" in typical.population


@pytest.mark.parametrize(
    ("formula", "name", "derivative"),
    [
        ("y ~ x", "x", lambda f, x: draws(f, "x")[..., None] + 0 * x),
        (
            "y ~ x + I(x ** 2) + I(x ** 3)",
            "x",
            lambda f, x: (
                draws(f, "x")[..., None]
                + 2 * draws(f, "I(x ** 2)")[..., None] * x
                + 3 * draws(f, "I(x ** 3)")[..., None] * x**2
            ),
        ),
        (
            "y ~ x * z",
            "z",
            lambda f, z: draws(f, "z")[..., None] + draws(f, "x:z")[..., None] * DATA["x"].mean(),
        ),
        ("y ~ z + offset(3 * x)", "x", lambda f, x: 3.0 + 0 * draws(f, "z")[..., None] * x),
    ],
)
def test_slopes_of_linear_predictors(formula, name, derivative):
    fit = from_prior(formula, DATA, draws=20)
    low, high = DATA[name].min(), DATA[name].max()
    values = np.array([low, (low + high) / 2, high])
    out = fit.slope({name: values.tolist()}, over="typical")
    np.testing.assert_allclose(out.draws, derivative(fit, values) + 0 * out.draws, rtol=1e-8, atol=1e-8)


@pytest.fixture
def predicted(monkeypatch):
    """Count the rows that are predicted."""
    counts = []

    def predict(results, rows, *arguments, **settings):
        counts.append(len(rows))
        return predictions.predict(results, rows, *arguments, **settings)

    monkeypatch.setattr(adjusted, "predict", predict)
    return counts


@pytest.mark.parametrize(
    ("formula", "x", "expected"),
    [
        ("y ~ x * z + (1 + x | g)", "x", 2 * 96),  # at both ends: 96 values of z
        ("y ~ x + c + (1 + x | g)", "x", 2 * 16),  # the 8 levels and 2 categories
        ("y ~ z + offset(x) + (1 | g)", "x", 2 * 96),
        ("y ~ I(x ** 2) + (1 | g)", "x", 9 * 96),
        ("y ~ z + s(x, k=4)", "x", 9 * 96),
        ("y ~ z + offset(2 * x)", "x", 9 * 96),
    ],
)
def test_what_is_linear_is_predicted_at_two_values(predicted, formula, x, expected):
    fit = from_prior(formula, DATA, draws=12)
    out = fit.slope(x)
    assert sum(predicted) == expected
    curve = slopes._of_curve(plan_of(fit, x), x, "dydx")
    np.testing.assert_allclose(out.draws.values, curve.values, rtol=1e-8, atol=1e-8)


def plan_of(fit, x):
    asked = predictor_effects.columns_in(x, "x")
    return predictor_effects.plan(
        fit.results, asked, None, None, "data", None, "response", None, None, 0, along=False
    )


def test_means_that_are_no_line_are_not_taken_for_one(predicted):
    data = DATA.assign(v=np.clip(DATA["y"], -1, 1))
    for formula, family in [
        ("v | trunc(lb=-1.5, ub=1.5) ~ x", "gaussian"),
        ("n ~ x", "poisson"),
        ("b ~ x", "bernoulli"),
    ]:
        predicted.clear()
        fit = from_prior(formula, data, draws=5, family=family)
        fit.slope("x")
        assert sum(predicted) == 9 * 96
        predicted.clear()
        fit.slope("x", scale="linear")
        assert sum(predicted) == 2


def test_more_than_can_be_predicted_in_minutes_is_refused(binary, monkeypatch):
    monkeypatch.setattr(adjusted, "MOST", 9 * 96 * 100)
    with refused("result-too-large", match=r"of 96 rows that differ, at \d+ draws, 9 times each") as caught:
        binary.slope("x")
    draws_of_each = int(str(caught.value).split("draws=")[1].split()[0])
    assert binary.slope("x", draws=draws_of_each).draws.size <= 100
    with refused("result-too-large"):
        binary.slope("x", draws=draws_of_each + 1)


def test_bases_that_end_where_the_data_end_have_slopes_there():
    fit = from_prior("y ~ bs(x, df=5)", DATA, draws=20)
    x = DATA["x"]
    ends = fit.slope({"x": [float(x.min()), float(x.max())]}, over="typical").draws
    step = 1e-6 * (x.max() - x.min())
    near = fit.effect({"x": [x.min(), x.min() + step, x.max() - step, x.max()]}, scale="linear").draws.values
    expected = np.stack([near[..., 1] - near[..., 0], near[..., 3] - near[..., 2]], -1) / step
    np.testing.assert_allclose(ends, expected, rtol=1e-3, atol=1e-2)


def test_slopes_of_the_population_and_of_categories(binary):
    """The average of slopes over levels is the slope of the average."""
    out = binary.slope({"x": [0.5]}, over="typical", levels="population").draws[..., 0]
    step = 1e-4
    around = binary.effect({"x": [0.5 - step, 0.5 + step]}, levels="population").draws.values
    np.testing.assert_allclose(out, (around[..., 1] - around[..., 0]) / (2 * step), rtol=1e-4, atol=1e-7)
    ordered = from_prior("o ~ x + (1 | g)", DATA, draws=20, family="cumulative")
    each = ordered.slope("x", scale="probability")
    np.testing.assert_allclose(each.draws.sum("category"), 0, atol=1e-10)
    assert each.table[["term", "category"]].values.tolist() == [["x", own] for own in (1, 2, 3, 4)]
    mean = ordered.slope("x").draws
    np.testing.assert_allclose(mean, each.draws.values @ np.arange(1.0, 5.0), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("x", "arguments", "error", "message"),
    [
        ("c", {}, ModelError, "'c' is a category"),
        ("xx", {}, DataError, "Did you mean 'x'"),
        ("g", {}, ModelError, "'g' is a grouping factor"),
        (["x", "z"], {}, ModelError, "has 2 columns"),
        ("x", {"kind": "dxdy"}, ModelError, "kind='dxdy'"),
        ({"x": [0]}, {"at": {"x": 0}}, ModelError, "both in x and in `at`"),
    ],
)
def test_impossible_slopes(binary, x, arguments, error, message):
    with pytest.raises(error, match=message):
        binary.slope(x, **arguments)


def test_steps_have_no_slope():
    with refused("slope-of-category", match="'m' is a category, or steps"):
        from_prior("y ~ mo(m)", DATA, draws=8).slope("m")


# Motor Trend cars of 1974 (Henderson and Velleman 1981, Biometrics 37, 391-411).
CARS = pd.DataFrame(
    {
        "mpg": [
            *(21.0, 21.0, 22.8, 21.4, 18.7, 18.1, 14.3, 24.4, 22.8, 19.2, 17.8, 16.4, 17.3, 15.2, 10.4, 10.4),
            *(14.7, 32.4, 30.4, 33.9, 21.5, 15.5, 15.2, 13.3, 19.2, 27.3, 26.0, 30.4, 15.8, 19.7, 15.0, 21.4),
        ],
        "cyl": [*(6, 6, 4, 6, 8, 6, 8, 4, 4, 6, 6), *(6 * [8]), *(4 * [4]), *(4 * [8]), 4, 4, 4, 8, 6, 8, 4],
        "hp": [
            *(110, 110, 93, 110, 175, 105, 245, 62, 95, 123, 123, 180, 180, 180, 205, 215),
            *(230, 66, 52, 65, 97, 150, 150, 245, 175, 66, 91, 113, 264, 175, 335, 109),
        ],
        "wt": [
            *(
                2.620,
                2.875,
                2.320,
                3.215,
                3.440,
                3.460,
                3.570,
                3.190,
                3.150,
                3.440,
                3.440,
                4.070,
                3.730,
                3.780,
            ),
            *(
                5.250,
                5.424,
                5.345,
                2.200,
                1.615,
                1.835,
                2.465,
                3.520,
                3.435,
                3.840,
                3.845,
                1.935,
                2.140,
                1.513,
            ),
            *(3.170, 2.770, 3.570, 2.780),
        ],
        "am": [1, 1, 1, *(14 * [0]), 1, 1, 1, *(5 * [0]), *(7 * [1])],
    }
)


def at(formula, family, values):
    """Return a fit to the cars whose one draw has these values."""
    model = sl.Model(formula, CARS, family=family)
    posterior = xr.Dataset({name: (("chain", "draw"), [[value]]) for name, value in values.items()})
    posterior = posterior.assign_coords(chain=[0], draw=[0])
    return Fit(Results(model.specification, xr.DataTree.from_dict({"posterior": posterior})))


def test_published_slopes_and_contrasts_of_a_linear_regression():
    """marginaleffects' own tests print -0.02404, -5.96766 and -8.52085 of `lm(mpg ~ hp + factor(cyl))`."""
    hp, cyl = CARS["hp"].to_numpy(float), CARS["cyl"].to_numpy()
    columns = np.stack([np.ones(32), cyl == 6, cyl == 8, hp], 1)
    best = np.linalg.lstsq(columns, CARS["mpg"].to_numpy(), rcond=None)[0]
    names = ["Intercept", "C(cyl)[T.6]", "C(cyl)[T.8]", "hp"]
    fit = at("mpg ~ hp + C(cyl)", "gaussian", {**dict(zip(names, best, strict=True)), "sigma": 3.0})
    assert fit.slope("hp").draws.item() == pytest.approx(-0.02404, abs=5e-6)
    contrast = fit.contrast({"cyl": [4, 6, 8]}, hypothesis="reference")
    np.testing.assert_allclose(contrast.draws[0, 0], [-5.96766, -8.52085], rtol=0, atol=5e-6)


def test_published_slopes_of_a_logistic_regression():
    """marginaleffects' own tests print 0.002653 and -0.435783 of `glm(am ~ hp * wt, binomial)`.

    These are differences over a step of 1e-4 of the range, which the derivative differs from by as much.
    """
    hp, wt, y = (CARS[name].to_numpy(float) for name in ("hp", "wt", "am"))
    scale, best = np.array([1, 0.01, 1, 0.01]), np.zeros(4)
    columns = np.stack([np.ones(32), hp, wt, hp * wt], 1) * scale
    for _ in range(30):  # Newton's steps to the maximum of the likelihood
        p = expit(columns @ best)
        best = best + np.linalg.solve(columns.T @ (columns * (p * (1 - p))[:, None]), columns.T @ (y - p))
    a, b, c, d = best * scale
    fit = at("am ~ hp * wt", "bernoulli", {"Intercept": a, "hp": b, "wt": c, "hp:wt": d})
    found = [fit.slope(name).draws.item() for name in ("hp", "wt")]
    exact = [(p * (1 - p) * (b + d * wt)).mean(), (p * (1 - p) * (c + d * hp)).mean()]
    np.testing.assert_allclose(found, exact, rtol=1e-11)
    before = fit.predict(CARS).mean("row")
    for name, published, own in zip(("hp", "wt"), (0.002653, -0.435783), found, strict=True):
        step = 1e-4 * np.ptp(CARS[name])
        after = fit.predict(CARS.assign(**{name: CARS[name] + step})).mean("row")
        assert ((after - before) / step).item() == pytest.approx(published, abs=6e-7)
        assert own == pytest.approx(published, abs=2 * step * abs(published))
