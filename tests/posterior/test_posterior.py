"""Structure, plan and starting point of a posterior."""

from dataclasses import replace

import numpy as np
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
    SHRUNK,
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
from scipy.stats import norm

from engine.dense_problem import DenseProblem
from posterior import density as plain
from posterior.density import log_joint
from refusals import refused
from shoal.engine import memory
from shoal.engine.build import transform_of
from shoal.engine.plan import Alone, Size, choose
from shoal.errors import ModelError
from shoal.fit.folding import folded
from shoal.fit.posterior import posterior_of, to_unconstrained
from shoal.model.terms.group_effects import PlacedGroupEffects
from shoal.model.terms.latents import PlacedLatent
from shoal.priors import (
    Beta,
    Exponential,
    Fixed,
    Gamma,
    HalfCauchy,
    HalfNormal,
    Normal,
    PartialCorrelation,
)
from sweeps import sparsely


@pytest.mark.parametrize("case", sparsely(ALL, 2), ids=str)
def test_density_is_finite_where_the_search_starts(case):
    p = posterior(case)
    start = p.target.start
    assert start.shape == (p.target.n_theta,) and start.dtype == np.float64
    assert np.isfinite(marginal(p, start))


def slot(prior, value):
    """Return where a value stands in theta."""
    return to_unconstrained(value, *transform_of(prior))


@given(
    st.sampled_from([Exponential(0.7), HalfNormal(3.0), Gamma(mu=2.0, sigma=1.0), HalfCauchy(2.0)]),
    st.floats(1e-6, 1e3),
)
def test_a_natural_value_returns_from_its_slot(prior, value):
    t = slot(prior, value)
    unit = prior.unit(*prior.params)
    back = np.exp(t) if unit is None else unit * (t * norm.cdf(t) + norm.pdf(t))
    np.testing.assert_allclose(back, value, rtol=1e-9)


def test_unit_slots_are_logits():
    np.testing.assert_allclose(slot(Beta(2, 3), 0.2), np.log(0.2 / 0.8))


def test_real_and_correlation_slots_are_the_identity_and_tanh():
    assert slot(Normal(0, 1), 0.3) == 0.3
    np.testing.assert_allclose(np.tanh(slot(PartialCorrelation(1.0), 0.3)), 0.3)


@pytest.mark.parametrize("case", [*GAUSSIAN[7:9], SHRUNK[0], SHRUNK[1], ORDERED[0], LATENT[1]], ids=str)
def test_the_search_starts_where_the_engine_says_the_middles_are(case):
    """What stands in theta comes back, whatever its slot."""
    p = posterior(case)
    h = p.target.values(p.target.start[None])[0]
    slots = p.assembled.slots
    assert [name for name, *_ in slots] == list(p.assembled.places)[: len(slots)]
    back = [slot(prior, h[place]) for _, prior, place in slots]
    np.testing.assert_allclose(back, p.target.start, rtol=1e-9, atol=1e-12)


CORRELATED = [GAUSSIAN[8], GAUSSIAN[9], GAUSSIAN[11], CROSSED[3], CROSSED[4], STUDENT_EFFECTS[1], LATENT[1]]


def lam(p, d, own, level):
    """Return the block of S by which the effects x of a level make its elements of v, (J, K)."""
    order = p.target.problem.pattern.order
    return d.s[np.ix_(own.v[level], order[own.x[level]])]


def group_effects(p):
    return [own for own in p.assembled.placed if isinstance(own, PlacedGroupEffects)]


@pytest.mark.parametrize("case", CORRELATED, ids=str)
def test_hyperparameters_make_the_correlations_that_are_reported(case):
    p = posterior(case)
    theta = np.random.default_rng(4).normal(size=p.target.n_theta)
    d = DenseProblem(p.target, theta)
    (values,) = named(p, theta[None], np.zeros((1, d.s.shape[0] + d.s.shape[1])))
    for own in group_effects(p):
        blocks = [lam(p, d, own, level) for level in range(own.term.factor.levels)]
        np.testing.assert_array_equal(blocks, np.broadcast_to(blocks[0], np.shape(blocks)))
        at, seen = 0, np.zeros(blocks[0].shape, bool)
        for _, group in own.term.factor.groups:
            here = np.ix_(*[range(at, at + len(group.effects))] * 2)
            seen[here], at = True, at + len(group.effects)
            root = blocks[0][here]
            sds, matrix = plain.at_average(p.model, group, values)
            if group.correlated:
                np.testing.assert_allclose(np.diag(matrix), 1, rtol=1e-12)
                for i, j in np.argwhere(matrix):
                    assert any(i in b and j in b for b in group.blocks)
            expected = matrix * np.outer(sds, sds)
            np.testing.assert_allclose(root @ root.T, expected, rtol=1e-10, atol=1e-12)
        assert not blocks[0][~seen].any()


