"""The log density of theta and the effects, in coordinates in which it is nearly a standard normal.

Rows stand for a quadratic in v: their own one where they are gaussian, else that of their score and curvature
at an *expansion point*, the same at every theta. Its normal equations give, at each theta,

    H(theta) = Q + S'AS = L L',   m(theta) = H^-1 (Q mean + S'(b - A v0)),   x = m + L'^-1 z,

a change of variables with known determinant: sampling (theta, z) is exact whatever m and L are, and easy when the
effects are near normal given theta (Osmundsen, Kleppe and Liesenfeld 2021, J. Comp. Graph. Stat. 30, 906-919).
Newton steps from the rows may refine the map. Effects that sum to zero are conditioned on it: an orthogonal
projection of z (Rue and Held 2005, section 2.3.3), whose fixed directions keep a standard normal density.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from shoal.engine import hyper, rows
from shoal.engine.sparse import OPTIONS, backward, factorize, forward

LONGEST_STEP = 4.0  # in the linear predictor; longer Newton steps of a map are shortened smoothly
MOST_STEPS = 100  # of a search for the mode
SETTLED = 1e-9  # gain of log density at which the search ends


class Expansion(NamedTuple):
    """The rows' quadratic at one point: ``-1/2 v'Av + b'v``; and the effects there, where a search begins.

    Attributes
    ----------
    a : (nnz,) array
    b : (nv,) array
    x : (nx,) array
    """

    a: np.ndarray
    b: np.ndarray
    x: np.ndarray


@nb.njit(**OPTIONS)
def scale(p, h, x, v):
    """Write ``v = S x + v0``."""
    scales = p.scales
    for i in range(v.size):
        total = h[scales.constant[i]]
        for e in range(scales.start[i], scales.start[i + 1]):
            total += h[scales.place[e]] * x[scales.effect[e]]
        v[i] = total


@nb.njit(**OPTIONS)
def scale_back(p, h, v_bar, x_bar):
    """Write ``x_bar = S' v_bar``."""
    scales = p.scales
    x_bar[:] = 0.0
    for i in range(v_bar.size):
        for e in range(scales.start[i], scales.start[i + 1]):
            x_bar[scales.effect[e]] += h[scales.place[e]] * v_bar[i]


@nb.njit(**OPTIONS)
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


@nb.njit(**OPTIONS)
def multiply(gram, a, v, out):
    """Add ``A v`` to `out`."""
    for t in range(a.size):
        i, j = gram.row[t], gram.column[t]
        out[i] += a[t] * v[j]
        if i != j:
            out[j] += a[t] * v[i]


@nb.njit(**OPTIONS)
def gaussian_rows(p, space):
    """Return the log density of gaussian rows at ``space.v``; add its derivatives to v_bar and h_bar."""
    total = 0.0
    q = p.quadratics
    for r in range(q.n.size):
        tau = space.h[q.tau[r]]
        product = np.zeros(space.v.size)
        multiply(p.gram, q.a[r], space.v, product)
        square = q.c[r]
        for i in range(product.size):
            square += space.v[i] * (product[i] - 2.0 * q.b[r, i])
            space.v_bar[i] += tau * (q.b[r, i] - product[i])
        total += 0.5 * q.n[r] * np.log(tau) - 0.5 * tau * square
        space.h_bar[q.tau[r]] += 0.5 * q.n[r] / tau - 0.5 * square
    return total


