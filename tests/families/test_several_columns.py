"""Counts and shares in several columns: their densities and derivatives, and what they are the same as."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from row_calls import difference
from scipy.special import softmax
from scipy_densities import log_density as scipy_density

import shoal as sl
from refusals import refused
from shoal.errors import DataError, ModelError
from shoal.families import Rows, get_family
from shoal.fit.pointwise import row_log_likelihood
from shoal.priors import Normal

SIZE, ROWS, LABELS = 7, 200, ("a", "b", "c d")
OWN = {"multinomial": {}, "dirichlet": {"phi": 6.0}}
each_family = pytest.mark.parametrize("name", OWN)


def rows_of(name, seed, size=SIZE):
    """Return weighted rows of three columns."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(3), size)
    values = rng.multinomial(rng.integers(1, 9, size), p).astype(float) if name == "multinomial" else p
    trials = values.sum(1) if name == "multinomial" else np.ones(size)
    weight = rng.choice([0.5, 1.0, 3.0], size)
    return Rows(values[:, 0], trials, weight, np.zeros(size), columns=values[:, 1:].T.copy())


def predictors(seed, spread=1.0, size=SIZE):
    rng = np.random.default_rng(seed)
    return rng.normal(0, spread, size), {f"mu_{k}": rng.normal(0, spread, size) for k in ("b", "c_d")}


def family_of(name):
    return get_family(name).with_categories(LABELS)


def written(name, rows, eta, phi, order):
    """Return what the row function writes, called as the engine calls it: all predictors together."""
    family = family_of(name)
    own = np.array([[0.0], [0.0], [6.0]]) if name == "dirichlet" else np.zeros((2, 1))
    out = [np.zeros(SIZE), np.zeros((3, SIZE)), np.zeros((6, SIZE)), np.zeros(own.shape), np.zeros(own.shape)]
    parts = [np.require(part, float, ["C", "W"]) for part in rows.read(SIZE)]
    family.row_function.compiled(*parts, family.predictors(eta, phi).copy(), own, order, *out)
    return out


@each_family
@pytest.mark.parametrize("spread", [0.1, 1.0, 4.0])
@pytest.mark.parametrize("seed", range(3))
def test_values_are_those_of_scipy(name, seed, spread):
    rows, (eta, phi) = rows_of(name, seed), predictors(seed, spread)
    family, phi = family_of(name), phi | OWN[name]
    found = family.evaluate(rows, eta, phi).value + family.log_constant(rows)
    np.testing.assert_allclose(found, scipy_density(family, rows, eta, phi), rtol=1e-10, atol=1e-10)


@each_family
@pytest.mark.parametrize("spread", [0.1, 1.0, 4.0])
def test_scores_and_slopes_are_those_of_the_value(name, spread):
    rows, (eta, phi), family = rows_of(name, 5), predictors(5, spread), family_of(name)
    phi = phi | {key: np.array([value]) for key, value in OWN[name].items()}
    found = family.evaluate(rows, eta, phi, order=2)
    slope = difference(lambda t: family.evaluate(rows, eta + t, phi).value, 1e-3)
    np.testing.assert_allclose(found.score, slope, rtol=1e-7, atol=1e-8)
    for place, own in enumerate(family.parameters(False, False)):
        slope = difference(lambda t, n=own: family.evaluate(rows, eta, phi | {n: phi[n] + t}).value, 1e-3)
        np.testing.assert_allclose(found.slope[:, place], slope, rtol=1e-7, atol=1e-8)


