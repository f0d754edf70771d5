"""NUTS against laws whose moments are known, in Monte Carlo standard errors."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats
from plain_nuts import PlainNUTS
from scipy.special import digamma, polygamma

from shoal.engine import blocks, nuts
from shoal.engine.build import Builder, Lines
from shoal.engine.coordinates import NAMES
from shoal.engine.evaluate import Target
from shoal.engine.explore import fit_marginal
from shoal.engine.nuts_walk import STEP
from shoal.engine.problem import ONE
from shoal.engine.progress import Progress
from shoal.engine.record import Record
from shoal.engine.settings import Settings
from shoal.errors import SamplingError
from shoal.fit.posterior import posterior_of
from shoal.model import Response, specify
from shoal.priors import Gamma, HalfNormal, Normal
from shoal.tables import read

SHORT = Settings(draws=500, chains=4, warmup=200, seed=20, cores=1)
TOLERANCE = 4.0  # standard errors: with fixed seeds, and tens of comparisons in this file
NOTHING = np.zeros(0, np.int64)


def normal(scales, n_effects, missing=False):
    """Return a target of independent normal thetas and correlated normal effects, with its effects' law."""
    builder = Builder()
    for i, scale in enumerate(scales):
        builder.hyperparameter(f"t{i}", Normal(i - 1.0, scale))
    rng = np.random.default_rng(n_effects)
    x, v = builder.effects(n_effects), builder.columns(n_effects)
    builder.scale(v, x, ONE)
    j, y = rng.normal(size=(5, n_effects)) + 1.0, rng.normal(size=5)
    line, column = np.nonzero(np.ones_like(j))
    y[0] = np.nan if missing else y[0]
    builder.gaussian_rows(Lines(line, v[column], j[line, column]), y, np.ones(5), 5.0, ONE)
    problem = builder.build()
    cov = np.linalg.inv(np.eye(n_effects) + j.T @ j)
    return Target(problem, np.arange(len(scales)) - 1.0, np.zeros(0)), cov @ j.T @ y, cov


def standard_errors(values, expected):
    """How far the mean of (chains, draws) values is from what it should be."""
    ess = array_stats.ess(values, method="mean", chain_axis=0, draw_axis=1)
    assert ess > 200
    return abs(values.mean() - expected) / (values.std() / np.sqrt(ess))


def chains_of(target, name, fit, elements, settings, progress=None):
    run = nuts.run_of(target, name, fit, elements, settings)
    return run.named(blocks.make(run, len(elements), settings, progress or Progress(), Record()))


def sample(target, name="noncentered", settings=SHORT, elements=None, progress=None):
    elements = np.arange(target.n_effects) if elements is None else elements
    return chains_of(target, name, None, elements, settings, progress)


@pytest.mark.parametrize(("scales", "n_effects"), [((0.1, 1.0, 10.0), 4), ((), 3), ((0.5, 3.0), 0)])
@pytest.mark.parametrize("name", ["noncentered", "transport"])
def test_moments_of_a_normal(scales, n_effects, name):
    target, mean, cov = normal(scales, n_effects)
    chains = sample(target, name)
    assert chains.theta.shape == (4, 500, len(scales)) and chains.points.shape == (4, 500, n_effects)
    assert chains.stats["diverging"].sum() == 0
    for i, scale in enumerate(scales):
        away = chains.theta[..., i] - (i - 1.0)
        assert standard_errors(away, 0) < TOLERANCE
        assert standard_errors(away**2, scale**2) < TOLERANCE
    for i in range(n_effects):
        assert standard_errors(chains.points[..., i], mean[i]) < TOLERANCE
        for j in range(i + 1):
            product = (chains.points[..., i] - mean[i]) * (chains.points[..., j] - mean[j])
            assert standard_errors(product, cov[i, j]) < TOLERANCE