@nb.njit(**OPTIONS)
def lay(p, space, a, b, out):
    """Fill a map with the mode and factor of a quadratic ``(a, b)`` of the rows beside the gaussian ones."""
    h, q, terms = space.h, p.quadratics, p.terms
    space.a[:] = a
    space.b[:] = b
    for r in range(q.n.size):
        tau = h[q.tau[r]]
        for t in range(space.a.size):
            space.a[t] += tau * q.a[r, t]
        for i in range(space.b.size):
            space.b[i] += tau * q.b[r, i]
    space.h_matrix[:] = 0.0
    for t in range(terms.place.size):
        product = space.a[terms.a[t]] * h[terms.left[t]] * h[terms.right[t]]
        space.h_matrix[terms.place[t]] += terms.weight[t] * product
    prior = p.prior
    for t in range(prior.value.size):
        space.h_matrix[prior.place[t]] += prior.value[t]
    if p.shifted:
        for t in range(space.a.size):
            i, j = p.gram.row[t], p.gram.column[t]
            space.b[i] -= space.a[t] * h[p.scales.constant[j]]
            if i != j:
                space.b[j] -= space.a[t] * h[p.scales.constant[i]]
    scale_back(p, h, space.b, out.mode)
    for t in range(prior.value.size):
        i, j = prior.row[t], prior.column[t]
        out.mode[i] += prior.value[t] * prior.mean[j]
        if i != j:
            out.mode[j] += prior.value[t] * prior.mean[i]
    out.volume[0] = -factorize(p.pattern, space.h_matrix, out.factor, space.work)
    forward(p.pattern, out.factor, out.mode)
    backward(p.pattern, out.factor, out.mode)
    if p.constraints.start.size > 1:
        _constrain(p, space, out)


@nb.njit(**OPTIONS)
def _constrain(p, space, out):
    """Find the directions that the constraints fix, and move the mode to where they hold."""
    start, effect = p.constraints.start, p.constraints.effect
    count = start.size - 1
    for c in range(count):
        out.across[c, :] = 0.0
        for e in range(start[c], start[c + 1]):
            out.across[c, effect[e]] = 1.0
        forward(p.pattern, out.factor, out.across[c])
    for c in range(count):  # Gram and Schmidt: `small` is the Cholesky factor of V = T T'
        for d in range(c):
            along = np.dot(out.across[c], out.across[d])
            space.small[c, d] = along
            out.across[c] -= along * out.across[d]
        length = np.sqrt(np.dot(out.across[c], out.across[c]))
        space.small[c, c] = length
        out.across[c] /= length
        out.volume[0] += 0.5 * np.log(start[c + 1] - start[c]) - np.log(length)
    to_constraints(p, space, out, out.mode)


@nb.njit(**OPTIONS)
def to_constraints(p, space, out, x):
    """Move `x` to where the constraints hold, along the directions that they fix in the map."""
    start, effect = p.constraints.start, p.constraints.effect
    count = start.size - 1
    off = np.zeros(count)
    move = space.work
    move[:] = 0.0
    for c in range(count):
        for e in range(start[c], start[c + 1]):
            off[c] += x[effect[e]]
        for d in range(c):
            off[c] -= space.small[c, d] * off[d]
        off[c] /= space.small[c, c]
        move += off[c] * out.across[c]
    backward(p.pattern, out.factor, move)
    x -= move


@nb.njit(**OPTIONS)
def effects_at(p, space, where, z):
    """Write the effects that `z` stands for into ``space.x``; return the log density of its fixed directions."""
    x = space.x
    x[:] = z
    extra = 0.0
    for c in range(where.across.shape[0]):
        along = np.dot(where.across[c], z)
        x -= along * where.across[c]
        extra -= 0.5 * along * along
    backward(p.pattern, where.factor, x)
    x += where.mode
    return extra


@nb.njit(**OPTIONS)
def transport(p, functions, steps, theta, at, space, out):
    """Fill the map at `theta`; return the log prior of theta.

    `steps` Newton steps from the rows follow the expansion's normal equations.
    """
    value = hyper.hyperparameters(p, functions, theta, space)
    lay(p, space, at.a, at.b, out)
    for _ in range(steps):
        space.step[:] = out.mode
        scale(p, space.h, space.step, space.v)
        rows.evaluate(p, functions, space, 2)
        rows.linearize(p, space)
        lay(p, space, space.own_a, space.own_b, out)
        _shorten(p, space, out)
    return value


