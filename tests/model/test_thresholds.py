"""Cutpoints by item, ``thres(gr=item)``: agreement with separate fits, recovery, predictions, refusals."""

import warnings

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from families import scipy_densities
from refusals import refused
from shoal.errors import DataError, FormulaError, ModelError, ShoalWarning
from shoal.families import FAMILIES, Rows
from shoal.fit.pointwise import row_log_likelihood
from shoal.model.thresholds import NEVER
from shoal.priors import Normal, StudentT
from shoal.scores.loo.densities import densities
from shoal.scores.loo.units import units_of

PEOPLE = 100
ITEMS = {"a": [-1.5, 0.0, 1.2], "b": [-0.5, 0.5], "c": [-2.0, -1.0, 2.0]}
TRUTH = {"x": 0.8, "sd_person[Intercept]": 0.9}
TRUTH |= {f"cutpoints[{i}, {k}|{k + 1}]": c for i, own in ITEMS.items() for k, c in enumerate(own, 1)}
FORMULA = "y | thres(gr=item) ~ x + (1 | person)"


def simulated(name, people=PEOPLE):
    """Return answers of people to three items, of which the second has three categories."""
    rng, parts = np.random.default_rng(5), []
    x, person = rng.normal(size=people), np.arange(people)
    effects = rng.normal(0, TRUTH["sd_person[Intercept]"], people)
    rows = Rows(*(np.full(people, part) for part in (0.0, 1.0, 1.0, 0.0)))
    for item, cutpoints in ITEMS.items():
        family = FAMILIES[name].with_categories(range(len(cutpoints) + 1))
        eta = TRUTH["x"] * x + effects - effects.mean()
        y = family.draw(rng, rows, eta, {"cutpoints": np.array(cutpoints)})
        parts.append(pd.DataFrame({"y": y.astype(int) + 1, "x": x, "person": person, "item": item}))
    return pd.concat(parts, ignore_index=True)


def quietly(formula, frame, family, *args):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "No row of 'item'", ShoalWarning)
        return sl.Model(formula, frame, family, *args)


@pytest.fixture(scope="module")
def frame():
    return simulated("cumulative")


@pytest.fixture(scope="module")
def fit(frame):
    return quietly(FORMULA, frame, "cumulative").fit(seed=1, progress=False)


def check_recovery(fit):
    found = fit.summary().loc[list(TRUTH)]
    away = abs(found["mean"] - list(TRUTH.values())) / found["sd"]
    assert away.max() < 3.5, away
    assert (found["sd"] < 0.35).all() and found["r_hat"].max() < 1.01 and found["ess_bulk"].min() > 1000
    assert not fit.tree["sample_stats"]["diverging"].any()


def test_what_rows_were_simulated_from_is_found_again(fit):
    check_recovery(fit)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["acat", "sratio"])
def test_cutpoints_in_any_order_are_found_again(name):
    check_recovery(quietly(FORMULA, simulated(name, 300), name).fit(seed=1, progress=False))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cumulative", "cratio"])
def test_items_that_share_nothing_are_separate_models(frame, name):
    model = quietly("y | thres(gr=item) ~ 1", frame, name)
    whole = model.fit(seed=1, progress=False).summary()
    for item in ITEMS:
        alone = sl.Model("y ~ 1", frame[frame["item"] == item], name)
        assert model.priors[f"cutpoints[{item}]"] == alone.priors["cutpoints"]
        part = alone.fit(seed=1, progress=False).summary()
        own = whole.loc[[f"cutpoints[{item}, {label[10:]}" for label in part.index]]
        error = np.hypot(own["mcse_mean"].to_numpy(), part["mcse_mean"].to_numpy())
        assert (abs(own["mean"].to_numpy() - part["mean"].to_numpy()) < 4.5 * error).all()
        np.testing.assert_allclose(own["sd"], part["sd"], rtol=0.12)


def test_the_printed_model_names_the_item(fit):
    text = str(fit.model)
    assert "y[i] ~ Cumulative, P(y <= j) = expit(cutpoint[item[i], j] - eta)" in text
    assert "item: 3 items, 2 to 3 cutpoints each" in text
    assert {"cutpoints[a]", "cutpoints[b]", "cutpoints[c]"} < set(fit.model.priors)


