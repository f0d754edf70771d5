"""Terms that are not the package's own: declared, assembled, sampled, and in the result."""

from dataclasses import dataclass

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy import stats

from engine.dense_problem import slopes
from oracles import distances
from posterior.cases import Case, covariances, effects_of, joint, specification, table
from posterior.density import log_joint
from shoal.engine.build import Builder
from shoal.engine.lines import Lines
from shoal.engine.settings import Settings
from shoal.fit.posterior import posterior_of
from shoal.fit.run import fit
from shoal.model import Response, specify
from shoal.model.terms.term import Placed, Term
from shoal.model.terms.variable import Variable
from shoal.priors import Exponential, Normal
from shoal.tables import read

few = settings(max_examples=5, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
SEEDS = st.integers(0, 2**16)


@dataclass(frozen=True)
class Memberships(Term):
    """Effects ``sd R u`` of levels; every row of one response has some share of each.

    Attributes
    ----------
    prefix : str
        Of the response.
    share : (N, levels) array
    root : (levels, levels) array
        R: a Cholesky factor of a known covariance between levels.
    rate : float
        Of the exponential prior of the sd.
    """

    prefix: str
    share: np.ndarray
    root: np.ndarray
    rate: float

    def variables(self):
        dims = {"member": range(self.share.shape[1])}
        yield Variable("sd_member", "sd", self.prefix)
        yield Variable("r_member", "effects", self.prefix, dims)

    def hyperparameters(self):
        return {"sd_member": Exponential(self.rate)}

    def draw_prior(self, given, rng, size):
        sd = rng.exponential(1 / self.rate, size)
        return {
            "sd_member": sd,
            "r_member": sd[:, None] * (rng.normal(size=(size, len(self.root))) @ self.root.T),
        }

    def place(self, builder: Builder, before):
        levels = self.share.shape[1]
        inverse = np.linalg.inv(self.root)
        builder.constant -= np.log(np.diagonal(self.root)).sum()
        x = builder.effects(levels, None, sp.csr_array(inverse.T @ inverse))
        v = builder.columns(levels)
        builder.scale(v, x, builder.names["sd_member"])
        return PlacedMemberships(self, v)


@dataclass(frozen=True)
class PlacedMemberships(Placed):
    """`v`: the effects."""

    term: Memberships
    v: np.ndarray

    def lines(self, design, first):
        if design.prefix != self.term.prefix:
            return None
        line, level = np.nonzero(self.term.share[first])
        return Lines(line, self.v[level], self.term.share[first][line, level])

    def draws(self, drawn):
        kept = {"r_member": drawn.elements(self.v)} if drawn.keeps(self.v) else {}
        return {"sd_member": drawn.values["sd_member"], **kept}

    def large(self, nv, order):
        return self.v


def known(seed):
    """Return a term that says what ``(1 | gr(g, cov=K))`` says, and that model's case."""
    frame = table(seed)
    levels = np.unique(frame["g"])
    share = (frame["g"].to_numpy()[:, None] == levels).astype(float)
    root = np.linalg.cholesky(covariances(seed)["K"].loc[levels, levels].to_numpy())
    return Memberships("", share, root, 0.8)


PRIOR = {"sd_g": Exponential(0.8)}
PAIRS = {
    "gaussian": (Case("y ~ x1 + (1 | h)"), Case("y ~ x1 + (1 | h) + (1 | gr(g, cov=K))", priors=PRIOR)),
    "bernoulli": (Case("b ~ x1", "bernoulli"), Case("b ~ x1 + (1 | gr(g, cov=K))", "bernoulli", PRIOR)),
}


@pytest.mark.parametrize("family", PAIRS)
@given(seed=SEEDS)
@few
def test_a_term_of_ones_own_has_the_density_of_the_packages(family, seed):
    without, whole = PAIRS[family]
    ours = posterior_of(specification(without, seed), extra_terms=[known(seed)])
    theirs = posterior_of(specification(whole, seed))
    rng = np.random.default_rng(seed)
    assert ours.target.size == theirs.target.size and ours.plan.integrate == theirs.plan.integrate
    names = {"sd_member": "sd_g[Intercept]"}
    theta = dict.fromkeys(name for name, *_ in theirs.assembled.slots)
    theta = {name: rng.normal() for name in theta}
    one = np.array([theta[names.get(name, name)] for name, *_ in ours.assembled.slots])
    other = np.array(list(theta.values()))
    found, expected = ours.target.marginals(one[None]), theirs.target.marginals(other[None])
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-7)


