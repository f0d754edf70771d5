"""Sums by level against loops over rows; merged rows against raw ones; quadratics against the density."""

from unittest.mock import patch

import jax
import jax.numpy as jnp
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
    evaluate,
    named,
    posterior,
    specification,
)

from posterior import density as plain
from shoal.model.design import merge
from shoal.posterior import constraint, gaussian, layout, rows
from shoal.posterior.blocks import Effects
from shoal.posterior.hyper import hyperparameters
from shoal.posterior.numbers import data_of
from shoal.posterior.products import cross_products
from shoal.sample.programs import double, to_device

SOME = [
    BINOMIAL[0],
    BINOMIAL[2],
    BINOMIAL[8],
    GAUSSIAN[5],
    GAUSSIAN[8],
    CROSSED[4],
    KNOWN[3],
    TWO_GAUSSIAN[3],
    SHRUNK[1],
    ORDERED[0],
    STUDENT_EFFECTS[2],
    LATENT[1],
]


def by_rows(case, sparse=False):
    """Return a posterior that has its rows, in coordinates that leave them alone."""
    dense = 0 if sparse else 64
    with patch.multiple(layout, ALWAYS_DENSE=dense, DENSE_IS_FASTER=0):
        return posterior(case, 5, "noncentered")


def random_point(p, seed=2):
    rng = np.random.default_rng(seed)
    return rng.normal(size=p.density.n_theta), rng.normal(size=p.density.n_latent)


def _predictor(density, data, theta, x):
    s = density.structure
    return rows.linear_predictor(s, data, hyperparameters(s, data, theta), density.split(x))


def _quadratic(density, data, theta, x):
    """Return a quadratic's precision and right-hand side at x, and the density's own slope there."""
    s, at = density.structure, density.split(x)
    hyper = hyperparameters(s, data, theta)
    q = rows.linearized(s, data, hyper, at)
    arrow, right, _ = gaussian.normal_equations(s, q, hyper, gaussian.scales(s, data, hyper))

    def value(x):
        e = density.split(x)
        return rows.log_likelihood(s, data, hyper, e) + rows.log_prior(s, hyper, e)

    reference = jnp.concatenate([jnp.zeros(s.n_border - s.n_normal), q.reference / hyper.scale_b])
    return arrow, right, jax.grad(value)(x), reference, gaussian.scales(s, data, hyper)


def dense_of(p, arrow, scales):
    """Return an arrow as a dense matrix over b (R,), then u (K, G): the order of a flat z."""
    s = p.structure
    size, levels = s.main_shape
    known = [
        np.asarray(r) if f.known else np.eye(f.levels) for f, r in zip(s.border, scales.root, strict=True)
    ]
    blocks = [np.kron(np.asarray(a), r) for a, r in zip(scales.lam, known, strict=True)]
    turn = np.zeros((arrow.c.shape[0], s.n_border))
    i = j = 0
    for block in [*blocks, np.diag(scales.population)]:
        turn[i : i + block.shape[0], j : j + block.shape[1]] = block
        i, j = i + block.shape[0], j + block.shape[1]
    main = np.zeros((size, levels, size, levels))
    for g in range(levels):
        main[:, g, :, g] = arrow.d[:, :, g]
    across = np.zeros((size, levels, arrow.c.shape[0]))
    across[:, :, s.n_sparse :] = np.moveaxis(arrow.b, 1, 2)
    across[:, p.data.pattern.level, p.data.pattern.column] = arrow.e
    n = size * levels
    corner = turn.T @ arrow.c @ turn + np.diag(arrow.tight)
    side = across.reshape(n, len(turn)) @ turn
    return np.block([[corner, side.T], [side, main.reshape(n, n)]])


@pytest.mark.parametrize("case", SOME, ids=str)
def test_linear_predictor_of_merged_rows_is_that_of_the_raw_ones(case):
    p = by_rows(case)
    theta, z = random_point(p)
    value, point = evaluate(_joint, p.density, p.data, theta, z)
    assert np.isfinite(value)
    values = plain.known(p.model, named(p, point))
    eta = evaluate(_predictor, p.density, p.data, theta, without_sums(p, z))
    at = 0
    for design in p.model.designs:
        m = merge(design)
        own = eta[at : at + len(m.first)]
        at += len(m.first)
        raw = plain.linear_predictor(design, values)
        if design.family.ordinal:  # the mean of the cutpoints is taken off
            raw = raw - np.mean(values[design.cutpoints])
        np.testing.assert_allclose(own[m.source], raw, rtol=1e-10, atol=1e-10)


def without_sums(p, z):
    """Return z with the mean over levels of zero-sum effects taken off."""
    with double():
        x = constraint.centered(p.structure, p.density.split(z))
    return np.append(x.b, np.ravel(x.u))


def _joint(density, data, theta, z):
    return density.joint(data, theta, z)


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("case", SOME, ids=str)
def test_normal_equations_have_the_slope_and_the_curvature_of_the_density(case, sparse):
    """H = A' W A + prior, A the derivative of the linear predictor; h is H (x - ref) plus the slope."""
    p = by_rows(case, sparse)
    theta, x = random_point(p)
    arrow, right, slope, reference, scales = evaluate(_quadratic, p.density, p.data, theta, x)
    dense = dense_of(p, arrow, scales)
    away = x.copy()
    away[: p.structure.n_border] -= reference
    flat = np.append(right.b, np.ravel(right.u))
    far = 1e-9 * np.abs(dense).max() * (1 + np.abs(away).max())
    np.testing.assert_allclose(flat, dense @ away + slope, atol=far)
    base = evaluate(_predictor, p.density, p.data, theta, np.zeros(len(x)))
    a = np.stack([evaluate(_predictor, p.density, p.data, theta, e) - base for e in np.eye(len(x))], 1)
    weight = curvature(p, theta, base + a @ x)
    heavy = np.diag(np.append(arrow.tight, np.ones(len(x) - p.structure.n_border)))
    if not any(f.student for f in p.structure.factors):
        np.testing.assert_array_equal(heavy, np.eye(len(x)))
        np.testing.assert_allclose(dense, np.eye(len(x)) + a.T @ (weight[:, None] * a), atol=far)


