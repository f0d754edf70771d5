"""Effects of neighbouring areas, ``car(W, gr=area)``: covariances, densities, new areas, files, refusals."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from dense_marginals import check_gradient, check_marginal, named_values
from refusals import refused
from shoal.errors import DataError, FormulaError, ModelError
from shoal.model.prior_draws import draw_prior

SIDE = 4
AREAS = [f"a{i}{j}" for i in range(SIDE) for j in range(SIDE)]
KINDS = pytest.mark.parametrize("kind", ["bym2", "icar", "escar"])
PRIORS = {"Intercept": sl.priors.Normal(0, 2)}


def lattice(side=SIDE):
    """Return which areas of a square share an edge."""
    i, j = np.divmod(np.arange(side * side), side)
    away = abs(np.subtract.outer(i, i)) + abs(np.subtract.outer(j, j))
    labels = [f"a{a}{b}" for a, b in zip(i, j, strict=True)]
    return pd.DataFrame((away == 1).astype(float), labels, labels)


def covariance(kind, w, share):
    """Return the covariance of the areas' effects where sd is 1, by dense inverses."""
    degrees = np.diag(w.sum(1))
    if kind == "escar":
        return np.linalg.inv(degrees - share * w)
    intrinsic = np.linalg.pinv(degrees - w)
    intrinsic /= np.exp(np.log(np.diag(intrinsic)).mean())
    return intrinsic if kind == "icar" else share * intrinsic + (1 - share) * np.eye(len(w))


def table(seed=1, rows=60, kind="bym2", share=0.8):
    rng = np.random.default_rng(seed)
    w = lattice().to_numpy()
    u = np.linalg.cholesky(covariance(kind, w, share) + 1e-12 * np.eye(len(w))) @ rng.normal(size=len(w))
    area, x = rng.integers(0, len(w) - 1, rows), rng.normal(size=rows)
    y = 0.5 + 0.4 * x + u[area] + 0.5 * rng.normal(size=rows)
    return pd.DataFrame({"y": y, "x": x, "area": np.array(AREAS)[area]})


def model(data, kind, family="gaussian", **others):
    formula = f"y ~ x + car(W, gr=area, type='{kind}')"
    return sl.Model(formula, data, family, covariances={"W": lattice()}, **others)


@KINDS
@pytest.mark.parametrize("seed", range(2))
def test_the_marginal_density_is_that_of_dense_algebra(kind, seed):
    data, rng = table(seed), np.random.default_rng(seed)
    priors = {**PRIORS, "b": sl.priors.Normal(0, 1)}
    p = model(data, kind, priors=priors).posterior()
    place = [AREAS.index(a) for a in data["area"]]
    x = np.column_stack([np.ones(len(data)), data["x"]])
    for theta in rng.normal(0, 0.7, (4, p.target.n_theta)):
        values = {name.split("_")[0]: value for name, value in named_values(p, theta).items()}
        share = values.get("car", values.get("rhocar"))
        cov = values["sdcar"] ** 2 * covariance(kind, lattice().to_numpy(), share)[np.ix_(place, place)]
        cov += values["sigma"] ** 2 * np.eye(len(data)) + x @ np.diag([4.0, 1.0]) @ x.T
        check_marginal(p, theta, data["y"].to_numpy(), cov)


@KINDS
def test_the_gradient_is_the_slope_of_the_density(kind):
    target = model(table(3), kind).posterior().target
    check_gradient(target)


@KINDS
def test_prior_draws_have_the_covariance(kind):
    fixed = {"sdcar": sl.priors.Fixed(1.3), **PRIORS}
    fixed |= {} if kind == "icar" else {"car" if kind == "escar" else "rhocar": sl.priors.Fixed(0.6)}
    spec = model(table(), kind, priors=fixed).specification
    curve = spec.designs[0].curves[0]
    draws = draw_prior(spec, np.random.default_rng(1), 40_000)["basis_car(area)"]
    u = draws @ curve.basis.vectors.T
    expected = 1.69 * covariance(kind, lattice().to_numpy(), 0.6)
    np.testing.assert_allclose(u.T @ u / len(u), expected, atol=0.05 * np.diag(expected).max())


@pytest.fixture(scope="module")
def fit():
    return model(table(5, rows=400), "bym2").fit(seed=1, progress=False)


def test_what_rows_were_made_from_is_found_again(fit):
    found = fit.summary()
    assert abs(found.loc["x", "mean"] - 0.4) < 3.5 * found.loc["x", "sd"]
    assert abs(found.loc["sigma", "mean"] - 0.5) < 3.5 * found.loc["sigma", "sd"]
    assert 0.5 < found.loc["sdcar_car(area)", "mean"] < 2.5
    assert found["ess_bulk"].min() > 1600 and fit.diagnose().trustworthy


def test_areas_without_rows_are_predicted_from_their_neighbours(fit):
    assert AREAS[-1] not in set(table(5, rows=400)["area"])
    new = pd.DataFrame({"x": 0.0, "area": [AREAS[-1], AREAS[0]]})
    sd = fit.predict(new, kind="linear").std(("chain", "draw")).values
    assert sd[0] > 2 * sd[1]
    with refused("labels-not-in-matrix", match="lacks 1 area"):
        fit.predict(pd.DataFrame({"x": [0.0], "area": ["nowhere"]}))


def test_counts_of_areas_are_sampled():
    rng = np.random.default_rng(2)
    data = table(6, rows=200)
    data["y"] = rng.poisson(np.exp(np.clip(data["y"], -2, 3)))
    fit = model(data, "escar", "poisson").fit(seed=1, progress=False)
    assert fit.diagnose().trustworthy and fit.summary()["ess_bulk"].min() > 800
    assert np.isfinite(fit.loo().elpd)


@pytest.mark.slow
def test_it_is_printed_reported_and_saved(fit, tmp_path):
    text = str(fit.model)
    assert "car(area) ~ BYM2(sdcar_car(area), rhocar_car(area)), of 16 areas and their neighbours" in text
    fit.save(tmp_path / "fit.nc")
    again = sl.load(tmp_path / "fit.nc")
    pd.testing.assert_frame_equal(again.summary(), fit.summary())
    fit.report(tmp_path / "page.html")
    assert "of 16 areas area and their neighbours" in (tmp_path / "page.html").read_text()
    assert len(fit.sensitivity())


@pytest.mark.parametrize(
    ("formula", "change", "error", "message"),
    [
        ("y ~ car(W)", {}, FormulaError, "the column of areas"),
        ("y ~ car(W, gr=area, type='sar')", {}, FormulaError, "between quotes: 'bym2'"),
        ("y ~ car(V, gr=area)", {}, ModelError, "'V' of neighbours, which was not given"),
        ("y ~ car(W, gr=area)", {"W": lattice().to_numpy()}, DataError, "has no labels"),
        ("y ~ car(W, gr=area)", {"W": lattice().iloc[:9, :9]}, DataError, "lacks"),
        ("y ~ car(W, gr=area)", {"W": lattice() + 1}, DataError, "its diagonal is not zero"),
        ("y ~ car(W, gr=area)", {"W": lattice() * np.arange(16)}, DataError, "is no matrix of neighbours"),
        ("y ~ x", {}, ModelError, "No term uses the matrix"),
    ],
)
def test_what_is_no_graph_is_refused(formula, change, error, message):
    with pytest.raises(error, match=message):
        sl.Model(formula, table(), covariances={"W": lattice()} | change)
