"""Linear predictors and normal equations against loops over rows; merged rows against raw ones."""

from unittest.mock import patch

import numpy as np
import pytest
from cases import (
    BINOMIAL,
    COUNTS_AND_OTHERS,
    CROSSED,
    GAUSSIAN,
    KNOWN,
    LATENT,
    ORDERED,
    SHRUNK,
    STUDENT_EFFECTS,
    TWO_GAUSSIAN,
    TWO_SCALES,
    named,
    natural,
    posterior,
    specification,
)
from test_density import expected_joint

from engine.dense_problem import DenseProblem, dense, lower
from posterior import density as plain
from posterior.density import log_joint
from shoal.engine import density as engine
from shoal.engine import laplace
from shoal.fit.posterior import posterior_of
from shoal.model.design import Design
from shoal.model.merged_rows import merge
from shoal.model.terms.group_effects import PlacedGroupEffects

SOME = [
    BINOMIAL[0],
    BINOMIAL[2],
    BINOMIAL[5],
    BINOMIAL[8],
    GAUSSIAN[5],
    GAUSSIAN[8],
    CROSSED[4],
    CROSSED[5],
    KNOWN[3],
    TWO_GAUSSIAN[3],
    TWO_SCALES[0],
    SHRUNK[1],
    ORDERED[0],
    ORDERED[1],
    STUDENT_EFFECTS[2],
    STUDENT_EFFECTS[3],
    LATENT[1],
]


def by_rows(case, seed=5):
    """Return a posterior that has its rows, gaussian ones too."""
    with patch.object(Design, "exactly_gaussian", False):
        return posterior(case, seed)


def random_point(p, seed=2):
    """Return theta and effects x that obey their constraints."""
    rng = np.random.default_rng(seed)
    theta, x = rng.normal(size=p.target.n_theta), rng.normal(size=p.target.n_effects)
    c = DenseProblem(p.target, theta).c
    return theta, x - np.linalg.pinv(c) @ (c @ x)


def values_at(p, theta, x):
    """Return named values of effects x."""
    d = DenseProblem(p.target, theta)
    (out,) = named(p, theta[None], np.concatenate([d.s @ x + d.v0, x])[None])
    return plain.known(p.model, out)


def raw_predictors(p, values):
    """Return linear predictors of the raw rows by response; of an ordered one less the cutpoints' mean."""
    out = []
    for design in p.model.designs:
        raw = plain.linear_predictor(design, values)
        out.append(raw - np.mean(values[design.cutpoints]) if design.family.ordinal else raw)
    return out


@pytest.mark.parametrize("case", SOME, ids=str)
def test_linear_predictor_of_merged_rows_is_that_of_the_raw_ones(case):
    p = by_rows(case)
    theta, x = random_point(p)
    values, at = values_at(p, theta, x), 0
    eta = DenseProblem(p.target, theta).predictors(x)
    for design, raw in zip(p.model.designs, raw_predictors(p, values), strict=True):
        m = merge(design)
        own = eta[at : at + len(m.first)]
        at += len(m.first)
        np.testing.assert_allclose(own[m.source], raw, rtol=1e-10, atol=1e-10)
    for group, block, levels in student_blocks(p):  # a square of the effects in units of their scale
        own = eta[at : at + len(block) * levels]
        at += len(own)
        np.testing.assert_allclose(own @ own, standardised_square(p, values, group, block), rtol=1e-9)
    assert len(eta) == at


def student_blocks(p):
    """Yield the group, the effects and the number of levels of every set of correlated Student-t effects."""
    for own in p.assembled.placed:
        if isinstance(own, PlacedGroupEffects):
            levels = own.term.factor.levels
            yield from ((group, block, levels) for group, block, _ in own.term.blocks() if group.student)