def memberships(seed):
    """Return a term of five levels, of which rows have shares of three, one of them negative."""
    rng = np.random.default_rng([seed, 2])
    share = np.array([rng.permutation([0.7, 0.5, -0.2, 0.0, 0.0]) for _ in range(13)])
    return Memberships("b_" if seed % 2 else "", share, np.eye(5), 1.3)


@pytest.mark.filterwarnings("ignore:Complete or quasi-complete separation")
@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize("several", [False, True])
@given(seed=SEEDS)
@few
def test_a_term_enters_the_rows_of_its_response(several, steps, seed):
    """As a known offset would: the plain density of a model with that offset, and the term's prior."""
    term = memberships(2 * seed + several)
    formulas = [("b ~ x1 + offset(o) + (1 | h)", "bernoulli")]
    priors = {f"{term.prefix}{name}": Normal(0.2, 1.5) for name in ("Intercept", "x1")}
    formulas += [("y ~ x2 + (1 | h)", "gaussian")] if several else []

    def model(offset):
        data = table(seed).assign(o=offset)
        return specify([Response(*pair) for pair in formulas], read(data), priors)

    p = posterior_of(model(np.zeros(13)), extra_terms=[term])
    rng = np.random.default_rng(seed)
    theta, z = rng.normal(0, 0.7, p.target.n_theta), rng.normal(size=p.target.n_effects)
    value, values = joint(p, theta, z, steps)
    r, sd = values["r_member"], values["sd_member"]
    expected = log_joint(model(term.share @ r), values)
    expected += stats.norm.logpdf(r, 0, sd).sum() + stats.expon.logpdf(sd, scale=1 / term.rate)

    def effects(z):
        values = joint(p, theta, z, steps)[1]
        return np.append(effects_of(p, values), values["r_member"])

    def hypers(theta):
        return p.target.values(theta[None])[0][p.target.problem.slots.place]

    by_z = [effects(z + e) - effects(z) for e in np.eye(len(z))]
    by_theta = [slopes(lambda t, k=k: hypers(t)[k], theta) for k in range(len(theta))]
    expected += np.linalg.slogdet(by_z)[1] + np.linalg.slogdet(by_theta)[1]
    expected += 0.5 * np.log(2 * np.pi) * len(z)
    np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize(
    ("family", "sampler"), [("gaussian", "independence"), ("bernoulli", "hmc"), ("bernoulli", "alternating")]
)
def test_a_term_of_ones_own_is_sampled_and_in_the_result(family, sampler):
    without, whole = PAIRS[family]
    ours = posterior_of(specification(without, 1), sampler=sampler, extra_terms=[known(1)])
    theirs = posterior_of(specification(whole, 1), sampler=sampler)
    brief = Settings(draws=1000, chains=4, seed=3, cores=1)
    one, other = fit(ours, brief).posterior, fit(theirs, Settings(**(vars(brief) | {"seed": 4}))).posterior
    assert one["r_member"].dims == ("chain", "draw", "member") and one["r_member"].shape == (4, 1000, 4)
    pairs = [(one["sd_member"], other["sd_g"]), (one["r_member"], other["r_g"]), (one["x1"], other["x1"])]
    for found, expected in pairs:
        apart = distances(found.to_numpy().reshape(4, 1000, -1), expected.to_numpy().reshape(4, 1000, -1))
        assert np.abs(apart).max() < 4.5


def test_a_term_stays_when_the_responses_change():
    p = posterior_of(specification(PAIRS["gaussian"][0], 1), extra_terms=[known(1)])
    other = p.with_responses(p.model.designs[0].rows.y[::-1])
    assert other.target.size == p.target.size
    fresh = posterior_of(other.model, extra_terms=[known(1)])
    theta = p.target.start[None]
    np.testing.assert_array_equal(other.target.marginals(theta), fresh.target.marginals(theta))
    assert other.target.marginals(theta) != p.target.marginals(theta)
    draws = fit(p, Settings(draws=10, chains=1, cores=1), "none").posterior
    assert "sd_member" in draws and "r_member" not in draws and "r_h" not in draws
