"""How models of several factors, several responses, known covariances and ordered responses are written."""

import warnings

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused
from shoal import priors as P
from shoal.errors import DataError, ModelError, ShoalWarning

N = 24


def table(**columns):
    rng = np.random.default_rng(8)
    base = {
        "y": rng.normal(size=N),
        "v": rng.normal(size=N),
        "bit": rng.permutation(np.arange(N) % 2),
        "grade": rng.permutation(np.arange(N) % 4),
        "x": rng.normal(size=N),
        "w": rng.normal(size=N),
        "g": rng.permutation(np.arange(N) % 4),
        "h": np.array(list("pqr"))[rng.permutation(np.arange(N) % 3)],
    }
    return pd.DataFrame({**base, **columns})


def model(formula, family="gaussian", data=None, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ShoalWarning)
        return sl.Model(formula, table() if data is None else data, family=family, **options)


TWO = (
    sl.Response("bit ~ x + (1 | g) + latent(u | g)", "bernoulli"),
    sl.Response("y ~ x + w + (1 + x | h) + latent(u | g)"),
)


def several(*responses, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ShoalWarning)
        return sl.Model(list(responses or TWO), table(), **options)


# Columns that depend on each other


@pytest.mark.parametrize(
    ("formula", "z", "combination"),
    [
        ("y ~ x + w + z", lambda d: d.x - 2 * d.w, r"[+-]0.5 x [+-]1 w [+-]0.5 z = 0"),
        ("y ~ x + z", lambda d: 3 - d.x, r"[+-]1 Intercept [+-]0.333 x [+-]0.333 z = 0"),
    ],
)
def test_columns_that_add_up_are_named_with_their_combination(formula, z, combination):
    with pytest.raises(DataError, match=combination) as refusal:
        model(formula, data=table().assign(z=z))
    assert "depend on each other" in str(refusal.value)


def test_the_combination_of_an_ordered_response_names_the_cutpoints():
    data = table().assign(up=lambda d: (d.x > 0).astype(float), down=lambda d: (d.x <= 0).astype(float))
    with refused("columns-dependent", match=r"cutpoints .*up .*down = 0"):
        model("grade ~ up + down", "cumulative", data)


def test_nearly_dependent_columns_are_allowed():
    """They are if nothing is raised and nothing is warned of."""
    model("y ~ x + z", data=table().assign(z=lambda d: d.x + 1e-3 * d.w))


def test_more_columns_than_rows_are_the_users_business():
    data = pd.DataFrame(np.random.default_rng(0).normal(size=(5, 8)), columns=list("yacdefhi"))
    assert len(sl.Model("y ~ a + c + d + e + f + h + i", data).design.columns) == 8


# Nested labels


def nested(counts=(3, 2, 4)):
    parent = np.repeat(["u", "v", "w"], counts)
    child = np.concatenate([np.arange(c) for c in counts])
    return pd.DataFrame({"school": np.repeat(parent, 3), "room": np.repeat(child, 3)}).assign(
        y=np.random.default_rng(0).normal(size=3 * sum(counts))
    )


def test_labels_numbered_anew_in_each_parent_are_said_with_both_readings():
    with pytest.warns(ShoalWarning, match=r"\(1 \| school\) \+ \(1 \| room\).*\(1 \| school/room\)"):
        sl.Model("y ~ 1 + (1 | school) + (1 | room)", nested())


@pytest.mark.parametrize(
    "formula, counts",
    [
        ("y ~ 1 + (1 | school/room)", (3, 2, 4)),  # said
        ("y ~ 1 + (1 | school) + (1 | school:room)", (3, 2, 4)),
        ("y ~ 1 + (1 | school) + (1 | room)", (3, 3, 3)),  # every room in every school: crossed
    ],
)
def test_labels_that_are_clear_give_no_warning(formula, counts):
    """A warning is an error here, by the configuration of pytest."""
    sl.Model(formula, nested(counts))


# Latents and several responses


def test_a_latent_of_one_response_is_refused():
    with refused("latent-of-one-response", match=r"'u' appears in one response only(?s:.*)\(1 \| g\)"):
        several(sl.Response("bit ~ x + latent(u | g)", "bernoulli"), sl.Response("y ~ x"))
    with refused("latent-of-one-response"):
        model("y ~ x + latent(u | g)")


def test_a_latent_of_two_factors_is_refused():
    with refused("latent-of-two-factors", match="'u' varies over 'g', 'h'|'u' varies over g, h"):
        several(sl.Response("bit ~ latent(u | g)", "bernoulli"), sl.Response("y ~ latent(u | h)"))