def standardised_square(p, values, group, block):
    """Return the sum of squares of effects, independent and in units of their scale."""
    levels = np.eye(len(group.labels))
    if group.root is not None:
        levels = plain.known_covariance(p.model, group)
    r = np.asarray(values[group.r])[:, list(block)]
    between = plain.covariance(group, values)[np.ix_(block, block)]
    return np.trace(np.linalg.solve(between, r.T) @ np.linalg.solve(levels, r))


def rows_at(p, theta, values, eta):
    """Return score and curvature of every line, from the families and from the t density's own weights."""
    score, curvature, at = [], [], 0
    for design in p.model.designs:
        m = merge(design)
        phi = {name: values[design.prefix + name] for name in design.parameters}
        if design.family.ordinal:
            phi["cutpoints"] = values[design.cutpoints] - np.mean(values[design.cutpoints])
        found = design.family.evaluate(m.rows, eta[at : at + len(m.first)], phi, order=2)
        at += len(m.first)
        score.append(found.score)
        curvature.append(found.curvature)
    for group, block, levels in student_blocks(p):
        u = eta[at : at + len(block) * levels].reshape(len(block), levels)
        at += u.size
        weight = (values[group.nu] + len(block)) / (values[group.nu] + (u**2).sum(0))
        score.append((-weight * u).ravel())
        curvature.append(np.tile(weight, len(block)))
    return np.concatenate(score), np.concatenate(curvature)


def expanded_at(p, theta, x):
    """Return the map laid by the rows' quadratic at effects x, and the room it was laid in."""
    d = DenseProblem(p.target, theta)
    room, size = p.target.room(), p.target.n_effects
    laplace.expand_at_predictors(p.target.handle, theta, d.predictors(x), room.space)
    engine.refined(p.target.handle, 0, theta, np.zeros(size), room.space, room.where, np.zeros(size))
    return d, room


@pytest.mark.parametrize("case", SOME, ids=str)
def test_normal_equations_are_dense_products(case):
    p = by_rows(case)
    theta, x = random_point(p)
    d, room = expanded_at(p, theta, x)
    eta = d.predictors(x)
    score, weight = rows_at(p, theta, values_at(p, theta, x), eta)
    a = d.j.T @ (weight[:, None] * d.j)
    b = d.j.T @ (score + weight * (eta - d.offset))
    expansion, pattern = p.target.problem.expansion, p.target.problem.pattern
    scale = np.abs(a).max() * (1 + np.abs(eta).max())
    np.testing.assert_allclose(d.gram(expansion.a), a, rtol=1e-9, atol=1e-11 * scale)
    np.testing.assert_allclose(expansion.b, b, rtol=1e-9, atol=1e-11 * scale)
    matrix, right = d.normal_equations(a, b)
    factor, far = lower(pattern, room.map.factor), 1e-10 * np.linalg.cond(matrix)
    np.testing.assert_allclose(dense(pattern, room.numbers.h_matrix), matrix, rtol=1e-9, atol=1e-11 * scale)
    np.testing.assert_allclose(factor @ factor.T, matrix, rtol=1e-9, atol=1e-11 * scale)
    mode, project = d.conditioned(matrix, right)
    np.testing.assert_allclose(room.map.mode, mode, rtol=1e-9, atol=far * (1 + np.abs(mode).max()))
    # The volume of the map is that of a normal of this covariance in the space that constraints leave.
    covariance = project @ np.linalg.inv(matrix) @ project.T
    free = np.sort(np.linalg.eigvalsh(covariance))[len(d.c) :]
    np.testing.assert_allclose(room.map.volume[0], 0.5 * np.log(free).sum(), rtol=1e-8, atol=1e-8)


FAR = [(case, far) for case in (STUDENT_EFFECTS[1], STUDENT_EFFECTS[3]) for far in (0.01, 30.0)]


