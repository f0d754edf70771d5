"""Structure, plan and starting point of a posterior."""

import jax.numpy as jnp
import numpy as np
import pytest
from cases import ALL, BINOMIAL, GAUSSIAN, TWO_SCALES, Case, joint, marginal, posterior, specification
from hypothesis import given
from hypothesis import strategies as st

from shoal import groups
from shoal.errors import ModelError
from shoal.posterior.posterior import posterior_of
from shoal.posterior.structure import hyperparameters, to_unconstrained
from shoal.priors import LKJ, Exponential, Fixed, Gamma, HalfCauchy, HalfNormal, Normal, PartialCorrelation
from shoal.sample.programs import compiled, double


@pytest.mark.parametrize("case", ALL, ids=str)
def test_density_is_finite_where_the_search_starts(case):
    p = posterior(case)
    start = p.start()
    assert start.shape == (p.density.n_theta,) and start.dtype == np.float64
    assert np.isfinite(marginal(p, start))


@pytest.mark.parametrize("case", [*GAUSSIAN[7:10], BINOMIAL[2]], ids=str)
def test_everything_is_computed_in_double_precision(case):
    p = posterior(case)
    _, point = joint(p, p.start(), np.zeros(p.density.n_latent))
    assert {part.dtype for part in point} == {np.dtype(np.float64)}


@given(
    st.sampled_from([Exponential(0.7), HalfNormal(3.0), Gamma(mu=2.0, sigma=1.0), HalfCauchy(2.0)]),
    st.floats(1e-6, 1e3),
)
def test_a_natural_value_returns_from_its_slot(prior, value):
    t = to_unconstrained(prior, value)
    unit = prior.unit(*prior.params)
    back = np.exp(t) if unit is None else unit * np.logaddexp(0, t)
    np.testing.assert_allclose(back, value, rtol=1e-9)


def test_real_and_correlation_slots_are_the_identity_and_tanh():
    assert to_unconstrained(Normal(0, 1), 0.3) == 0.3
    np.testing.assert_allclose(np.tanh(to_unconstrained(PartialCorrelation(1.0), 0.3)), 0.3)


@pytest.mark.parametrize("case", [c for c in ALL if "cor_g" in specification(c).priors], ids=str)
def test_hyperparameters_make_the_correlations_that_are_reported(case):
    p = posterior(case)
    s = p.structure
    with double():
        theta = np.random.default_rng(4).normal(size=s.n_theta)
        hyper = hyperparameters(s, p.data, jnp.asarray(theta))
        lam, values = np.asarray(hyper.lam), np.asarray(hyper.values)
    sd = values[list(s.sd)]
    matrix = groups.correlations(values[None, list(s.partial)], s.blocks, s.n_effects)[0]
    np.testing.assert_allclose(np.diag(matrix), 1, rtol=1e-12)
    np.testing.assert_allclose(lam @ lam.T, matrix * np.outer(sd, sd), rtol=1e-10, atol=1e-12)
    for i in range(s.n_effects):
        for j in range(s.n_effects):
            together = any(i in b and j in b for b in s.blocks)
            assert together or matrix[i, j] == 0


def test_another_response_compiles_nothing_and_changes_the_density():
    p = posterior(BINOMIAL[1])
    theta, z = p.start(), np.zeros(p.density.n_latent)
    before = joint(p, theta, z)[0]
    count = compiled()
    other = p.with_response(np.append(1 - p.model.design.rows.y[0], p.model.design.rows.y[1:]))
    assert joint(other, theta, z)[0] != before
    assert compiled() == count and other.density == p.density


def test_another_number_in_a_prior_compiles_nothing():
    case = Case("y ~ 1 + (1 | g)", priors={"sd_g": Exponential(1)})
    p = posterior(case)
    before = marginal(p, p.start())
    count = compiled()
    other = posterior(Case(case.formula, priors={"sd_g": Exponential(4)}))
    assert marginal(other, p.start()) != before
    assert compiled() == count


@pytest.mark.parametrize("case", ALL, ids=str)
def test_gaussian_rows_with_one_scale_integrate_and_no_others(case):
    assert posterior(case).plan.integrate == (case in GAUSSIAN)


def test_plan_gives_its_reasons():
    one = GAUSSIAN[7]
    assert "Integrated exactly: 1 population coefficients and 4 group effects" in str(posterior(one).plan)
    assert "Transported" in str(posterior(TWO_SCALES[0]).plan)
    assert "noncentered coordinates, as asked" in str(posterior(one, coordinates="noncentered").plan)


def test_samplers_are_chosen_by_cost():
    wide = Case("y ~ 0 + (1 + x1 + x2 + x3 | g)", priors={"cor_g": LKJ(2)})
    assert posterior(GAUSSIAN[7]).plan.sampler == "independence"
    assert posterior(wide).plan.sampler == "hmc"  # 4 sds, 6 correlations and sigma: too many to propose
    assert posterior(BINOMIAL[1]).plan.sampler == "hmc"
    assert posterior(BINOMIAL[1], coordinates="centered").plan.sampler == "nuts"


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
