"""The alternating move of (theta, z), and the chains that make it.

Theta is proposed from a density fitted to its marginal, the map laid anew at the proposal, and z kept: z
hardly depends on theta where the map is good. Between proposals z moves by trajectories; where everything is
gaussian given theta it is drawn anew, which makes an independence sampler of theta (Tierney 1994, Annals of
Statistics 22, 1701-1728). Now and then theta is proposed nearby instead: where the proposals are too thin,
what is far out walks back.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from shoal.engine.density import effects_at, given_theta, scale, transport
from shoal.engine.handles import MAP, PROBLEM, SPACE
from shoal.engine.kinds import INT64S, MATRIX, Floats, Ints, Matrix, record_type
from shoal.engine.moves import (
    ANGLE,
    GENERATOR,
    GIVEN,
    LP,
    OUTPUT,
    PROPOSAL,
    QUARTER,
    STATE,
    USED,
    WARMED,
    kick,
    probability,
    rotate,
    write,
)
from shoal.engine.proposals import DEGREE, LEAST_KEPT
from shoal.engine.vectors import copy, dot
from shoal.priors.compiled import compiled_as, inner

_INT, _FLOAT = nb.int64, nb.float64


class Proposals(NamedTuple):
    """A proposal, as compiled code evaluates it.

    Attributes
    ----------
    constant : (M,) array
        Log weight and constants of each component.
    mean : (M, d) array
    roots : (M * d, d) array
        Inverses of the components' roots.
    freedom : (1,) array
    center, inverse : (d,), (d, d) arrays
    terms : (K * DEGREE,) int array
    coefficient : (K,) array
    """

    constant: Floats
    mean: Matrix
    roots: Matrix
    freedom: Floats
    center: Floats
    inverse: Matrix
    terms: Ints
    coefficient: Floats


PROPOSALS = record_type(Proposals)


@inner
def log_proposal(q, theta):
    """Return the log density of a proposal at `theta`, but for a constant."""
    log_mixture = _log_mixture(q, theta)
    count = q.coefficient.size
    if count == 0:
        return log_mixture
    d = theta.size
    z = np.ones(d + 1)
    for i in range(d):
        z[i + 1] = 0.0
        for j in range(i + 1):
            z[i + 1] += q.inverse[i, j] * (theta[j] - q.center[j])
    total = -log_mixture
    for k in range(count):
        term = q.coefficient[k]
        for e in range(k * DEGREE, (k + 1) * DEGREE):
            term *= z[q.terms[e]]
        total += term
    return log_mixture + min(max(total, np.log(LEAST_KEPT)), 0.0)


@inner
def _log_mixture(q, theta):
    d, nu = theta.size, q.freedom[0]
    top, total = -np.inf, 0.0
    for m in range(q.constant.size):
        square = 0.0
        for i in range(d):
            part = 0.0
            for j in range(i + 1):
                part += q.roots[m * d + i, j] * (theta[j] - q.mean[m, j])
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

    It is the first, at which a chain begins; nearby; or drawn from the fitted density.
    """
    n, t = state.numbers, state.theta.size
    prior = transport(p, steps, theta, space, other)
    given = given_theta(p, state.z, other, space, gradient)
    lp = given + prior + other.volume[0] + p.constant
    ratio = lp - n[LP] + (n[PROPOSAL] - log_q if kind == DRAWN else 0.0)
    chance = 1.0 if kind == FIRST else probability(ratio)
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
        kick(momentum, 0.5 * angle, gradient, z)
        rotate(z, momentum, angle)
        given = given_theta(p, z, where, space, gradient)
        kick(momentum, 0.5 * angle, gradient, z)
        if not np.isfinite(given):
            break
    change += given
    for k in range(z.size):
        change -= 0.5 * momentum[k] * momentum[k]
    chance = probability(change)
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
    proposal,
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
        Proposals drawn; the state says how many have been used.
    walk : (T, T) array
        Root of the covariance of the steps to proposals nearby.
    every : int
        Iterations from one such proposal to the next.
    kicks : int
        Of a trajectory of z; with 0 it is drawn anew, where everything is gaussian given theta.
    per : int
        Drawn proposals, each with its trajectory, an iteration.
    """
    t, nx = state.theta.size, state.z.size
    n = state.numbers
    z, momentum, gradient = np.empty(nx), np.empty(nx), np.empty(nx)
    theta, normal = np.empty(t), np.empty(t)
    adapt = warm > 0
    exact = kicks == 0
    begun = n[WARMED] > 0.0 or n[PROPOSAL] != 0.0
    if begun:  # the map from theta alone: a chain whose state was kept goes on as if it had never stopped
        transport(p, steps, state.theta, space, where)
        copy(space.h, state.h)
        if not exact:
            given_theta(p, state.z, where, space, state.gradient[t:])
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
            log_q = log_proposal(proposal, theta)
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
            write(space.v, space.x, state.theta, elements, out, iteration)
            s = out.stats[iteration]
            lp = n[LP] + (0.5 * dot(state.z, state.z) if exact else 0.0)  # then that of theta alone
            s[0], s[1], s[2], s[3], s[4], s[5] = lp, turned, accepted, -lp, loss, kicks * per
