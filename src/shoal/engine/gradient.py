"""The joint log density of (theta, z) with its gradient, every step of the map run backwards.

With ``r`` the derivative in the effects x and ``a = H^-1 r``, the mode's normal equations give ``-a m'`` to
the derivative in H, and ``v = L'^-1 z`` gives ``-v (L^-1 r)'`` to that in L, whose factorisation
`sparse.adjoint` transposes. Constraints ``C x = 0`` with ``U = H^-1 C'`` and ``V = C U`` add products of as
many vectors: ``dU = -U' dH U`` is all that is needed.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from shoal.engine import density, hyper, rows
from shoal.engine.handles import MAP, PROBLEM, SPACE
from shoal.engine.kinds import FLOATS
from shoal.engine.problem import ZERO
from shoal.engine.sparse import adjoint, backward, forward
from shoal.engine.vectors import add, between, copy, dot, fill
from shoal.priors.compiled import compiled_as, inner


@inner
def joint(p, theta, z, space, where, theta_bar, z_bar):
    """Return the log density of (theta, z) by the expansion's map, and write its gradient."""
    fill(space.h_bar, 0.0)
    value = hyper.hyperparameters(p, theta, space) + p.constant
    density.lay(p, space, p.expansion.a, p.expansion.b, where)
    value += where.volume[0]
    value += density.effects_at(p, space, where, z)
    value += given_effects(p, space)
    if theta.size:
        _map(p, space, where, z, z_bar)
        hyper.pull_back(p, space, theta_bar)
    else:
        project(p, space, where, z, space.x_bar)
        copy(space.x_bar, z_bar)
        forward(p.pattern, where.factor, z_bar)
    return value if np.isfinite(value) else -np.inf


@inner
def given_effects(p, space):
    """Return ``log p(y, x)`` at ``space.x`` by the hyperparameters in `space`.

    The derivative in x is written to ``space.x_bar``; that in the hyperparameters, x held fast, is added to
    ``space.h_bar``.
    """
    h, x, v = space.h, space.x, space.v
    value = 0.0
    density.scale(p, h, x, v)
    fill(space.v_bar, 0.0)
    if p.rows.y.size:
        value += rows.evaluate(p, space, 1)
        rows.scatter(p.columns, space.score, space.v_bar)
    value += density.gaussian_rows(p, space)
    density.scale_back(p, h, space.v_bar, space.x_bar)
    value += density.log_prior(p, x, space.x_bar)
    _scales(p, space, space.v_bar, x)  # v = S x + v0
    return value


@inner
def _scales(p, space, v_bar, x):
    """Add to h_bar what S and v0 do to ``v_bar'(S x + v0)``."""
    scales, h_bar = p.scales, space.h_bar
    for i in range(v_bar.size):
        h_bar[scales.constant[i]] += v_bar[i]
        for e in between(scales.start[i], scales.start[i + 1]):
            h_bar[scales.place[e]] += v_bar[i] * x[scales.effect[e]]


@inner
def project(p, space, where, z, x_bar):
    """Turn the derivative in x into that in ``L'^-1 z`` before the constraints."""
    start, effect = p.constraints.start, p.constraints.effect
    solved, across, small = space.solved, where.across, space.small
    count = start.size - 1
    share = np.zeros(count)  # along V^-1/2 T, of which these are the coordinates
    for c in range(count):  # what is along the fixed directions does not reach x, but has its own density
        copy(across[c], solved[c])
        backward(p.pattern, where.factor, solved[c])
        share[c] = dot(solved[c], x_bar) + dot(across[c], z)
    for d in range(count - 1, -1, -1):
        for e in range(d + 1, count):
            share[d] -= small[e, d] * share[e]
        share[d] /= small[d, d]
        for e in range(start[d], start[d + 1]):
            x_bar[effect[e]] -= share[d]


