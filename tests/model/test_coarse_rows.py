"""Censored and truncated responses: read, refused, fitted, printed, kept."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import shoal as sl
from shoal.errors import DataError, FormulaError, ModelError
from shoal.families.coarse import Coarse
from shoal.scores.loo.densities import densities
from shoal.scores.loo.units import units_of


def lifetimes(rows=200, levels=20, seed=1):
    """Return lifetimes with a frailty by level, censored on the right by a time of their own."""
    rng = np.random.default_rng(seed)
    g, x = np.repeat(np.arange(levels), rows // levels), rng.normal(size=rows)
    mean = np.exp(1 + 0.5 * x + rng.normal(0, 0.5, levels)[g])
    time, end = rng.weibull(1.5, rows) * mean / 0.9027452929509336, rng.exponential(6, rows)
    return pd.DataFrame({"time": np.minimum(time, end), "censored": time > end, "x": x, "g": g})


TABLE = pd.DataFrame(
    {
        "y": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        "top": [1.5, 2.5, 3.5, 4.5, 5.5, 6.5],
        "how": ["none", "left", "right", "interval", "none", "none"],
        "code": [0, -1, 1, 2, 0, 0],
        "event": [False, False, True, False, False, False],
        "odd": ["none", "up", "right", "none", "none", "down"],
        "x": [0.1, -1.0, 0.4, 0.2, 2.0, -0.3],
    }
)


def known(formula, family="lognormal", table=TABLE):
    return sl.Model(formula, table, family).design.rows.known


def test_codes_are_text_numbers_or_booleans():
    expected = [[1, -np.inf, 3, 4, 5, 6], [1, 2, np.inf, 4.5, 5, 6]]
    np.testing.assert_array_equal(known("y | cens(how, top) ~ x"), expected)
    np.testing.assert_array_equal(known("y | cens(code, y2=top) ~ x"), expected)
    events = known("y | cens(event) ~ x")
    np.testing.assert_array_equal(events[1], [1, 2, np.inf, 4, 5, 6])
    np.testing.assert_array_equal(known("y | cens(1 * event) ~ x"), events)


def test_counts_at_their_bounds_are_inside():
    bounds = sl.Model("y | trunc(lb=1, ub=6.5) ~ x", TABLE, "poisson").design.rows.bounds
    np.testing.assert_array_equal(bounds, [[0] * 6, [6] * 6])
    bounds = sl.Model("y | trunc(ub=top) ~ x", TABLE, "gaussian").design.rows.bounds
    np.testing.assert_array_equal(bounds, [[-np.inf] * 6, TABLE["top"]])


REFUSED = [
    ("y | cens(odd) ~ x", "gaussian", DataError, ["row 1: 'up'", "row 5: 'down'"]),
    ("y | cens(how) ~ x", "gaussian", DataError, ["row 3"]),
    ("y | cens(code, x) ~ x", "gaussian", DataError, ["row 3: 4 to 0.2"]),
    ("y | cens(code, top - 1) ~ x", "gaussian", DataError, ["row 3: 4 to 3.5"]),
    ("y | trunc(lb=2) ~ x", "gaussian", DataError, ["row 0: 1"]),
    ("y | trunc(ub=4) ~ x", "poisson", DataError, ["row 4: 5", "row 5: 6"]),
    ("y | trunc(lb=9, ub=7) ~ x", "gaussian", DataError, ["row 0: 9 to 7"]),
    ("y | cens(how, top) + trunc(ub=3) ~ x", "gaussian", DataError, ["row 2", "row 3"]),
    ("y | cens(event) ~ x", "cumulative", ModelError, ["gaussian", "weibull"]),
    ("y | trunc(lb=0) ~ x", "skew_normal", ModelError, ["gaussian", "weibull"]),
]


@pytest.mark.parametrize("formula, family, kind, rows", REFUSED, ids=lambda part: str(part)[:40])
def test_what_cannot_be_is_refused_with_its_rows(formula, family, kind, rows):
    with pytest.raises(kind) as caught:
        sl.Model(formula, TABLE, family)
    assert all(row in str(caught.value) for row in rows), str(caught.value)


def test_a_coarse_response_is_no_longer_quadratic():
    assert sl.Model("y ~ x", TABLE).design.exactly_gaussian
    for formula in ("y | cens(event) ~ x", "y | trunc(lb=0) ~ x"):
        design = sl.Model(formula, TABLE).design
        assert not design.exactly_gaussian and isinstance(design.family, Coarse)


def test_the_model_says_what_was_not_seen():
    text = str(sl.Model("y | cens(how, top) + trunc(lb=0) ~ x", TABLE))
    assert "Normal(eta, sigma) given 0 <= y[i]" in text
    assert (
        "1 known to lie below a value, 1 known to lie above a value, 1 known to lie within an interval"
        in text
    )


def censored_log_density(data, intercept, slope, shape):
    """Return the log density of each row's lifetime at effects u, (rows, ...): SciPy's."""

    def at(u):
        eta = intercept + slope * data["x"].to_numpy()[:, None] + u
        whole = stats.weibull_min(shape, scale=np.exp(eta - np.log(stats.weibull_min(shape).mean())))
        time, censored = (data[name].to_numpy()[:, None] for name in ("time", "censored"))
        return np.where(censored, whole.logsf(time), whole.logpdf(time))

    return at


@pytest.mark.slow
def test_frailty_of_200_lifetimes_is_that_of_quadrature():
    """The posterior of a model with one frailty a level, integrated over a grid of what is left."""
    data = lifetimes()
    assert 0.2 < data["censored"].mean() < 0.5
    data["x"] -= data["x"].mean()  # so that the Intercept is that of the formula
    priors = {
        "Intercept": sl.priors.Normal(1, 0.5),
        "x": sl.priors.Normal(0.5, 0.3),
        "sd_g": sl.priors.Fixed(0.5),
        "shape": sl.priors.Fixed(1.5),
    }
    fit = sl.Model("time | cens(censored) ~ x + (1 | g)", data, "weibull", priors).fit(seed=2, draws=2000)
    nodes = np.linspace(-6, 6, 121)
    weights = stats.norm.pdf(nodes) / stats.norm.pdf(nodes).sum()
    grid_a, grid_b = np.linspace(0.3, 1.7, 41), np.linspace(0.1, 0.9, 33)
    log_posterior = np.empty((41, 33))
    for i, a in enumerate(grid_a):
        for j, b in enumerate(grid_b):
            rows = censored_log_density(data, a, b, 1.5)(0.5 * nodes)
            levels = np.array([rows[data["g"] == g].sum(0) for g in range(20)])
            log_posterior[i, j] = np.log(np.exp(levels) @ weights).sum()
            log_posterior[i, j] += stats.norm.logpdf(a, 1, 0.5) + stats.norm.logpdf(b, 0.5, 0.3)
    p = np.exp(log_posterior - log_posterior.max())
    p /= p.sum()
    for name, grid, own in (("Intercept", grid_a, p.sum(1)), ("x", grid_b, p.sum(0))):
        draws = fit.tree["posterior"][name].values.ravel()
        mean = own @ grid
        sd = np.sqrt(own @ (grid - mean) ** 2)
        assert abs(draws.mean() - mean) < 4 * sd / np.sqrt(3000)
        assert abs(draws.std() / sd - 1) < 0.06


def test_the_density_of_a_level_left_out_is_that_of_quadrature():
    data = lifetimes(60, 6)
    fit = sl.Model("time | cens(censored) ~ x + (1 | g)", data, "weibull").fit(seed=1, draws=100)
    units = units_of(fit._results.model, "g")
    found = np.concatenate([d.values for d in densities(fit._results, units, np.arange(6), 1)], axis=1)
    post = {name: value.values.reshape(400, -1)[::40] for name, value in fit.tree["posterior"].items()}
    nodes = np.linspace(-8, 8, 401)
    weights = stats.norm.pdf(nodes) / stats.norm.pdf(nodes).sum()
    for d in range(10):
        one = {name: value[d] for name, value in post.items()}
        rows = censored_log_density(data, one["Intercept"], one["x"], one["shape"])(one["sd_g"] * nodes)
        levels = np.array([rows[data["g"] == g].sum(0) for g in range(6)])
        np.testing.assert_allclose(found[::40][d], np.log(np.exp(levels) @ weights), rtol=1e-6)


RECOVERED = {
    "gaussian": lambda rng, eta: rng.normal(eta, 1.0),
    "student": lambda rng, eta: eta + rng.standard_t(5, len(eta)),
    "lognormal": lambda rng, eta: np.exp(rng.normal(eta, 1.0)),
    "weibull": lambda rng, eta: rng.weibull(1.5, len(eta)) * np.exp(eta) / 0.9027452929509336,
    "gamma": lambda rng, eta: rng.gamma(2.0, np.exp(eta) / 2.0),
    "exponential": lambda rng, eta: rng.exponential(np.exp(eta)),
    "poisson": lambda rng, eta: rng.poisson(np.exp(eta)).astype(float),
    "negbinomial": lambda rng, eta: rng.negative_binomial(3, 3 / (3 + np.exp(eta))).astype(float),
    "beta": lambda rng, eta: rng.beta(5 / (1 + np.exp(-eta)), 5 / (1 + np.exp(eta))),
}


QUICK = ("gaussian", "poisson")  # one with a density and one of counts; the others take longer


@pytest.mark.parametrize(
    "family", [pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in RECOVERED]
)
def test_what_was_cut_off_is_recovered(family):
    """Coefficients of truncated and censored rows are near those that made them; of plain rows, not."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=1500)
    y = RECOVERED[family](rng, 0.8 + 0.5 * x)
    low, high = {"beta": (0.4, 0.8), "student": (-0.5, 3.0)}.get(family, (0.5, 3.0))
    data = pd.DataFrame({"y": np.minimum(y, high), "how": np.where(y > high, "right", "none"), "x": x})
    data = data[y > low]
    fit = sl.Model(f"y | cens(how) + trunc(lb={low}) ~ x", data, family).fit(seed=1, draws=500)
    plain = sl.Model("y ~ x", data, family).fit(seed=1, draws=500)
    mean, sd = (fit.tree["posterior"]["x"].mean().item(), fit.tree["posterior"]["x"].std().item())
    assert abs(mean - 0.5) < 3.5 * sd and sd < 0.15
    assert abs(plain.tree["posterior"]["x"].mean().item() - 0.5) > abs(mean - 0.5) + 2 * sd


