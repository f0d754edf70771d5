"""Two exact moves of (theta, z), and the chains that make them.

*Alternating*: theta is proposed from a mixture fitted to its marginal, the map laid anew at the proposal,
and z kept: z hardly depends on theta where the map is good. Between proposals z moves by trajectories. Once
an iteration theta is proposed nearby instead: where the mixture is too thin, what is far out walks back.

*Joint*: trajectories over (theta, z), by the gradient through the expansion's map.

Trajectories solve the standard normal part exactly (a rotation of position and momentum) and kick by the rest
(Beskos et al. 2011, Stoch. Proc. Appl. 121, 2201-2230): where the density is nearly normal a few kicks go a
quarter turn, after which nothing remembers where they began.
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
def _rotate(position, momentum, angle):
    c, s = np.cos(angle), np.sin(angle)
    for k in range(position.size):
        turned = c * position[k] + s * momentum[k]
        momentum[k] = c * momentum[k] - s * position[k]
        position[k] = turned


@inner
def _kick(momentum, step, gradient, position):
    """Change the momentum by what the density has beyond a standard normal."""
    for k in range(momentum.size):
        momentum[k] += step * (gradient[k] + position[k])


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


@inner
def begin(p, steps, space, where, state):
    """Lay the map at the state's theta and evaluate the density there."""
    prior = transport(p, steps, state.theta, space, where)
    state.h[:] = space.h
    t = state.theta.size
    given = given_theta(p, state.z, where, space, state.gradient[t:])
    state.numbers[GIVEN] = given
    state.numbers[LP] = given + prior + where.volume[0] + p.constant


_INT, _FLOAT = nb.int64, nb.float64


class Proposals(NamedTuple):
    """A mixture of multivariate t, as compiled code evaluates it.

    Attributes
    ----------
    constant : (M,) array
        Log weight and constants of each component.
    mean : (M, T) array
    inverse : (M * T, T) array
        Inverses of the components' roots.
    freedom : (1,) array
    """

    constant: Floats
    mean: Matrix
    inverse: Matrix
    freedom: Floats


PROPOSALS = record_type(Proposals)


@inner
def _log_mixture(q, theta):
    d, nu = theta.size, q.freedom[0]
    top, total = -np.inf, 0.0
    for m in range(q.constant.size):
        square = 0.0
        for i in range(d):
            part = 0.0
            for j in range(i + 1):
                part += q.inverse[m * d + i, j] * (theta[j] - q.mean[m, j])
            square += part * part
        value = q.constant[m] - 0.5 * (nu + d) * np.log1p(square / nu)
        if value > top:
            total = total * np.exp(top - value) + 1.0
            top = value
        else:
            total += np.exp(value - top)
    return top + np.log(total)


@inner
def _propose(rng, p, steps, theta, log_q, local, space, where, other, state, gradient):
    """Move to `theta` if it is accepted, as drawn from the mixture or, if `local`, nearby; return the
    probability.
    """
    n, t = state.numbers, state.theta.size
    prior = transport(p, steps, theta, space, other)
    given = given_theta(p, state.z, other, space, gradient)
    lp = given + prior + other.volume[0] + p.constant
    ratio = lp - n[LP]
    if not local:
        ratio += n[PROPOSAL] - log_q
    chance = _probability(ratio)
    if rng.random() < chance:
        state.theta[:] = theta
        state.h[:] = space.h
        state.gradient[t:] = gradient
        n[LP], n[GIVEN], n[PROPOSAL] = lp, given, log_q
        where.mode[:] = other.mode
        where.factor[:] = other.factor
        where.across[:] = other.across
        where.volume[:] = other.volume
    else:
        space.h[:] = state.h
    return chance


