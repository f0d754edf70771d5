"""The compiled integrals of `integrate`: one unit, draw after draw."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

from shoal.engine.vectors import log_sum
from shoal.families.row_functions import FUNCTION_TYPE, MATRIX, STACK
from shoal.priors.compiled import VECTOR, compiled_as, inner
from shoal.scores.loo.unit_density import (
    LOG_2_PI,
    ONE,
    Space,
    Unit,
    find_mode,
    local,
    log_density,
    solve,
    solve_transposed,
)

NONE, EXACT, QUADRATURE, SAMPLING = range(4)
NODES = 51  # of the trapezoidal rule
FARTHEST = 4.5  # its last node in t: 45 sds away from the mode
NEAR = 17  # nodes on each side of the mode, up to 11 sds, beyond which there may be nothing:
NOTHING = 40.0  # so far below the mode, a log-concave log density has no more to add to the integral

INTS, PLACES = nb.int64[::1], nb.int64[:, ::1]


@inner
def at_nodes(
    unit: Unit,
    space: Space,
    mode: np.ndarray,
    lower: np.ndarray,
    nodes: np.ndarray,
    start: int,
    stop: int,
    at: np.ndarray,
    total: np.ndarray,
    values: np.ndarray,
) -> None:
    """Write the log density at some nodes x, ``v = mode + x / L``, with their log weights."""
    for first in range(start, stop, at.shape[0]):
        count = min(at.shape[0], stop - first)
        for j in range(count):
            at[j, 0] = mode[0, 0] + nodes[0, first + j] / lower[0, 0]
        log_density(unit, space, at, count, total)
        for j in range(count):
            values[first + j] = total[j] + nodes[1, first + j]


@inner
def trapezoid(
    unit: Unit,
    space: Space,
    mode: np.ndarray,
    lower: np.ndarray,
    nodes: np.ndarray,
    log_concave: bool,
    at: np.ndarray,
    total: np.ndarray,
    values: np.ndarray,
) -> tuple[float, float]:
    """Return the log integral over x, and how far that on every other node is off."""
    values[:] = -math.inf
    middle = values.size // 2
    low, high = middle - NEAR, middle + NEAR + 1
    at_nodes(unit, space, mode, lower, nodes, low, high, at, total, values)
    nothing = values[middle] - NOTHING
    if not (log_concave and values[low] < nothing):
        at_nodes(unit, space, mode, lower, nodes, np.int64(0), low, at, total, values)
    if not (log_concave and values[high - 1] < nothing):
        at_nodes(unit, space, mode, lower, nodes, high, values.size, at, total, values)
    fine, coarse = log_sum(values, 0, 1), log_sum(values, 1, 2) + math.log(2.0)
    return fine, abs(fine - coarse)


@inner
def sampled(
    unit: Unit,
    space: Space,
    mode: np.ndarray,
    lower: np.ndarray,
    points: np.ndarray,
    at: np.ndarray,
    total: np.ndarray,
    values: np.ndarray,
) -> tuple[float, float]:
    """Return the log integral over x, ``v = mode + L'^-1 x``, and the integral's relative standard error."""
    n_points, d = values.size, at.shape[1]
    for first in range(0, n_points, at.shape[0]):
        count = min(at.shape[0], n_points - first)
        for j in range(count):
            for c in range(d):
                at[j, c] = points[first + j, c]
            solve_transposed(lower, unit.first, at[j])
            for c in range(d):
                at[j, c] += mode[0, c]
        log_density(unit, space, at, count, total)
        for j in range(count):
            values[first + j] = total[j] - points[first + j, d]
    value = log_sum(values, 0, 1) - math.log(n_points)
    variance = 0.0
    for p in range(n_points):
        variance += (math.exp(values[p] - value) - 1.0) ** 2
    return value, math.sqrt(variance) / n_points


@compiled_as(
    nb.void(
        *(
            nb.types.ListType(FUNCTION_TYPE),
            INTS,
            INTS,
            INTS,
            INTS,
            nb.int64,
            INTS,
            VECTOR,
            MATRIX,
            INTS,
            VECTOR,
            PLACES,
            INTS,
            INTS,
            INTS,
            INTS,
            INTS,
        ),
        *(INTS, INTS, MATRIX, MATRIX, MATRIX, MATRIX, MATRIX, MATRIX, STACK, nb.int64, nb.boolean),
        *(VECTOR, VECTOR),
    )
)
def log_integrals(
    functions: Any,
    starts: np.ndarray,
    line_starts: np.ndarray,
    phi_starts: np.ndarray,
    link: np.ndarray,
    copies: int,
    y_starts: np.ndarray,
    y: np.ndarray,
    rows: np.ndarray,
    interval_starts: np.ndarray,
    interval: np.ndarray,
    where: np.ndarray,
    first: np.ndarray,
    normal: np.ndarray,
    set_starts: np.ndarray,
    set_effects: np.ndarray,
    set_number: np.ndarray,
    n_columns: np.ndarray,
    effects: np.ndarray,
    z: np.ndarray,
    base: np.ndarray,
    phi: np.ndarray,
    lam: np.ndarray,
    nu: np.ndarray,
    constant: np.ndarray,
    sets: np.ndarray,
    method: int,
    log_concave: bool,
    value: np.ndarray,
    error: np.ndarray,
) -> None:
    """Write the log integrals of a unit at S draws, and their errors.

    Parameters
    ----------
    functions, …, set_effects
        As in `Unit`.
    set_number : (sets,) int array
        The column of `nu` and of `constant` that each Student-t variable goes by.
    n_columns, effects : (F,) int arrays
        Of each factor, its columns in `z` and its effects of a level, which follow one another.
    z : (lines, J) array
    base, phi, nu, constant : (S, …) arrays
        Of each draw, what `Space` has; `nu` are degrees of freedom.
    lam : (S, …) array
        Of each draw, the factors' Λ one after the other, each flattened.
    sets : (sets of points, P, d + 1) array
        Points of importance sampling and their log densities; draws take the sets in turn.
    method : int
    log_concave : bool
        The integrand has one mode, and falls ever faster away from it.
    value, error : (S,) arrays
    """
    unit = Unit(
        functions,
        starts,
        line_starts,
        phi_starts,
        link,
        copies,
        y_starts,
        y,
        rows,
        interval_starts,
        interval,
        where,
        first,
        normal,
        set_starts,
        set_effects,
    )
    curvatures = 0
    for r in range(starts.size - 1):
        size = max(starts[r + 1] - starts[r], 1)
        predictors = (line_starts[r + 1] - line_starts[r]) // size
        curvatures += predictors * (predictors + 1) // 2 * size
    (draws, n), d, count = base.shape, first.size, set_number.size
    space = Space(
        base=np.empty(n),
        eta=np.empty(copies * n),
        value=np.empty(rows.shape[1]),
        score=np.empty(copies * n),
        curvature=np.empty(curvatures),
        columns=np.empty(where.shape),
        phi=np.empty(phi.shape[1]),
        unused=np.zeros(phi.shape[1]),
        freedom=np.empty(count),
        constant=np.empty(count),
    )
    mode, at, total = np.zeros((1, d)), np.empty((copies, d)), np.empty(copies)
    step, lower = np.empty(d), np.empty((d, d))
    values = np.empty(NODES if method == QUADRATURE else sets.shape[1])
    nodes = np.empty((2, NODES))  # x = sinh(t), and the log of its weight
    for node in range(NODES):
        width = 2 * FARTHEST / (NODES - 1)
        t = node * width - FARTHEST
        nodes[0, node], nodes[1, node] = math.sinh(t), math.log(math.cosh(t) * width)
    for draw in range(draws):
        # Loops: an array assigned to a slice would compile the words of its error message.
        for i in range(n):
            space.base[i] = base[draw, i]
        for k in range(phi.shape[1]):
            space.phi[k] = phi[draw, k]
        for s in range(count):
            space.freedom[s] = nu[draw, set_number[s]]
            space.constant[s] = constant[draw, set_number[s]]
        from_z, to, from_lam = 0, 0, 0
        for f in range(effects.size):
            for i in range(n):
                for k in range(effects[f]):
                    entry = 0.0
                    for j in range(n_columns[f]):
                        entry += z[i, from_z + j] * lam[draw, from_lam + j * effects[f] + k]
                    space.columns[i, to + k] = entry
            from_z, to = from_z + n_columns[f], to + effects[f]
            from_lam += n_columns[f] * effects[f]
        mode[:] = 0.0
        error[draw] = 0.0
        if method == NONE:
            log_density(unit, space, mode, ONE, total)
            value[draw] = total[0]
            continue
        if method == EXACT:  # a normal density in v: one step from anywhere leads to its mode
            local(unit, space, mode, step, lower, total)
            solve(lower, first, step)
            solve_transposed(lower, first, step)
            for c in range(d):
                at[0, c] = step[c]
            log_density(unit, space, at, ONE, total)
            value[draw] = total[0] + 0.5 * d * LOG_2_PI
        else:
            find_mode(unit, space, mode, step, at, lower, total)
            if method == QUADRATURE:
                found = trapezoid(unit, space, mode, lower, nodes, log_concave, at, total, values)
            else:
                points = sets[draw % sets.shape[0]]
                found = sampled(unit, space, mode, lower, points, at, total, values)
            value[draw], error[draw] = found
        for c in range(d):
            value[draw] -= math.log(lower[c, c])
