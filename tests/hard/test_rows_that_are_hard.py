"""Rows of extreme size, number or kind, with the right values by formulas, or the words of a refusal.

Beside these, in `tests/field`: numbers of any size and counts beyond whole numbers in
`test_numbers_of_any_size` and `test_log_densities_of_any_size`; tails without a mean in
`test_tails_without_a_mean`.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import shoal as sl
from refusals import refused
from shoal.engine.convergence import mcse_mean, mcse_sd
from shoal.errors import ShoalWarning
from shoal.priors import Exponential, Fixed, Normal


def drawn(fit, *names):
    """Return draws of scalars, (V, chains, draws)."""
    draws = fit.tree["posterior"].to_dataset()
    return np.stack([draws[name].values.reshape(4, 1000) for name in names])


def assert_right(draws, means, sds):
    assert (np.abs(draws.mean((1, 2)) - means) < 4.5 * mcse_mean(draws)).all(), (draws.mean((1, 2)), means)
    assert (np.abs(draws.std((1, 2)) - sds) < 4.5 * mcse_sd(draws)).all(), (draws.std((1, 2)), sds)


def conjugate(x, y, prior_sds, sigma):
    """Return mean and sd of coefficients with normal priors about zero, sigma known."""
    precision = x.T @ x / sigma**2 + np.diag(np.asarray(prior_sds, float) ** -2)
    return np.linalg.solve(precision, x.T @ y / sigma**2), np.sqrt(np.diag(np.linalg.inv(precision)))


def test_predictors_of_a_billionth_and_a_billion():
    rng = np.random.default_rng(1)
    small, large = 1e-9 * rng.normal(size=60), 1e9 * rng.normal(size=60)
    y = 1 + 2e9 * small - 3e-9 * large + rng.normal(size=60)
    priors = {"Intercept": Normal(0, 10), "b_small": Normal(0, 5e9), "b_large": Normal(0, 5e-9)}
    priors = {name.removeprefix("b_"): prior for name, prior in priors.items()} | {"sigma": Fixed(1.0)}
    data = pd.DataFrame({"y": y, "small": small, "large": large})
    fit = sl.Model("y ~ small + large", data, priors=priors).fit(seed=1, cores=1, progress=False)
    scales = np.array([1.0, 1e-9, 1e9])
    x = np.column_stack([np.ones(60), small, large]) / scales
    mean, sd = conjugate(x, y, (10, 5, 5), 1.0)
    names = ["Intercept", "small", "large"]
    found = np.stack([one_of(fit, name) for name in names]) * scales[:, None, None]
    assert_right(found, mean, sd)


def one_of(fit, name):
    """Return the draws of a coefficient: the Intercept, or one of `b`."""
    draws = fit.tree["posterior"].to_dataset()
    if name in draws:
        return draws[name].values
    (vector,) = [
        v for v in draws.data_vars.values() if name in [str(c) for d in v.dims[2:] for c in v[d].values]
    ]
    return vector.sel({vector.dims[2]: name}).values


@pytest.mark.slow
def test_five_hundred_correlated_columns():
    """Neighbours correlate by 0.99; the posterior of all is a formula."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(700, 500))
    for k in range(1, 500):
        x[:, k] = 0.99 * x[:, k - 1] + np.sqrt(1 - 0.99**2) * x[:, k]
    y = x[:, ::50].sum(1) + rng.normal(size=700)
    names = [f"x{k}" for k in range(500)]
    data = pd.DataFrame(x, columns=names).assign(y=y)
    priors = {"Intercept": Normal(0, 5), "b": Normal(0, 1), "sigma": Fixed(1.0)}
    model = sl.Model(f"y ~ {' + '.join(names)}", data, priors=priors)
    fit = model.fit(seed=1, cores=2, progress=False)
    design = np.column_stack([np.ones(700), x])
    mean, sd = conjugate(design, y, [5, *[1] * 500], 1.0)
    found = np.stack([one_of(fit, name) for name in ["Intercept", *names]])
    # 501 means and sds: five errors are passed by one of them once in two thousand runs.
    assert (np.abs(found.mean((1, 2)) - mean) < 5 * mcse_mean(found)).all()
    assert (np.abs(found.std((1, 2)) - sd) < 5 * mcse_sd(found)).all()


def test_counts_of_a_billion():
    """The log rate has the density of a gamma variable's logarithm; so narrow a one that priors are flat."""
    counts = np.random.default_rng(3).poisson(1e9, 20)
    data = pd.DataFrame({"y": counts})
    fit = sl.Model("y ~ 1", data, "poisson", priors={"Intercept": Normal(20, 3)}).fit(
        seed=1, cores=1, progress=False
    )
    found = drawn(fit, "Intercept")
    assert_right(found, [np.log(counts.sum() / 20)], [counts.sum() ** -0.5])


def outliers():
    rng = np.random.default_rng(5)
    return pd.DataFrame({"y": np.append(rng.normal(size=30), [40.0, -60.0, 80.0])})