def test_loadings_turn_a_latent_into_columns():
    """Two latents of h and g in both responses: each has a column for each loading."""
    p = posterior(TWO_GAUSSIAN[3])
    theta = p.target.start
    d = DenseProblem(p.target, theta)
    values = {name: d.h[place] for name, place in p.assembled.places.items()}
    order = p.target.problem.pattern.order
    latents = [own for own in p.assembled.placed if isinstance(own, PlacedLatent)]
    assert len(latents) == 2
    for own in latents:
        expected = [values[f"{response}_loading_{own.term.one.name}"] for response in ("y", "v")]
        block = d.s[np.ix_(own.v[:, 1], order[own.x])]
        np.testing.assert_allclose(block[:, 1], expected)
        assert not np.delete(block, 1, axis=1).any()


# Where the effects live


def test_a_known_covariance_is_a_factor_of_its_own_beside_a_latent():
    placed = posterior(LATENT[2]).assembled.placed
    factors = [own.term.factor for own in placed if isinstance(own, PlacedGroupEffects)]
    assert [(f.name, f.root is not None) for f in factors] == [("g", True), ("h", False)]
    assert [own.term.one.factor for own in placed if isinstance(own, PlacedLatent)] == ["g"]


@pytest.mark.parametrize("case", [GAUSSIAN[9], CROSSED[2], KNOWN[3], LATENT[1]], ids=str)
def test_every_level_has_its_effects_and_its_places(case):
    p = posterior(case)
    nv, order = len(p.target.problem.scales.constant), p.target.problem.pattern.order
    x = np.concatenate([own.x.ravel() for own in p.assembled.placed if hasattr(own, "x")])
    np.testing.assert_array_equal(np.sort(x), np.arange(p.target.n_effects))
    np.testing.assert_array_equal(np.sort(order), np.arange(p.target.n_effects))
    elements = p.assembled.elements()
    assert len(np.unique(elements)) == len(elements) and elements.max() < nv + len(order)
    assert set(p.assembled.elements(False)) < set(elements)


# Responses, priors and signs


@pytest.mark.parametrize("case", [BINOMIAL[1], CROSSED[3], ORDERED[0], LATENT[0]], ids=str)
def test_another_response_changes_the_density_and_not_its_shape(case):
    p = posterior(case)
    theta, z = p.target.start, np.zeros(p.target.n_effects)
    other = p.with_responses(*(d.rows.y[::-1] for d in p.model.designs))
    assert joint(other, theta, z)[0] != joint(p, theta, z)[0]
    assert other.plan == p.plan and other.target.size == p.target.size
    fresh = posterior_of(other.model)
    np.testing.assert_array_equal(joint(other, theta, z)[0], joint(fresh, theta, z)[0])


@pytest.mark.parametrize("case", [LATENT[0], LATENT[2], TWO_GAUSSIAN[2], TWO_GAUSSIAN[3]], ids=str)
def test_folding_keeps_the_density_and_turns_the_first_loading_up(case):
    p = posterior(case)
    rng = np.random.default_rng(6)
    for _ in range(4):
        theta, z = rng.normal(size=p.target.n_theta), rng.normal(size=p.target.n_effects)
        values = joint(p, theta, z)[1]
        turned = folded(p.assembled, {name: ((), np.array(v)[None, None]) for name, v in values.items()})
        after = plain.known(p.model, {name: v[0, 0] for name, (_, v) in turned.items()})
        values = plain.known(p.model, values)
        np.testing.assert_allclose(log_joint(p.model, after), log_joint(p.model, values), rtol=1e-12)
        if case != TWO_GAUSSIAN[3]:  # whose loadings are fixed, or have priors around 0.5
            assert after[p.model.designs[0].latents[0].loading] >= 0
        else:
            np.testing.assert_array_equal(after["latent_f"], values["latent_f"])


def test_another_number_in_a_prior_changes_the_density():
    case = Case("y ~ 1 + (1 | g)", priors={"sd_g": Exponential(1)})
    p, other = posterior(case), posterior(Case(case.formula, priors={"sd_g": Exponential(4)}))
    assert marginal(other, p.target.start) != marginal(p, p.target.start)


@pytest.mark.parametrize("case", sparsely(ALL, 1), ids=str)
def test_gaussian_rows_with_one_scale_integrate_and_no_others(case):
    p = posterior(case)
    assert p.plan.integrate == p.target.quadratic == (case in INTEGRATED)


# Plans


