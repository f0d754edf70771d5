"""`sl.pooling.explained`: which predictors are of the levels, and what they leave between the levels."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused
from shoal import priors as P
from shoal.errors import ModelError
from shoal.studies.pooling.explained import _columns
from shoal.studies.pooling.settings import learned_sd
from tables import FEW, RUN, frogs, levels


def gaussian(formula="y ~ x + z + (1 | g)", data=None, **options):
    return sl.Model(formula, levels() if data is None else data, **options)


def columns(model, group=None, effect=None, predictors=None):
    """Return what would be left out, without a fit."""
    spec = model.specification
    return _columns(spec, learned_sd(spec, group, effect), predictors)


@pytest.fixture(scope="module")
def trait():
    return sl.pooling.explained(gaussian(), prob=0.8, **RUN)


# Which predictors


@pytest.mark.parametrize(
    ("formula", "options", "expected"),
    [
        ("y ~ x + z + (1 | g)", {}, ("z",)),
        ("y ~ 0 + x + z + (1 | g)", {}, ("z",)),
        ("y ~ x + poly(z, 2) + (1 | g)", {}, ("poly(z, 2)[1]", "poly(z, 2)[2]")),
        ("y ~ x + C(three) + (1 | g) + (1 | pair)", {"group": "g"}, ("C(three)[T.1]", "C(three)[T.2]")),
        ("y ~ x * z + (1 + x | g)", {}, ("z",)),
        ("y ~ x + z + (1 | g)", {"predictors": "x"}, ("x",)),
        ("y ~ x + z + (1 | g)", {"predictors": ["z", "x", "z"]}, ("z", "x")),
        # Of a slope, what multiplies it.
        ("y ~ x * z + (1 + x | g)", {"effect": "x"}, ("x:z",)),
        ("y ~ x * z + (0 + x | g)", {}, ("x:z",)),
        # The population's own slope is none of the levels', whatever its name.
        ("y ~ I(2 * x) + x:z + (0 + x | g)", {}, ("x:z",)),
    ],
)
def test_predictors_of_the_levels_are_found_and_those_of_rows_are_not(formula, options, expected):
    assert columns(gaussian(formula), **options) == expected


@pytest.mark.parametrize("scale", [1e-9, 0.1, 1e9])
def test_predictors_of_the_levels_are_found_in_any_unit(scale):
    data = levels().assign(z=lambda d: d["z"] * scale, x=lambda d: d["x"] * scale)
    assert columns(gaussian(data=data)) == ("z",)
    almost = data["z"] + scale * 1e-3 * (np.arange(len(data)) == 1)
    with refused("no-predictor-of-levels"):
        columns(gaussian(data=data.assign(z=almost)))


def test_a_column_goes_by_its_term_and_by_its_posterior_name():
    model = gaussian("y ~ x + sigma + (1 | g)", levels().rename(columns={"z": "sigma"}))
    assert model.design.columns == ("Intercept", "x", "b_sigma")
    assert columns(model) == columns(model, predictors="sigma") == columns(model, predictors="b_sigma")


def test_what_is_fixed_explains_nothing():
    data = levels().assign(other=lambda d: d["z"] ** 2)
    model = gaussian("y ~ z + other + (1 | g)", data, priors={"z": P.Fixed(0.0)})
    assert columns(model) == ("other",)


# What they explain


def test_the_share_is_that_of_the_two_fits_variances(trait):
    draws = {key: fit.tree["posterior"]["sd_g"].values.ravel() for key, fit in trait.fits.items()}
    names = ["mean", "sd", "median", "eti80_lb", "eti80_ub"]
    for key, values in draws.items():
        expected = [values.mean(), values.std(), *np.quantile(values, [0.5, 0.1, 0.9])]
        np.testing.assert_allclose(trait.table.loc[key, names].astype(float), expected)
    # Over all pairs of draws, of which the table has one pairing at random.
    ratio = 1 - (draws["with"][:, None] / draws["without"]) ** 2
    shown = trait.table.loc["share_explained"]
    below = [(ratio < shown[name]).mean() for name in names[2:]]
    np.testing.assert_allclose(below, [0.5, 0.1, 0.9], atol=4 * 0.5 / np.sqrt(400))
    assert shown[["mean", "sd"]].isna().all()  # neither exists where the variance may be 0
    assert 0.5 < shown["median"] < 1  # z was made to explain most


def test_the_bare_fit_is_that_of_the_model_without_the_predictors(trait):
    bare = gaussian("y ~ x + (1 | g)").fit(**RUN | {"seed": 5}).tree["posterior"]
    own = trait.fits["without"].tree["posterior"]
    assert (own["z"] == 0).all() and trait.predictors == ("z",)
    for name in ("Intercept", "x", "sigma", "sd_g"):
        error = np.hypot(own[name].std(), bare[name].std()) / np.sqrt(200)
        assert abs(own[name].mean() - bare[name].mean()) < 4 * error
    assert (trait.fits["with"].tree["posterior"]["z"].std() > 0).all()


def test_predictions_are_compared_of_known_levels_and_of_new_ones(trait):
    for found, unit in ((trait.observations, "row"), (trait.levels, "g")):
        again = sl.compare(trait.fits, unit)
        pd.testing.assert_frame_equal(again.table, found.table)
        assert found.question == again.question
    gain = [c.scores["with"].elpd - c.scores["without"].elpd for c in (trait.observations, trait.levels)]
    assert f"elpd with them: {gain[0]:+.1f}" in trait.verdict
    assert f"known, {gain[1]:+.1f} (se" in trait.verdict and gain[1] > 4


def test_predators_explain_most_of_what_differs_between_tanks():
    model = sl.Model("surv | trials(density) ~ 1 + pred + size + (1 | tank)", frogs(), family="binomial")
    found = sl.pooling.explained(model, predictors=["pred[T.pred]"], **RUN)
    assert found.predictors == ("pred[T.pred]",) and found.observations.unit == "trial"
    share = found.table.loc["share_explained"]
    assert share["eti90_lb"] > 0.3 and 0.6 < share["median"] < 0.9
    assert "Worse: 'without'" in found.levels.verdict


# What is said


def test_what_is_printed_has_both_questions(trait):
    text, table = str(trait), trait.table
    assert repr(trait) == text and trait.verdict in text
    assert str(trait.observations) in text and str(trait.levels) in text
    middle = table["median"]
    sds = f"{middle['without']:.3g} without z and {middle['with']:.3g} with"
    assert trait.verdict.startswith(f"sd_g[Intercept] is {sds}: {middle['share_explained']:.0%} of the var")
    assert "80% interval" in trait.verdict


def test_the_picture_has_both_densities(trait):
    picture = trait.plot()
    for key, own in picture.numbers.groupby("predictors"):
        draws = trait.fits[key].tree["posterior"]["sd_g"].values
        np.testing.assert_allclose(own["sd"].iloc[[0, -1]], [draws.min(), draws.max()])
        mass = np.trapezoid(own["density"], own["sd"])
        assert 0.85 < mass < 1.05
        np.testing.assert_allclose(
            np.trapezoid(own["density"] * own["sd"], own["sd"]) / mass, draws.mean(), rtol=0.05
        )
    labels = [line.get_label() for line in picture.figure.axes[0].get_lines()]
    assert labels == ["without z", "with z"] and "with and without z" in picture.caption


# What is refused


REFUSALS = {
    "no model": (lambda: 1, {}, "The model is of type int"),
    "a variant": (lambda: gaussian().with_pooling("none"), {}, "made with pooling 'none'"),
    "no group": (lambda: gaussian("y ~ x + z"), {}, "no grouping factor"),
    "an unknown group": (gaussian, {"group": "h"}, "no grouping factor 'h'"),
    "no single group": (lambda: gaussian("y ~ z + (1 | g) + (1 | three)"), {}, "2 sets of group effects"),
    "an unknown effect": (gaussian, {"effect": "x"}, "'g' has no effect 'x'"),
    "a fixed sd": (lambda: gaussian(priors={"sd_g": P.Fixed(1.0)}), {}, r"sd_g\[Intercept\] is fixed"),
    "predictors of rows": (
        lambda: gaussian("y ~ x + (1 | g)"),
        {},
        "No predictor is constant within each level of g",
    ),
    "no predictor of slopes": (
        lambda: gaussian("y ~ x + z + (1 + x | g)"),
        {"effect": "x"},
        "No predictor is 'x' times a constant within each level of g",
    ),
    "an unknown predictor": (gaussian, {"predictors": "zz"}, "no population column 'zz'"),
    "a number": (gaussian, {"predictors": [1]}, "no population column 1"),
    "one number": (gaussian, {"predictors": 3}, "no population column 3"),
    "a list": (gaussian, {"predictors": [["c"]]}, r"no population column \['c'\]"),
    "the intercept": (gaussian, {"predictors": "Intercept"}, "'Intercept' is no predictor"),
    "the intercept too": (gaussian, {"predictors": ["z", "Intercept"]}, "'Intercept' is no predictor"),
    "no predictor": (gaussian, {"predictors": []}, "No predictor is named"),
    "no probability": (gaussian, {"prob": 0}, "prob=0"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_makes_no_sense_is_refused_before_anything_is_fitted(case, monkeypatch):
    monkeypatch.setattr("shoal.fit.run.fit", None)
    make, options, message = REFUSALS[case]
    with pytest.raises(ModelError, match=message) as caught:
        sl.pooling.explained(make(), **options)
    assert caught.value.needed


@pytest.mark.slow
def test_units_that_cannot_be_relied_on_are_fitted_anew():
    model = gaussian(priors={"sd_g": P.HalfNormal(20)})
    found = sl.pooling.explained(model, refit=True, **FEW)
    scores = [s for c in (found.observations, found.levels) for s in c.scores.values()]
    assert sum(score.refits for score in scores) > 0 and all(score.ok for score in scores)


def test_a_shrinkage_prior_of_all_slopes_stays_for_those_that_are_left():
    found = sl.pooling.explained(gaussian(priors={"b": P.Horseshoe()}), **FEW)
    assert found.predictors == ("z",)
    assert {"scale_b"} <= set(found.fits["without"].tree["posterior"]) & set(
        found.fits["with"].tree["posterior"]
    )
