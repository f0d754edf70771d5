"""The log density of theta and the effects, in coordinates in which it is nearly a standard normal.

Rows stand for a quadratic in v: their own one where they are gaussian, else that of their score and curvature
at an *expansion point*, the same at every theta. Its normal equations give, at each theta,

    H(theta) = Q + S'AS = L L',   m(theta) = H^-1 (Q mean + S'(b - A v0)),   x = m + L'^-1 z,

a change of variables with known determinant: sampling (theta, z) is exact whatever m and L are, and easy
when the effects are near normal given theta (Osmundsen, Kleppe and Liesenfeld 2021, J. Comp. Graph. Stat.
30, 906-919). Newton steps from the rows may refine the map. Effects that sum to zero are conditioned on it:
an orthogonal projection of z (Rue and Held 2005, section 2.3.3), whose fixed directions keep a standard
normal density.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from shoal.engine import hyper, rows
from shoal.engine.handles import MAP, PROBLEM, SPACE
from shoal.engine.kinds import FLOATS, INT64S, MATRIX
from shoal.engine.sparse import backward, factorize, forward
from shoal.engine.vectors import add, between, copy, dot, fill
from shoal.priors.compiled import compiled_as, inner

LONGEST_STEP = 4.0  # in the linear predictor; longer Newton steps of a map are shortened smoothly


@inner
def scale(p, h, x, v):
    """Write ``v = S x + v0``."""
    scales = p.scales
    for i in range(v.size):
        total = h[scales.constant[i]]
        for e in between(scales.start[i], scales.start[i + 1]):
            total += h[scales.place[e]] * x[scales.effect[e]]
        v[i] = total


@inner
def scale_back(p, h, v_bar, x_bar):
    """Write ``x_bar = S' v_bar``."""
    scales = p.scales
    fill(x_bar, 0.0)
    for i in range(v_bar.size):
        for e in between(scales.start[i], scales.start[i + 1]):
            x_bar[scales.effect[e]] += h[scales.place[e]] * v_bar[i]


@inner
def log_prior(p, x, x_bar):
    """Return ``-1/2 (x - mean)'Q(x - mean)`` and subtract ``Q (x - mean)`` from `x_bar`."""
    total = 0.0
    prior = p.prior
    for t in range(prior.value.size):
        i, j, q = prior.row[t], prior.column[t], prior.value[t]
        left, right = x[i] - prior.mean[i], x[j] - prior.mean[j]
        x_bar[i] -= q * right
        if i == j:
            total -= 0.5 * q * left * right
        else:
            total -= q * left * right
            x_bar[j] -= q * left
    return total


@inner
def multiply(gram, a, v, out):
    """Add ``A v`` to `out`."""
    for t in range(a.size):
        i, j = gram.row[t], gram.column[t]
        out[i] += a[t] * v[j]
        if i != j:
            out[j] += a[t] * v[i]


@inner
def gaussian_rows(p, space):
    """Return the log density of gaussian rows at ``space.v``; add its derivatives to v_bar and h_bar."""
    total = 0.0
    q, h, h_bar, v, v_bar = p.quadratics, space.h, space.h_bar, space.v, space.v_bar
    for r in range(q.n.size):
        tau = h[q.tau[r]]
        product = np.zeros(v.size)
        multiply(p.gram, q.a[r], v, product)
        square = q.c[r]
        for i in range(v.size):
            square += v[i] * (product[i] - 2.0 * q.b[r, i])
            v_bar[i] += tau * (q.b[r, i] - product[i])
        total -= 0.5 * tau * square
        h_bar[q.tau[r]] -= 0.5 * square
        if q.n[r] != 0.0:  # of others tau may be negative
            total += 0.5 * q.n[r] * np.log(tau)
            h_bar[q.tau[r]] += 0.5 * q.n[r] / tau
    return total


@inner
def lay(p, space, a, b, out):
    """Fill a map with the mode and factor of a quadratic ``(a, b)`` of the rows beside the gaussian ones."""
    h, q, terms, prior, gram = space.h, p.quadratics, p.terms, p.prior, p.gram
    total_a, total_b, matrix, mode, factor = space.a, space.b, space.h_matrix, out.mode, out.factor
    copy(a, total_a)
    copy(b, total_b)
    for r in range(q.n.size):
        tau = h[q.tau[r]]
        for t in range(total_a.size):
            total_a[t] += tau * q.a[r, t]
        for i in range(total_b.size):
            total_b[i] += tau * q.b[r, i]
    fill(matrix, 0.0)
    for t in range(terms.place.size):
        product = total_a[terms.a[t]] * h[terms.left[t]] * h[terms.right[t]]
        matrix[terms.place[t]] += terms.weight[t] * product
    for t in range(prior.value.size):
        matrix[prior.place[t]] += prior.value[t]
    if p.shifted:
        constant = p.scales.constant
        for t in range(total_a.size):
            i, j = gram.row[t], gram.column[t]
            total_b[i] -= total_a[t] * h[constant[j]]
            if i != j:
                total_b[j] -= total_a[t] * h[constant[i]]
    scale_back(p, h, total_b, mode)
    for t in range(prior.value.size):
        i, j = prior.row[t], prior.column[t]
        mode[i] += prior.value[t] * prior.mean[j]
        if i != j:
            mode[j] += prior.value[t] * prior.mean[i]
    pattern = p.pattern
    out.volume[0] = -factorize(pattern, matrix, factor, space.work)
    forward(pattern, factor, mode)
    backward(pattern, factor, mode)
    if p.constraints.start.size > 1:
        constrain(p, space, out)


