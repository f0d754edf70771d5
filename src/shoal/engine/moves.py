"""Two exact moves of (theta, z), and the chains that make them.

*Independent*: theta is proposed from a mixture fitted to its marginal, the map laid anew at the proposal, and z kept:
z hardly depends on theta where the map is good. Between proposals z moves by trajectories.

*Joint*: trajectories over (theta, z), by the gradient through the expansion's map.

Trajectories solve the standard normal part exactly (a rotation of position and momentum) and kick by the rest
(Beskos et al. 2011, Stoch. Proc. Appl. 121, 2201-2230): where the density is nearly normal a few kicks go a quarter turn,
after which nothing remembers where they began.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from shoal.engine.density import effects_at, given_theta, scale, transport
from shoal.engine.gradient import joint
from shoal.engine.handles import MAP, PROBLEM, SPACE
from shoal.engine.kinds import FLOATS, INT64S, MATRIX, Floats, Matrix, record_type
from shoal.priors.compiled import compiled_as, inner

DIVERGENT = 1000.0  # loss of log density over a trajectory that no accurate one makes
MOST_KICKS = 32
QUARTER = 0.5 * np.pi


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
        Log density; log density given theta; log density of the proposal; angle between kicks; proposals used;
        iterations of warmup made.
    """

    theta: Floats
    z: Floats
    gradient: Floats
    h: Floats
    numbers: Floats


LP, GIVEN, PROPOSAL, ANGLE, USED, WARMED = range(6)


class Output(NamedTuple):
    """What a call writes: draws of theta and of chosen elements of v and x, statistics of each iteration.

    `stats` (n, 6): log density, acceptance of z (or of both), acceptance of theta, energy, loss of log density, kicks.
    """

    theta: Matrix
    point: Matrix
    stats: Matrix


STATE, OUTPUT = record_type(State), record_type(Output)
GENERATOR = nb.typeof(np.random.default_rng(0))


@inner
def _rotate(position, momentum, angle):
    c, s = np.cos(angle), np.sin(angle)
    for k in range(position.size):
        turned = c * position[k] + s * momentum[k]
        momentum[k] = c * momentum[k] - s * position[k]
        position[k] = turned


@inner
def _probability(log_ratio):
    """Return ``min(1, exp(log_ratio))``; 0 for what is no number."""
    return 1.0 if log_ratio >= 0 else np.exp(log_ratio) if log_ratio == log_ratio else 0.0


@inner
def _write(v, x, theta, elements, out, row):
    """Write the elements of (v, x) that are asked for."""
    for k in range(elements.size):
        e = elements[k]
        out.point[row, k] = v[e] if e < v.size else x[e - v.size]
    out.theta[row] = theta


@compiled_as(nb.void(PROBLEM, nb.int64, SPACE, MAP, STATE))
def begin(p, steps, space, where, state):
    """Lay the map at the state's theta and evaluate the density there."""
    prior = transport(p, steps, state.theta, space, where)
    state.h[:] = space.h
    t = state.theta.size
    given = given_theta(p, state.z, where, space, state.gradient[t:])
    state.numbers[GIVEN] = given
    state.numbers[LP] = given + prior + where.volume[0] + p.constant


_INT, _FLOAT = nb.int64, nb.float64


