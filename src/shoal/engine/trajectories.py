"""The joint move: trajectories over (theta, z), by the gradient through the expansion's map."""

from __future__ import annotations

import numba as nb
import numpy as np

from shoal.engine.gradient import LOG_DENSITY
from shoal.engine.handles import MAP, PROBLEM, SPACE
from shoal.engine.kinds import FLOATS, INT64S, MATRIX
from shoal.engine.moves import (
    ANGLE,
    GENERATOR,
    LP,
    OUTPUT,
    QUARTER,
    STATE,
    WARMED,
    kick,
    probability,
    rotate,
    write,
)
from shoal.engine.vectors import copy
from shoal.priors.compiled import compiled_as, inner

MOST_KICKS = 32
LONGEST = 0.35 * QUARTER  # angle between kicks: with one or two a trajectory hardly sees a tail of theta


@inner
def _unwhiten(center, root, q, theta):
    """Write ``theta = center + root q``."""
    for i in range(theta.size):
        theta[i] = center[i]
        for j in range(i + 1):
            theta[i] += root[i, j] * q[j]


@inner
def _whiten_back(root, theta_bar, q_bar):
    """Write the derivative in q from that in theta."""
    for j in range(theta_bar.size):
        q_bar[j] = 0.0
        for i in range(j, theta_bar.size):
            q_bar[j] += root[i, j] * theta_bar[i]


@compiled_as(
    nb.void(
        *(
            GENERATOR,
            PROBLEM,
            nb.types.FunctionType(LOG_DENSITY),
            FLOATS,
            MATRIX,
            nb.int64,
            nb.int64,
            nb.float64,
        ),
        *(SPACE, MAP, STATE, INT64S, OUTPUT),
    )
)
def trajectories(rng, p, log_density, center, root, warm, count, aim, space, where, state, elements, out):
    """Make `warm` iterations that adapt the angle between kicks, or `count` that are written.

    Parameters
    ----------
    log_density : function
        `gradient.joint_density`; as an argument it is compiled once for all that call it.
    center, root : (T,), (T, T) arrays
        ``theta = center + root q``, q about standard normal, root lower-triangular.
    """
    t, nx = state.theta.size, state.z.size
    n = state.numbers
    size = t + nx
    old, q, momentum, gradient, own = (
        np.empty(size),
        np.empty(size),
        np.empty(size),
        np.empty(size),
        np.empty(size),
    )
    theta_bar, z_bar, theta = np.empty(t), np.empty(nx), np.empty(t)
    adapt = warm > 0
    for i in range(t):
        old[i] = state.theta[i] - center[i]
        for j in range(i):
            old[i] -= root[i, j] * old[j]
        old[i] /= root[i, i]
    copy(state.z, old[t:])
    n[LP] = log_density(p, state.theta, state.z, space, where, theta_bar, z_bar)
    _whiten_back(root, theta_bar, own)
    copy(z_bar, own[t:])
    v, x = space.v.copy(), space.x.copy()
    average, averaged = 0.0, 0
    for iteration in range(warm if adapt else count):
        angle = n[ANGLE]
        kicks = int(min(MOST_KICKS, max(1.0, np.round(QUARTER * (0.75 + 0.5 * rng.random()) / angle))))
        energy = 0.0
        for k in range(size):
            momentum[k] = rng.standard_normal()
            energy += 0.5 * momentum[k] * momentum[k]
        copy(old, q)
        copy(own, gradient)
        lp = n[LP]
        for _ in range(kicks):
            kick(momentum, 0.5 * angle, gradient, q)
            rotate(q, momentum, angle)
            _unwhiten(center, root, q, theta)
            lp = log_density(p, theta, q[t:], space, where, theta_bar, z_bar)
            _whiten_back(root, theta_bar, gradient)
            copy(z_bar, gradient[t:])
            kick(momentum, 0.5 * angle, gradient, q)
            if not np.isfinite(lp):
                break
        change = lp - n[LP] + energy
        for k in range(size):
            change -= 0.5 * momentum[k] * momentum[k]
        chance = probability(change)
        start_energy = energy - n[LP]
        if rng.random() < chance:
            copy(q, old)
            copy(gradient, own)
            n[LP] = lp
            copy(space.v, v)
            copy(space.x, x)
        if adapt:
            n[ANGLE] = min(LONGEST, angle * np.exp((chance - aim) * (n[WARMED] + 1.0) ** -0.6))
            n[WARMED] += 1.0
            if iteration >= warm // 2:
                average += np.log(n[ANGLE])
                averaged += 1
        else:
            _unwhiten(center, root, old, theta)
            write(v, x, theta, elements, out, iteration)
            s = out.stats[iteration]
            loss = -change if change == change else np.inf
            s[0], s[1], s[2], s[3], s[4], s[5] = n[LP], chance, chance, start_energy, loss, kicks
    if adapt and averaged:
        n[ANGLE] = np.exp(average / averaged)
    _unwhiten(center, root, old, state.theta)
    copy(old[t:], state.z)
