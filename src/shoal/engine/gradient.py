"""The joint log density of (theta, z) with its gradient, every step of the map run backwards.

With ``r`` the derivative in the effects x and ``a = H^-1 r``, the mode's normal equations give ``-a m'`` to the
derivative in H, and ``v = L'^-1 z`` gives ``-v (L^-1 r)'`` to that in L, whose factorisation `sparse.adjoint`
transposes. Constraints ``C x = 0`` with ``U = H^-1 C'`` and ``V = C U`` add products of as many vectors:
``dU = -U' dH U`` is all that is needed.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from shoal.engine import density, hyper, rows
from shoal.engine.sparse import OPTIONS, adjoint, backward, forward


@nb.njit(**OPTIONS)
def joint(p, functions, theta, z, at, space, where, theta_bar, z_bar):
    """Return the log density of (theta, z) by the expansion's map, and write its gradient."""
    space.h_bar[:] = 0.0
    value = hyper.hyperparameters(p, functions, theta, space) + p.constant
    density.lay(p, space, at.a, at.b, where)
    value += where.volume[0]
    value += density.effects_at(p, space, where, z)
    h, x, v = space.h, space.x, space.v
    density.scale(p, h, x, v)
    space.v_bar[:] = 0.0
    if p.rows.y.size:
        value += rows.evaluate(p, functions, space, 1)
        rows.scatter(p.columns, space.score, space.v_bar)
    value += density.gaussian_rows(p, space)
    density.scale_back(p, h, space.v_bar, space.x_bar)
    value += density.log_prior(p, x, space.x_bar)
    _scales(p, space, space.v_bar, x)  # v = S x + v0
    if theta.size:
        _map(p, space, where, z, z_bar)
        hyper.pull_back(p, functions, space, theta_bar)
    else:
        _project(p, space, where, z, space.x_bar)
        z_bar[:] = space.x_bar
        forward(p.pattern, where.factor, z_bar)
    return value if np.isfinite(value) else -np.inf


@nb.njit(**OPTIONS)
def _scales(p, space, v_bar, x):
    """Add to h_bar what S and v0 do to ``v_bar'(S x + v0)``."""
    scales = p.scales
    for i in range(v_bar.size):
        space.h_bar[scales.constant[i]] += v_bar[i]
        for e in range(scales.start[i], scales.start[i + 1]):
            space.h_bar[scales.place[e]] += v_bar[i] * x[scales.effect[e]]


@nb.njit(**OPTIONS)
def _project(p, space, where, z, x_bar):
    """Turn the derivative in x into that in ``L'^-1 z`` before the constraints."""
    start, effect = p.constraints.start, p.constraints.effect
    count = start.size - 1
    for c in range(count):  # what is along the fixed directions does not reach x, but has its own density
        space.solved[c] = where.across[c]
        backward(p.pattern, where.factor, space.solved[c])
    share = np.zeros(count)  # along V^-1/2 T, of which these are the coordinates
    for c in range(count):
        share[c] = np.dot(space.solved[c], x_bar) + np.dot(where.across[c], z)
    for d in range(count - 1, -1, -1):
        for e in range(d + 1, count):
            share[d] -= space.small[e, d] * share[e]
        share[d] /= space.small[d, d]
        for e in range(start[d], start[d + 1]):
            x_bar[effect[e]] -= share[d]


@nb.njit(**OPTIONS)
def _map(p, space, where, z, z_bar):
    """Add to h_bar what theta does to x through the map, and write the gradient in z."""
    pattern, terms, h = p.pattern, p.terms, space.h
    factor = where.factor
    count = where.across.shape[0]
    v = z.copy()
    backward(pattern, factor, v)
    fixed = np.zeros(z.size)  # the part of v that the constraints take out
    for c in range(count):
        fixed += np.dot(where.across[c], z) * where.across[c]
    if count:
        backward(pattern, factor, fixed)
    mode = where.mode - fixed
    x_bar = space.x_bar
    _project(p, space, where, z, x_bar)
    z_bar[:] = x_bar
    forward(pattern, factor, z_bar)
    a = space.step
    a[:] = z_bar
    for c in range(count):  # of the mode, without the density of the fixed directions
        a += np.dot(where.across[c], z) * where.across[c]
    backward(pattern, factor, a)
    bar = space.factor_bar
    for k in range(v.size):
        first = pattern.l_start[k]
        for t in range(first, pattern.l_start[k + 1]):
            bar[t] = -v[pattern.l_row[t]] * z_bar[k]
        bar[first] -= 1.0 / factor[first]
    h_matrix_bar = space.h_matrix_bar
    adjoint(pattern, factor, bar, h_matrix_bar, space.work)
    for k in range(v.size):
        for t in range(pattern.start[k], pattern.start[k + 1]):
            i = pattern.row[t]
            both = -a[i] * mode[k] - a[k] * mode[i] - fixed[i] * fixed[k]
            for c in range(count):
                both += space.solved[c, i] * space.solved[c, k]
            h_matrix_bar[t] += both if i < k else 0.5 * both
    q = p.quadratics
    space.own_a[:] = 0.0  # derivative in A
    for t in range(terms.place.size):
        bar_t = h_matrix_bar[terms.place[t]] * terms.weight[t]
        entry, left, right = space.a[terms.a[t]], h[terms.left[t]], h[terms.right[t]]
        space.h_bar[terms.left[t]] += bar_t * entry * right
        space.h_bar[terms.right[t]] += bar_t * entry * left
        space.own_a[terms.a[t]] += bar_t * left * right
    density.scale(p, h, a, space.own_b)
    for i in range(space.own_b.size):
        space.own_b[i] -= h[p.scales.constant[i]]  # S a
    _scales_of_right_side(p, space, a)
    if p.shifted:
        product = np.zeros(space.own_b.size)
        density.multiply(p.gram, space.a, space.own_b, product)
        for i in range(product.size):
            space.h_bar[p.scales.constant[i]] -= product[i]
        for t in range(space.own_a.size):
            i, j = p.gram.row[t], p.gram.column[t]
            one = space.own_b[i] * h[p.scales.constant[j]]
            if i != j:
                one += space.own_b[j] * h[p.scales.constant[i]]
            space.own_a[t] -= one
    for r in range(q.n.size):
        total = 0.0
        for t in range(space.own_a.size):
            total += space.own_a[t] * q.a[r, t]
        for i in range(space.own_b.size):
            total += space.own_b[i] * q.b[r, i]
        space.h_bar[q.tau[r]] += total


@nb.njit(**OPTIONS)
def _scales_of_right_side(p, space, a):
    """Add to h_bar what S does to ``a'S'(b - A v0)``; ``space.b`` holds the bracket."""
    scales = p.scales
    for i in range(space.b.size):
        for e in range(scales.start[i], scales.start[i + 1]):
            space.h_bar[scales.place[e]] += space.b[i] * a[scales.effect[e]]