def test_a_prior_is_given_to_one_item_or_to_all(frame):
    priors = {"cutpoints": StudentT(4, 0, 2), "cutpoints[b]": Normal(0, 0.5)}
    found = quietly(FORMULA, frame, "cumulative", priors).priors
    assert found["cutpoints[b]"] == Normal(0, 0.5)
    assert found["cutpoints[a]"] == found["cutpoints[c]"] == StudentT(4, 0, 2)


def test_what_an_item_lacks_is_never_reached(fit):
    values = fit.tree["posterior"]["cutpoints"]
    assert values.dims == ("chain", "draw", "item", "cutpoint")
    assert (values.sel(item="b", cutpoint="3|4") == NEVER).all()
    assert "cutpoints[b, 3|4]" not in fit.summary().index
    assert not [finding for finding in fit.diagnose().findings if finding.code == "not-finite"]


@pytest.mark.parametrize("name", ["cumulative", "cumulative(probit)", "sratio(probit)", "cratio", "acat"])
def test_rows_of_few_categories_have_their_own_density(frame, name):
    """Cutpoints that are never reached leave density, score and curvature as they are without them."""
    model = quietly("y | thres(gr=item) ~ x", frame, name)
    design = model.specification.designs[0]
    own = frame["item"] == "b"
    rows, eta = design.rows.at(own), np.linspace(-9, 9, own.sum())
    few, more = ({"cutpoints": np.array([[-0.5, 0.6, *rest]])} for rest in ([], [NEVER]))
    for order in (0, 1, 2):
        one, other = (design.family.evaluate(rows, eta, phi, order) for phi in (few, more))
        np.testing.assert_allclose(other.value, one.value, rtol=1e-12)
        np.testing.assert_allclose(other.score, one.score, rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(other.curvature, one.curvature, rtol=1e-9, atol=1e-12)
    known = scipy_densities.log_density(design.family, rows, eta, {"cutpoints": few["cutpoints"][0]})
    np.testing.assert_allclose(one.value, known, rtol=1e-8, atol=1e-15)  # SciPy rounds to 0
    p = design.family.mean(rows, eta, more)
    assert (p[:, 3] == 0).all()
    np.testing.assert_allclose(p.sum(1), 1)


def test_predictions_are_by_the_cutpoints_of_the_item(fit):
    new = pd.DataFrame({"x": [0.5, 0.5, 0.5], "person": [3, 3, 3], "item": ["b", "a", "b"]})
    p, posterior = fit.predict(new), fit.tree["posterior"]
    eta = 0.5 * posterior["x"].values + posterior["r_person"].values[..., 3, 0]
    below = 1 / (1 + np.exp(eta[..., None] - posterior["cutpoints"].sel(item="a").values))
    np.testing.assert_allclose(p.values[:, :, 1, :3].cumsum(-1), below, rtol=1e-9)
    assert (p.values[:, :, 0] == p.values[:, :, 2]).all() and (p.values[:, :, 0, 3] == 0).all()
    assert fit.predict(new, kind="response").values[:, :, [0, 2]].max() == 3
    with pytest.warns(ShoalWarning, match="missing values in 'item'"):
        gap = fit.predict(new.assign(item=["b", None, "b"])).values
    assert np.isnan(gap[:, :, 1]).all() and np.isfinite(gap[:, :, 0]).all()


def test_items_that_were_not_fitted_are_refused(fit, frame):
    with refused("unknown-item", match="has 'd', which the model was not fitted to"):
        fit.predict(frame.head(2).assign(item="d"))
    numbered = frame.assign(item=frame["item"].map({"a": 1, "b": 2, "c": 3}))
    numbers = quietly("y | thres(gr=item) ~ x", numbered, "cumulative").fit(draws=100, seed=1, progress=False)
    with refused("column-kind", match="holds '1'"):
        numbers.predict(numbered.head(2).assign(item="1"))
    assert np.isfinite(numbers.predict(numbered.head(2).assign(item=3.0))).all()


@pytest.mark.slow
def test_people_are_left_out_as_the_sums_of_their_rows(frame):
    """Without effects of people their rows' densities add up, whichever item each is of."""
    fit = quietly("y | thres(gr=item) ~ x + (0 + x | item)", frame, "cumulative").fit(
        seed=1, draws=100, progress=False
    )
    rows = np.concatenate([own for _, own in row_log_likelihood(fit.results)], axis=1)
    units = units_of(fit.results.model, "x")  # each person has one
    found = list(densities(fit.results, units, np.arange(PEOPLE), 1))
    sums = np.array([rows[:, units.of_row == u].sum(1) for u in range(PEOPLE)]).T
    np.testing.assert_allclose(np.concatenate([own.values for own in found], axis=1), sums, rtol=1e-9)


@pytest.mark.slow
def test_scores_prefer_scales_of_their_own():
    frame = simulated("cumulative", 300)
    fit = quietly(FORMULA, frame, "cumulative").fit(seed=1, progress=False)
    models = (quietly(formula, frame, "cumulative") for formula in (FORMULA, "y ~ x + (1 | person)"))
    short = [model.fit(draws=100, seed=1, progress=False) for model in models]
    better, worse = (one.loo("person") for one in short)
    assert better.elpd > worse.elpd + 50
    assert fit.loo().elpd > better.elpd and fit.loo().pointwise["pareto_k"].max() < 0.7
    posterior = fit.posterior_predictive(draws=20)
    assert posterior["posterior_predictive"]["y"].shape[-1] == len(frame)


@pytest.mark.slow
def test_a_fit_is_saved_and_read_and_reported(fit, frame, tmp_path):
    fit.save(tmp_path / "fit.nc")
    again = sl.load(tmp_path / "fit.nc")
    np.testing.assert_array_equal(again.predict(frame.head(3)), fit.predict(frame.head(3)))
    pd.testing.assert_frame_equal(again.summary(), fit.summary())
    fit.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "Each of the 3 items of item has cutpoints of its own." in page
    assert {"cutpoints[a, 1|2]", "cutpoints[b, 2|3]"} <= set(fit.sensitivity().index)


def test_items_of_fewer_categories_are_remarked_on_unless_their_number_is_given(frame):
    with pytest.warns(ShoalWarning, match=r"No row of 'item' 'b' has the category 4.*thres\(3, gr=item\)"):
        sl.Model(FORMULA, frame, "cumulative")
    counted = frame.assign(n=frame["item"].map({"a": 3, "b": 2, "c": 3}))
    model = sl.Model("y | thres(n, gr=item) ~ x", counted, "cumulative")
    assert model.specification.designs[0].thresholds.counts == (3, 2, 3)
    with pytest.warns(ShoalWarning, match="No row has the category 4 of 'b'"):
        whole = sl.Model("y | thres(3, gr=item) ~ x", frame, "cumulative")
    assert whole.specification.designs[0].thresholds.counts == (3, 3, 3)


@pytest.mark.parametrize(
    ("formula", "family", "error", "message"),
    [
        ("y | thres(gr=x) ~ 1", "cumulative", DataError, "holds fractions in 300 rows"),
        ("y | thres(gr=item) ~ x", "poisson", ModelError, "no cutpoints.*cumulative, sratio"),
        ("y | thres(item) ~ x", "cumulative", FormulaError, r"thres\(gr=item\) takes the column"),
        ("y | thres(gr=log(x)) ~ x", "cumulative", FormulaError, "The column that names the items"),
        ("y | thres(2, gr=item) ~ x", "cumulative", DataError, "2 as the number of cutpoints of the item"),
        ("y | thres(4, gr=item) ~ x", "cumulative", DataError, "from 3, .* to 3"),
        ("y | thres(x, gr=item) ~ 1", "cumulative", DataError, "One whole number for each item"),
        ("y | thres(gr=item) ~ x + (1 | item)", "cumulative", ModelError, "moves all of them"),
        ("y | thres(gr=item) ~ x + item", "cumulative", DataError, "depend on each other"),
        ("y | thres(gr=alike) ~ x", "cumulative", DataError, "has one level"),
        ("low | thres(gr=item) ~ x", "cumulative", DataError, "'c' have the lowest category.*no cutpoint"),
        ("top | thres(gr=item) ~ x", "cumulative", DataError, "no row of any 'item' is above number 4"),
    ],
)
def test_what_has_no_meaning_is_refused(frame, formula, family, error, message):
    low = frame["y"].where(frame["item"] != "c", 1)
    top = pd.Categorical(frame["y"], range(1, 6), ordered=True)
    with pytest.raises(error, match=f"(?s){message}"):
        quietly(formula, frame.assign(alike="a", low=low, top=top), family)


def test_an_item_without_a_row_that_counts_is_refused(frame):
    data = frame.assign(w=(frame["item"] != "a").astype(float))
    with refused("items-without-weight", match="'a' have weight 0"):
        sl.Model("y | thres(gr=item) + weights(w) ~ x", data, "cumulative")