def test_plan_gives_its_reasons():
    one = posterior(GAUSSIAN[7]).plan
    other = posterior(TWO_SCALES[0]).plan
    asked = posterior_of(specification(GAUSSIAN[7]), "noncentered").plan
    assert "1 population coefficient and 4 group effects" in str(one)
    assert len({str(plan) for plan in (one, other, asked)}) == 3
    assert all(len(plan.reasons) == 2 for plan in (one, other, asked))
    assert (one.asked, other.asked, asked.asked) == (False, False, True)
    assert (one.fits_marginal, other.fits_marginal, asked.fits_marginal) == (True, True, False)
    assert "noncentered" in str(asked)


def test_samplers_are_chosen_by_the_number_of_hyperparameters():
    wide = Case("y ~ 0 + (1 + x1 + x2 + x3 | g)")
    assert posterior(GAUSSIAN[7]).plan.sampler == "independence"
    assert posterior(wide).plan.sampler == "hmc"  # 4 sds, 6 correlations and sigma: too many to propose
    assert posterior(BINOMIAL[1]).plan.sampler == "pilot"
    assert posterior_of(specification(BINOMIAL[1]), "centered").plan.sampler == "nuts"
    assert posterior(CROSSED[0]).plan.sampler == "independence"
    assert posterior(STUDENT_EFFECTS[0]).plan.sampler == "pilot"
    for sampler in ("alternating", "hmc", "nuts"):
        assert posterior_of(specification(BINOMIAL[1]), sampler=sampler).plan.sampler == sampler


LARGE = Size(3, 1, 11_000, True, 1e11, 1e11, 10**8, (("g", 6000), ("h", 5000)))


def test_a_large_crossed_model_warns_with_numbers():
    plan = choose(LARGE)
    assert "6,000" in plan.warning and "5,000" in plan.warning and plan.warning in str(plan)
    assert choose(replace(LARGE, cost=1e3, numbers=10**9)).warning
    assert not choose(replace(LARGE, cost=1e3)).warning
    assert choose(replace(LARGE, quadratic=False, cost=1e3)).warning  # by what a step of a trajectory costs
    assert not choose(replace(LARGE, quadratic=False, step=1e3)).warning
    assert not posterior(CROSSED[4]).plan.warning


@pytest.mark.parametrize(
    "kept, levels, each, expected",
    [
        (False, 10_000, 10, True),
        (True, 10_000, 10, False),
        (False, 9_000, 10, False),
        (False, 10_000, 30, False),
    ],
)
def test_many_levels_are_integrated_one_by_one_where_their_effects_are_not_kept(kept, levels, each, expected):
    alone = Alone(5, levels, 2, levels, levels * each, levels * each)
    plan = choose(replace(LARGE, quadratic=False, alone=alone, kept=kept))
    assert (plan.sampler == "quadrature") == expected and (("not kept" in str(plan)) == expected)


def test_the_machine_holds_what_it_is_asked_to(monkeypatch):
    monkeypatch.setattr(memory, "installed", lambda: 24e8)
    memory.check(LARGE)
    with refused("memory-of-effects", match=r"g 6,000, h 5,000"):
        memory.check(replace(LARGE, numbers=10**8 + 1))


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"coordinates": "noncentred"}, "noncentered"),
        ({"sampler": "nut"}, "nuts"),
        ({"sampler": "independence"}, "independence"),
        ({"sampler": "independence", "coordinates": "centered"}, "independence"),
        ({"sampler": "hmc", "coordinates": "zero_sum"}, "nuts"),
        ({"sampler": "alternating", "coordinates": "noncentered"}, "nuts"),
    ],
)
def test_impossible_plans_are_refused(options, word):
    with pytest.raises(ModelError, match=word):
        posterior_of(specification(BINOMIAL[1]), **options)


def test_fixed_values_leave_theta():
    free = posterior(Case("y ~ 1 + (1 | g)"))
    fixed = posterior(Case("y ~ 1 + (1 | g)", priors={"sigma": Fixed(1.5), "sd_g": Fixed(0.5)}))
    assert (free.target.n_theta, fixed.target.n_theta) == (2, 0)
    priors = [free.model.priors[name].prior for name in ("sigma", "sd_g[Intercept]")]
    theta = np.array([slot(p, v) for p, v in zip(priors, (1.5, 0.5), strict=True)])
    # Exponential priors: density rate * exp(-rate * value), and d value / d theta = Phi(theta) / rate.
    log_prior = sum(np.log(p.rate) - p.rate * v for p, v in zip(priors, (1.5, 0.5), strict=True))
    log_jacobian = sum(norm.logcdf(t) - np.log(p.rate) for p, t in zip(priors, theta, strict=True))
    np.testing.assert_allclose(marginal(free, theta) - log_prior - log_jacobian, marginal(fixed, np.zeros(0)))
