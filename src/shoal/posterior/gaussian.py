"""Normal equations of all effects, from sums that were read once.

Neither the marginal density of theta nor a draw of the effects depends on how many rows there are. With row
precision tau w_i (tau = 1 / sigma^2, or w_i = 1 / se_i^2 and tau = 1), the log density of theta with all
effects integrated is

``-tau/2 |y - X ref|^2 + W/2 log tau - 1/2 |ref|^2 + 1/2 h' H^-1 h - 1/2 log det H``

where H and h are precision and right-hand side of the effects measured from the reference `ref`: a least
squares fit, which keeps the cross-products from cancelling. Bates et al. (2015), J. Stat. Software 67(1),
equations 18 and 34, with a normal prior on the coefficients. For rows that are not gaussian, the sums are
those of their score and curvature at one point (`laplace`), and only H and h are used.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from shoal.posterior.blocks import Arrow, Effects, Scales, contract
from shoal.posterior.data import Data, Hyper, Quadratic, Sums
from shoal.posterior.structure import Structure


def scales(s: Structure, data: Data, hyper: Hyper) -> Scales:
    """Return what scales the border at `hyper`."""
    first = 1 if s.main else 0
    return Scales(hyper.lam[first:], data.roots[first:], hyper.scale_b)


def normal_equations(s: Structure, q: Quadratic, hyper: Hyper, scaling: Scales) -> tuple[Arrow, Effects, Any]:
    """Return H, h, and the log density's part outside the quadratic form.

    The effects are measured from the reference, so ``x = reference + H^-1 h``.
    """
    p, wide = s.n_normal, s.n_dense + s.n_normal
    total, level = _combined(s, q, hyper)
    v = jnp.concatenate([-hyper.coefficients, jnp.ones(1)])  # residual = [xc, y] v
    lam = hyper.lam[0] if s.main else jnp.zeros((0, 0))
    d = jnp.einsum("ki,klg,lj->ijg", lam, total.zz, lam) if s.main else total.zz
    d = d + jnp.eye(d.shape[0])[:, :, None] * q.tight_u[:, None, :]
    border = s.n_sparse + wide
    arrow = Arrow(
        d=d,
        e=lam.T @ total.ze,
        b=jnp.einsum("ki,kpg->ipg", lam, total.za[:, :wide]),
        c=total.aa[:border, :border],
        tight=q.tight_b,
    )
    right_u = lam.T @ jnp.einsum("kag,a->kg", total.za[:, wide:], v)
    right_b = contract(s, scaling, total.aa[:border, border:] @ v)
    reference = q.reference / hyper.scale_b
    right_b = right_b.at[right_b.shape[0] - p :].add(-reference)
    corner = total.aa[border:, border:]
    return arrow, Effects(right_u, right_b), level - 0.5 * v @ corner @ v - 0.5 * reference @ reference


def _combined(s: Structure, q: Quadratic, hyper: Hyper) -> tuple[Sums, Any]:
    """Return the sum of all `Sums`, each in units of its sigma, and the log determinants of the rows."""
    live = [i for i, response in enumerate(s.responses) if response.live]
    sigmas: list[Any] = [hyper.phi[i].get("sigma") for i in live]
    sigmas += [None] * (len(q.sums) - len(live))
    total, level = None, jnp.zeros(())
    for sums, sigma in zip(q.sums, sigmas, strict=True):
        scaled = sums if sigma is None else Sums(*(part * sigma**-2 for part in sums))
        level = level if sigma is None else level - sums.weight * jnp.log(sigma)
        total = scaled if total is None else Sums(*(a + b for a, b in zip(total, scaled, strict=True)))
    assert total is not None
    return total, level
