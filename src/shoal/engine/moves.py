"""What the exact moves of (theta, z) share: the state of a chain, what is written of it, turns and kicks.

Trajectories solve the standard normal part exactly (a rotation of position and momentum) and kick by the rest
(Beskos et al. 2011, Stoch. Proc. Appl. 121, 2201-2230): where the density is nearly normal a few kicks go a
quarter turn, after which nothing remembers where they began.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from shoal.engine.kinds import Floats, Matrix, record_type
from shoal.priors.compiled import inner

DIVERGENT = 1000.0  # loss of log density over a trajectory that no accurate one makes
QUARTER = 0.5 * np.pi
NUMBERS, STATISTICS = 6, 6  # of a state, of an iteration


class State(NamedTuple):
    """Where a chain is.

    Attributes
    ----------
    theta : (T,) array
    z : (nx,) array
    gradient : (T + nx,) array
    h : (H,) array
        Hyperparameters at theta.
    numbers : (6,) array
        Log density; log density given theta; log density of the proposal; angle between kicks; proposals
        used; iterations of warmup made.
    """

    theta: Floats
    z: Floats
    gradient: Floats
    h: Floats
    numbers: Floats


LP, GIVEN, PROPOSAL, ANGLE, USED, WARMED = range(6)


class Output(NamedTuple):
    """What a call writes: draws of theta and of chosen elements of v and x, statistics of each iteration.

    `stats` (n, 6): log density, acceptance of z (or of both), acceptance of theta, energy, loss of log
    density, kicks.
    """

    theta: Matrix
    point: Matrix
    stats: Matrix


STATE, OUTPUT = record_type(State), record_type(Output)
GENERATOR = nb.typeof(np.random.default_rng(0))


@inner
def rotate(position, momentum, angle):
    """Turn position and momentum: the exact motion in a standard normal density."""
    c, s = np.cos(angle), np.sin(angle)
    for k in range(position.size):
        turned = c * position[k] + s * momentum[k]
        momentum[k] = c * momentum[k] - s * position[k]
        position[k] = turned


@inner
def kick(momentum, step, gradient, position):
    """Change the momentum by what the density has beyond a standard normal."""
    for k in range(momentum.size):
        momentum[k] += step * (gradient[k] + position[k])


@inner
def probability(log_ratio):
    """Return ``min(1, exp(log_ratio))``; 0 for what is no number."""
    return 1.0 if log_ratio >= 0 else np.exp(log_ratio) if log_ratio == log_ratio else 0.0


@inner
def write(v, x, theta, elements, out, row):
    """Write the elements of (v, x) that are asked for."""
    for k in range(elements.size):
        e = elements[k]
        out.point[row, k] = v[e] if e < v.size else x[e - v.size]
    out.theta[row] = theta
