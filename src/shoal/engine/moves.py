"""Two exact moves of (theta, z), and the chains that make them.

*Alternating*: theta is proposed from a mixture fitted to its marginal, the map laid anew at the proposal,
and z kept: z hardly depends on theta where the map is good. Between proposals z moves by trajectories; where
everything is gaussian given theta it is drawn anew, which makes an independence sampler of theta (Tierney
1994, Annals of Statistics 22, 1701-1728). Now and then theta is proposed nearby instead: where the mixture is
too thin, what is far out walks back.

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
from shoal.engine.gradient import LOG_DENSITY
from shoal.engine.handles import MAP, PROBLEM, SPACE
from shoal.engine.kinds import FLOATS, INT64S, MATRIX, Floats, Matrix, record_type
from shoal.engine.vectors import copy, dot
from shoal.priors.compiled import compiled_as, inner

DIVERGENT = 1000.0  # loss of log density over a trajectory that no accurate one makes
MOST_KICKS = 32
QUARTER = 0.5 * np.pi
LONGEST = 0.5 * QUARTER  # angle between kicks: with one a trajectory hardly sees a tail of theta


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


FIRST, LOCAL, DRAWN = range(3)


@inner
def _propose(rng, p, steps, theta, log_q, kind, space, where, other, state, gradient):
    """Move to `theta` if it is accepted; return the probability.

    It is the first, at which a chain begins; nearby; or drawn from the mixture.
    """
    n, t = state.numbers, state.theta.size
    prior = transport(p, steps, theta, space, other)
    given = given_theta(p, state.z, other, space, gradient)
    lp = given + prior + other.volume[0] + p.constant
    ratio = lp - n[LP] + (n[PROPOSAL] - log_q if kind == DRAWN else 0.0)
    chance = 1.0 if kind == FIRST else _probability(ratio)
    if rng.random() < chance:
        copy(theta, state.theta)
        copy(space.h, state.h)
        copy(gradient, state.gradient[t:])
        n[LP], n[GIVEN], n[PROPOSAL] = lp, given, log_q
        copy(other.mode, where.mode)
        copy(other.factor, where.factor)
        for c in range(where.across.shape[0]):
            copy(other.across[c], where.across[c])
        copy(other.volume, where.volume)
    else:
        copy(state.h, space.h)
    return chance


@inner
def _refresh(rng, state):
    """Draw z anew from its standard normal density, as it is where everything is gaussian given theta."""
    n = state.numbers
    for k in range(state.z.size):
        old = state.z[k]
        state.z[k] = rng.standard_normal()
        change = 0.5 * (old * old - state.z[k] * state.z[k])
        n[LP] += change
        n[GIVEN] += change


@inner
def _turn(rng, p, kicks, aim, adapt, space, where, state, z, momentum, gradient):
    """Move z by a trajectory given theta; return the probability of its end, and the loss of log density."""
    n, t = state.numbers, state.theta.size
    angle = n[ANGLE] * (0.8 + 0.4 * rng.random())
    change = -n[GIVEN]
    for k in range(z.size):
        momentum[k] = rng.standard_normal()
        change += 0.5 * momentum[k] * momentum[k]
    copy(state.z, z)
    copy(state.gradient[t:], gradient)
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
        copy(z, state.z)
        copy(gradient, state.gradient[t:])
        n[LP] += given - n[GIVEN]
        n[GIVEN] = given
    return chance, -change if change == change else np.inf


@compiled_as(
    nb.void(
        *(GENERATOR, PROBLEM, _INT, PROPOSALS, MATRIX, MATRIX, _INT, _INT, _INT, _INT, _INT, _FLOAT),
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
    every,
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
    every : int
        Iterations from one such proposal to the next.
    kicks : int
        Of a trajectory of z; with 0 it is drawn anew, where everything is gaussian given theta.
    per : int
        Proposals from the mixture, each with its trajectory, an iteration.
    """
    t, nx = state.theta.size, state.z.size
    n = state.numbers
    z, momentum, gradient = np.empty(nx), np.empty(nx), np.empty(nx)
    theta, normal = np.empty(t), np.empty(t)
    adapt = warm > 0
    exact = kicks == 0
    begun = n[WARMED] > 0.0 or n[PROPOSAL] != 0.0
    for iteration in range(warm if adapt else count):
        accepted, turned, loss = 0.0, 0.0, -np.inf
        for turn in range(per + (iteration % every == 0)):
            if not begun:
                kind = FIRST
                copy(state.theta, theta)
            elif turn < per:
                kind = DRAWN
                copy(thetas[int(n[USED])], theta)
                n[USED] += 1.0
            else:
                kind = LOCAL
                for k in range(t):
                    normal[k] = rng.standard_normal()
                for i in range(t):
                    theta[i] = state.theta[i]
                    for k in range(i + 1):
                        theta[i] += walk[i, k] * normal[k]
            begun = True
            log_q = _log_mixture(mixture, theta)
            chance = _propose(rng, p, steps, theta, log_q, kind, space, where, other, state, gradient)
            if turn < per and exact:
                accepted += chance / per
                _refresh(rng, state)
                turned, loss = 1.0, 0.0
            elif turn < per:
                accepted += chance / per
                chance, lost = _turn(rng, p, kicks, aim, adapt, space, where, state, z, momentum, gradient)
                turned += chance / per
                loss = max(loss, lost)
        if not adapt:
            effects_at(p, space, where, state.z)
            scale(p, state.h, space.x, space.v)
            _write(space.v, space.x, state.theta, elements, out, iteration)
            s = out.stats[iteration]
            lp = n[LP] + (0.5 * dot(state.z, state.z) if exact else 0.0)  # then that of theta alone
            s[0], s[1], s[2], s[3], s[4], s[5] = lp, turned, accepted, -lp, loss, kicks * per


@compiled_as(
    nb.void(
        *(GENERATOR, PROBLEM, nb.types.FunctionType(LOG_DENSITY), FLOATS, MATRIX, _INT, _INT, _FLOAT),
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
            _kick(momentum, 0.5 * angle, gradient, q)
            _rotate(q, momentum, angle)
            _unwhiten(center, root, q, theta)
            lp = log_density(p, theta, q[t:], space, where, theta_bar, z_bar)
            _whiten_back(root, theta_bar, gradient)
            copy(z_bar, gradient[t:])
            _kick(momentum, 0.5 * angle, gradient, q)
            if not np.isfinite(lp):
                break
        change = lp - n[LP] + energy
        for k in range(size):
            change -= 0.5 * momentum[k] * momentum[k]
        chance = _probability(change)
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
            _write(v, x, theta, elements, out, iteration)
            s = out.stats[iteration]
            loss = -change if change == change else np.inf
            s[0], s[1], s[2], s[3], s[4], s[5] = n[LP], chance, chance, start_energy, loss, kicks
    if adapt and averaged:
        n[ANGLE] = np.exp(average / averaged)
    _unwhiten(center, root, old, state.theta)
    copy(old[t:], state.z)
