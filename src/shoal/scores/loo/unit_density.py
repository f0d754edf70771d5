"""The density of one unit's rows and effects at one draw, compiled; its gradient, precision and mode.

With v the standardised effects of the unit's levels and A their columns, a row's linear predictor is
``base + A v``. A row has few effects: those of its own level of each factor.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from shoal.families.predicted_parameters import evaluate_block
from shoal.priors.compiled import inner

LOG_2_PI = math.log(2 * math.pi)
LENGTHS = (1.0, 8.0, 3.0, 0.3, 0.1, 0.03, 0.003)  # of Newton's steps that are tried, the first among equals
MOST_STEPS, STILL = 60, 1e-4  # of Newton's method, and the step, in posterior sds, at which it ends
AS_FORETOLD = 0.1  # where a whole step gains what a quadratic would, up to this share, no other is tried
# A function is compiled once more for every literal it is called with: these are none.
ONE, VALUES, CURVATURES = np.int64(1), np.int64(0), np.int64(2)


class Unit(NamedTuple):
    """A unit as all draws see it: n rows of R responses, d effects of the levels of F factors.

    A line is one linear predictor of one row; those of a response stand one predictor after the other.

    Attributes
    ----------
    functions : list of row functions
        Two a response: its row function, and its interval function.
    starts, line_starts, phi_starts : (R + 1,) int arrays
        Where the rows of each response begin, its lines, and its parameters.
    link : (k,) int array
        How parameters come from predictors (`families.predicted_parameters`).
    copies : int
        Places v at which all rows can be evaluated in one call.
    y_starts, y : (R + 1,) int, (...) arrays
        Each response, with further columns of a row behind the first one, so many copies one after the other.
    rows : (3, copies n) array
        Trials, weight and standard error likewise.
    interval_starts, interval : (R + 1,) int, (...) arrays
        What intervals add to the rows of each response (`families.base.Rows.intervals`), with their copies,
        flattened.
    where : (lines, K) int array
        The effects that a line has, ascending.
    first : (d,) int array
        The first effect that shares a line with each: in the precision's lower triangle and in its Cholesky
        factor, nothing stands before it.
    normal : (d,) int array
        1 where an effect is normal, 0 where it is Student-t.
    set_starts, set_effects : int arrays
        The effects of each multivariate Student-t variable: those of set s are
        ``set_effects[set_starts[s]:set_starts[s + 1]]``.
    """

    functions: Any
    starts: np.ndarray
    line_starts: np.ndarray
    phi_starts: np.ndarray
    link: np.ndarray
    copies: int
    y_starts: np.ndarray
    y: np.ndarray
    rows: np.ndarray
    interval_starts: np.ndarray
    interval: np.ndarray
    where: np.ndarray
    first: np.ndarray
    normal: np.ndarray
    set_starts: np.ndarray
    set_effects: np.ndarray


class Space(NamedTuple):
    """What changes from draw to draw, and room to compute in.

    Attributes
    ----------
    base : (lines,) array
    value : (copies n,) array
    eta, score : (copies lines,) arrays
    curvature : array
        Of the first copy alone.
    columns : (lines, K) array
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
def likelihood(unit: Unit, space: Space, v: np.ndarray, count: int, order: int, total: np.ndarray) -> None:
    """Write the log density of the unit's rows at ``eta = base + A v``, at the first `count` rows of v.

    Of order 2, with scores and curvatures.
    """
    # Arrays by names of their own: looked up inside a loop, each would be counted as in use at every turn.
    base, eta, value, columns, where = space.base, space.eta, space.value, space.columns, unit.where
    starts, phi_starts, rows, functions = unit.starts, unit.phi_starts, unit.rows, unit.functions
    line_starts, link, packed = unit.line_starts, unit.link, 0
    interval_starts, interval, y_starts, y = unit.interval_starts, unit.interval, unit.y_starts, unit.y
    score, curvature, phi, unused = space.score, space.curvature, space.phi, space.unused
    for j in range(count):
        total[j] = 0.0
    for r in range(starts.size - 1):
        size, p, q = starts[r + 1] - starts[r], phi_starts[r], phi_starts[r + 1]
        if size == 0:
            continue
        a = unit.copies * starts[r]
        width = (y_starts[r + 1] - y_starts[r]) // (unit.copies * size)
        b = a + count * size
        first = unit.copies * line_starts[r]
        at = first
        for begin in range(line_starts[r], line_starts[r + 1], size):
            for j in range(count):
                for i in range(begin, begin + size):
                    e = base[i]
                    for k in range(where.shape[1]):
                        e += columns[i, k] * v[j, where[i, k]]
                    eta[at] = e
                    at += 1
        predictors = (line_starts[r + 1] - line_starts[r]) // size
        end = packed + predictors * (predictors + 1) // 2 * size
        begin, stop, every = interval_starts[r], interval_starts[r + 1], unit.copies * size
        intervals = interval[begin:stop].reshape(((stop - begin) // every, every))
        evaluate_block(
            functions[2 * r],
            functions[2 * r + 1],
            y[y_starts[r] : y_starts[r] + count * size * width],
            rows[0, a:b],
            rows[1, a:b],
            rows[2, a:b],
            intervals,
            eta[first:at],
            phi[p:q],
            link[p:q],
            order,
            value[a:b],
            score[first:at],
            curvature[packed:end],
            unused[p:q],
            unused[p:q],
        )
        packed = end
        at = a
        for j in range(count):
            for _ in range(size):
                total[j] += value[at]
                at += 1


@inner
def log_density(unit: Unit, space: Space, v: np.ndarray, count: int, total: np.ndarray) -> None:
    """Write the log density of the rows and of the standardised effects, normalised, at `count` rows of v."""
    likelihood(unit, space, v, count, VALUES, total)
    normal, set_starts, set_effects = unit.normal, unit.set_starts, unit.set_effects
    freedom, constant = space.freedom, space.constant
    for j in range(count):
        prior = -0.5 * normal.size * LOG_2_PI
        for c in range(normal.size):
            if normal[c]:
                prior -= 0.5 * v[j, c] * v[j, c]
        for s in range(freedom.size):
            square = 0.0
            for e in range(set_starts[s], set_starts[s + 1]):
                square += v[j, set_effects[e]] ** 2
            size = set_starts[s + 1] - set_starts[s]
            prior += constant[s] - 0.5 * (freedom[s] + size) * math.log1p(square / freedom[s])
        total[j] += prior


@inner
def local(
    unit: Unit, space: Space, v: np.ndarray, gradient: np.ndarray, lower: np.ndarray, total: np.ndarray
) -> None:
    """Fill the gradient at the first row of v and the Cholesky factor of the precision there.

    The prior precision of a Student-t effect is that of its reweighting, ``(n + size) / (n + square)``.
    """
    likelihood(unit, space, v, ONE, CURVATURES, total)
    first, set_starts, set_effects, freedom = unit.first, unit.set_starts, unit.set_effects, space.freedom
    score, curvature, columns, where = space.score, space.curvature, space.columns, unit.where
    for c in range(first.size):
        for d in range(first[c], c):
            lower[c, d] = 0.0
        lower[c, c] = 1.0
    for s in range(freedom.size):
        square = 0.0
        for e in range(set_starts[s], set_starts[s + 1]):
            square += v[0, set_effects[e]] ** 2
        size = set_starts[s + 1] - set_starts[s]
        for e in range(set_starts[s], set_starts[s + 1]):
            lower[set_effects[e], set_effects[e]] = (freedom[s] + size) / (freedom[s] + square)
    for c in range(first.size):
        gradient[c] = -lower[c, c] * v[0, c]
    starts, line_starts, packed = unit.starts, unit.line_starts, 0
    for r in range(starts.size - 1):
        size = starts[r + 1] - starts[r]
        if size == 0:
            continue
        for a in range((line_starts[r + 1] - line_starts[r]) // size):
            one = line_starts[r] + a * size
            to_score = (unit.copies - 1) * line_starts[r] + one
            for i in range(size):
                for k in range(where.shape[1]):
                    gradient[where[one + i, k]] += columns[one + i, k] * score[to_score + i]
            for b in range(a + 1):
                other = line_starts[r] + b * size
                for i in range(size):
                    _add_products(one + i, other + i, curvature[packed + i], where, columns, lower)
                packed += size
    cholesky(lower, first)


@inner
def _add_products(
    one: int, other: int, w: float, where: np.ndarray, columns: np.ndarray, lower: np.ndarray
) -> None:
    """Add what two predictors of a row, or one, say of pairs of effects to the lower triangle."""
    for k in range(where.shape[1]):
        c, weighted = where[one, k], columns[one, k] * w
        if one == other:
            for m in range(k + 1):
                lower[c, where[one, m]] += weighted * columns[one, m]
        elif w != 0.0:
            for m in range(where.shape[1]):
                d = where[other, m]
                twice = 2.0 if c == d else 1.0
                lower[max(c, d), min(c, d)] += twice * weighted * columns[other, m]


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


@inner
def find_mode(
    unit: Unit,
    space: Space,
    v: np.ndarray,
    step: np.ndarray,
    trial: np.ndarray,
    lower: np.ndarray,
    total: np.ndarray,
) -> None:
    """Move v (1, d) from zero to the mode, each step of Newton's as long as raises the density most.

    `lower` is left as the factor of the precision where the last step began.
    """
    v[:] = 0.0
    log_density(unit, space, v, ONE, total)
    here = total[0]
    for _ in range(MOST_STEPS):
        local(unit, space, v, step, lower, total)
        solve(lower, unit.first, step)
        foretold = 0.0
        for c in range(step.size):
            foretold += 0.5 * step[c] * step[c]
        solve_transposed(lower, unit.first, step)
        highest, length = here, 0.0  # downhill whatever the length: the mode, as far as rounding goes
        if foretold <= 0.5 * STILL**2:
            length = 1.0
        else:
            for tried in LENGTHS:
                for c in range(step.size):
                    trial[0, c] = v[0, c] + tried * step[c]
                log_density(unit, space, trial, ONE, total)
                if total[0] > highest:
                    highest, length = total[0], tried
                if tried == 1.0 and abs(total[0] - here - foretold) < AS_FORETOLD * foretold:
                    break
        here = highest
        for c in range(step.size):
            v[0, c] += length * step[c]
        if length == 0.0 or foretold <= 0.5 * STILL**2:
            break