@pytest.mark.parametrize(("case", "far"), [*((case, 1.0) for case in SOME), *FAR], ids=str)
def test_normal_equations_have_the_slope_of_the_plain_density(case, far):
    """H x is the right side less the slope; of Student-t effects no other law tests it in the tails."""
    p = by_rows(case)
    theta, x = random_point(p)
    x = far * x
    d, room = expanded_at(p, theta, x)
    matrix, right = d.normal_equations(d.gram(p.target.problem.expansion.a), p.target.problem.expansion.b)
    assert (np.linalg.eigvalsh(matrix) > 0).all()
    found = right - matrix @ x
    _, _, free = np.linalg.svd(d.c) if len(d.c) else (0, 0, np.eye(len(x)))
    step = 1e-4

    def value(x):
        return log_joint(p.model, values_at(p, theta, x))

    for along in free[len(d.c) :]:
        ends = [value(x + k * step * along) for k in (1, -1, 2, -2)]
        slope = (8 * (ends[0] - ends[1]) - (ends[2] - ends[3])) / (12 * step)
        scale = 1 + np.abs(found).max() + 1e-4 * abs(ends[0])
        np.testing.assert_allclose(along @ found, slope, rtol=1e-6, atol=1e-6 * scale)


@pytest.mark.parametrize("far", [0.0, 1e4])
@pytest.mark.parametrize("case", [GAUSSIAN[3], CROSSED[4], KNOWN[3], TWO_GAUSSIAN[3], SHRUNK[1]], ids=str)
def test_sums_are_loops_over_rows_and_lose_no_digits_far_out(case, far):
    model = specification(case, 5)
    model = model.with_responses(*(design.rows.y + far for design in model.designs))
    p, rows = posterior_of(model), by_rows(case)
    theta, x = random_point(p)
    d, lines = DenseProblem(p.target, theta), DenseProblem(rows.target, theta).j
    at, sums = 0, p.target.problem.quadratics
    for r, design in enumerate(model.designs):
        m = merge(design)
        j = lines[at : at + len(m.first)][m.source]  # a line a raw row
        at += len(m.first)
        (own,) = (
            q for q in p.assembled.placed if getattr(q.term, "affine", None) and q.term.design is design
        )
        weight, y = design.gaussian_response(design.offset + own.offset(design, np.arange(design.n_rows)))
        a, b = np.zeros(j.shape[1:] * 2), np.zeros(j.shape[1])
        for i in range(design.n_rows):
            a += weight[i] * np.outer(j[i], j[i])
            b += weight[i] * y[i] * j[i]
        np.testing.assert_allclose(d.gram(sums.a[r]), a, rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(sums.b[r], b, rtol=1e-9, atol=1e-9 * (1 + np.abs(b).max()))
        np.testing.assert_allclose(sums.c[r], weight @ y**2, rtol=1e-9)
        np.testing.assert_allclose(sums.n[r], 0.0 if design.known_se else weight.sum())
    z = np.random.default_rng(3).normal(size=len(x))
    point = natural(p, theta, z)
    np.testing.assert_allclose(point.value, expected_joint(p, point, z), rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("case", [BINOMIAL[1], BINOMIAL[5], BINOMIAL[7], COUNTS_AND_OTHERS[0]], ids=str)
def test_merged_rows_are_the_raw_rows(case):
    p = posterior(case, 1)
    (design,) = p.model.designs
    m = merge(design)
    assert len(m.first) <= design.n_rows and (design.family.name == "poisson" or len(m.first) < design.n_rows)
    eta = np.random.default_rng(0).normal(0, 2, len(m.first))
    merged = design.family.evaluate(m.rows, eta, {}).value
    raw = design.family.evaluate(design.rows, eta[m.source], {}).value
    np.testing.assert_allclose(merged.sum(), raw.sum(), rtol=1e-12)
    # Another response has other counts in the same merged rows.
    problem, again = p.target.problem, p.with_responses(design.rows.y[::-1]).target.problem
    np.testing.assert_array_equal(problem.rows.trials, again.rows.trials)
    for one, other in zip(problem.columns, again.columns, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(problem.rows.y) == len(m.first) and (problem.rows.y != again.rows.y).any()
