"""Gaussian rows, integrated: the normal equations of all effects from per-level sums.

The rows are read once (`sums`); afterwards neither the marginal density of theta nor a draw of the
effects depends on how many rows there are. With row precision tau w_i (tau = 1 / sigma^2, or w_i = 1 / se_i^2
and tau = 1), the log density of theta with all effects integrated is

``-tau/2 |y - X ref|^2 + W/2 log tau - 1/2 |ref|^2 + 1/2 h' H^-1 h - 1/2 log det H``

where H and h are precision and right-hand side of the effects measured from the reference `ref`: a least
squares fit, which keeps the cross-products from cancelling. Bates et al. (2015), J. Stat. Software 67(1),
equations 18 and 34, with a normal prior on the coefficients.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from shoal.posterior import rows
from shoal.posterior.blocks import Arrow, Effects
from shoal.posterior.structure import Hyper, Structure, Sums


def sums(
    y: np.ndarray,
    weight: np.ndarray,
    x: np.ndarray,
    xc: np.ndarray,
    z: np.ndarray,
    index: np.ndarray,
    levels: int,
) -> Sums:
    """Return the weighted cross-products of the rows (row order does not matter).

    Parameters
    ----------
    y, weight : (N,) arrays
        Response less offset, and row precision at tau = 1.
    x, xc, z : (N, p), (N, q), (N, K) arrays
        Standardised columns, columns with coefficients in theta, effects' columns.
    index : (N,) int array
        Level of each row.
    levels : int
    """
    p = x.shape[1]
    gram = x.T @ (weight[:, None] * x)
    reference = np.linalg.solve(gram + np.eye(p), x.T @ (weight * y)) if p else np.zeros(0)
    a = np.column_stack([x, xc, y - x @ reference])
    wa = weight[:, None] * a
    size, width = z.shape[1], a.shape[1]
    zz, za = np.zeros((size, size, levels)), np.zeros((size, width, levels))
    for i in range(size):
        for j in range(i + 1):
            zz[i, j] = zz[j, i] = np.bincount(index, weight * z[:, i] * z[:, j], levels)
        for j in range(width):
            za[i, j] = np.bincount(index, z[:, i] * wa[:, j], levels)
    return Sums(zz, za, a.T @ wa, float(weight.sum()), reference)


def normal_equations(structure: Structure, s: Sums, hyper: Hyper) -> tuple[Arrow, Effects, Effects, Any]:
    """Return H, h, the reference, and the log density's part outside the quadratic form.

    The effects are measured from the reference, so ``x = reference + H^-1 h``.
    """
    p = structure.n_normal
    sigma = hyper.phi.get("sigma")
    tau, log_tau = (1.0, 0.0) if sigma is None else (sigma**-2, -2 * jnp.log(sigma))
    v = jnp.concatenate([-hyper.coefficients, jnp.ones(1)])  # residual = [xc, y] v
    residual = s.aa[:, p:] @ v
    arrow = rows.scaled(hyper.lam, tau * s.zz, tau * s.za[:, :p], jnp.eye(p) + tau * s.aa[:p, :p])
    right = Effects(
        tau * hyper.lam.T @ jnp.einsum("kag,a->kg", s.za[:, p:], v), tau * residual[:p] - s.reference
    )
    square = v @ s.aa[p:, p:] @ v
    level = -0.5 * tau * square + 0.5 * s.weight * log_tau - 0.5 * s.reference @ s.reference
    zero = jnp.zeros((structure.n_effects, structure.n_levels))
    return arrow, right, Effects(zero, s.reference), level