def test_predictions_keep_the_bounds_of_the_rows_they_are_for(tmp_path):
    data = TABLE.assign(least=0.5)
    fit = sl.Model("y | cens(how, top) + trunc(lb=least, ub=8) ~ x", data).fit(seed=1, draws=200)
    new = pd.DataFrame({"x": [0.0, 1.0], "least": [0.0, 5.0]})
    drawn, mean = (fit.predict(new, kind=kind).values.reshape(-1, 2) for kind in ("response", "mean"))
    assert (drawn >= new["least"].to_numpy()).all() and (drawn <= 8).all()
    error = np.sqrt((drawn.std(0) ** 2) / len(drawn))
    assert (abs(drawn.mean(0) - mean.mean(0)) < 5 * error).all()
    with pytest.raises(DataError):
        fit.predict(new[["x"]], kind="mean")
    assert fit.predict(new[["x"]], kind="linear").shape == (4, 200, 2)
    fit.save(tmp_path / "fit.nc")
    again = sl.load(tmp_path / "fit.nc")
    np.testing.assert_array_equal(again.model.design.rows.known, fit.model.design.rows.known)
    assert str(again.model) == str(fit.model)


def test_simulated_responses_are_not_censored_and_calibration_says_so():
    model = sl.Model("y | cens(event) ~ x", TABLE)
    assert np.isfinite(model.prior_predictive(20)["prior_predictive"]["y"].values).all()
    with pytest.raises(ModelError):
        model.sbc(20)


def test_a_rate_is_an_offset():
    table = TABLE.assign(d=[1.0, 2.0, 3.0, 1.0, 2.0, 3.0])
    rate, offset = (
        sl.Model(f, table, "poisson").design for f in ("y | rate(d) ~ x", "y ~ x + offset(log(d))")
    )
    np.testing.assert_array_equal(rate.offset, offset.offset)
    np.testing.assert_allclose(rate.offset, np.log(table["d"]))
    with pytest.raises(ModelError):
        sl.Model("y | rate(d) ~ x", table)
    with pytest.raises(FormulaError):
        sl.Model("y | rate(d) ~ x + offset(log(d))", table, "poisson")


def test_a_picture_of_censored_responses_says_so():
    rows = lifetimes()
    picture = sl.Model("time | cens(censored) ~ x", rows, "weibull").fit(draws=50, seed=1).plot.ppc()
    assert "rows are censored" in picture.caption
    labels = [text.get_text() for text in picture.figure.axes[0].get_legend().get_texts()]
    assert labels == ["simulated", "observed, or censored"]
    plain = sl.Model("time ~ 1", rows, "weibull").fit(draws=50, seed=1).plot.ppc()
    assert "censored" not in plain.caption