def test_curvature_of_counts_is_the_whole_negative_second_derivative():
    rows, (eta, phi) = rows_of("multinomial", 3), predictors(3)
    curvature = written("multinomial", rows, eta, phi, 2)[2]
    names = [None, "mu_b", "mu_c_d"]
    for a, moved in enumerate(names):

        def score(t, moved=moved):
            there = phi if moved is None else phi | {moved: phi[moved] + t}
            return written("multinomial", rows, eta + (t if moved is None else 0.0), there, 1)[1]

        second = -difference(score, 1e-3)
        for b in range(a + 1):
            np.testing.assert_allclose(curvature[a * (a + 1) // 2 + b], second[b], rtol=1e-7, atol=1e-9)


def test_curvature_of_shares_is_the_covariance_of_their_scores():
    family, draws = family_of("dirichlet"), 40_000
    eta, mu, weight = np.array([0.3]), {"mu_b": np.array([-0.5]), "mu_c_d": np.array([1.1])}, np.ones(draws)
    phi = {key: np.full(draws, value) for key, value in (mu | {"phi": 6.0}).items()}
    many = Rows(np.zeros(draws), weight, weight, weight * 0)
    y = family.draw(np.random.default_rng(1), many, np.full(draws, eta), phi)
    many = many._replace(y=y[:, 0], columns=y[:, 1:].T.copy())
    found = family.evaluate(many, np.full(draws, eta), phi, order=2)
    scores = np.column_stack([found.score, found.slope])
    assert (abs(scores.mean(0)) < 4.5 * scores.std(0) / np.sqrt(draws)).all()
    one = many.at(slice(0, SIZE))
    out = written("dirichlet", one, np.full(SIZE, eta), {k: np.full(SIZE, v) for k, v in mu.items()}, 2)
    for a in range(3):
        for b in range(a + 1):
            products = scores[:, a] * scores[:, b]
            error = 4.5 * products.std() / np.sqrt(draws)
            assert abs(products.mean() - out[2][a * (a + 1) // 2 + b, 0]) < error
    square = scores[:, 3] ** 2
    information = out[4][2, 0] / SIZE
    assert abs(square.mean() - information) < 4.5 * square.std() / np.sqrt(draws)


@each_family
def test_rows_are_finite_far_out_and_weights_multiply_them(name):
    rows = rows_of(name, 2)
    eta = np.array([0.0, 700, -700, 0, 700, 0, -700])
    phi = {"mu_b": np.array([700.0, -700, 700, -700, 700, 0, -700]), "mu_c_d": np.zeros(SIZE)}
    found = written(name, rows, eta, phi, 2)
    alone = written(name, rows._replace(weight=np.ones(SIZE)), eta, phi, 2)
    assert all(np.isfinite(part).all() for part in found)
    for own, once in zip(found[:3], alone[:3], strict=True):
        np.testing.assert_allclose(own, rows.weight * once, rtol=1e-12, atol=1e-290)


def test_counts_of_one_trial_are_a_category():
    (eta, phi), code = predictors(4), np.array([0, 1, 2, 2, 1, 0, 1])
    one = np.eye(3)[code]
    weight = np.linspace(0.5, 2, SIZE)
    counts = Rows(one[:, 0], np.ones(SIZE), weight, np.zeros(SIZE), columns=one[:, 1:].T.copy())
    category = Rows(code.astype(float), np.ones(SIZE), weight, np.zeros(SIZE))
    ours = family_of("multinomial").evaluate(counts, eta, phi, order=2)
    theirs = get_family("categorical").with_categories(LABELS).evaluate(category, eta, phi, order=2)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12)


@pytest.mark.parametrize(("several", "single"), [("multinomial", "binomial"), ("dirichlet", "beta")])
def test_two_columns_are_one(several, single):
    """Of log odds minus eta: the first column is what the other family counts as a success."""
    rng, eta = np.random.default_rng(6), np.linspace(-2, 2, SIZE)
    n = rng.integers(1, 9, SIZE).astype(float) if single == "binomial" else np.ones(SIZE)
    y = rng.binomial(n.astype(int), 0.4).astype(float) if single == "binomial" else rng.beta(2, 3, SIZE)
    rows = Rows(y, n, np.ones(SIZE), np.zeros(SIZE), columns=(n - y)[None])
    family = get_family(several).with_categories("ab")
    phi = OWN[several]
    ours = family.evaluate(rows, np.zeros(SIZE), {"mu_b": -eta} | phi, order=1)
    theirs = get_family(single).evaluate(rows._replace(columns=None), eta, phi, order=1)
    whole = ours.value + family.log_constant(rows), theirs.value + get_family(single).log_constant(rows)
    np.testing.assert_allclose(*whole, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(-ours.slope[:, 0], theirs.score, rtol=1e-11, atol=1e-12)


def test_equal_rows_of_counts_merge():
    family, rows, index = family_of("multinomial"), rows_of("multinomial", 8), np.array([0, 1, 1, 2, 0, 2, 2])
    merged, (eta, phi) = family.merge(rows, index, 3), predictors(1, size=3)
    whole = family.evaluate(merged, eta, phi).value.sum()
    apart = family.evaluate(rows, eta[index], {k: v[index] for k, v in phi.items()}).value.sum()
    np.testing.assert_allclose(whole, apart, rtol=1e-12)
    assert family_of("dirichlet").merge(rows_of("dirichlet", 8), index, 3) is None


@each_family
def test_draws_have_the_stated_mean_and_are_in_the_support(name):
    family, rows = family_of(name), rows_of(name, 2)
    phi = predictors(1)[1] | OWN[name]
    y = family.draw(np.random.default_rng(3), rows, np.zeros((4000, SIZE)), phi)
    mean = family.mean(rows, np.zeros((4000, SIZE)), phi)
    assert y.shape == mean.shape == (4000, SIZE, 3)
    error = 4.5 * y.std(0) / np.sqrt(4000)
    assert (abs(y.mean(0) - mean[0]) <= error).all()
    for spread in (1.0, 30.0):
        eta, own = predictors(2, spread)
        drawn = family.draw(np.random.default_rng(4), rows, eta, own | OWN[name])
        np.testing.assert_allclose(drawn.sum(1), rows.trials, rtol=1e-12)
        assert (drawn > 0).all() or name == "multinomial"


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(1)
    g, x = np.arange(ROWS) % 20, rng.normal(size=ROWS)
    u = rng.normal(size=(20, 2)) @ [[0.6, 0.2], [0, 0.4]]
    u -= u.mean(0)
    p = softmax(np.column_stack([0 * x, 0.5 + 0.7 * x + u[g, 0], -0.3 - 0.5 * x + u[g, 1]]), axis=1)
    counts = rng.multinomial(rng.integers(9, 30, ROWS), p)
    shares = np.array([rng.dirichlet(6 * own) for own in p])
    columns = dict(zip("abcuvw", np.column_stack([counts, shares]).T, strict=True))
    return pd.DataFrame(columns | {"n": counts.sum(1), "x": x, "g": g}).astype(dict.fromkeys("abc", int))


TRUTH = {"_Intercept": (0.5, -0.3), "_x": (0.7, -0.5)}
FORMULAS = {"multinomial": "cbind(a, b, c)", "dirichlet": "cbind(u, v, w)"}
COLUMNS = {"multinomial": ["a", "b", "c"], "dirichlet": ["u", "v", "w"]}


@pytest.fixture(scope="module", params=list(OWN))
def fit(request, table):
    formula = f"{FORMULAS[request.param]} ~ x + (1 | p | g)"
    return sl.Model(formula, table, request.param).fit(seed=1, progress=False)


def test_what_rows_were_simulated_from_is_found_again(fit):
    name = fit.model.design.family.name
    truth = {
        f"mu_{column}{term}": value
        for term, values in TRUTH.items()
        for column, value in zip(COLUMNS[name][1:], values, strict=True)
    }
    truth |= OWN[name]
    found = fit.summary().loc[list(truth)]
    away = abs(found["mean"] - list(truth.values())) / found["sd"]
    assert away.max() < 3.5, away
    assert found["ess_bulk"].min() > 1600 and found["r_hat"].max() < 1.01
    assert (fit.tree["posterior"]["cor_g"].values[..., 0, 1] > 0).mean() > 0.8


def test_predictions_have_all_columns(fit, table):
    family = fit.model.design.family.name
    columns = COLUMNS[family]
    mean, drawn, linear = (fit.predict(table.head(9), kind=kind) for kind in ("mean", "response", "linear"))
    assert mean.dims == drawn.dims == linear.dims == ("chain", "draw", "row", "category")
    assert mean["category"].values.tolist() == columns
    total = table[columns].head(9).sum(axis=1)
    for predicted in (mean, drawn):
        np.testing.assert_allclose(predicted.sum("category"), np.broadcast_to(total, (4, 1000, 9)))
    np.testing.assert_allclose(mean, softmax(linear, axis=-1) * total.to_numpy()[:, None])
    observed = table[columns].mean().to_numpy()
    whole = fit.predict(kind="mean").mean(("chain", "draw", "row"))
    np.testing.assert_allclose(whole, observed, rtol=0.05)
    summary = fit.predict_summary(table.head(2), kind="response")
    assert summary.index.get_level_values("category").tolist() == columns * 2


def test_predictive_draws_are_named_as_the_observed_ones(fit, table):
    name, columns = fit.model.design.formula.response.value.text, COLUMNS[fit.model.design.family.name]
    posterior, prior = fit.posterior_predictive(draws=3), fit.model.prior_predictive(draws=4)
    np.testing.assert_array_equal(posterior["observed_data"][name], table[columns])
    assert posterior["posterior_predictive"][name].dims == ("chain", "draw", "row", "category")
    assert prior["prior_predictive"][name].shape == (1, 4, ROWS, 3)
    said = fit.model.prior_summary(draws=200)
    assert {f"mean of {column}" for column in columns} <= set(said.index.get_level_values("quantity"))


@pytest.mark.slow
def test_rows_are_scored_by_the_density_of_all_columns(fit):
    design, posterior = fit.model.design, fit.tree["posterior"]
    values = np.concatenate([own for _, own in row_log_likelihood(fit.results)], axis=1)
    linear = fit.predict(kind="linear").values.reshape(4000, ROWS, 3)
    phi = {"phi": posterior["phi"].values.ravel()[7]} if "phi" in posterior else {}
    own = dict(zip(design.family.together, linear[7].T[1:], strict=True)) | phi
    expected = scipy_density(design.family, design.rows, np.zeros(ROWS), own)
    np.testing.assert_allclose(values[7], expected, rtol=1e-5, atol=1e-6)
    assert np.isfinite(fit.loo().elpd)
    with warnings.catch_warnings():  # a level's Pareto k may be large
        warnings.simplefilter("ignore", sl.errors.ShoalWarning)
        assert np.isfinite(fit.loo(unit="g").elpd)


@pytest.mark.slow
def test_a_fit_is_saved_and_read_reported_and_drawn(fit, table, tmp_path):
    fit.save(tmp_path / "fit.nc")
    again = sl.load(tmp_path / "fit.nc")
    np.testing.assert_array_equal(again.predict(table.head(3)), fit.predict(table.head(3)))
    assert str(again.model) == str(fit.model)
    fit.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    last = COLUMNS[fit.model.design.family.name][2]
    assert f"mu_{last}, the log odds of {last} against" in page
    assert set(fit.plot.ppc().numbers["response"]) == set(COLUMNS[fit.model.design.family.name])
    fit.plot.ppc(by="g")
    fit.model.plot.prior_predictive()
    with pytest.raises(ModelError, match="several columns"):
        fit.plot.outcomes(by="g")
    found = fit.contrast({"x": [0, 1]}).table["mean"].to_numpy()
    assert abs(found.sum()) < 1e-10 and found[1] < 0
    assert not [f for f in fit.diagnose().findings if f.severity == "problem"]


def test_counts_of_two_columns_are_successes_and_failures(table):
    priors = {"Intercept": Normal(0, 1.5), "b": Normal(0, 1)}
    two, one = (
        sl.Model(f"{response} ~ x + (1 | g)", table, family, priors=priors).fit(seed=1, progress=False)
        for response, family in (("cbind(b, a)", "multinomial"), ("cbind(a, b)", "binomial"))
    )
    assert one.model.design.formula.response.trials.text == "a + b"
    ours, theirs = two.summary(), one.summary()
    error = np.hypot(ours["mcse_mean"].to_numpy(), theirs["mcse_mean"].to_numpy())
    assert (abs(ours["mean"].to_numpy() - theirs["mean"].to_numpy()) < 4.5 * error).all()


def test_trials_may_be_a_column_of_new_tables(table):
    model = sl.Model("cbind(a, b, c) | trials(n) ~ x", table, "multinomial")
    fit = model.fit(draws=50, seed=1, progress=False)
    new = pd.DataFrame({"x": [0.0, 1.0], "n": [1, 10]})
    np.testing.assert_allclose(fit.predict(new).sum("category")[0, 0], [1, 10])
    alone = sl.Model("cbind(a, b, c) ~ x", table, "multinomial").fit(draws=50, seed=1, progress=False)
    with refused("unknown-column", match=r"no column 'a', 'b', 'c'[\s\S]*cbind\(a, b, c\) \| trials\(n\)"):
        alone.predict(new)
    with refused("response-outside-support", match="counts that do not sum to the row's trials"):
        sl.Model("cbind(a, b) | trials(n) ~ x", table, "multinomial")


@pytest.mark.slow
def test_phi_may_have_a_predictor(table):
    model = sl.Model("cbind(u, v, w) ~ x", table, "dirichlet", predictors={"phi": "~ x", "mu_w": "~ 1"})
    assert set(model.priors) == {
        *("mu_v_Intercept", "mu_v_x", "mu_w_Intercept", "phi_Intercept", "phi_x"),
    }
    text = str(model)
    assert "Dirichlet(mean = softmax(0, mu_v[i], mu_w[i]), precision phi[i])" in text
    assert "log(phi[i]) = phi_Intercept" in text
    model = sl.Model("cbind(u, v, w) ~ x + (1 | g)", table, "dirichlet", predictors={"phi": "~ x"})
    found = model.fit(seed=1, progress=False).summary()
    assert abs(found.loc["phi_Intercept", "mean"] - np.log(6)) < 4 * found.loc["phi_Intercept", "sd"]
    assert abs(found.loc["phi_x", "mean"]) < 4 * found.loc["phi_x", "sd"]


def changed(table, **columns):
    return table.assign(**{name: table[name].where(np.arange(ROWS) != 3, v) for name, v in columns.items()})


@pytest.mark.parametrize(
    ("formula", "family", "columns", "message"),
    [
        (
            "cbind(a, b, c) ~ x",
            "multinomial",
            {"b": -1},
            r"negative counts in 1 of 200 rows \(row 3: a .* b -1",
        ),
        ("cbind(a, b, c) ~ x", "multinomial", {"b": 0.5}, r"non-integer counts.*row 3[\s\S]*'dirichlet'"),
        ("cbind(a, b, c) ~ x", "multinomial", dict.fromkeys("abc", 0), "no count above zero in 1 of 200"),
        ("cbind(a, b, 0 * c) ~ x", "multinomial", {}, r"'0 \* c' of .* has no count in 200 rows"),
        ("cbind(a, b, c) ~ x", "multinomial", {"b": np.nan}, "missing"),
        ("cbind(u, v, w) ~ x", "dirichlet", {"u": 0.0}, r"do not sum to one in 1 of 200 rows \(row 3: u 0"),
        (
            "cbind(u, v, w) ~ x",
            "dirichlet",
            {"u": 0.0, "v": 0.5, "w": 0.5},
            r"exactly 0 in 1 .*\(row 3: u 0 v",
        ),
        ("cbind(u, v, w) ~ x", "dirichlet", {"u": -0.5}, r"outside 0 to 1 in 1 of 200 rows \(row 3"),
        ("cbind(100 * u, 100 * v, 100 * w) ~ x", "dirichlet", {}, "Divide them by their sum"),
        ("cbind(u, v, w) ~ x", "dirichlet", {"w": np.nan}, "missing"),
    ],
)
def test_columns_outside_the_support_are_refused_by_row(table, formula, family, columns, message):
    with pytest.raises(DataError, match=message):
        sl.Model(formula, changed(table, **columns), family)


@pytest.mark.parametrize(
    ("formula", "family", "message"),
    [
        ("a ~ x", "multinomial", r"'a' of family 'multinomial' is one column[\s\S]*cbind\(a, …\) ~ x"),
        ("u ~ x", "dirichlet", "one column"),
        ("cbind(a, b, c) ~ x", "poisson", r"3 columns, and family 'poisson'[\s\S]*sl.Response\('a ~ x'\)"),
        ("cbind(a, b) | trials(n) ~ x", "binomial", r"trials of its own, a \+ b, and .* trials\(n\)"),
        ("cbind(u, v, w) | trials(n) ~ x", "dirichlet", r"family 'dirichlet' takes no trials"),
        ("cbind(a, b, c) ~ a", "multinomial", "is the response and a predictor"),
        ("cbind(a, b, c) | vint(n) ~ x", "multinomial", r"has vint\(...\), which family 'multinomial'"),
    ],
)
def test_other_uses_of_several_columns_are_answered(table, formula, family, message):
    with pytest.raises(ModelError, match=message):
        sl.Model(formula, table, family)


@pytest.mark.parametrize("written", ["cbind(a, a, b)", "cbind(a, b, b)"])
def test_a_column_stands_once(written):
    data = pd.DataFrame({"a": [1, 2, 3], "b": [3, 2, 2]})
    with refused("response-column-twice"):
        sl.Model(f"{written} ~ 1", data, "multinomial")


def test_predictors_that_would_be_called_alike_are_refused(table):
    both = table.rename(columns={"b": "b c", "c": "b-c"})
    with refused("categories-alike", match="would both be called 'mu_b_c'"):
        sl.Model("cbind(a, `b c`, `b-c`) ~ x", both, "multinomial")


def test_every_column_has_its_name_in_the_formula(table):
    model = sl.Model("cbind(a, b, n - a - b) ~ x", table, "multinomial")
    assert model.design.categories == ("a", "b", "n - a - b")
    assert re.search(r"mu_n___a___b_x", " ".join(model.priors))
