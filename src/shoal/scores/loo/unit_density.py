"""The density of one unit's rows and effects at one draw, compiled; its gradient and precision.

With v the standardised effects of the unit's levels and A their columns, a row's linear predictor is
``base + A v``. A row has few effects: those of its own level of each factor.
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
    where : (n, K) int array
        The effects that a row has, ascending.
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
    where: np.ndarray
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
        The entries of A there.
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
    # Arrays by names of their own: looked up inside a loop, each would be counted as in use at every turn.
    base, eta, value, columns, where = space.base, space.eta, space.value, space.columns, unit.where
    starts, phi_starts, rows, functions = unit.starts, unit.phi_starts, unit.rows, unit.functions
    score, curvature, phi, unused = space.score, space.curvature, space.phi, space.unused
    for i in range(eta.size):
        total = base[i]
        for k in range(where.shape[1]):
            total += columns[i, k] * v[where[i, k]]
        eta[i] = total
    for r in range(starts.size - 1):
        a, b = starts[r], starts[r + 1]
        if a == b:
            continue
        p, q = phi_starts[r], phi_starts[r + 1]
        functions[r](
            rows[0, a:b],
            rows[1, a:b],
            rows[2, a:b],
            rows[3, a:b],
            eta[a:b].reshape((1, b - a)),
            phi[p:q].reshape((q - p, 1)),
            order,
            value[a:b],
            score[a:b].reshape((1, b - a)),
            curvature[a:b].reshape((1, b - a)),
            unused[p:q].reshape((q - p, 1)),
            unused[p:q].reshape((q - p, 1)),
        )
    total = 0.0
    for i in range(value.size):
        total += value[i]
    return total


@inner
def log_density(unit: Unit, space: Space, v: np.ndarray) -> float:
    """Return the log density of the rows and of the standardised effects, which is normalised."""
    # A literal order would compile `likelihood` once for each.
    total = likelihood(unit, space, v, np.int64(0)) - 0.5 * v.size * LOG_2_PI
    normal, set_starts, set_effects = unit.normal, unit.set_starts, unit.set_effects
    freedom, constant = space.freedom, space.constant
    for c in range(v.size):
        if normal[c]:
            total -= 0.5 * v[c] * v[c]
    for s in range(freedom.size):
        square = 0.0
        for e in range(set_starts[s], set_starts[s + 1]):
            square += v[set_effects[e]] ** 2
        size = set_starts[s + 1] - set_starts[s]
        total += constant[s] - 0.5 * (freedom[s] + size) * math.log1p(square / freedom[s])
    return total


@inner
def local(unit: Unit, space: Space, v: np.ndarray, gradient: np.ndarray, lower: np.ndarray) -> None:
    """Fill the gradient at v and the Cholesky factor of the precision there.

    The prior precision of a Student-t effect is that of its reweighting, ``(n + size) / (n + square)``.
    """
    likelihood(unit, space, v, np.int64(2))
    first, set_starts, set_effects, freedom = unit.first, unit.set_starts, unit.set_effects, space.freedom
    score, curvature, columns, where = space.score, space.curvature, space.columns, unit.where
    for c in range(v.size):
        for d in range(first[c], c):
            lower[c, d] = 0.0
        lower[c, c] = 1.0
    for s in range(freedom.size):
        square = 0.0
        for e in range(set_starts[s], set_starts[s + 1]):
            square += v[set_effects[e]] ** 2
        size = set_starts[s + 1] - set_starts[s]
        for e in range(set_starts[s], set_starts[s + 1]):
            lower[set_effects[e], set_effects[e]] = (freedom[s] + size) / (freedom[s] + square)
    for c in range(v.size):
        gradient[c] = -lower[c, c] * v[c]
    for i in range(score.size):
        for k in range(where.shape[1]):
            c = where[i, k]
            gradient[c] += columns[i, k] * score[i]
            weighted = columns[i, k] * curvature[i]
            for m in range(k + 1):
                lower[c, where[i, m]] += weighted * columns[i, m]
    cholesky(lower, first)


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