@inner
def _map(p, space, where, z, z_bar):
    """Add to h_bar what theta does to x through the map, and write the gradient in z."""
    pattern, factor, across, solved = p.pattern, where.factor, where.across, space.solved
    count = across.shape[0]
    v = z.copy()
    backward(pattern, factor, v)
    fixed = np.zeros(z.size)  # the part of v that the constraints take out
    project(p, space, where, z, space.x_bar)
    copy(space.x_bar, z_bar)
    forward(pattern, factor, z_bar)
    a = space.step
    copy(z_bar, a)
    for c in range(count):  # of the mode, without the density of the fixed directions
        along = dot(across[c], z)
        add(fixed, along, across[c])
        add(a, along, across[c])
    backward(pattern, factor, a)
    if count:
        backward(pattern, factor, fixed)
    bar = space.factor_bar
    for k in range(v.size):
        first = pattern.l_start[k]
        for t in between(first, pattern.l_start[k + 1]):
            bar[t] = -v[pattern.l_row[t]] * z_bar[k]
        bar[first] -= 1.0 / factor[first]
    matrix_bar, mode = space.h_matrix_bar, where.mode
    adjoint(pattern, factor, bar, matrix_bar, space.work)
    for k in range(v.size):
        for t in between(pattern.start[k], pattern.start[k + 1]):
            i = pattern.row[t]
            both = -a[i] * (mode[k] - fixed[k]) - a[k] * (mode[i] - fixed[i]) - fixed[i] * fixed[k]
            for c in range(count):
                both += solved[c, i] * solved[c, k]
            matrix_bar[t] += both if i < k else 0.5 * both
    _quadratic(p, space, a)


@inner
def _quadratic(p, space, a):
    """Add to h_bar what theta does to H (its derivative is known) and to the right side (`a` is its)."""
    terms, scales, gram, q = p.terms, p.scales, p.gram, p.quadratics
    h, h_bar, matrix_bar = space.h, space.h_bar, space.h_matrix_bar
    total_a, a_bar, b, sa = space.a, space.own_a, space.b, space.own_b
    fill(a_bar, 0.0)
    # Neighbouring terms share their places in h, and a sum in a register is faster than one in memory.
    left_at, right_at, by_left, by_right = ZERO, ZERO, 0.0, 0.0
    for t in range(terms.place.size):
        if terms.left[t] != left_at:
            h_bar[left_at] += by_left
            left_at, by_left = terms.left[t], 0.0
        if terms.right[t] != right_at:
            h_bar[right_at] += by_right
            right_at, by_right = terms.right[t], 0.0
        bar = matrix_bar[terms.place[t]] * terms.weight[t]
        entry, left, right = total_a[terms.a[t]], h[left_at], h[right_at]
        by_left += bar * entry * right
        by_right += bar * entry * left
        a_bar[terms.a[t]] += bar * left * right
    h_bar[left_at] += by_left
    h_bar[right_at] += by_right
    for i in range(sa.size):  # of a'S'(b - A v0), of which `b` is the bracket
        total = 0.0
        for e in between(scales.start[i], scales.start[i + 1]):
            total += h[scales.place[e]] * a[scales.effect[e]]
            h_bar[scales.place[e]] += b[i] * a[scales.effect[e]]
        sa[i] = total
    if p.shifted:
        constant = scales.constant
        for t in range(a_bar.size):
            i, j = gram.row[t], gram.column[t]
            h_bar[constant[i]] -= total_a[t] * sa[j]
            a_bar[t] -= sa[i] * h[constant[j]]
            if i != j:
                h_bar[constant[j]] -= total_a[t] * sa[i]
                a_bar[t] -= sa[j] * h[constant[i]]
    for r in range(q.n.size):
        total = 0.0
        for t in range(a_bar.size):
            total += a_bar[t] * q.a[r, t]
        for i in range(sa.size):
            total += sa[i] * q.b[r, i]
        h_bar[q.tau[r]] += total


LOG_DENSITY = nb.float64(PROBLEM, FLOATS, FLOATS, SPACE, MAP, FLOATS, FLOATS)


@compiled_as(LOG_DENSITY)
def joint_density(p, theta, z, space, where, theta_bar, z_bar):
    """Return `joint`."""
    return joint(p, theta, z, space, where, theta_bar, z_bar)
