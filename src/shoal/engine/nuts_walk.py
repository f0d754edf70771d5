"""Steps of Hamiltonian trajectories in a diagonal metric, and their adaptation."""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
from numba.experimental import structref

from shoal.engine.kinds import Floats, Matrix, fields_of, record_type
from shoal.engine.vectors import copy
from shoal.priors.compiled import compiled_as, inner

FIRST_ACCEPTANCE = 0.8  # of one step, around which the first step size lies
# Dual averaging (Hoffman and Gelman 2014, section 3.2).
SHRINKAGE, DELAY, FORGETTING = 0.05, 10.0, 0.75


class Walk(NamedTuple):
    """Where a chain is, and what it has adapted; theta = center + root q for the first elements of q.

    Attributes
    ----------
    q : (n,) array
        Whitened theta, then z.
    variance : (n,) array
        Diagonal of the inverse metric.
    moments : (2, n) array
        Mean, and sum of squares about it, of the draws collected.
    numbers : (8,) array
        Log density; step size; draws collected; and of dual averaging: iterations, mean error of the
        acceptance, mean of the log step, the log step it shrinks to; energy at which a trajectory began.
    """

    q: Floats
    variance: Floats
    moments: Matrix
    numbers: Floats


NUMBERS = 8
LP, STEP, COLLECTED, ITERATIONS, ERROR, LOG_STEP, TOWARDS, BEGIN = range(NUMBERS)


@structref.register
class WalkType(nb.types.StructRef):
    """`Walk` in compiled code (see `handles`)."""


class WalkHandle(structref.StructRefProxy):
    """A walk in compiled code."""


structref.define_boxing(WalkType, WalkHandle)
WALK = WalkType(fields_of(Walk))


@compiled_as(WALK(record_type(Walk)))
def walk_handle(w):
    """Return the handle of a walk."""
    out = structref.new(WALK)
    out.q = w.q
    out.variance = w.variance
    out.moments = w.moments
    out.numbers = w.numbers
    return out


@inner
def evaluate(log_density, p, center, root, q, gradient, tree, space, where):
    """Return the log density of q, and write its gradient."""
    theta, theta_bar = tree.theta, tree.theta_bar
    t = theta.size
    for i in range(t):
        theta[i] = center[i]
        for j in range(t):
            theta[i] += root[i, j] * q[j]
    value = log_density(p, theta, q[t:], space, where, theta_bar, tree.z_bar)
    for j in range(t):
        gradient[j] = 0.0
        for i in range(t):
            gradient[j] += root[i, j] * theta_bar[i]
    copy(tree.z_bar, gradient[t:])
    return value


@inner
def leapfrog(log_density, p, center, root, step, variance, q, momentum, gradient, tree, space, where):
    """Make one step in place; return the log density and the kinetic energy where it ends."""
    for k in range(q.size):
        momentum[k] += 0.5 * step * gradient[k]
        q[k] += step * variance[k] * momentum[k]
    value = evaluate(log_density, p, center, root, q, gradient, tree, space, where)
    kinetic = 0.0
    for k in range(q.size):
        momentum[k] += 0.5 * step * gradient[k]
        kinetic += 0.5 * variance[k] * momentum[k] * momentum[k]
    return value, kinetic


@inner
def draw_momentum(rng, variance, momentum):
    """Draw a momentum; return its kinetic energy."""
    kinetic = 0.0
    for k in range(momentum.size):
        z = rng.standard_normal()
        momentum[k] = z / np.sqrt(variance[k])
        kinetic += 0.5 * z * z
    return kinetic


@inner
def first_step(rng, log_density, p, center, root, walk, tree, space, where):
    """Return the present step times the power of two at which the acceptance crosses `FIRST_ACCEPTANCE`."""
    q, gradient, momentum = tree.edge_q[0], tree.edge_gradient[0], tree.edge_momentum[0]
    step, way = walk.numbers[STEP], 0.0
    while True:
        copy(walk.q, q)
        copy(tree.gradient[0], gradient)
        before = walk.numbers[LP] - draw_momentum(rng, walk.variance, momentum)
        value, kinetic = leapfrog(
            log_density, p, center, root, step, walk.variance, q, momentum, gradient, tree, space, where
        )
        change = value - kinetic - before
        larger = 1.0 if change > np.log(FIRST_ACCEPTANCE) else -1.0
        if way == 0.0:
            way = larger
        elif larger != way or not 1e-12 < step < 1e7:
            return step
        step *= 2.0**way


@inner
def adapt_step(numbers, acceptance, aim):
    """Move the step size towards an acceptance of `aim`."""
    numbers[ITERATIONS] += 1.0
    m = numbers[ITERATIONS]
    share = 1.0 / (m + DELAY)
    numbers[ERROR] = (1.0 - share) * numbers[ERROR] + share * (aim - acceptance)
    log_step = numbers[TOWARDS] - numbers[ERROR] * np.sqrt(m) / SHRINKAGE
    share = m**-FORGETTING
    numbers[LOG_STEP] = share * log_step + (1.0 - share) * numbers[LOG_STEP]
    numbers[STEP] = np.exp(log_step)


@inner
def collect_draw(walk):
    """Add a draw to the moments (Welford 1962, Technometrics 4, 419-420)."""
    q, moments = walk.q, walk.moments
    walk.numbers[COLLECTED] += 1.0
    for k in range(q.size):
        away = q[k] - moments[0, k]
        moments[0, k] += away / walk.numbers[COLLECTED]
        moments[1, k] += away * (q[k] - moments[0, k])
