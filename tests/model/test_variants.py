"""Pooling variants: complete is a plain regression, none is each level by itself, names stay."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from oracles import binomial_fixed, z_scores
from refusals import refused
from shoal.errors import ModelError

RUN = {"draws": 500, "chains": 2, "seed": 11, "cores": 1}
FEW = {**RUN, "draws": 40}


def rows(groups=5, size=6):
    rng = np.random.default_rng(8)
    g = np.repeat(np.arange(groups), size)
    x = rng.normal(1.0, 2.0, g.size)
    level, slope = rng.normal(0, 2, groups), rng.normal(0, 0.5, groups)
    y = 3 + level[g] + (1 + slope[g]) * x + rng.normal(0, 0.7, g.size)
    b = np.tile(np.array(list("rst")), g.size // 3)
    return pd.DataFrame({"g": [f"g{i}" for i in g], "h": b, "x": x, "y": y, "z": (y > 3).astype(int)})


DATA = rows()


def draws(fit, name):
    return fit.tree["posterior"][name].values


# complete


@pytest.mark.parametrize("family, y", [("gaussian", "y"), ("bernoulli", "z")])
def test_complete_pooling_is_the_plain_regression(family, y):
    """Same priors, hence the same program: the draws are equal."""
    whole = sl.Model(f"{y} ~ x + (1 + x | g)", DATA, family=family)
    plain = sl.Model(f"{y} ~ x", DATA, family=family)
    complete = whole.with_pooling("complete")
    assert complete.priors == plain.priors
    ours, theirs = complete.fit(**FEW), plain.fit(**FEW)
    assert list(ours.tree["posterior"]) == list(theirs.tree["posterior"])
    for name in theirs.tree["posterior"]:
        np.testing.assert_array_equal(draws(ours, name), draws(theirs, name))


def test_complete_pooling_keeps_the_priors_given():
    priors = {
        "Intercept": sl.priors.Normal(0, 1),
        "sigma": sl.priors.Exponential(3),
        "x": sl.priors.Fixed(1.0),
    }
    complete = sl.Model("y ~ x + (1 | g)", DATA, priors=priors).with_pooling("complete")
    assert complete.priors == priors


# none


def exact(model, sigma, sd):
    """Return exact mean and sd of every effect (G, K), by one dense Gaussian calculation.

    ``y = location + Z r + error``, every effect independent with its own sd, sigma known.
    """
    design = model.design
    g = design.groups[0]
    z = np.zeros((design.n_rows, len(g.labels), len(g.effects)))
    z[np.arange(design.n_rows), g.index] = g.z
    z = z.reshape(design.n_rows, -1)
    precision = z.T @ z / sigma**2 + np.diag(np.tile(np.asarray(sd) ** -2.0, len(g.labels)))
    center = design.rows.y.mean() if "Intercept" in design.terms else 0.0
    covariance = np.linalg.inv(precision)
    mean = covariance @ (z.T @ (design.rows.y - center)) / sigma**2
    shape = (len(g.labels), len(g.effects))
    return mean.reshape(shape), np.sqrt(np.diag(covariance)).reshape(shape)


@pytest.mark.parametrize("formula", ["y ~ 1 + (1 | g)", "y ~ x + (1 + x | g)", "y ~ 0 + (0 + x | g)"])
@pytest.mark.parametrize("sd", [None, 0.8])
def test_no_pooling_is_each_level_by_itself(formula, sd):
    model = sl.Model(formula, DATA, priors={"sigma": sl.priors.Fixed(0.7)})
    group = model.design.groups[0]
    alone = model.with_pooling("none", sd=sd)
    spreads = model.design.effect_spreads(group)
    wide = [10 * DATA["y"].std(ddof=0)] / spreads
    if group.effects[0] == "Intercept":  # as wide at average columns as slopes are there
        wide[0] *= np.linalg.norm(group.averages / spreads)
    sds = wide if sd is None else np.full(len(group.effects), sd)
    fit = alone.fit(**RUN)
    np.testing.assert_allclose(draws(fit, "sd_g")[0, 0], sds)
    mean, spread = exact(model, 0.7, sds)
    assert np.abs(z_scores(draws(fit, "r_g"), mean, spread)).max() < 4.5
    for name, value in [("Intercept", DATA["y"].mean()), ("x", 0.0)]:
        if name in model.design.terms:
            np.testing.assert_allclose(draws(fit, name), value)


def test_effects_of_a_level_are_independent_without_pooling():
    none = sl.Model("y ~ x + (1 + x | g)", DATA).with_pooling("none")
    assert "cor_g" not in none.priors and "cor_g" not in none.fit(**FEW).tree["posterior"]


@pytest.mark.parametrize("option", ["zero_sum=True", "dist='student'", "cov=K"])
def test_every_population_becomes_independent_normal_levels(option):
    """Of zero-sum, Student-t and related levels alike, only the fixed wide prior stays."""
    matrix = np.full((5, 5), 0.9) + 0.1 * np.eye(5)
    covariances = {"K": matrix} if option == "cov=K" else None
    known = {"sigma": sl.priors.Fixed(0.7)}
    whole = sl.Model(f"y ~ 1 + (1 | gr(g, {option}))", DATA, priors=known, covariances=covariances)
    plain = sl.Model("y ~ 1 + (1 | g)", DATA, priors=known).with_pooling("none").fit(**FEW)
    fit = whole.with_pooling("none").fit(**FEW)
    np.testing.assert_array_equal(draws(fit, "r_g"), draws(plain, "r_g"))


def test_no_pooling_of_counts_equals_quadrature():
    k, n = [0, 3, 9, 10], [10, 8, 12, 10]
    data = pd.DataFrame({"k": k, "n": n, "g": list("abcd")})
    model = sl.Model("k | trials(n) ~ 1 + (1 | g)", data, family="binomial")
    fit = model.with_pooling("none", sd=1.5).fit(**RUN)
    location = np.log((sum(k) + 0.5) / (sum(n) - sum(k) + 0.5))
    levels = binomial_fixed(k, n, (location, 1.5))
    z = z_scores(draws(fit, "r_g")[..., 0], levels.mean["level"] - location, levels.sd["level"])
    assert np.abs(z).max() < 4.5
    np.testing.assert_allclose(draws(fit, "Intercept"), location)


def test_population_columns_without_an_effect_keep_their_priors():
    model = sl.Model("y ~ x + (1 | g)", DATA)
    none = model.with_pooling("none")
    assert none.priors["x"] == model.priors["x"]
    assert none.priors["sigma"] == model.priors["sigma"]


def test_the_fixed_intercept_allows_for_an_offset():
    """Rates per exposure: the location is that of counts over exposures, not of counts."""
    data = pd.DataFrame({"y": [5, 7, 9, 4], "e": [1e4, 1e4, 2e4, 1e4], "g": list("aabb")})
    model = sl.Model("y ~ 1 + offset(log(e)) + (1 | g)", data, family="poisson")
    value = model.with_pooling("none").priors["Intercept"].value
    assert value == pytest.approx(np.log(data["y"].sum() / data["e"].sum()))


def test_crossed_factors_of_which_each_level_has_its_wide_prior():
    """Two factors: the joint posterior of both, from one dense calculation."""
    model = sl.Model("y ~ 1 + (1 | g) + (1 | h)", DATA, priors={"sigma": sl.priors.Fixed(0.7)})
    fit = model.with_pooling("none", sd=2.0).fit(**RUN)
    one_hot = [pd.get_dummies(DATA[name]).to_numpy(float) for name in "gh"]
    z = np.concatenate(one_hot, axis=1)
    covariance = np.linalg.inv(z.T @ z / 0.7**2 + np.eye(z.shape[1]) / 2.0**2)
    mean = covariance @ z.T @ (DATA["y"] - DATA["y"].mean()) / 0.7**2
    got = np.concatenate([draws(fit, "r_g")[..., 0], draws(fit, "r_h")[..., 0]], axis=-1)
    assert np.abs(z_scores(got, mean, np.sqrt(np.diag(covariance)))).max() < 4.5


# names and bookkeeping


def test_names_are_equal_across_variants():
    model = sl.Model("y ~ x + (1 + x || g) + (1 | h)", DATA)
    fits = {p: model.with_pooling(p).fit(**FEW) for p in ("partial", "none", "complete")}
    names = {p: {(n, v.dims) for n, v in fit.tree["posterior"].items()} for p, fit in fits.items()}
    assert names["partial"] == names["none"] > names["complete"]
    assert {n for n, _ in names["complete"]} == {"Intercept", "x", "sigma"}
    for p, fit in fits.items():
        assert fit.tree.attrs["pooling"] == p == fit.model.specification.pooling


@pytest.mark.parametrize("pooling", ["none", "complete"])
def test_a_saved_variant_comes_back(pooling, tmp_path):
    fit = sl.Model("y ~ x + (1 | gr(g, zero_sum=True))", DATA).with_pooling(pooling).fit(**FEW)
    back = sl.load(fit.save(tmp_path / "fit.nc"))
    assert back.model.priors == fit.model.priors
    assert back.model.specification.pooling == pooling
    assert str(back.model) == str(fit.model)
    np.testing.assert_array_equal(back.predict().values, fit.predict().values)


def test_variants_of_a_variant_are_those_of_the_whole_model():
    model = sl.Model("y ~ 1 + (1 | g)", DATA)
    none = model.with_pooling("none")
    assert none.with_pooling("complete").priors == model.with_pooling("complete").priors
    assert none.with_pooling("partial").priors == model.priors


@pytest.mark.parametrize("pooling", ["complete", "partial", "none"])
def test_a_variant_without_its_whole_model_has_no_variants(pooling):
    """The prior of the Intercept is gone: a complete model of it would have a fixed Intercept."""
    fit = sl.Model("y ~ 1 + (1 | g)", DATA).with_pooling("none").fit(**FEW)
    with refused("pooled-variant", match="pooling 'none'"):
        fit.model.with_pooling(pooling, sd=2.0 if pooling == "none" else None)
    assert fit.model.with_pooling("none").priors == fit.model.priors


# refusals


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("no",), "One of complete, none, partial"),
        (("none", 0), "positive"),
        (("none", float("inf")), "positive"),
        (("none", "wide"), "positive"),
        (("complete", 1.0), "belongs to 'none'"),
        (("partial", 1.0), "belongs to 'none'"),
    ],
)
def test_impossible_arguments_are_refused(arguments, message):
    with pytest.raises(ModelError, match=message):
        sl.Model("y ~ 1 + (1 | g)", DATA).with_pooling(*arguments)


def test_a_model_without_levels_has_no_variants():
    with refused("nothing-to-pool"):
        sl.Model("y ~ x", DATA).with_pooling("none")


def test_a_model_with_latents_has_no_variants():
    responses = [sl.Response("y ~ 1 + (1 | g) + latent(u | g)"), sl.Response("x ~ 1 + latent(u | g)")]
    with refused("nothing-to-pool"):
        sl.Model(responses, DATA).with_pooling("none")


def test_each_effect_can_have_its_own_sd():
    whole = sl.Model("y ~ x + (1 + x | g) + (1 | h)", DATA)
    given = {"sd_g[x]": 0.25, "sd_h[Intercept]": 4.0}
    priors, usual = whole.with_pooling("none", given).priors, whole.with_pooling("none").priors
    assert {name: priors[name].value for name in given} == given
    assert priors["sd_g[Intercept]"] == usual["sd_g[Intercept]"]
    with refused("unknown-effect", match="no effect of 'sd_g'"):
        whole.with_pooling("none", {"sd_g": 1.0})
    with refused("pooling-sd"):
        whole.with_pooling("none", {"sd_g[x]": 0})


# Other priors


def test_a_model_with_other_priors_is_the_one_written_with_them():
    given = {"sd_g": sl.priors.HalfNormal(1), "x": sl.priors.Normal(0, 2)}
    whole = sl.Model("y ~ x + (1 + x | g)", DATA)
    moved = whole.with_priors(given)
    assert moved.priors == sl.Model("y ~ x + (1 + x | g)", DATA, priors=given).priors
    assert whole.priors != moved.priors
    ours = moved.with_pooling("complete").fit(**FEW)
    theirs = sl.Model("y ~ x", DATA, priors={"x": given["x"]}).fit(**FEW)
    np.testing.assert_array_equal(draws(ours, "x"), draws(theirs, "x"))


def test_priors_are_changed_before_pooling():
    with pytest.raises(ModelError) as found:
        sl.Model("y ~ x + (1 | g)", DATA).with_pooling("none").with_priors({"sigma": sl.priors.HalfNormal(1)})
    assert found.value.code == "pooled-variant"
