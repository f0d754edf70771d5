"""The mode of the effects given theta, Laplace's marginal density there, and the expansion.

Tierney and Kadane (1986), JASA 81, 82-86; Opper and Archambeau (2009), Neural Computation 21, 786-792 (rows
averaged over the normal distribution that they make). What is sampled is exact whatever is found here: it
says where proposals are drawn and how the rows are expanded.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from shoal.engine import hyper, rows
from shoal.engine.density import effects_at, gaussian_rows, lay, log_prior, multiply, scale, transport
from shoal.engine.handles import MAP, PROBLEM, SPACE
from shoal.engine.kinds import FLOATS, INT64S, MATRIX
from shoal.engine.moves import GENERATOR
from shoal.engine.sparse import backward, forward
from shoal.engine.vectors import add, copy, fill
from shoal.priors.compiled import compiled_as, inner

MOST_STEPS = 100  # of a search for the mode
SETTLED = 1e-9  # gain of log density at which the search ends
# Gain of a poor step, so small a share of what it promises; after so many in a row the density has kinks.
ROUGH, KINKED, POOR = 1e-3, 0.02, 3
LEAST_GAIN = 0.25  # of what a step promises; half is what it gains where the curvature is exact


@inner
def log_density_at(p, x, space):
    """Return ``log p(y, x)`` by the hyperparameters in `space`."""
    scale(p, space.h, x, space.v)
    fill(space.x_bar, 0.0)
    fill(space.v_bar, 0.0)
    total = log_prior(p, x, space.x_bar) + gaussian_rows(p, space)
    return total + rows.evaluate(p, space, 0) if p.rows.y.size else total


@inner
def _slope(pattern, factor, step):
    """Return ``step'H step``: what a Newton step would gain if the density were a plane."""
    total = 0.0
    for j in range(step.size):
        along = 0.0
        for t in range(pattern.l_start[j], pattern.l_start[j + 1]):
            along += factor[t] * step[pattern.l_row[t]]
        total += along * along
    return total


@inner
def find_mode(p, theta, space, out):
    """Fill the map at the mode of the effects given `theta`; return Laplace's log marginal density of theta.

    Newton steps, halved until the density rises by a share of what they promise: full steps by an expected
    curvature would swing around the mode. Where everything is gaussian it is exact and takes one.
    """
    value = hyper.hyperparameters(p, theta, space) + p.constant
    lay(p, space, p.expansion.a, p.expansion.b, out)
    if not p.rows.y.size:
        return value + log_density_at(p, out.mode, space) + out.volume[0]
    x = p.expansion.x.copy()
    best = log_density_at(p, x, space)
    target = out.mode.copy()
    promised = 0.0  # nothing by the expansion, which is another theta's
    poor = 0
    for turn in range(MOST_STEPS):
        share = 1.0
        gain = -np.inf
        while share > 1e-5:
            trial = x + share * (target - x)
            new = log_density_at(p, trial, space)
            gain = new - best
            if gain >= LEAST_GAIN * share * promised - SETTLED or not np.isfinite(best) and np.isfinite(new):
                x, best = trial, new
                break
            share *= 0.5
        scale(p, space.h, x, space.v)
        rows.evaluate(p, space, 2)
        rows.linearize(p, space)
        lay(p, space, space.own_a, space.own_b, out)
        # The first step is the expansion's: where it does not rise, that of the rows themselves still may.
        if turn > 0 and not gain > SETTLED * max(1.0, abs(best)) ** 0.5:
            break
        poor = poor + 1 if turn > 0 and gain < min(ROUGH, KINKED * promised) else 0
        if poor == POOR:
            break
        copy(out.mode, target)
        promised = _slope(p.pattern, out.factor, target - x)
    copy(x, out.mode)
    return value + best + out.volume[0]


@compiled_as(nb.void(PROBLEM, MATRIX, nb.boolean, SPACE, MAP, FLOATS))
def marginals(p, thetas, move, space, out, values):
    """Write Laplace's log marginal density of each theta: exact where everything is gaussian.

    With `move` the expansion point is moved to the mode of the effects given the last of them.
    """
    for i in range(len(thetas)):
        value = find_mode(p, thetas[i], space, out)
        values[i] = value if np.isfinite(value) else -np.inf
    if move:
        expansion = p.expansion
        copy(out.mode, expansion.x)
        if p.rows.y.size:
            copy(space.own_a, expansion.a)
            copy(space.own_b, expansion.b)


@compiled_as(nb.void(PROBLEM, FLOATS, FLOATS, SPACE))
def expand_at_predictors(p, theta, eta, space):
    """Let the expansion be the rows' quadratic at predictors that no effects need to have."""
    hyper.hyperparameters(p, theta, space)
    copy(eta, space.eta)
    rows.evaluate_at(p, space, 2)
    rows.linearize(p, space)
    expansion = p.expansion
    copy(space.own_a, expansion.a)
    copy(space.own_b, expansion.b)


@compiled_as(nb.float64(GENERATOR, PROBLEM, FLOATS, nb.int64, SPACE, MAP))
def average(rng, p, theta, pairs, space, out):
    """Let the expansion be the rows' quadratic averaged over draws of the effects by its own map.

    At the mode a skewed density has the wrong centre and width. The average of the rows' scores and
    curvatures has those of the normal distribution that is nearest; draws come in pairs, one on either side.
    Returned is the log volume of the map before.
    """
    expansion = p.expansion
    a, b, mean = np.zeros(space.a.size), np.zeros(space.b.size), np.zeros(space.v.size)
    z = np.empty(space.x.size)
    share = 0.5 / pairs
    transport(p, 0, theta, space, out)
    for draw in range(2 * pairs):
        for k in range(z.size):
            z[k] = rng.standard_normal() if draw % 2 == 0 else -z[k]
        effects_at(p, space, out, z)
        scale(p, space.h, space.x, space.v)
        rows.evaluate(p, space, 2)
        fill(space.v_bar, 0.0)
        rows.scatter(p.columns, space.score, space.v_bar)
        rows.linearize(p, space)
        add(a, share, space.own_a)
        add(b, share, space.v_bar)
        add(mean, share, space.v)
    multiply(p.gram, a, mean, b)
    copy(a, expansion.a)
    copy(b, expansion.b)
    return out.volume[0]


@compiled_as(nb.void(PROBLEM, INT64S, nb.float64, SPACE, MAP, MATRIX))
def falls(p, effects, reach, space, where, out):
    """Write how far the log density falls on both sides of a map's mode.

    Each effect is moved by `reach` of its standard deviations, and the others as they follow it in the map.
    """
    along, trial = np.empty(space.x.size), np.empty(space.x.size)
    highest = log_density_at(p, where.mode, space)
    for e in range(effects.size):
        fill(along, 0.0)
        along[effects[e]] = 1.0
        forward(p.pattern, where.factor, along)
        backward(p.pattern, where.factor, along)
        step = reach / np.sqrt(along[effects[e]])
        for side in range(2):
            for k in range(trial.size):
                trial[k] = where.mode[k] + (2 * side - 1) * step * along[k]
            out[e, side] = highest - log_density_at(p, trial, space)