@pytest.mark.parametrize("step", [0.05, 0.2, 0.7])
def test_trajectories_are_those_of_the_plain_recursion(step):
    target, *_ = normal((0.3, 2.0), 3)
    chain = nuts.Chain(target, "noncentered", None, np.random.default_rng(5), NOTHING, 0.8, 1000)
    chain.walk.variance[:] = [0.1, 2.0, 0.5, 1.0, 1.5]
    chain.walk.numbers[STEP] = step

    def log_density(q):
        value, by_theta, by_z, _ = target.in_coordinates("noncentered", chain.center + q[:2], q[2:].copy())
        return value, np.append(by_theta, by_z)

    chain.rng = np.random.default_rng(6)
    plain = PlainNUTS(log_density, chain.walk.variance, step, np.random.default_rng(6))
    depths = set()
    for _ in range(30):
        q, steps, depth = plain.iterate(chain.walk.q.copy())
        out = chain.advance(1)
        np.testing.assert_allclose(chain.walk.q, q, rtol=1e-9, atol=1e-9)
        assert list(out.stats[0, 4:]) == [steps, depth]
        depths.add(depth)
    assert len(depths) > 1


def test_kinetic_energy_of_the_draws_is_that_of_the_canonical_law():
    """A trajectory's states are weighted by their energy, momentum included: half a unit a coordinate."""
    target, *_ = normal((0.3, 2.0), 3)
    chains = sample(target, settings=replace(SHORT, draws=2000, target_accept=0.6))
    kinetic = chains.stats["energy"] + chains.stats["lp"]
    assert (kinetic > 0).all()
    assert standard_errors(kinetic, 5 / 2) < TOLERANCE
    assert standard_errors((kinetic - 5 / 2) ** 2, 5 / 2) < TOLERANCE


def test_moments_of_a_skewed_density():
    builder = Builder()
    shapes = (0.5, 3.0)
    for shape in shapes:
        builder.hyperparameter(f"t{shape}", Gamma(shape, 1.0))
    target = Target(builder.build(), np.zeros(2), np.zeros(0))
    h = sample(target, settings=replace(SHORT, draws=2000)).theta
    positive = target.values(h)[..., target.problem.slots.place]
    for i, shape in enumerate(shapes):
        assert standard_errors(positive[..., i], shape) < TOLERANCE
        assert standard_errors(np.log(positive[..., i]), digamma(shape)) < TOLERANCE
        square = (np.log(positive[..., i]) - digamma(shape)) ** 2
        assert standard_errors(square, polygamma(1, shape)) < TOLERANCE


def test_statistics_belong_to_the_draws():
    target, *_ = normal((0.3, 2.0), 3)
    elements = np.arange(6)  # v, and x in the order of elimination
    chains = sample(target, settings=replace(SHORT, draws=20), elements=elements)
    order = target.problem.scales.effect
    np.testing.assert_allclose(chains.points[..., 3 + order], chains.points[..., :3], rtol=1e-12)
    for c, i in np.ndindex(4, 20):
        x = np.ascontiguousarray(chains.points[c, i, 3:])
        value, *_ = target.in_coordinates("noncentered", chains.theta[c, i].copy(), x)
        assert chains.stats["lp"][c, i] == pytest.approx(value, abs=1e-9)
    steps, depth = chains.stats["n_steps"], chains.stats["tree_depth"]
    assert ((steps >= 2**depth - 1) & (steps < 2 ** (depth + 1))).all()
    assert set(chains.stats) == {*nuts.STATISTICS, "step_size"}
    assert (chains.stats["step_size"] == np.array(chains.facts["step_size"])[:, None]).all()


