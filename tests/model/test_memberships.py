"""mm(g, h): the effects of a row are those of several levels of one factor, weighted."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import shoal as sl
from refusals import refused
from shoal.errors import DataError, FormulaError, ModelError, ShoalWarning
from shoal.scores.loo.levels import of_levels
from shoal.scores.loo.units import units_of

LEVELS, SD = 30, np.array([1.0, 0.5])
TERM = "mm(a, b, weights=cbind(v, w))"


@pytest.fixture(scope="module")
def truth():
    return np.random.default_rng(3).normal(size=(LEVELS, 2)) * SD


@pytest.fixture(scope="module")
def frame(truth):
    rng = np.random.default_rng(4)
    a, b = rng.integers(0, LEVELS, (2, 600))
    share, x = rng.uniform(0.1, 0.9, 600), rng.normal(size=600)
    effects = share[:, None] * truth[a] + (1 - share)[:, None] * truth[b]
    y = 1 + 0.5 * x + effects[:, 0] + effects[:, 1] * x + rng.normal(0, 0.5, 600)
    return pd.DataFrame({"y": y, "x": x, "a": a, "b": b, "v": 2 * share, "w": 2 - 2 * share})


@pytest.fixture(scope="module")
def fit(frame):
    return sl.Model(f"y ~ x + (1 + x | {TERM})", frame).fit(seed=1)


def group_of(term, frame):
    (group,) = sl.Model(f"y ~ 1 + (1 | {term})", frame).specification.groups
    return group


def small(**columns):
    return pd.DataFrame({"y": [0.3, 1.2, -0.8, 0.1], "a": list("pqrp"), "b": list("qpqp"), **columns})


def test_each_row_has_every_level_once():
    group = group_of("mm(a, b, weights=[v, w])", small(v=[1, 2, 3, 4], w=[3, 2, 1, 0.5]))
    assert list(group.labels) == ["p", "q", "r"]
    np.testing.assert_array_equal(group.index, [[0, 1], [0, 1], [1, 2], [0, 0]])
    np.testing.assert_allclose(group.weight, [[0.25, 0.75], [0.5, 0.5], [0.25, 0.75], [1, 0]])
    np.testing.assert_array_equal(group.counts, [3, 3, 1])


def test_a_weight_of_zero_is_no_membership():
    group = group_of("mm(a, b, weights=[v, w])", small(v=[1.0] * 4, w=[1.0, 1, 0, 0]).assign(b=list("qpzz")))
    assert list(group.labels) == ["p", "q", "r"]
    np.testing.assert_array_equal(group.index, [[0, 1], [0, 1], [2, 2], [0, 0]])


def test_equal_weights_are_the_default():
    group = group_of("mm(a, b)", small())
    np.testing.assert_allclose(group.weight, [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [1, 0]])


@pytest.mark.parametrize("term", ["mm(a, twin)", "mm(a, b, weights=[1, 0])"])
def test_one_level_a_row_is_the_plain_factor(frame, term):
    few = frame.head(200).assign(twin=frame["a"])
    plain, mixed = (
        sl.Model(f"y ~ x + (1 + x | {t})", few).fit(seed=2).tree["posterior"] for t in ("a", term)
    )
    name = term[3:-1].split(", weights")[0].replace(", ", "+")
    np.testing.assert_allclose(mixed[f"r_{name}"], plain["r_a"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(mixed[f"sd_{name}"], plain["sd_a"], rtol=1e-6)


def test_effects_are_recovered(fit, truth):
    draws = fit.tree["posterior"]["r_a+b"]
    assert draws.dims == ("chain", "draw", "a+b", "a+b_effect")
    mean, sd = draws.mean(("chain", "draw")).values, draws.std(("chain", "draw")).values
    off = (mean - truth) / sd
    assert 0.5 < (off**2).mean() < 2
    found = fit.summary().loc[["sd_a+b[Intercept]", "sd_a+b[x]"]]
    assert (np.abs(found["mean"] - truth.std(axis=0)) < 3 * found["sd"]).all()


def test_differences_of_levels(truth):
    """Weights 1 and -1 compare two levels: the model of Bradley and Terry, which has no common part."""
    rng = np.random.default_rng(5)
    a, b = rng.integers(0, LEVELS, (2, 2000))
    won = rng.random(2000) < 1 / (1 + np.exp(truth[b, 0] - truth[a, 0]))
    games = pd.DataFrame({"won": won.astype(int), "a": a, "b": b})
    term = "mm(a, b, weights=[1, -1], scale=False, any_sum=True)"
    fit = sl.Model(f"won ~ 1 + (1 | {term})", games, "bernoulli").fit(seed=1)
    np.testing.assert_array_equal(fit.levels("a+b"), fit.tree["posterior"]["r_a+b"])
    mean = fit.levels("a+b").mean(("chain", "draw"))[:, 0]
    assert np.corrcoef(mean, truth[:, 0])[0, 1] > 0.9


def test_new_levels_come_from_the_population(fit, frame):
    """A row of two new levels has the variance of their weighted sum."""
    new = frame.head(1).assign(a=98, b=99, x=0.0, v=0.6, w=1.4)
    drawn = fit.predict(new, kind="linear", new_levels="population").values.ravel()
    posterior = fit.tree["posterior"]
    off = drawn - posterior["Intercept"].values.ravel()
    expected = (0.3**2 + 0.7**2) * (posterior["sd_a+b"][..., 0] ** 2).mean().item()
    assert abs(off.var() / expected - 1) < 4 * np.sqrt(2 / off.size) * 1.2
    half = fit.predict(new.assign(a=frame["a"][0]), kind="linear", new_levels="zero").values.ravel()
    known = posterior["r_a+b"].sel({"a+b": frame["a"][0]})[..., 0].values.ravel()
    np.testing.assert_allclose(
        half, posterior["Intercept"].values.ravel() + 0.3 * known, rtol=1e-5, atol=1e-5
    )
    with refused("unknown-level", match="2 of 'a\\+b' in 1 row "):
        fit.predict(new)


def test_fitted_rows_are_predicted_by_their_levels(fit, frame):
    posterior, share = fit.tree["posterior"], (frame["v"] / 2).to_numpy()
    r, x = posterior["r_a+b"].values, frame["x"].to_numpy()
    effects = share[:, None] * r[:, :, frame["a"]] + (1 - share)[:, None] * r[:, :, frame["b"]]
    expected = posterior["Intercept"].values[..., None] + posterior["x"].values[..., None] * x
    expected = expected + effects[..., 0] + effects[..., 1] * x
    np.testing.assert_allclose(fit.predict(frame, kind="linear"), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(fit.predict(kind="linear"), expected, rtol=1e-4, atol=1e-4)


def test_levels_all_of_whose_rows_are_left_out_are_integrated():
    """Units by the first column: of levels that no other unit names, as by plain Monte Carlo."""
    rng = np.random.default_rng(6)
    a = np.repeat(["p", "q", "r", "s", "t"], 8)
    b = np.array([*rng.permutation(["p", "u", "v", "w"] * 2), *rng.permutation(["q", "r"] * 16)])
    data = pd.DataFrame({"c": rng.poisson(2.0, 40), "a": a, "b": b, "v": rng.uniform(0.2, 1, 40), "w": 0.7})
    fit = sl.Model(f"c ~ 1 + (1 | {TERM})", data, "poisson").fit(seed=1)
    model = fit.results.model
    units = units_of(model, "a")
    ((_, values, methods, errors),) = of_levels(fit.results, units, np.array([0, 1]), 1)
    assert methods == ("importance sampling", "none")  # others name q as well
    posterior = {
        k: v.values.reshape(4000, *v.shape[2:])[17] for k, v in fit.tree["posterior"].data_vars.items()
    }
    rows, own = data[data["a"] == "p"], ["p", "u", "v", "w"]
    effects = rng.normal(size=(400_000, 4)) * posterior["sd_a+b"][0]
    share = (rows["v"] / (rows["v"] + rows["w"])).to_numpy()
    second = effects[:, [own.index(label) for label in rows["b"]]]
    eta = posterior["Intercept"] + share * effects[:, :1] + (1 - share) * second
    each = stats.poisson.logpmf(rows["c"].to_numpy(), np.exp(eta)).sum(1)
    weight = np.exp(each - each.max())
    error = np.hypot(weight.std() / weight.mean() / np.sqrt(len(weight)), 2 * errors[0])
    assert abs(values[17, 0] - np.log(weight.mean()) - each.max()) < 4 * error


def test_levels_that_share_rows_are_no_units(fit):
    with refused("several-levels-a-row"):
        fit.loo("a+b")
    assert np.isfinite(fit.loo().elpd)


def test_what_groups_rows_is_no_membership(fit):
    for draw, given in ((fit.plot.shrinkage, "group"), (fit.plot.ppc, "by"), (fit.model.plot.data, "by")):
        with refused("several-levels-a-row"):
            draw(**{given: "a+b"})


def test_there_are_no_estimates_of_a_level_alone(fit):
    table = fit.effects("a+b")
    assert table["no_pooling"].isna().all()
    assert (np.bincount(table["a+b"].factorize()[0]) == 2).all()
    assert np.isfinite(table["mean"]).all()


def test_variance_of_rows_counts_squared_weights(fit, frame):
    share = frame["v"] / 2
    mean = (share**2 + (1 - share) ** 2).where(frame["a"] != frame["b"], 1.0)
    posterior, x = fit.tree["posterior"], frame["x"].to_numpy()
    sd, cor = posterior["sd_a+b"].values, posterior["cor_a+b"].values[..., 0, 1]
    each = sd[..., 0, None] ** 2 + 2 * (cor * sd[..., 0] * sd[..., 1])[..., None] * x
    each = (each + sd[..., 1, None] ** 2 * x**2) * mean.to_numpy()
    expected = np.sqrt(each.mean(-1)).mean()
    np.testing.assert_allclose(fit.variance_partition().loc["a+b", "sd"], expected)


@pytest.mark.slow
def test_it_is_printed_reported_and_saved(fit, tmp_path):
    assert "r_a+b[a[i], b[i]] = mean over the row's levels, weighted by v, w" in str(fit.model)
    page = fit.report(tmp_path / "page.html").read_text()
    assert "mean over the row&#39;s levels, weighted by v, w" in page
    again = sl.load(fit.save(tmp_path / "fit.nc"))
    assert again.model.specification.text == fit.model.specification.text
    assert str(again.summary()) == str(fit.summary())
    assert not fit.diagnose().findings


def test_hidden_slopes_are_named_with_the_formula_without_them(frame):
    one = frame.assign(x=1.0 * (frame["a"] % 2), b=(frame["a"] + 2) % LEVELS)
    with pytest.warns(ShoalWarning, match=r"\(1 \| mm\(a, b, weights=\[v, w\]\)\)"):
        sl.Model(f"y ~ x + (1 + x | {TERM})", one)


@pytest.mark.parametrize(
    ("term", "change", "error"),
    [
        ("mm(a, b, weights=[v, w], scale=False)", {}, DataError),
        ("mm(a, b, weights=[v, w])", {"w": -1.0}, DataError),
        ("mm(a, b, weights=[v, w])", {"v": 0.0, "w": 0.0}, DataError),
        ("mm(a, b, weights=[v, w])", {"w": np.inf}, DataError),
        ("mm(a, b, weights=[v, w])", {"w": "much"}, DataError),
        ("mm(a, b)", {"b": "text"}, DataError),
        ("mm(a, y)", {}, ModelError),
        ("mm(a, none)", {}, DataError),
        (f"{TERM}) + (0 + x | mm(a, b)", {}, ModelError),
        ("mm(a, b, sum=1)", {}, FormulaError),
    ],
)
def test_what_is_refused(frame, term, change, error):
    with pytest.raises(error):
        sl.Model(f"y ~ x + (1 | {term})", frame.assign(**change))


def test_rows_with_other_sums_are_named(frame):
    wrong = frame.assign(v=0.5, w=np.where(frame.index == 7, 0.6, 0.5))
    with refused("member-weights", match="do not sum to one in 1 of 600 rows \\(row 7: 0.5, 0.6\\)"):
        sl.Model("y ~ 1 + (1 | mm(a, b, weights=[v, w], scale=False))", wrong)