def curvature(p, theta, eta):
    out, at = [], 0
    with double():
        hyper = hyperparameters(p.structure, to_device(p.data), jnp.asarray(theta))
        for response, own, phi in zip(p.structure.responses, p.data.rows.rows, hyper.phi, strict=True):
            here = eta[at : at + len(own.y)]
            at += len(own.y)
            out.append(np.asarray(response.family.score_curvature(own, jnp.asarray(here), phi)[1]))
    return np.concatenate(out)


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("far", [0.0, 1e4])
@pytest.mark.parametrize("case", [CROSSED[4], KNOWN[3], TWO_GAUSSIAN[3]], ids=str)
def test_sums_are_loops_over_rows_in_numpy_and_in_jax(case, far, sparse):
    p = by_rows(case, sparse)
    s, data, rng = p.structure, p.data.rows, np.random.default_rng(1)
    n, entries = len(data.offset), len(p.data.pattern.level)
    w, y, reference = rng.uniform(0.5, 2, n), rng.normal(far, 1, n), rng.normal(size=s.n_normal)
    found = cross_products(s, data, w, w * y, entries, reference, live=True)
    with double():
        args = to_device((data, w, w * y, reference))
        traced = cross_products(s, args[0], args[1], args[2], entries, args[3], live=True)
        for one, other in zip(found, traced, strict=True):
            scale = 1 + np.abs(one).max(initial=0)
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12 * scale)
    border, wide = s.n_sparse + s.n_dense, []
    for i in range(n):
        row, at = np.zeros(border), 0
        for number, f in enumerate(s.border, 1 if s.main else 0):
            for j in range(f.columns):
                row[at + data.index[number][i]] = data.z[number][i, j]
                at += f.levels
        wide.append(np.concatenate([row, data.x[i], data.xc[i], [y[i] - data.x[i] @ reference]]))
    wide = np.array(wide)
    scale = np.abs(found.aa).max()
    np.testing.assert_allclose(found.aa, wide.T @ (w[:, None] * wide), rtol=1e-9, atol=1e-11 * scale)
    np.testing.assert_allclose(found.weight, w.sum())
    for g in range(s.main.levels):
        here = data.index[0] == g
        z, a, own = data.z[0][here], wide[here], w[here]
        np.testing.assert_allclose(found.zz[:, :, g], z.T @ (own[:, None] * z), atol=1e-12)
        dense = a[:, s.n_sparse :]
        np.testing.assert_allclose(found.za[:, :, g], z.T @ (own[:, None] * dense), rtol=1e-9, atol=1e-9)
        across = z.T @ (own[:, None] * a[:, : s.n_sparse])
        entry = p.data.pattern.level == g
        np.testing.assert_allclose(found.ze[:, entry], across[:, p.data.pattern.column[entry]], atol=1e-12)
        met = np.isin(np.arange(s.n_sparse), p.data.pattern.column[entry])
        assert not across[:, ~met].any()


@pytest.mark.parametrize("case", [BINOMIAL[1], BINOMIAL[5], BINOMIAL[7], COUNTS_AND_OTHERS[0]], ids=str)
def test_merged_rows_are_the_raw_rows(case):
    model = specification(case, 1)
    p = posterior(case, 1)
    (design,) = model.designs
    m = merge(design)
    assert len(m.first) <= design.n_rows and (design.family.name == "poisson" or len(m.first) < design.n_rows)
    eta = np.random.default_rng(0).normal(0, 2, len(m.first))
    with double():
        merged = np.asarray(design.family.log_density(m.rows, eta, {}))
        raw = np.asarray(design.family.log_density(design.rows, eta[m.source], {}))
    np.testing.assert_allclose(merged.sum(), raw.sum(), rtol=1e-12)
    # Another response has other counts in the same merged rows.
    again = data_of(model.with_responses(design.rows.y[::-1]), p.structure, False).rows
    np.testing.assert_array_equal(again.rows[0].trials, p.data.rows.rows[0].trials)
    for one, other in zip(again.index, p.data.rows.index, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("case", [STUDENT_EFFECTS[1], STUDENT_EFFECTS[3]], ids=str)
def test_student_effects_have_the_t_density_and_its_weights(case):
    """The quadratic's slope at x is the t density's; no other law of the family tests it in the tails."""
    p = by_rows(case)
    theta, x = random_point(p)
    for size in (0.01, 1.0, 30.0):
        arrow, right, slope, reference, scales = evaluate(_quadratic, p.density, p.data, theta, size * x)
        dense = dense_of(p, arrow, scales)
        away = size * x
        away[: p.structure.n_border] -= reference
        flat = np.append(right.b, np.ravel(right.u))
        scale = np.abs(dense).max() * (1 + np.abs(away).max())
        np.testing.assert_allclose(flat, dense @ away + slope, atol=1e-9 * scale)
        assert (np.linalg.eigvalsh(dense) > 0).all()


def test_effects_are_split_as_they_are_flattened():
    p = posterior(CROSSED[3])
    flat = np.arange(p.density.n_latent, dtype=float)
    parts = p.density.split(flat)
    assert isinstance(parts, Effects) and parts.u.shape == p.structure.main_shape
    np.testing.assert_array_equal(np.append(parts.b, np.ravel(parts.u)), flat)