def test_draws_depend_on_the_seed_and_on_nothing_else():
    target, *_ = normal((0.3, 2.0), 2)
    brief = replace(SHORT, draws=130)  # no multiple of a chunk
    one, two = sample(target, settings=brief), sample(target, settings=replace(brief, cores=2))
    other, shorter = (
        sample(target, settings=replace(brief, seed=21)),
        sample(target, settings=replace(brief, draws=30)),
    )
    for name in ("theta", "points"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        np.testing.assert_array_equal(getattr(one, name)[:, :30], getattr(shorter, name))
    np.testing.assert_array_equal(one.stats["lp"], two.stats["lp"])
    assert not np.any(one.theta == other.theta)
    assert len(np.unique(one.theta[:, -1, 0])) == 4


def test_effects_are_kept_as_asked():
    target, *_ = normal((1.0,), 2)
    brief = replace(SHORT, draws=10, chains=3)
    full, single = sample(target, settings=brief), sample(target, settings=replace(brief, single=True))
    none = sample(target, settings=brief, elements=NOTHING)
    assert (full.points.dtype, single.points.dtype) == (np.float64, np.float32)
    np.testing.assert_array_equal(full.points.astype(np.float32), single.points)
    np.testing.assert_array_equal(full.theta, none.theta)
    assert none.points.shape == (3, 10, 0)


class Listener(Progress):
    def __init__(self, stop_at=np.inf):
        super().__init__()
        self.warm, self.draws, self.stop_at = 0, 0, stop_at

    def warmed(self, iterations):
        self.warm += iterations
        if self.warm >= self.stop_at:
            self.stop()

    def drawn(self, draws):
        self.draws += draws


def test_progress_hears_of_every_iteration_and_can_stop():
    target, *_ = normal((1.0,), 2)
    listener = Listener()
    sample(target, settings=replace(SHORT, draws=30, warmup=1100), progress=listener)
    assert (listener.warm, listener.draws) == (4 * 1100, 4 * 30)
    with pytest.raises(SamplingError):
        sample(target, progress=(stopped := Listener(200)))
    assert stopped.warm < 1000 and stopped.draws == 0


def test_a_density_that_is_zero_everywhere_is_refused():
    target, *_ = normal((1.0,), 2, missing=True)
    with pytest.raises(SamplingError):
        sample(target)


@pytest.mark.parametrize("warmup", [1000, 1001, 1033, 1999, 5000])
def test_windows_double_and_fill_the_warmup(warmup):
    lengths = nuts.windows(warmup)
    assert nuts.FIRST + sum(lengths) + nuts.LAST == warmup
    assert lengths[:-1] == [nuts.BASE * 2**i for i in range(len(lengths) - 1)]
    assert 2 * lengths[-2] <= lengths[-1] < 6 * lengths[-2]


EFFECT = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
ERROR = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])


def schools(precise):
    """Return eight schools, their errors divided by `precise`."""
    table = pd.DataFrame({"y": EFFECT, "s": ERROR / precise, "school": list("ABCDEFGH")})
    priors = {"Intercept": Normal(0, 10), "sd": HalfNormal(10)}
    response = Response("y | se(s) ~ 1 + (1 | school)", "gaussian")
    return posterior_of(specify([response], read(table), priors, {}))


def quadrature(precise):
    """Return means and mean squares of the mean and the sd between schools, by the plain formulas."""
    tau = np.linspace(1e-3, 60, 20_000)
    variance = (ERROR / precise) ** 2 + tau[:, None] ** 2
    information = (1 / variance).sum(1) + 1 / 100
    mean = (EFFECT / variance).sum(1) / information
    log_p = -0.5 * (np.log(variance).sum(1) + (EFFECT**2 / variance).sum(1) - mean**2 * information)
    log_p += -0.5 * np.log(information) - 0.5 * (tau / 10) ** 2
    weight = np.exp(log_p - log_p.max())
    weight /= weight.sum()
    return {
        "mean": weight @ mean,
        "mean squared": weight @ (mean**2 + 1 / information),
        "sd": weight @ tau,
        "sd squared": weight @ tau**2,
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fitted", [True, False])
def test_eight_schools_are_those_of_quadrature_in_all_coordinates(name, fitted):
    p = schools(4.0)
    fit = fit_marginal(p.target, 1, 1) if fitted else None
    settings = replace(SHORT, draws=1000, target_accept=0.9)
    elements = p.assembled.elements(effects=False)
    chains = chains_of(p.target, name, fit, elements, settings)
    drawn = p.assembled.drawn(p.target.values(chains.theta), chains.points, elements)
    variables = p.assembled.variables(drawn)
    mean, sd = variables["Intercept"][1], variables["sd_school"][1][..., 0]
    drawn = {"mean": mean, "mean squared": mean**2, "sd": sd, "sd squared": sd**2}
    for key, expected in quadrature(4.0).items():
        assert standard_errors(drawn[key], expected) < TOLERANCE, key


def test_the_funnel_diverges_where_effects_are_centered_and_nowhere_else():
    target = schools(1.0).target
    fit = fit_marginal(target, 1, 1)
    settings = replace(SHORT, draws=1000, target_accept=0.8)
    diverged = {
        name: chains_of(target, name, fit, NOTHING, settings).stats["diverging"].sum() for name in NAMES
    }
    assert diverged["centered"] > 20
    assert diverged["transport"] == 0
    assert max(diverged["noncentered"], diverged["zero_sum"]) < 20