@inner
def constrain(p, space, out):
    """Find the directions that the constraints fix, and move the mode to where they hold."""
    start, effect = p.constraints.start, p.constraints.effect
    across, small = out.across, space.small
    for c in range(start.size - 1):
        own = across[c]
        fill(own, 0.0)
        for e in range(start[c], start[c + 1]):
            own[effect[e]] = 1.0
        forward(p.pattern, out.factor, own)
    for c in range(start.size - 1):  # Gram and Schmidt: `small` is the Cholesky factor of V = T T'
        own = across[c]
        for d in range(c):
            along = dot(own, across[d])
            small[c, d] = along
            add(own, -along, across[d])
        length = np.sqrt(dot(own, own))
        small[c, c] = length
        for k in range(own.size):
            own[k] /= length
        out.volume[0] += 0.5 * np.log(start[c + 1] - start[c]) - np.log(length)
    to_constraints(p, space, out, out.mode)


@inner
def to_constraints(p, space, out, x):
    """Move `x` to where the constraints hold, along the directions that they fix in the map."""
    start, effect = p.constraints.start, p.constraints.effect
    across, small, move = out.across, space.small, space.work
    off = np.zeros(start.size - 1)
    fill(move, 0.0)
    for c in range(off.size):
        for e in range(start[c], start[c + 1]):
            off[c] += x[effect[e]]
        for d in range(c):
            off[c] -= small[c, d] * off[d]
        off[c] /= small[c, c]
        add(move, off[c], across[c])
    backward(p.pattern, out.factor, move)
    add(x, -1.0, move)


@inner
def effects_at(p, space, where, z):
    """Write the effects of `z` into ``space.x``; return the log density of its fixed directions."""
    x, across = space.x, where.across
    copy(z, x)
    extra = 0.0
    for c in range(across.shape[0]):
        along = dot(across[c], z)
        add(x, -along, across[c])
        extra -= 0.5 * along * along
    backward(p.pattern, where.factor, x)
    add(x, 1.0, where.mode)
    return extra


@inner
def transport(p, steps, theta, space, out):
    """Fill the map at `theta`; return the log prior of theta.

    `steps` Newton steps from the rows follow the expansion's normal equations.
    """
    value = hyper.hyperparameters(p, theta, space)
    lay(p, space, p.expansion.a, p.expansion.b, out)
    for _ in range(steps):
        copy(out.mode, space.step)
        scale(p, space.h, space.step, space.v)
        rows.evaluate(p, space, 2)
        rows.linearize(p, space)
        lay(p, space, space.own_a, space.own_b, out)
        _shorten(p, space, out)
    return value


@inner
def _shorten(p, space, out):
    """Turn a new mode and the one before (``space.step``) into the end of a step of limited length."""
    scales, size, h, old, mode = p.scales, space.x, space.h, space.step, out.mode
    fill(size, 0.0)
    for e in range(scales.effect.size):
        size[scales.effect[e]] += h[scales.place[e]] ** 2
    for k in range(size.size):
        step = mode[k] - old[k]
        mode[k] = old[k] + step / np.sqrt(1.0 + size[k] * step * step / LONGEST_STEP**2)
    if p.constraints.start.size > 1:
        to_constraints(p, space, out, out.mode)


@inner
def given_theta(p, z, where, space, gradient):
    """Return ``log p(y, x)`` at the effects of `z`, by the hyperparameters in `space`; its gradient in z."""
    total = effects_at(p, space, where, z)
    scale(p, space.h, space.x, space.v)
    fill(space.v_bar, 0.0)
    if p.rows.y.size:
        total += rows.evaluate(p, space, 1)
        rows.scatter(p.columns, space.score, space.v_bar)
    total += gaussian_rows(p, space)
    scale_back(p, space.h, space.v_bar, gradient)
    total += log_prior(p, space.x, gradient)
    forward(p.pattern, where.factor, gradient)
    across = where.across
    for c in range(across.shape[0]):
        add(gradient, -dot(across[c], gradient) - dot(across[c], z), across[c])
    return total


@compiled_as(nb.float64(PROBLEM, nb.int64, FLOATS, FLOATS, SPACE, MAP, FLOATS))
def refined(p, steps, theta, z, space, where, gradient):
    """Return the log density of (theta, z) by a map of `steps` Newton steps; write its gradient in z."""
    value = transport(p, steps, theta, space, where) + p.constant
    return value + where.volume[0] + given_theta(p, z, where, space, gradient)


@compiled_as(nb.void(PROBLEM, MATRIX, SPACE, MATRIX))
def hyperparameters(p, thetas, space, out):
    """Write h at each theta."""
    for i in range(len(thetas)):
        hyper.hyperparameters(p, thetas[i], space)
        copy(space.h, out[i])


@compiled_as(nb.void(PROBLEM, MATRIX, SPACE, MATRIX, FLOATS))
def log_priors(p, thetas, space, out, values):
    """Write h at each theta, and the log prior density of theta."""
    for i in range(len(thetas)):
        values[i] = hyper.hyperparameters(p, thetas[i], space)
        copy(space.h, out[i])


@compiled_as(nb.void(PROBLEM, MATRIX, MATRIX, SPACE, INT64S, MATRIX))
def elements_at(p, hs, xs, space, elements, out):
    """Write elements of (v, x) at hyperparameters and effects."""
    for i in range(len(hs)):
        scale(p, hs[i], xs[i], space.v)
        for k in range(elements.size):
            e = elements[k]
            out[i, k] = space.v[e] if e < space.v.size else xs[i, e - space.v.size]