def test_outliers_under_a_gaussian():
    """They widen sigma and draw the mean: what the model says of such data, by quadrature."""
    data = outliers()
    priors = {"Intercept": Normal(0, 5), "sigma": Exponential(0.1)}
    fit = sl.Model("y ~ 1", data, priors=priors).fit(seed=1, cores=1, progress=False)
    a, sigma = np.linspace(-15, 15, 400)[:, None, None], np.exp(np.linspace(1, 5, 400))[:, None]
    density = stats.norm.logpdf(data["y"].to_numpy(), a, sigma).sum(-1)
    density = density + stats.norm.logpdf(a[..., 0], 0, 5) - 0.1 * sigma[:, 0] + np.log(sigma[:, 0])
    assert_right(drawn(fit, "Intercept", "sigma"), *moments(density, a.ravel(), sigma.ravel()))


def test_outliers_under_student_t():
    """They are in its tails, and sigma is that of the others."""
    data, nu = outliers(), 3.0
    priors = {"Intercept": Normal(0, 5), "sigma": Exponential(0.1), "nu": Fixed(nu)}
    fit = sl.Model("y ~ 1", data, "student", priors=priors).fit(seed=1, cores=1, progress=False)
    a, sigma = np.linspace(-3, 3, 400)[:, None, None], np.exp(np.linspace(-1.5, 2, 400))[:, None]
    density = stats.t.logpdf(data["y"].to_numpy(), nu, a, sigma).sum(-1)
    density = density + stats.norm.logpdf(a[..., 0], 0, 5) - 0.1 * sigma[:, 0] + np.log(sigma[:, 0])
    assert_right(drawn(fit, "Intercept", "sigma"), *moments(density, a.ravel(), sigma.ravel()))


def moments(log_density, first, second):
    """Return means and sds of two parameters on a grid."""
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    means = np.array([weight.sum(1) @ first, weight.sum(0) @ second])
    squares = np.array([weight.sum(1) @ first**2, weight.sum(0) @ second**2])
    return means, np.sqrt(squares - means**2)


def table():
    rng = np.random.default_rng(6)
    return pd.DataFrame({"y": rng.normal(size=40), "x": rng.normal(size=40), "g": list("abcd") * 10})


def test_a_mean_of_a_trillion_is_refused_where_it_drowns_the_spread_and_right_where_it_does_not():
    data = table()
    with refused("mean-too-large"):
        sl.Model("y ~ x", data.assign(y=1e12 + data["y"]))
    fits = [
        sl.Model("y ~ x + (1 | g)", data.assign(y=shift + 1e6 * data["y"])).fit(
            seed=1, cores=1, progress=False
        )
        for shift in (0.0, 1e12)
    ]
    (near, far) = (drawn(fit, "Intercept", "sigma") for fit in fits)
    # The same draws but for the shift, to the digits that 1e12 leaves of an sd of 1e6.
    near[0] += 1e12
    scale = near.std((1, 2))
    assert (np.abs(near.mean((1, 2)) - far.mean((1, 2))) < 0.15 * scale).all()
    assert (np.abs(near.std((1, 2)) / far.std((1, 2)) - 1) < 0.1).all()


@pytest.mark.parametrize("formula", ["y ~ day", "y ~ 1 + (1 | day)"])
def test_dates_are_refused_with_the_lines_that_make_numbers_of_them(formula):
    data = table().assign(day=pd.date_range("2024-01-01", periods=40))
    with refused("dates", match=r"Column 'day' holds dates") as problem:
        sl.Model(formula, data)
    (line,) = [text.strip() for text in str(problem.value).splitlines() if ".dt.days" in text]
    exec(line, {"data": data})
    assert data["day"].tolist() == list(range(40))
    assert sl.Model("y ~ day", data).design.n_rows == 40


def test_columns_that_say_the_same_are_refused():
    data = table()
    with refused("columns-dependent", match=r"depend on each other: -1 x \+1 twice = 0"):
        sl.Model("y ~ x + twice", data.assign(twice=data["x"]))
    with refused("repeated-column-name", match="Column names that stand for several columns: 'x'"):
        sl.Model("y ~ x", pd.concat([data, data[["x"]]], axis=1))


ALIKE = [("Oslo", "oslo"), ("Oslo", "Oslo "), ("Zoe", "Zoë"), ("New York", "NewYork"), ("é", "e\u0301")]


@pytest.mark.parametrize("pair", ALIKE)
@pytest.mark.parametrize("formula", ["y ~ 1 + (1 | g)", "y ~ g"])
def test_levels_that_read_alike_are_levels_of_their_own_and_said_to_be(pair, formula):
    data = table().assign(g=[*pair, "Bergen", "Bodø"] * 10)
    with pytest.warns(ShoalWarning, match="differ in white space, case or accents only"):
        model = sl.Model(formula, data)
    fit = model.fit(draws=400, seed=1, cores=1, progress=False)
    assert "alike-levels" in [finding.code for finding in fit.diagnose()]
    if "|" in formula:
        assert fit.tree["posterior"].sizes["g"] == 4


def test_levels_that_do_not_are_not_remarked_on(recwarn):
    sl.Model("y ~ 1 + (1 | g)", table().assign(g=["a1", "a2", "1a", "b"] * 10))
    assert not recwarn
