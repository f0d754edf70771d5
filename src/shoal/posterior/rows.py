"""What is computed row by row: linear predictor, log likelihood, score and curvature."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from shoal.posterior.blocks import Effects, split
from shoal.posterior.data import Data, Hyper, Quadratic, RowData
from shoal.posterior.products import cross_products
from shoal.posterior.structure import Structure


def linear_predictor(s: Structure, data: Data, hyper: Hyper, x: Effects) -> Any:
    """Return the linear predictor of each merged row, (M,)."""
    rows = data.rows
    assert rows is not None
    parts, population = split(s, x)
    eta = rows.offset + rows.xc @ hyper.coefficients + rows.x @ (hyper.scale_b * population)
    for f, lam, root, u, z, index in zip(
        s.factors, hyper.lam, data.roots, parts, rows.z, rows.index, strict=True
    ):
        r = lam @ u
        r = r @ root.T if f.known else r
        eta = eta + sum(z[:, j] * r[j][index] for j in range(f.columns))
    return eta


def by_response(rows: RowData, eta: Any) -> list[Any]:
    """Return `eta` (M,) cut into the rows of each response."""
    parts, at = [], 0
    for own in rows.rows:
        parts.append(eta[at : at + own.y.shape[0]])
        at += own.y.shape[0]
    return parts


def log_likelihood(s: Structure, data: Data, hyper: Hyper, x: Effects) -> Any:
    """Return the summed log density of all rows, up to the constant."""
    assert data.rows is not None
    etas = by_response(data.rows, linear_predictor(s, data, hyper, x))
    return sum(
        response.family.log_density(own, eta, phi).sum()
        for response, own, eta, phi in zip(s.responses, data.rows.rows, etas, hyper.phi, strict=True)
    )


def log_prior(s: Structure, hyper: Hyper, x: Effects) -> Any:
    """Return the log density of the standardised effects, up to the normal's constant.

    Effects of a level that are Student-t together have density ``t_nu(u)`` with identity scale matrix in
    place of the normal.
    """
    parts, population = split(s, x)
    total = -0.5 * population @ population
    for f, u in zip(s.factors, parts, strict=True):
        heavy = [k for effects, _ in f.student for k in effects]
        total = total - 0.5 * sum((u[k] ** 2).sum() for k in range(f.effects) if k not in heavy)
        for effects, where in f.student:
            square = sum(u[k] ** 2 for k in effects)
            total = total + _student(square, len(effects), hyper.values[where])
    return total


def _student(square: Any, size: int, nu: Any) -> Any:
    """Return the summed log density of multivariate-t vectors, relative to the normal's constant."""
    from jax.scipy.special import gammaln

    constant = gammaln((nu + size) / 2) - gammaln(nu / 2) - 0.5 * size * jnp.log(nu / 2)
    return (constant - 0.5 * (nu + size) * jnp.log1p(square / nu)).sum()


def linearized(s: Structure, data: Data, hyper: Hyper, x: Effects) -> Quadratic:
    """Return the log density as a quadratic that has its score and (expected) curvature at `x`."""
    return linearized_at(s, data, hyper, x, linear_predictor(s, data, hyper, x))


def linearized_at(s: Structure, data: Data, hyper: Hyper, x: Effects, eta: Any) -> Quadratic:
    """Return `linearized`, the rows at the linear predictor `eta` (M,) rather than that of `x`."""
    assert data.rows is not None
    w, wy = [], []
    etas, offsets = by_response(data.rows, eta), by_response(data.rows, data.rows.offset)
    for response, own, part, offset, phi in zip(
        s.responses, data.rows.rows, etas, offsets, hyper.phi, strict=True
    ):
        if response.live:
            w.append(jnp.zeros_like(part))
            wy.append(jnp.zeros_like(part))
            continue
        score, curvature = response.family.score_curvature(own, part, phi)
        w.append(curvature)
        wy.append(score + curvature * (part - offset))
    live = data.anchor.sums[: sum(r.live for r in s.responses)]
    if all(r.live for r in s.responses):
        return Quadratic(live, *_tight(s, hyper, x), data.anchor.reference)
    sums = cross_products(
        s,
        data.rows,
        jnp.concatenate(w),
        jnp.concatenate(wy),
        data.pattern.level.shape[0],
        data.anchor.reference,
        live=False,
    )
    return Quadratic((*live, sums), *_tight(s, hyper, x), data.anchor.reference)


def _tight(s: Structure, hyper: Hyper, x: Effects) -> tuple[Any, Any]:
    """Return the prior precision of the effects at `x`: 1, or that of a Student-t's reweighting.

    The t density has gradient ``-u (nu + k) / (nu + |u|^2)``, as a normal of that precision at zero.
    """
    parts, population = split(s, x)
    precision = []
    for f, u in zip(s.factors, parts, strict=True):
        own = jnp.ones_like(u)
        for effects, where in f.student:
            nu = hyper.values[where]
            weight = (nu + len(effects)) / (nu + sum(u[k] ** 2 for k in effects))
            for k in effects:
                own = own.at[k].set(weight)
        precision.append(own.ravel())
    first = 1 if s.main else 0
    tight_u = precision[0].reshape(x.u.shape) if s.main else x.u
    return tight_u, jnp.concatenate([*precision[first:], jnp.ones_like(population)])
