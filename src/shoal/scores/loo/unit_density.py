"""The density of one unit's rows and effects at one draw, compiled; its gradient and precision.

With v the standardised effects of the unit's levels and A their columns, a row's linear predictor is
``base + A v``. A row has a few columns of each factor, those of its own level, which stand side by side in v.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from shoal.priors.compiled import inner

LOG_2_PI = math.log(2 * math.pi)


class Unit(NamedTuple):
    """A unit as all draws see it: n rows of R responses, d effects of the levels of F factors.

    Attributes
    ----------
    functions : list of row functions
        One a response.
    starts, phi_starts : (R + 1,) int arrays
        Where the rows of each response begin, and its parameters.
    rows : (4, n) array
        Response, trials, weight and standard error.
    place : (n, F) int array
        The first effect of the row's level of each factor.
    effects : (F,) int array
        Effects of a level.
    first : (d,) int array
        The first effect that shares a row with each: in the precision's lower triangle and in its Cholesky
        factor, nothing stands before it.
    normal : (d,) int array
        1 where an effect is normal, 0 where it is Student-t.
    set_starts, set_effects : int arrays
        The effects of each multivariate Student-t variable: those of set s are
        ``set_effects[set_starts[s]:set_starts[s + 1]]``.
    """

    functions: Any
    starts: np.ndarray
    phi_starts: np.ndarray
    rows: np.ndarray
    place: np.ndarray
    effects: np.ndarray
    first: np.ndarray
    normal: np.ndarray
    set_starts: np.ndarray
    set_effects: np.ndarray


class Space(NamedTuple):
    """What changes from draw to draw, and room to compute in.

    Attributes
    ----------
    base, eta, value, score, curvature : (n,) arrays
    columns : (n, K) array
        The nonzero entries of A.
    phi, unused : (k,) arrays
        The families' parameters; a place for derivatives that nobody reads.
    freedom, constant : (sets,) arrays
        Degrees of freedom of each Student-t variable, and what they add to its log density.
    """

    base: np.ndarray
    eta: np.ndarray
    value: np.ndarray
    score: np.ndarray
    curvature: np.ndarray
    columns: np.ndarray
    phi: np.ndarray
    unused: np.ndarray
    freedom: np.ndarray
    constant: np.ndarray


@inner
def likelihood(unit: Unit, space: Space, v: np.ndarray, order: int) -> float:
    """Return the log density of the unit's rows at ``eta = base + A v``; of order 2, with their slopes."""
    for i in range(space.eta.size):
        total, at = space.base[i], 0
        for f in range(unit.effects.size):
            first = unit.place[i, f]
            for k in range(unit.effects[f]):
                total += space.columns[i, at + k] * v[first + k]
            at += unit.effects[f]
        space.eta[i] = total
    total = 0.0
    for r in range(unit.starts.size - 1):
        a, b = unit.starts[r], unit.starts[r + 1]
        if a == b:
            continue
        p, q = unit.phi_starts[r], unit.phi_starts[r + 1]
        unused = space.unused[p:q].reshape((q - p, 1))
        unit.functions[r](
            unit.rows[0, a:b],
            unit.rows[1, a:b],
            unit.rows[2, a:b],
            unit.rows[3, a:b],
            space.eta[a:b].reshape((1, b - a)),
            space.phi[p:q].reshape((q - p, 1)),
            order,
            space.value[a:b],
            space.score[a:b].reshape((1, b - a)),
            space.curvature[a:b].reshape((1, b - a)),
            unused,
            unused,
        )
    for i in range(space.value.size):
        total += space.value[i]
    return total


@inner
def log_density(unit: Unit, space: Space, v: np.ndarray) -> float:
    """Return the log density of the rows and of the standardised effects, which is normalised."""
    # A literal order would compile `likelihood` once for each.
    total = likelihood(unit, space, v, np.int64(0)) - 0.5 * v.size * LOG_2_PI
    for c in range(v.size):
        if unit.normal[c]:
            total -= 0.5 * v[c] * v[c]
    for s in range(space.freedom.size):
        n, square = space.freedom[s], 0.0
        size = unit.set_starts[s + 1] - unit.set_starts[s]
        for e in range(unit.set_starts[s], unit.set_starts[s + 1]):
            square += v[unit.set_effects[e]] ** 2
        total += space.constant[s] - 0.5 * (n + size) * math.log1p(square / n)
    return total


@inner
def local(unit: Unit, space: Space, v: np.ndarray, gradient: np.ndarray, lower: np.ndarray) -> None:
    """Fill the gradient at v and the Cholesky factor of the precision there.

    The prior precision of a Student-t effect is that of its reweighting, ``(n + size) / (n + square)``.
    """
    likelihood(unit, space, v, np.int64(2))
    for c in range(v.size):
        lower[c, unit.first[c] : c] = 0.0
        lower[c, c] = 1.0
    for s in range(space.freedom.size):
        n, square = space.freedom[s], 0.0
        size = unit.set_starts[s + 1] - unit.set_starts[s]
        for e in range(unit.set_starts[s], unit.set_starts[s + 1]):
            square += v[unit.set_effects[e]] ** 2
        for e in range(unit.set_starts[s], unit.set_starts[s + 1]):
            lower[unit.set_effects[e], unit.set_effects[e]] = (n + size) / (n + square)
    for c in range(v.size):
        gradient[c] = -lower[c, c] * v[c]
    for i in range(space.eta.size):
        score, w, at = space.score[i], space.curvature[i], 0
        for f in range(unit.effects.size):
            for k in range(unit.effects[f]):
                c, here = unit.place[i, f] + k, space.columns[i, at + k]
                gradient[c] += here * score
                before = 0
                for g in range(f + 1):
                    for m in range(k + 1 if g == f else unit.effects[g]):
                        lower[c, unit.place[i, g] + m] += w * here * space.columns[i, before + m]
                    before += unit.effects[g]
            at += unit.effects[f]
    cholesky(lower, unit.first)


@inner
def cholesky(lower: np.ndarray, first: np.ndarray) -> None:
    """Factor the lower triangle in place, row by row, each from its first entry on."""
    for i in range(first.size):
        for j in range(first[i], i + 1):
            total = lower[i, j]
            for k in range(max(first[i], first[j]), j):
                total -= lower[i, k] * lower[j, k]
            lower[i, j] = total / lower[j, j] if j < i else math.sqrt(total)


@inner
def solve(lower: np.ndarray, first: np.ndarray, b: np.ndarray) -> None:
    """Replace b by ``L^-1 b``."""
    for i in range(b.size):
        total = b[i]
        for j in range(first[i], i):
            total -= lower[i, j] * b[j]
        b[i] = total / lower[i, i]


@inner
def solve_transposed(lower: np.ndarray, first: np.ndarray, b: np.ndarray) -> None:
    """Replace b by ``L'^-1 b``."""
    for i in range(b.size - 1, -1, -1):
        b[i] /= lower[i, i]
        for j in range(first[i], i):
            b[j] -= lower[i, j] * b[i]