@inner
def _turn(rng, p, kicks, aim, adapt, space, where, state, z, momentum, gradient):
    """Move z by a trajectory given theta; return the probability of its end, and the loss of log density."""
    n, t = state.numbers, state.theta.size
    angle = n[ANGLE] * (0.8 + 0.4 * rng.random())
    change = -n[GIVEN]
    for k in range(z.size):
        momentum[k] = rng.standard_normal()
        change += 0.5 * momentum[k] * momentum[k]
    z[:] = state.z
    gradient[:] = state.gradient[t:]
    given = n[GIVEN]
    for _ in range(kicks):
        _kick(momentum, 0.5 * angle, gradient, z)
        _rotate(z, momentum, angle)
        given = given_theta(p, z, where, space, gradient)
        _kick(momentum, 0.5 * angle, gradient, z)
        if not np.isfinite(given):
            break
    change += given
    for k in range(z.size):
        change -= 0.5 * momentum[k] * momentum[k]
    chance = _probability(change)
    if adapt:
        n[ANGLE] = min(QUARTER / kicks, n[ANGLE] * np.exp((chance - aim) * (n[WARMED] + 1.0) ** -0.6))
        n[WARMED] += 1.0
    if rng.random() < chance:
        state.z[:] = z
        state.gradient[t:] = gradient
        n[LP] += given - n[GIVEN]
        n[GIVEN] = given
    return chance, -change if change == change else np.inf


@compiled_as(
    nb.void(
        *(GENERATOR, PROBLEM, _INT, PROPOSALS, MATRIX, MATRIX, _INT, _INT, _INT, _INT, _FLOAT),
        *(SPACE, MAP, MAP, STATE, INT64S, OUTPUT),
    )
)
def alternate(
    rng,
    p,
    steps,
    mixture,
    thetas,
    walk,
    kicks,
    per,
    warm,
    count,
    aim,
    space,
    where,
    other,
    state,
    elements,
    out,
):
    """Make `warm` iterations that adapt the angle between kicks, or `count` that are written.

    Parameters
    ----------
    thetas : (n, T) array
        Proposals from the mixture; the state says how many have been used.
    walk : (T, T) array
        Root of the covariance of the steps to proposals nearby.
    per : int
        Proposals from the mixture, each with its trajectory, an iteration.
    """
    t, nx = state.theta.size, state.z.size
    n = state.numbers
    z, momentum, gradient = np.empty(nx), np.empty(nx), np.empty(nx)
    theta, normal = np.empty(t), np.empty(t)
    adapt = warm > 0
    if n[WARMED] == 0.0:
        n[PROPOSAL] = _log_mixture(mixture, state.theta)
        begin(p, steps, space, where, state)
    for iteration in range(warm if adapt else count):
        accepted, turned, loss = 0.0, 0.0, -np.inf
        for _ in range(per):
            j = int(n[USED])
            n[USED] += 1.0
            log_q = _log_mixture(mixture, thetas[j])
            accepted += (
                _propose(rng, p, steps, thetas[j], log_q, False, space, where, other, state, gradient) / per
            )
            chance, lost = _turn(rng, p, kicks, aim, adapt, space, where, state, z, momentum, gradient)
            turned += chance / per
            loss = max(loss, lost)
        if t:
            for k in range(t):
                normal[k] = rng.standard_normal()
            for i in range(t):
                theta[i] = state.theta[i]
                for k in range(i + 1):
                    theta[i] += walk[i, k] * normal[k]
            _propose(
                rng, p, steps, theta, _log_mixture(mixture, theta), True, space, where, other, state, gradient
            )
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
    old, q, momentum, gradient, own = (
        np.empty(size),
        np.empty(size),
        np.empty(size),
        np.empty(size),
        np.empty(size),
    )
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
            _kick(momentum, 0.5 * angle, gradient, q)
            _rotate(q, momentum, angle)
            theta[:] = center + root @ q[:t]
            lp = joint(p, theta, q[t:], space, where, theta_bar, z_bar)
            gradient[:t] = root.T @ theta_bar
            gradient[t:] = z_bar
            _kick(momentum, 0.5 * angle, gradient, q)
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