def test_two_formulas_of_one_response_and_none_at_all_are_refused():
    with refused("responses-share-column"):
        several(sl.Response("y ~ x"), sl.Response("y ~ w"))
    with refused("no-responses"):
        sl.Model([], table())
    with refused("argument-of-response"):
        sl.Model(list(TWO), table(), family="poisson")
    with refused("not-a-formula"):
        sl.Model(["y ~ x"], table())


def test_names_begin_with_the_response():
    assert list(several().priors) == [
        "bit_Intercept", "bit_x", "bit_sd_g[Intercept]", "bit_loading_u",
        "y_Intercept", "y_x", "y_w", "y_sd_h[Intercept]", "y_sd_h[x]", "y_cor_h", "y_loading_u", "y_sigma",
    ]  # fmt: skip


def test_priors_of_several_responses_have_their_own_name_that_of_the_response_or_that_of_all():
    given = {
        "b": P.Normal(0, 9),
        "y_b": P.Normal(0, 8),
        "y_x": P.StudentT(4),
        "sd": P.Exponential(3),
        "y_sd_h": P.HalfNormal(2),
        "y_sd_h[x]": P.Gamma(2, 2),
        "bit_loading": P.Normal(0, 7),
        "loading": P.Normal(0, 6),
        "Intercept": P.Normal(1, 1),
        "cor": P.LKJ(5),
        "sigma": P.HalfNormal(1),
    }
    found = several(priors=given).priors
    assert (found["bit_x"], found["y_w"], found["y_x"]) == (given["b"], given["y_b"], given["y_x"])
    assert (found["bit_sd_g[Intercept]"], found["y_sd_h[Intercept]"]) == (given["sd"], given["y_sd_h"])
    assert found["y_sd_h[x]"] == given["y_sd_h[x]"]
    assert (found["bit_loading_u"], found["y_loading_u"]) == (given["bit_loading"], given["loading"])
    assert found["bit_Intercept"] == found["y_Intercept"] == given["Intercept"]
    assert (found["y_cor_h"], found["y_sigma"]) == (given["cor"], given["sigma"])


@pytest.mark.parametrize("name", ["x", "y_bit", "sd_g", "loading_u"])
def test_a_prior_without_its_response_is_refused(name):
    with refused("unknown-parameter", match=f"no parameter '{name}'"):
        several(priors={name: P.Normal(0, 1)})


def test_a_shrinkage_prior_is_of_all_slopes_of_a_response_or_of_all():
    one = several(priors={"y_b": P.Horseshoe()}).priors
    assert isinstance(one["y_b"], P.Horseshoe) and "bit_b" not in one and one["bit_x"] != one["y_x"]
    both = several(priors={"b": P.R2D2(), "y_x": P.Normal(0, 1)}).priors
    assert both["y_b"] == both["bit_b"] == P.R2D2() and both["y_x"] == P.Normal(0, 1)
    with refused("prior-support", match="'x' is 'real'"):
        model("y ~ x + w", priors={"x": P.Horseshoe()})


# Known covariances


def toeplitz(size):
    return 0.5 ** np.abs(np.subtract.outer(np.arange(size), np.arange(size)))


@pytest.mark.parametrize(
    ("covariances", "error", "message"),
    [
        (None, ModelError, "names the covariance 'K' of 'g', which was not given"),
        ({"J": toeplitz(4)}, ModelError, "names the covariance 'K'"),
        ({"K": toeplitz(4), "J": toeplitz(4)}, ModelError, "No term uses the matrix 'J'|matrix J"),
        ({"K": toeplitz(3)}, DataError, r"shape \(3, 3\), 'g' has 4 levels"),
        ({"K": np.ones((4, 4))}, DataError, "not positive definite"),
        ({"K": np.triu(toeplitz(4))}, DataError, "not symmetric and finite"),
        ({"K": np.full((4, 4), np.nan)}, DataError, "not symmetric and finite"),
        ({"K": pd.DataFrame(toeplitz(4), list("abcd"), list("abcd"))}, DataError, "lacks 4 levels of 'g'"),
    ],
)
def test_covariances_that_do_not_fit_are_refused(covariances, error, message):
    with pytest.raises(error, match=message):
        model("y ~ 1 + (1 | gr(g, cov=K))", covariances=covariances)


def test_a_labelled_covariance_is_put_in_the_order_of_the_levels():
    order = [3, 0, 7, 2, 1]
    k = toeplitz(5)[np.ix_(order[:2] + [4, 2, 1], order[:2] + [4, 2, 1])]
    labelled = pd.DataFrame(k, order, order)  # one level more than the table has
    group = model("y ~ 1 + (1 | gr(g, cov=K))", covariances={"K": labelled}).design.groups[0]
    wanted = labelled.loc[[0, 1, 2, 3], [0, 1, 2, 3]].to_numpy()
    np.testing.assert_allclose(group.root @ group.root.T, wanted)


