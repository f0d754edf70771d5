"""The density of one unit's rows and effects at many places: at many points, and many values of the effects.

A unit may have a single row, and a call of a row function costs as much as a hundred: so all places that are
wanted are evaluated together, as copies of the unit's rows one after the other.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from shoal.engine.kinds import Floats, Ints, Matrix
from shoal.engine.rounds.units import Units
from shoal.families.intervals import evaluate_kinds
from shoal.families.predicted_parameters import COMMON, evaluate_block
from shoal.priors.compiled import inner

LOG_2_PI = math.log(2 * math.pi)
TOGETHER = 2048  # rows that are evaluated in one call
MOST_PLACES = 512
VALUES, CURVATURES = np.int64(0), np.int64(2)


class Places(NamedTuple):
    """Room for one unit at up to C places.

    Attributes
    ----------
    together : (R,) int array
        1 of blocks that are evaluated in one call: none of their parameters is predicted.
    y, trials, weight, se, interval : arrays
        Copies of the unit's numbers, of each block one after the other.
    base, columns, phi : (C, lines), (C, lines d), (C, k) arrays
        Of each point: what no effect enters, the columns of one effect after the other, the families'
        parameters.
    eta, value, score, curvature : arrays
        Of one block at all places.
    point : (C,) int array
        The point of each place.
    v, total, gradient : (C, d), (C,), (C, d) arrays
        The effects of each place, the log density there and its gradient.
    precision : (C, d d) array
        Its lower triangle, negative second derivatives.
    """

    together: Ints
    y: Floats
    trials: Floats
    weight: Floats
    se: Floats
    interval: Floats
    base: Matrix
    columns: Matrix
    phi: Matrix
    eta: Floats
    value: Floats
    score: Floats
    curvature: Floats
    point: Ints
    v: Matrix
    total: Floats
    gradient: Matrix
    precision: Matrix


@inner
def places_of(units: Units, u: int, d: int, most: int) -> Places:
    """Return room for a unit at as many places as go together, `most` at most."""
    blocks = units.phi_start.size - 1
    s = u * blocks
    rows, lines = units.row[s + blocks] - units.row[s], units.line[s + blocks] - units.line[s]
    count = max(1, min(most, TOGETHER // max(rows, 1), MOST_PLACES))
    together = np.ones(blocks, np.int64)
    y = np.empty(count * (units.y_at[s + blocks] - units.y_at[s]))
    trials, weight, se = np.empty(count * rows), np.empty(count * rows), np.empty(count * rows)
    interval = np.empty(count * (units.interval_at[s + blocks] - units.interval_at[s]))
    curvatures, to, at, of = 0, 0, 0, 0
    for r in range(blocks):
        a, b = units.row[s + r], units.row[s + r + 1]
        size = max(b - a, 1)
        predictors = (units.line[s + r + 1] - units.line[s + r]) // size
        curvatures = max(curvatures, predictors * (predictors + 1) // 2 * size)
        for k in range(units.phi_start[r], units.phi_start[r + 1]):
            if units.link[k] != COMMON:
                together[r] = 0
        for _ in range(count):
            for i in range(a, b):
                trials[to], weight[to], se[to] = units.trials[i], units.weight[i], units.se[i]
                to += 1
            for i in range(units.y_at[s + r], units.y_at[s + r + 1]):
                y[at] = units.y[i]
                at += 1
        kinds = (units.interval_at[s + r + 1] - units.interval_at[s + r]) // size
        copies = count if together[r] else 1
        for k in range(kinds):
            first = units.interval_at[s + r] + k * size
            for _ in range(copies):
                for i in range(first, first + size):
                    interval[of] = units.interval[i]
                    of += 1
    return Places(
        together,
        y,
        trials,
        weight,
        se,
        interval,
        np.empty((count, lines)),
        np.empty((count, lines * d)),
        np.empty((count, units.phi.size)),
        np.empty(count * lines),
        np.empty(count * rows),
        np.empty(count * lines),
        np.empty(count * curvatures),
        np.zeros(count, np.int64),
        np.zeros((count, d)),
        np.empty(count),
        np.empty((count, d)),
        np.empty((count, d * d)),
    )


@inner
def lay(units: Units, u: int, places: Places, j: int, h: np.ndarray) -> None:
    """Fill base, columns and parameters of point j by the hyperparameters h."""
    first, d = units.line[u * (units.phi_start.size - 1)], places.v.shape[1]
    base, columns, phi = places.base[j], places.columns[j], places.phi[j]
    for i in range(base.size):
        total = units.offset[first + i]
        for e in range(units.base_start[first + i], units.base_start[first + i + 1]):
            total += units.base_value[e] * h[units.base_place[e]]
        base[i] = total
        for c in range(d):
            columns[c * base.size + i] = 0.0
        for e in range(units.term_start[first + i], units.term_start[first + i + 1]):
            columns[units.term_slot[e] * base.size + i] += units.term_value[e] * h[units.term_place[e]]
    for k in range(phi.size):
        phi[k] = h[units.phi[k]]


@inner
def evaluate(units: Units, u: int, places: Places, count: int, order: int) -> None:
    """Write the log density of the unit's rows and effects at the first `count` places.

    Effects are standard normal, with their constant. Of order 2, with gradients and precisions.
    """
    blocks, d = units.phi_start.size - 1, places.v.shape[1]
    s = u * blocks
    v, total, gradient, precision = places.v, places.total, places.gradient, places.precision
    for j in range(count):
        square = 0.0
        for c in range(d):
            square += v[j, c] * v[j, c]
        total[j] = -0.5 * (square + d * LOG_2_PI)
        if order > 1:
            for c in range(d):
                gradient[j, c] = -v[j, c]
                for e in range(d):
                    precision[j, c * d + e] = 1.0 if c == e else 0.0
    most, at, of, own = places.v.shape[0], 0, 0, 0
    for r in range(blocks):
        n = units.row[s + r + 1] - units.row[s + r]
        if n == 0:
            continue
        predictors = (units.line[s + r + 1] - units.line[s + r]) // n
        width = units.y_at[s + r + 1] - units.y_at[s + r]
        kinds = (units.interval_at[s + r + 1] - units.interval_at[s + r]) // n
        copies = most if places.together[r] else 1
        interval = places.interval[own : own + kinds * copies * n].reshape((kinds, copies * n))
        own += kinds * copies * n
        # Numbers of one block: predictor after predictor of all places, or place after place.
        by_place = n if places.together[r] else predictors * n
        by_predictor = count * n if places.together[r] else n
        _predict(places, units.line[s + r] - units.line[s], n, predictors, by_place, by_predictor, count)
        _evaluate_rows(units, r, places, n, predictors, count, order, at, of, width, interval)
        for j in range(count):
            for i in range(j * n, (j + 1) * n):
                total[j] += places.value[i]
        if order > 1:
            first, together = units.line[s + r] - units.line[s], places.together[r] == 1
            _add_derivatives(places, first, n, predictors, together, count)
        at += most * n
        of += most * width


@inner
def _predict(
    places: Places, first: int, n: int, predictors: int, by_place: int, by_predictor: int, count: int
) -> None:
    base, columns, eta, v, point = places.base, places.columns, places.eta, places.v, places.point
    d, lines = v.shape[1], base.shape[1]
    for j in range(count):
        p = point[j]
        for a in range(predictors):
            to, line = j * by_place + a * by_predictor, first + a * n
            for i in range(n):
                eta[to + i] = base[p, line + i]
            for c in range(d):
                x, of = v[j, c], c * lines + line
                for i in range(n):
                    eta[to + i] += columns[p, of + i] * x


@inner
def _evaluate_rows(
    units: Units,
    r: int,
    places: Places,
    n: int,
    predictors: int,
    count: int,
    order: int,
    at: int,
    of: int,
    width: int,
    interval: np.ndarray,
) -> None:
    """Evaluate the rows of one block at all places."""
    function, of_interval = units.functions[2 * r], units.functions[2 * r + 1]
    k0, k1 = units.phi_start[r], units.phi_start[r + 1]
    k, pairs = k1 - k0, predictors * (predictors + 1) // 2
    if places.together[r]:
        rows = count * n
        phi = np.empty((k, rows if k else 1))
        unused = np.zeros((k, rows if k else 1))
        for j in range(count):
            for c in range(k):
                for i in range(j * n, (j + 1) * n):
                    phi[c, i] = places.phi[places.point[j], k0 + c]
        curvature = places.curvature[: pairs * rows if order > 1 else 0]
        evaluate_kinds(
            function,
            of_interval,
            places.y[of : of + count * width],
            places.trials[at : at + rows],
            places.weight[at : at + rows],
            places.se[at : at + rows],
            interval,
            places.eta[: predictors * rows].reshape((predictors, rows)),
            phi,
            order,
            places.value[:rows],
            places.score[: predictors * rows].reshape((predictors, rows)),
            curvature.reshape((pairs, curvature.size // pairs)),
            unused,
            unused,
        )
        return
    slope, information = np.zeros(k), np.zeros(k)
    for j in range(count):
        lines = predictors * n
        evaluate_block(
            function,
            of_interval,
            places.y[of : of + width],
            places.trials[at : at + n],
            places.weight[at : at + n],
            places.se[at : at + n],
            interval,
            places.eta[j * lines : (j + 1) * lines],
            places.phi[places.point[j], k0:k1],
            units.link[k0:k1],
            order,
            places.value[j * n : (j + 1) * n],
            places.score[j * lines : (j + 1) * lines],
            places.curvature[j * pairs * n : (j + 1) * pairs * n],
            slope,
            information,
        )


@inner
def _add_derivatives(places: Places, first: int, n: int, predictors: int, together: bool, count: int) -> None:
    """Add what one block's rows say to gradients and precisions."""
    columns, score, curvature = places.columns, places.score, places.curvature
    gradient, precision, d = places.gradient, places.precision, places.v.shape[1]
    lines = places.base.shape[1]
    pairs = predictors * (predictors + 1) // 2
    by_place = n if together else predictors * n
    by_predictor = count * n if together else n
    of_place = n if together else pairs * n
    for j in range(count):
        p, pair = places.point[j], 0
        for a in range(predictors):
            one, to = first + a * n, j * by_place + a * by_predictor
            for c in range(d):
                total = 0.0
                for i in range(n):
                    total += columns[p, c * lines + one + i] * score[to + i]
                gradient[j, c] += total
            for b in range(a + 1):
                other, to = first + b * n, j * of_place + pair * by_predictor
                for c in range(d):
                    for e in range(c + 1):
                        total = 0.0
                        for i in range(n):
                            both = columns[p, c * lines + one + i] * columns[p, e * lines + other + i]
                            if a != b:
                                both += columns[p, c * lines + other + i] * columns[p, e * lines + one + i]
                            total += curvature[to + i] * both
                        precision[j, c * d + e] += total
                pair += 1
