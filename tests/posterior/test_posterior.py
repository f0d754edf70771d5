"""Structure, plan and starting point of a posterior."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from cases import (
    ALL,
    BINOMIAL,
    CROSSED,
    GAUSSIAN,
    INTEGRATED,
    KNOWN,
    LATENT,
    ORDERED,
    STUDENT_EFFECTS,
    TWO_GAUSSIAN,
    TWO_SCALES,
    Case,
    joint,
    marginal,
    named,
    posterior,
    specification,
)
from hypothesis import given
from hypothesis import strategies as st

from posterior import density as plain
from posterior.density import log_joint
from shoal.errors import ModelError
from shoal.model import Response, covariance, specify
from shoal.posterior import layout
from shoal.posterior.folding import folded
from shoal.posterior.hyper import hyperparameters, to_unconstrained
from shoal.fit.posterior import posterior_of
from shoal.priors import (
    LKJ,
    Beta,
    Exponential,
    Fixed,
    Gamma,
    HalfCauchy,
    HalfNormal,
    Normal,
    PartialCorrelation,
)
from shoal.sample.evaluate import marginal_batches, points
from shoal.sample.programs import compiled, double, to_device
from shoal.sample.target import Target
from shoal.tables import read


@pytest.mark.parametrize("case", ALL, ids=str)
def test_density_is_finite_where_the_search_starts(case):
    p = posterior(case)
    start = p.start()
    assert start.shape == (p.density.n_theta,) and start.dtype == np.float64
    assert np.isfinite(marginal(p, start))


@pytest.mark.parametrize(
    "case", [*GAUSSIAN[7:10], BINOMIAL[2], CROSSED[3], KNOWN[1], ORDERED[0], LATENT[1]], ids=str
)
def test_everything_is_computed_in_double_precision(case):
    p = posterior(case)
    _, point = joint(p, p.start(), np.zeros(p.density.n_latent))
    assert {part.dtype for part in jax.tree.leaves(point)} == {np.dtype(np.float64)}


@given(
    st.sampled_from([Exponential(0.7), HalfNormal(3.0), Gamma(mu=2.0, sigma=1.0), HalfCauchy(2.0)]),
    st.floats(1e-6, 1e3),
)
def test_a_natural_value_returns_from_its_slot(prior, value):
    t = to_unconstrained(prior, value)
    unit = prior.unit(*prior.params)
    back = np.exp(t) if unit is None else unit * np.logaddexp(0, t)
    np.testing.assert_allclose(back, value, rtol=1e-9)


def test_unit_slots_are_logits():
    np.testing.assert_allclose(to_unconstrained(Beta(2, 3), 0.2), np.log(0.2 / 0.8))


def test_real_and_correlation_slots_are_the_identity_and_tanh():
    assert to_unconstrained(Normal(0, 1), 0.3) == 0.3
    np.testing.assert_allclose(np.tanh(to_unconstrained(PartialCorrelation(1.0), 0.3)), 0.3)


CORRELATED = [GAUSSIAN[8], GAUSSIAN[9], GAUSSIAN[11], CROSSED[3], CROSSED[4], STUDENT_EFFECTS[1], LATENT[1]]


@pytest.mark.parametrize("case", CORRELATED, ids=str)
def test_hyperparameters_make_the_correlations_that_are_reported(case):
    p = posterior(case)
    s = p.structure
    with double():
        theta = np.random.default_rng(4).normal(size=s.n_theta)
        hyper = hyperparameters(s, p.data, jnp.asarray(theta))
    values = np.asarray(hyper.values)
    for factor, out in zip(s.factors, hyper.out, strict=True):
        size = len(factor.sd)
        lam, sd = np.asarray(out)[:size, :size], values[list(factor.sd)]
        matrix = covariance.correlations(values[None, list(factor.partial)], factor.blocks, size)[0]
        np.testing.assert_allclose(np.diag(matrix), 1, rtol=1e-12)
        np.testing.assert_allclose(lam @ lam.T, matrix * np.outer(sd, sd), rtol=1e-10, atol=1e-12)
        for i in range(size):
            for j in range(size):
                together = any(i in b and j in b for b in factor.blocks)
                assert together or matrix[i, j] == 0


def test_loadings_turn_a_latent_into_columns():
    """Two latents of h and g in both responses: Λ has a column of z for each loading."""
    p = posterior(TWO_GAUSSIAN[3])
    s = p.structure
    with double():
        hyper = hyperparameters(s, p.data, jnp.asarray(p.start()))
    values = dict(zip(s.names, np.asarray(hyper.values), strict=True))
    for factor, lam in zip(s.factors, hyper.lam, strict=True):
        own = {"g": "f", "h": "e"}[factor.name]
        ordinary = len(factor.sd)
        expected = [values[f"{response}_loading_{own}"] for response in ("y", "v")]
        np.testing.assert_allclose(np.asarray(lam)[ordinary:, ordinary:], np.transpose([expected]))
        assert not np.asarray(lam)[ordinary:, :ordinary].any()


# Where the effects live


@pytest.mark.parametrize(
    ("case", "main", "border"),
    [
        (CROSSED[0], "g", ["h"]),  # 4 levels against 3
        (CROSSED[2], "g:h", ["g"]),
        (CROSSED[5], "h", ["g"]),  # two effects of 3 levels against one of 4
        (KNOWN[0], None, ["g"]),  # levels with a known covariance are not independent
        (KNOWN[1], "h", ["g"]),
        (TWO_GAUSSIAN[2], "g", []),  # a latent is an effect
    ],
    ids=str,
)
def test_the_factor_with_most_effects_is_eliminated(case, main, border):
    s = posterior(case).structure
    assert (s.main.name if s.main else None) == main and [f.name for f in s.border] == border
    assert s.n_latent == s.n_normal + sum(f.effects * f.levels for f in s.factors)


def test_a_known_covariance_is_a_factor_of_its_own_beside_a_latent():
    s = posterior(LATENT[2]).structure
    assert [(f.name, f.known, f.latents) for f in s.factors] == [
        ("g", False, 1),
        ("g", True, 0),
        ("h", False, 0),
    ]


def test_large_sparse_borders_are_sparse_and_small_ones_dense():
    rng = np.random.default_rng(0)
    n = 600
    data = {"y": rng.normal(size=n), "g": rng.integers(0, 300, n), "h": rng.integers(0, 200, n)}
    table = pd.DataFrame(data | {"i": rng.integers(0, 10, n)})
    model = specify([Response("y ~ 1 + (1 | g) + (1 | h) + (1 | i)")], read(table), {})
    main, border = layout.gather(model)
    assert main.name == "g" and [(f.name, f.dense) for f in border] == [("h", False), ("i", True)]
    meetings = table[["g", "h"]].drop_duplicates().groupby("g").size()
    assert layout.pairs(model) == (meetings * (meetings + 1) // 2).sum()


# Responses, priors and signs


@pytest.mark.parametrize("case", [BINOMIAL[1], CROSSED[3], ORDERED[0], LATENT[0]], ids=str)
def test_another_response_compiles_nothing_and_changes_the_density(case):
    p = posterior(case)
    theta, z = p.start(), np.zeros(p.density.n_latent)
    before = program_joint(p, theta, z)
    count = compiled()
    other = p.with_responses(*(d.rows.y[::-1] for d in p.model.designs))
    assert program_joint(other, theta, z) != before
    assert compiled() == count and other.density == p.density


@pytest.mark.parametrize("case", [LATENT[0], LATENT[2], TWO_GAUSSIAN[2], TWO_GAUSSIAN[3]], ids=str)
def test_folding_keeps_the_density_and_turns_the_first_loading_up(case):
    p = posterior(case, coordinates="noncentered")
    rng = np.random.default_rng(6)
    for _ in range(4):
        theta, z = rng.normal(size=p.density.n_theta), rng.normal(size=p.density.n_latent)
        _, point = joint(p, theta, z)
        values = plain.known(p.model, named(p, point))
        turned = folded(p.model, p.structure, jax.tree.map(lambda a: np.array(a)[None, None], point))
        after = plain.known(p.model, named(p, jax.tree.map(lambda a: a[0, 0], turned)))
        np.testing.assert_allclose(log_joint(p.model, after), log_joint(p.model, values), rtol=1e-12)
        if case != TWO_GAUSSIAN[3]:  # whose loadings are fixed, or have priors around 0.5
            assert after[p.model.designs[0].latents[0].loading] >= 0
        else:
            np.testing.assert_array_equal(after["latent_f"], values["latent_f"])


def program_joint(p, theta, z):
    return float(points(Target(p.density, to_device(p.data), p.start()), theta[None], z[None])[0][0])


def program_marginal(p, theta):
    return float(marginal_batches(Target(p.density, to_device(p.data), p.start()), 1)(theta[None])[0])


def test_another_number_in_a_prior_compiles_nothing():
    case = Case("y ~ 1 + (1 | g)", priors={"sd_g": Exponential(1)})
    p = posterior(case)
    before = program_marginal(p, p.start())
    count = compiled()
    other = posterior(Case(case.formula, priors={"sd_g": Exponential(4)}))
    assert program_marginal(other, p.start()) != before
    assert compiled() == count


@pytest.mark.parametrize("case", ALL, ids=str)
def test_gaussian_rows_with_one_scale_integrate_and_no_others(case):
    assert posterior(case).plan.integrate == (case in INTEGRATED)


def test_plan_gives_its_reasons():
    one = GAUSSIAN[7]
    assert "Integrated exactly: 1 population coefficient and 4 group effects" in str(posterior(one).plan)
    assert "Transported" in str(posterior(TWO_SCALES[0]).plan)
    assert "noncentered coordinates, as asked" in str(posterior(one, coordinates="noncentered").plan)


def test_samplers_are_chosen_by_cost():
    wide = Case("y ~ 0 + (1 + x1 + x2 + x3 | g)", priors={"cor_g": LKJ(2)})
    assert posterior(GAUSSIAN[7]).plan.sampler == "independence"
    assert posterior(wide).plan.sampler == "hmc"  # 4 sds, 6 correlations and sigma: too many to propose
    assert posterior(BINOMIAL[1]).plan.sampler == "hmc"
    assert posterior(BINOMIAL[1], coordinates="centered").plan.sampler == "nuts"
    assert posterior(CROSSED[0]).plan.sampler == "independence"
    assert posterior(STUDENT_EFFECTS[0]).plan.sampler == "hmc"


def test_few_rows_a_level_are_followed_at_every_theta_and_many_are_not():
    def refinements(rows, levels):
        rng = np.random.default_rng(0)
        data = pd.DataFrame(
            {"y": rng.integers(0, 2, rows), "g": np.arange(rows) % levels, "x": rng.normal(size=rows)}
        )
        return posterior_of(
            specify([Response("y ~ x + (1 | g)", "bernoulli")], read(data), {})
        ).plan.refinements

    assert refinements(2000, 1000) == 1  # two rows a level
    assert refinements(2000, 20) == 0
    assert refinements(200, 4) == 1  # cheap in any case


def test_a_large_crossed_model_warns_with_numbers():
    rng = np.random.default_rng(0)
    n = 30_000
    data = pd.DataFrame(
        {"y": rng.normal(size=n), "g": rng.integers(0, 6000, n), "h": rng.integers(0, 5000, n)}
    )
    plan = posterior_of(specify([Response("y ~ 1 + (1 | g) + (1 | h)")], read(data), {})).plan
    assert "g 5,9" in plan.warning and "h 4,9" in plan.warning  # levels that rows have
    assert "minutes" in plan.warning and plan.warning in str(plan)
    assert not posterior(CROSSED[4]).plan.warning


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"coordinates": "noncentred"}, "noncentered"),
        ({"sampler": "nut"}, "Did you mean 'nuts'"),
        ({"sampler": "independence"}, "samples the hyperparameters alone"),
        ({"sampler": "independence", "coordinates": "centered"}, "samples the hyperparameters alone"),
    ],
)
def test_impossible_plans_are_refused(options, message):
    with pytest.raises(ModelError, match=message):
        posterior_of(specification(BINOMIAL[1]), **options)


def test_fixed_values_leave_theta():
    free = posterior(Case("y ~ 1 + (1 | g)"))
    fixed = posterior(Case("y ~ 1 + (1 | g)", priors={"sigma": Fixed(1.5), "sd_g": Fixed(0.5)}))
    assert (free.density.n_theta, fixed.density.n_theta) == (2, 0)
    priors = [free.model.priors[name].prior for name in ("sd_g[Intercept]", "sigma")]
    theta = np.array([to_unconstrained(p, v) for p, v in zip(priors, (0.5, 1.5), strict=True)])
    # Exponential priors: density rate * exp(-rate * value), and d value / d theta = sigmoid(theta) / rate.
    log_prior = sum(np.log(p.rate) - p.rate * v for p, v in zip(priors, (0.5, 1.5), strict=True))
    log_jacobian = sum(-np.logaddexp(0, -t) - np.log(p.rate) for p, t in zip(priors, theta, strict=True))
    np.testing.assert_allclose(marginal(free, theta) - log_prior - log_jacobian, marginal(fixed, np.zeros(0)))