# Options of group terms


def test_options_that_cannot_be_together_are_refused():
    with refused("cov-with-zero-sum"):
        model("y ~ (1 | gr(g, zero_sum=True, cov=K))", covariances={"K": toeplitz(4)})
    with refused("student-with-zero-sum", match="dist='student' and zero_sum=True"):
        model("y ~ (1 | gr(g, zero_sum=True, dist='student'))")
    for option in ("dist='student'", "cov=K", "zero_sum=True"):
        with refused("factor-terms-differ", match=f"differ in {option.split('=')[0]}"):
            model(
                f"y ~ (1 | g) + (0 + x | gr(g, {option}))",
                covariances={"K": toeplitz(4)} if "K" in option else None,
            )


def test_degrees_of_freedom_have_a_prior_only_where_effects_are_student():
    assert model("y ~ (1 | gr(g, dist='student'))").priors["nu_g"] == P.Gamma(2.0, 0.1)
    with refused("unknown-parameter", match="no parameter 'nu_g'"):
        model("y ~ (1 | g)", priors={"nu_g": P.Fixed(4)})


# Ordered responses


def at_or_below(codes):
    """Return (number, rows at or below it) of each category but the last, from 1."""
    return [(j, (np.asarray(codes) < j).sum()) for j in range(1, 4)]


def test_cutpoints_take_the_place_of_the_intercept():
    m = model("grade ~ x + (1 | g)", "cumulative")
    assert m.design.columns == ("x",) and m.design.categories == (0, 1, 2, 3)
    codes = table()["grade"]
    known = [
        np.log((below + 0.5 * j) / (len(codes) + 2 - below - 0.5 * j)) for j, below in at_or_below(codes)
    ]
    found = m.priors["cutpoints"]
    np.testing.assert_allclose(found.params, (np.mean(known), 2.5 * np.hypot(1, np.std(known))))
    with refused("cutpoints-without-intercept"):
        model("grade ~ 0 + x", "cumulative")
    with refused("unknown-parameter", match="no parameter 'Intercept'"):
        model("grade ~ x", "cumulative", priors={"Intercept": P.Normal(0, 1)})


@pytest.mark.parametrize("prior", [P.Fixed(0.0), P.Laplace(0, 1)])
def test_cutpoints_with_another_prior_than_normal_or_student_are_refused(prior):
    with refused("prior-kind", match="'cutpoints'"):
        model("grade ~ x", "cumulative", priors={"cutpoints": prior})


def test_ordered_categories_keep_their_order():
    labels = np.array(["low", "middle", "high", "top"])
    data = table().assign(grade=lambda d: pd.Categorical(labels[d.grade], labels, ordered=True))
    design = model("grade ~ x", "cumulative", data).design
    assert design.categories == tuple(labels)
    np.testing.assert_array_equal(labels[design.rows.y.astype(int)], data.grade)


# What is printed


def test_a_printed_model_has_every_response_factor_and_option():
    text = str(several())
    for part in (
        "bit[i] ~ Bernoulli(expit(eta_bit))",
        "bit_Intercept + b[bit_x] x[i] + bit_r_g[g[i]] + bit_loading_u latent_u[g[i]]",
        "y[i] ~ Normal(eta_y, y_sigma)",
        "latent_u[g] ~ Normal(0, 1) over g",
        "y: 24 rows",
        "h: 3 levels",
    ):
        assert part in text, f"{part!r} not in\n{text}"
    labelled = pd.DataFrame(toeplitz(3), list("rpq"), list("rpq"))
    text = str(model("y ~ x + (1 | gr(g, dist='student')) + (1 | gr(h, cov=K))", covariances={"K": labelled}))
    for part in (
        "r_g[g][Intercept] ~ StudentT(nu_g, 0, sd_g[Intercept])",
        "levels of h have the known covariance",
    ):
        assert part in text, f"{part!r} not in\n{text}"
    assert "each, in ascending order" in str(model("grade ~ x", "cumulative"))


def test_the_distribution_of_a_beta_response_keeps_its_name():
    responses = [sl.Response("p ~ x + latent(u | g)", "beta"), sl.Response("y ~ latent(u | g)")]
    data = table().assign(p=lambda d: 1 / (1 + np.exp(-d.v)))
    line = next(line for line in str(sl.Model(responses, data)).splitlines() if "p[i] ~" in line)
    assert "~ Beta(" in line and "eta_p" in line and "p_phi" in line