@compiled_as(
    nb.void(
        *(GENERATOR, PROBLEM, _INT, MATRIX, FLOATS, _INT, _INT, _INT, _INT, _FLOAT),
        *(SPACE, MAP, MAP, STATE, INT64S, OUTPUT),
    )
)
def independent(
    rng, p, steps, thetas, log_q, kicks, per, warm, count, aim, space, where, other, state, elements, out
):
    """Make `warm` iterations that adapt the angle between kicks, or `count` that are written.

    Parameters
    ----------
    thetas, log_q : (n, T), (n,) arrays
        Proposals and their log density; the state says how many have been used.
    per : int
        Proposals, each with its trajectory, an iteration.
    """
    t, nx = state.theta.size, state.z.size
    n = state.numbers
    z, momentum, gradient = np.empty(nx), np.empty(nx), np.empty(nx)
    adapt = warm > 0
    for iteration in range(warm if adapt else count):
        accepted, turned, loss = 0.0, 0.0, -np.inf
        for _ in range(per):
            j = int(n[USED])
            n[USED] += 1.0
            prior = transport(p, steps, thetas[j], space, other)
            given = given_theta(p, state.z, other, space, gradient)
            lp = given + prior + other.volume[0] + p.constant
            chance = _probability(lp - n[LP] + n[PROPOSAL] - log_q[j])
            accepted += chance / per
            if rng.random() < chance:
                state.theta[:] = thetas[j]
                state.h[:] = space.h
                state.gradient[t:] = gradient
                n[LP], n[GIVEN], n[PROPOSAL] = lp, given, log_q[j]
                where.mode[:] = other.mode
                where.factor[:] = other.factor
                where.across[:] = other.across
                where.volume[:] = other.volume
            else:
                space.h[:] = state.h
            angle = n[ANGLE] * (0.8 + 0.4 * rng.random())
            energy = 0.0
            for k in range(nx):
                momentum[k] = rng.standard_normal()
                energy += 0.5 * momentum[k] * momentum[k]
            z[:] = state.z
            gradient[:] = state.gradient[t:]
            given = n[GIVEN]
            for _ in range(kicks):
                for k in range(nx):
                    momentum[k] += 0.5 * angle * (gradient[k] + z[k])
                _rotate(z, momentum, angle)
                given = given_theta(p, z, where, space, gradient)
                for k in range(nx):
                    momentum[k] += 0.5 * angle * (gradient[k] + z[k])
                if not np.isfinite(given):
                    break
            change = given - n[GIVEN] + energy
            for k in range(nx):
                change -= 0.5 * momentum[k] * momentum[k]
            chance = _probability(change)
            turned += chance / per
            loss = max(loss, -change if change == change else np.inf)
            if adapt:
                gain = (n[WARMED] + 1.0) ** -0.6
                n[ANGLE] = min(QUARTER / kicks, n[ANGLE] * np.exp((chance - aim) * gain))
                n[WARMED] += 1.0 / per
            if rng.random() < chance:
                state.z[:] = z
                state.gradient[t:] = gradient
                n[LP] += given - n[GIVEN]
                n[GIVEN] = given
        if not adapt:
            effects_at(p, space, where, state.z)
            scale(p, state.h, space.x, space.v)
            _write(space.v, space.x, state.theta, elements, out, iteration)
            s = out.stats[iteration]
            s[0], s[1], s[2], s[3], s[4], s[5] = n[LP], turned, accepted, -n[LP], loss, kicks * per


@compiled_as(
    nb.void(*(GENERATOR, PROBLEM, FLOATS, MATRIX, _INT, _INT, _FLOAT), *(SPACE, MAP, STATE, INT64S, OUTPUT))
)
def trajectories(rng, p, center, root, warm, count, aim, space, where, state, elements, out):
    """Make `warm` iterations that adapt the angle between kicks, or `count` that are written.

    Parameters
    ----------
    center, root : (T,), (T, T) arrays
        ``theta = center + root q``, q about standard normal.
    """
    t, nx = state.theta.size, state.z.size
    n = state.numbers
    size = t + nx
    old, q, momentum, gradient, own = np.empty(size), np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    theta_bar, z_bar, theta = np.empty(t), np.empty(nx), np.empty(t)
    adapt = warm > 0
    old[:t] = np.linalg.solve(root, state.theta - center) if t else state.theta
    old[t:] = state.z
    n[LP] = joint(p, state.theta, state.z, space, where, theta_bar, z_bar)
    own[:t] = root.T @ theta_bar
    own[t:] = z_bar
    v, x = space.v.copy(), space.x.copy()
    average, averaged = 0.0, 0
    for iteration in range(warm if adapt else count):
        angle = n[ANGLE]
        kicks = int(min(MOST_KICKS, max(1.0, np.round(QUARTER * (0.75 + 0.5 * rng.random()) / angle))))
        energy = 0.0
        for k in range(size):
            momentum[k] = rng.standard_normal()
            energy += 0.5 * momentum[k] * momentum[k]
        q[:] = old
        gradient[:] = own
        lp = n[LP]
        for _ in range(kicks):
            for k in range(size):
                momentum[k] += 0.5 * angle * (gradient[k] + q[k])
            _rotate(q, momentum, angle)
            theta[:] = center + root @ q[:t]
            lp = joint(p, theta, q[t:], space, where, theta_bar, z_bar)
            gradient[:t] = root.T @ theta_bar
            gradient[t:] = z_bar
            for k in range(size):
                momentum[k] += 0.5 * angle * (gradient[k] + q[k])
            if not np.isfinite(lp):
                break
        change = lp - n[LP] + energy
        for k in range(size):
            change -= 0.5 * momentum[k] * momentum[k]
        chance = _probability(change)
        start_energy = energy - n[LP]
        if rng.random() < chance:
            old[:] = q
            own[:] = gradient
            n[LP] = lp
            v[:] = space.v
            x[:] = space.x
        if adapt:
            n[ANGLE] = min(QUARTER, angle * np.exp((chance - aim) * (n[WARMED] + 1.0) ** -0.6))
            n[WARMED] += 1.0
            if iteration >= warm // 2:
                average += np.log(n[ANGLE])
                averaged += 1
        else:
            _write(v, x, center + root @ old[:t], elements, out, iteration)
            s = out.stats[iteration]
            loss = -change if change == change else np.inf
            s[0], s[1], s[2], s[3], s[4], s[5] = n[LP], chance, chance, start_energy, loss, kicks
    if adapt and averaged:
        n[ANGLE] = np.exp(average / averaged)
    state.theta[:] = center + root @ old[:t]
    state.z[:] = old[t:]
