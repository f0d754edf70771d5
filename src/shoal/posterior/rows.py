"""Sums over rows: linear predictor, log likelihood, and normal equations of the standardised effects.

With A the matrix of all standardised effects' coefficients, the conditional posterior of x given theta
has gradient ``A' score - x`` and (expected) precision ``I + A' diag(curvature) A``.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from shoal.posterior.blocks import Arrow, Effects
from shoal.posterior.structure import Hyper, RowData, Structure


def base(rows: RowData, hyper: Hyper) -> Any:
    """Return the part of the linear predictor that does not depend on the standardised effects, (M,)."""
    return rows.offset + rows.xc @ hyper.coefficients


def linear_predictor(rows: RowData, hyper: Hyper, x: Effects) -> Any:
    """Return the linear predictor of each merged row, (M,)."""
    eta = base(rows, hyper) + rows.x @ x.b
    if x.u.shape[0]:
        r = hyper.lam @ x.u
        eta = eta + sum(rows.z[:, k] * r[k][rows.index] for k in range(r.shape[0]))
    return eta


def log_likelihood(structure: Structure, rows: RowData, hyper: Hyper, x: Effects) -> Any:
    """Return the summed log density of all rows, up to the constant."""
    eta = linear_predictor(rows, hyper, x)
    return structure.family.log_density(rows.rows, eta, hyper.phi).sum()


def transposed(structure: Structure, rows: RowData, hyper: Hyper, v: Any) -> Effects:
    """Return ``A' v`` for a vector over rows."""
    size = structure.n_effects
    if not size:
        return Effects(jnp.zeros((0, structure.n_levels)), rows.x.T @ v)
    by_level = jnp.stack([_by_level(structure, rows, rows.z[:, k] * v) for k in range(size)])
    return Effects(hyper.lam.T @ by_level, rows.x.T @ v)


def precision(structure: Structure, rows: RowData, hyper: Hyper, w: Any) -> Arrow:
    """Return ``I + A' diag(w) A`` as a block-arrow matrix."""
    size, levels, p = structure.n_effects, structure.n_levels, structure.n_normal
    core = jnp.eye(p) + rows.x.T @ (w[:, None] * rows.x)
    if not size:
        return Arrow(jnp.zeros((0, 0, levels)), jnp.zeros((0, p, levels)), core)
    wz = [w * rows.z[:, k] for k in range(size)]
    zz: list[list[Any]] = [[None] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            zz[i][j] = zz[j][i] = _by_level(structure, rows, wz[i] * rows.z[:, j])
    zx = jnp.stack([_by_level(structure, rows, wz[i][:, None] * rows.x).T for i in range(size)])
    return scaled(hyper.lam, jnp.stack([jnp.stack(row) for row in zz]), zx, core)


def scaled(lam: Any, zz: Any, zx: Any, core: Any) -> Arrow:
    """Return the precision of standardised effects from cross-products ``Z'WZ`` and ``Z'WX`` by level."""
    size = lam.shape[0]
    d = jnp.einsum("ki,klg,lj->ijg", lam, zz, lam) + jnp.eye(size)[:, :, None]
    return Arrow(d, jnp.einsum("ki,kpg->ipg", lam, zx), core)


def _by_level(structure: Structure, rows: RowData, values: Any) -> Any:
    return jax.ops.segment_sum(
        values, rows.index, num_segments=structure.n_levels, indices_are_sorted=True
    )
