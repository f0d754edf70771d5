"""Sums by level against loops over rows; merged rows against raw ones."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from cases import BINOMIAL, GAUSSIAN, posterior, specification
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.design import merge
from shoal.posterior import gaussian, rows
from shoal.posterior.blocks import Effects
from shoal.posterior.build import data_of
from shoal.posterior.structure import Hyper
from shoal.sample.programs import double

few = settings(max_examples=15, deadline=None, derandomize=True)


@given(st.integers(0, 2**16), st.integers(0, 3), st.integers(0, 2), st.integers(0, 2), st.booleans())
@few
def test_sums_are_loops_over_rows(seed, p, q, size, far):
    rng = np.random.default_rng(seed)
    n, levels = 9, 3
    y = rng.normal(1e4 if far else 0, 1, n)
    weight, index = rng.uniform(0.5, 2, n), rng.permutation(np.arange(n) % levels)
    x, xc, z = rng.normal(size=(n, p)), rng.normal(size=(n, q)), rng.normal(size=(n, size))
    s = gaussian.sums(y, weight, x, xc, z, index, levels)
    a = np.column_stack([x, xc, y - x @ s.reference])
    zz, za, aa = np.zeros_like(s.zz), np.zeros_like(s.za), np.zeros_like(s.aa)
    for i in range(n):
        zz[:, :, index[i]] += weight[i] * np.outer(z[i], z[i])
        za[:, :, index[i]] += weight[i] * np.outer(z[i], a[i])
        aa += weight[i] * np.outer(a[i], a[i])
    for found, expected in ((s.zz, zz), (s.za, za), (s.aa, aa), (s.weight, weight.sum())):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-9)


def random_hyper(rng, p):
    size = p.structure.n_effects
    lam = np.tril(rng.normal(size=(size, size)))
    known = rng.normal(size=p.data.direct.shape[1])
    return Hyper(None, jnp.asarray(lam), {"sigma": 1.3}, jnp.asarray(known), 0.0)


@pytest.mark.parametrize("case", [BINOMIAL[0], BINOMIAL[2], BINOMIAL[3], GAUSSIAN[5], GAUSSIAN[8]], ids=str)
def test_linear_predictor_transpose_and_precision_are_those_of_the_dense_matrix(case):
    p = posterior(case, 5, "transport")
    s, rng = p.structure, np.random.default_rng(2)
    with double():
        data = p.data.rows
        hyper = random_hyper(rng, p)
        size, levels, border = s.n_effects, s.n_levels, s.n_normal

        def predict(v):
            x = Effects(jnp.asarray(v[border:].reshape(size, levels)), jnp.asarray(v[:border]))
            return np.asarray(rows.linear_predictor(data, hyper, x))

        base = predict(np.zeros(s.n_latent))
        a = np.stack([predict(e) - base for e in np.eye(s.n_latent)], 1)
        # Raw rows through the same merged predictors.
        m = merge(p.model.design, p.model.family)
        v = rng.normal(size=s.n_latent)
        beta = p.data.mean + p.data.scale @ v[:border] + p.data.direct @ hyper.coefficients
        r = np.asarray(hyper.lam) @ v[border:].reshape(size, levels)
        design = p.model.design
        raw = design.offset + design.x @ beta
        if design.group:
            raw = raw + (design.group.z * r.T[design.group.index]).sum(1)
        np.testing.assert_allclose((base + a @ v)[m.source], raw, atol=1e-9)

        w, u = rng.uniform(0.5, 2, len(a)), rng.normal(size=len(a))
        back = rows.transposed(s, data, hyper, jnp.asarray(u))
        np.testing.assert_allclose(np.append(back.b, np.ravel(back.u)), a.T @ u, atol=1e-9)
        arrow = rows.precision(s, data, hyper, jnp.asarray(w))
        dense = np.eye(s.n_latent) + a.T @ (w[:, None] * a)
        np.testing.assert_allclose(arrow.c, dense[:border, :border], atol=1e-9)
        grid = dense[border:, border:].reshape(size, levels, size, levels)
        for g in range(levels):
            np.testing.assert_allclose(arrow.d[:, :, g], grid[:, g, :, g], atol=1e-9)
            across = dense[border:, :border].reshape(size, levels, border)[:, g]
            np.testing.assert_allclose(arrow.b[:, :, g], across, atol=1e-9)


@pytest.mark.parametrize("case", [BINOMIAL[1], *BINOMIAL[-2:]], ids=str)
def test_merged_rows_are_the_raw_rows(case):
    model = specification(case, 1)
    p = posterior(case, 1)
    m = merge(model.design, model.family)
    assert len(m.index) < model.design.n_rows
    eta = np.random.default_rng(0).normal(0, 2, len(m.index))
    with double():
        merged = np.asarray(model.family.log_density(m.rows, eta, {}))
        raw = np.asarray(model.family.log_density(model.design.rows, eta[m.source], {}))
    np.testing.assert_allclose(merged.sum(), raw.sum(), rtol=1e-12)
    # Another response has other counts in the same merged rows.
    other = replace(model, design=model.design.with_response(1 - model.design.rows.y.clip(0, 1)))
    again = data_of(other, p.structure, False).rows
    np.testing.assert_array_equal(again.rows.trials, p.data.rows.rows.trials)
    np.testing.assert_array_equal(again.index, p.data.rows.index)
