"""The compiled integrals of `integrate`: one unit, draw after draw."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

from shoal.families.row_functions import FUNCTION_TYPE, MATRIX, STACK
from shoal.priors.compiled import VECTOR, compiled_as, inner
from shoal.scores.loo.unit_density import (
    LOG_2_PI,
    Space,
    Unit,
    local,
    log_density,
    solve,
    solve_transposed,
)

NONE, EXACT, QUADRATURE, SAMPLING = range(4)
LENGTHS = (1.0, 8.0, 3.0, 0.3, 0.1, 0.03, 0.003)  # of Newton's steps that are tried, the first among equals
MOST_STEPS, STILL = 60, 1e-4  # of Newton's method, and the step, in posterior sds, at which it ends
NOTHING = 45.0  # how far below the mode a log-concave log density is so low that what is beyond adds nothing
AS_FORETOLD = 0.1  # a whole step is taken untried if its gain is that of a quadratic, up to this share
NODES = 51  # of the trapezoidal rule
FARTHEST = 4.5  # its last node in t: 45 sds away from the mode

INTS, PLACES = nb.int64[::1], nb.int64[:, ::1]


@inner
def find_mode(
    unit: Unit, space: Space, v: np.ndarray, step: np.ndarray, trial: np.ndarray, lower: np.ndarray
) -> None:
    """Move v from zero to the mode, each step of Newton's as long as raises the density most.

    `lower` is left as the factor of the precision where the last step began.
    """
    v[:] = 0.0
    here = log_density(unit, space, v)
    for _ in range(MOST_STEPS):
        local(unit, space, v, step, lower)
        solve(lower, unit.first, step)
        foretold = 0.0
        for c in range(v.size):
            foretold += 0.5 * step[c] * step[c]
        solve_transposed(lower, unit.first, step)
        highest, length = here, 0.0  # downhill whatever the length: the mode, as far as rounding goes
        if foretold <= 0.5 * STILL**2:
            length = 1.0
        else:
            for tried in LENGTHS:
                for c in range(v.size):
                    trial[c] = v[c] + tried * step[c]
                value = log_density(unit, space, trial)
                if value > highest:
                    highest, length = value, tried
                if tried == 1.0 and abs(value - here - foretold) < AS_FORETOLD * foretold:
                    break
        here = highest
        for c in range(v.size):
            v[c] += length * step[c]
        if length == 0.0 or foretold <= 0.5 * STILL**2:
            break


@inner
def log_sum(values: np.ndarray, start: int, by: int) -> float:
    """Return the log of the sum of exponentials of every so many values."""
    largest, total = -math.inf, 0.0
    for i in range(start, values.size, by):
        if values[i] > largest:
            largest = values[i]
    if largest == -math.inf:
        return values[start]  # no density anywhere, or no number
    for i in range(start, values.size, by):
        total += math.exp(values[i] - largest)
    return largest + math.log(total)


@inner
def trapezoid(
    unit: Unit,
    space: Space,
    mode: np.ndarray,
    lower: np.ndarray,
    log_concave: bool,
    at: np.ndarray,
    values: np.ndarray,
) -> tuple[float, float]:
    """Return the log integral over x, ``v = mode + x / L``, and how far that on every other node is off."""
    width, middle = 2 * FARTHEST / (NODES - 1), NODES // 2
    values[:] = -math.inf
    for side in (-1, 1):
        for step in range(0 if side < 0 else 1, middle + 1):  # outwards from the mode
            t = side * step * width
            at[0] = mode[0] + math.sinh(t) / lower[0, 0]
            value = log_density(unit, space, at)
            values[middle + side * step] = value + math.log(math.cosh(t) * width)
            if log_concave and value < values[middle] - NOTHING:
                break
    fine, coarse = log_sum(values, 0, 1), log_sum(values, 1, 2) + math.log(2.0)
    return fine, abs(fine - coarse)


@inner
def sampled(
    unit: Unit,
    space: Space,
    mode: np.ndarray,
    lower: np.ndarray,
    at: np.ndarray,
    points: np.ndarray,
    values: np.ndarray,
) -> tuple[float, float]:
    """Return the log integral over x, ``v = mode + L'^-1 x``, and the integral's relative standard error."""
    count, d = values.size, at.size
    for p in range(count):
        for c in range(d):
            at[c] = points[p, c]
        solve_transposed(lower, unit.first, at)
        for c in range(d):
            at[c] += mode[c]
        values[p] = log_density(unit, space, at) - points[p, d]
    value = log_sum(values, 0, 1) - math.log(count)
    variance = 0.0
    for p in range(count):
        variance += (math.exp(values[p] - value) - 1.0) ** 2
    return value, math.sqrt(variance) / count


@compiled_as(
    nb.void(
        *(nb.types.ListType(FUNCTION_TYPE), INTS, INTS, MATRIX, PLACES, INTS, INTS, INTS, INTS, INTS),
        *(INTS, INTS, MATRIX, MATRIX, MATRIX, MATRIX, MATRIX, MATRIX, STACK, nb.int64, nb.boolean),
        *(VECTOR, VECTOR),
    )
)
def log_integrals(
    functions: Any,
    starts: np.ndarray,
    phi_starts: np.ndarray,
    rows: np.ndarray,
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
    z : (n, J) array
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
    unit = Unit(functions, starts, phi_starts, rows, where, first, normal, set_starts, set_effects)
    (draws, n), d, count = base.shape, first.size, set_number.size
    space = Space(
        base=np.empty(n),
        eta=np.empty(n),
        value=np.empty(n),
        score=np.empty(n),
        curvature=np.empty(n),
        columns=np.empty(where.shape),
        phi=np.empty(phi.shape[1]),
        unused=np.zeros(phi.shape[1]),
        freedom=np.empty(count),
        constant=np.empty(count),
    )
    mode, at, step, lower = np.empty(d), np.empty(d), np.empty(d), np.empty((d, d))
    values = np.empty(NODES if method == QUADRATURE else sets.shape[1])
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
                    total = 0.0
                    for j in range(n_columns[f]):
                        total += z[i, from_z + j] * lam[draw, from_lam + j * effects[f] + k]
                    space.columns[i, to + k] = total
            from_z, to = from_z + n_columns[f], to + effects[f]
            from_lam += n_columns[f] * effects[f]
        mode[:] = 0.0
        error[draw] = 0.0
        if method == NONE:
            value[draw] = log_density(unit, space, mode)
            continue
        if method == EXACT:  # a normal density in v: one step from anywhere leads to its mode
            local(unit, space, mode, step, lower)
            solve(lower, first, step)
            solve_transposed(lower, first, step)
            value[draw] = log_density(unit, space, step) + 0.5 * d * LOG_2_PI
        else:
            find_mode(unit, space, mode, step, at, lower)
            if method == QUADRATURE:
                value[draw], error[draw] = trapezoid(unit, space, mode, lower, log_concave, at, values)
            else:
                points = sets[draw % sets.shape[0]]
                value[draw], error[draw] = sampled(unit, space, mode, lower, at, points, values)
        for c in range(d):
            value[draw] -= math.log(lower[c, c])