@nb.njit(**OPTIONS)
def _shorten(p, space, out):
    """Turn a new mode and the one before (``space.step``) into the end of a step of limited length."""
    scales, size = p.scales, space.x
    size[:] = 0.0
    for e in range(scales.effect.size):
        size[scales.effect[e]] += space.h[scales.place[e]] ** 2
    for k in range(size.size):
        step = out.mode[k] - space.step[k]
        out.mode[k] = space.step[k] + step / np.sqrt(1.0 + size[k] * step * step / LONGEST_STEP**2)
    if p.constraints.start.size > 1:
        to_constraints(p, space, out, out.mode)


@nb.njit(**OPTIONS)
def given_theta(p, functions, z, where, space, gradient):
    """Return ``log p(y, x)`` at the effects of `z`, by the hyperparameters in `space`; its gradient in z."""
    total = effects_at(p, space, where, z)
    scale(p, space.h, space.x, space.v)
    space.v_bar[:] = 0.0
    if p.rows.y.size:
        total += rows.evaluate(p, functions, space, 1)
        rows.scatter(p.columns, space.score, space.v_bar)
    total += gaussian_rows(p, space)
    scale_back(p, space.h, space.v_bar, gradient)
    total += log_prior(p, space.x, gradient)
    forward(p.pattern, where.factor, gradient)
    for c in range(where.across.shape[0]):
        across = where.across[c]
        gradient -= (np.dot(across, gradient) + np.dot(across, z)) * across
    return total


@nb.njit(**OPTIONS)
def log_density_at(p, functions, x, space):
    """Return ``log p(y, x)`` by the hyperparameters in `space`."""
    scale(p, space.h, x, space.v)
    space.x_bar[:] = 0.0
    space.v_bar[:] = 0.0
    total = log_prior(p, x, space.x_bar) + gaussian_rows(p, space)
    return total + rows.evaluate(p, functions, space, 0) if p.rows.y.size else total


@nb.njit(**OPTIONS)
def find_mode(p, functions, theta, at, space, out):
    """Fill the map at the mode of the effects given `theta`; return Laplace's log marginal density of theta.

    Newton steps, halved until the density rises. Where everything is gaussian it is exact and takes one.
    """
    value = hyper.hyperparameters(p, functions, theta, space) + p.constant
    lay(p, space, at.a, at.b, out)
    if not p.rows.y.size:
        return value + log_density_at(p, functions, out.mode, space) + out.volume[0]
    x = at.x.copy()
    best = log_density_at(p, functions, x, space)
    target = out.mode.copy()
    for _ in range(MOST_STEPS):
        share = 1.0
        gain = -np.inf
        while share > 1e-5:
            trial = x + share * (target - x)
            new = log_density_at(p, functions, trial, space)
            gain = new - best
            if gain >= -SETTLED or not np.isfinite(best) and np.isfinite(new):
                x, best = trial, new
                break
            share *= 0.5
        scale(p, space.h, x, space.v)
        rows.evaluate(p, functions, space, 2)
        rows.linearize(p, space)
        lay(p, space, space.own_a, space.own_b, out)
        if not gain > SETTLED * max(1.0, abs(best)) ** 0.5:
            break
        target[:] = out.mode
    out.mode[:] = x
    return value + best + out.volume[0]


@nb.njit(**OPTIONS)
def marginals(p, functions, thetas, at, space, out, values):
    """Write Laplace's log marginal density of each theta: exact where everything is gaussian."""
    for i in range(len(thetas)):
        value = find_mode(p, functions, thetas[i], at, space, out)
        values[i] = value if np.isfinite(value) else -np.inf


@nb.njit(**OPTIONS)
def expand(p, functions, theta, at, space, out):
    """Move the expansion point to the mode given `theta`."""
    find_mode(p, functions, theta, at, space, out)
    at.x[:] = out.mode
    if p.rows.y.size:
        at.a[:] = space.own_a
        at.b[:] = space.own_b


@nb.njit(**OPTIONS)
def expand_at_predictors(p, functions, theta, eta, space, at):
    """Let the expansion be the rows' quadratic at predictors that no effects need to have."""
    hyper.hyperparameters(p, functions, theta, space)
    space.eta[:] = eta
    rows.evaluate_at(p, functions, space, 2)
    rows.linearize(p, space)
    at.a[:] = space.own_a
    at.b[:] = space.own_b
