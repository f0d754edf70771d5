"""The density of one unit's rows and effects at many places: at many points, and many values of the effects.

A unit may have a single row, and a call of a row function costs as much as many: so each row is evaluated at
all places in one call. All loops go over places, which lie next to each other in every array: they become
vector instructions, whatever the number of a unit's rows and effects.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from shoal.engine.kinds import Floats, Matrix
from shoal.engine.rounds.units import Units
from shoal.engine.vectors import between, copy, fill
from shoal.families.predicted_parameters import evaluate_each
from shoal.priors.compiled import inner

LOG_2_PI = math.log(2 * math.pi)
MOST_PLACES = 512
VALUES, CURVATURES = np.int64(0), np.int64(2)


class Places(NamedTuple):
    """Room for up to C places of units with d effects.

    Attributes
    ----------
    h : (H, C) array
        Hyperparameters of each place, where they are not next to each other already.
    v : (d, C) array
        The effects of each place.
    total, gradient : (C,), (d, C) arrays
        The log density there and its gradient.
    precision : (d d, C) array
        Its lower triangle, negative second derivatives.
    square : (C,) array
        Of Newton's step there, in the metric of the precision.
    """

    h: Matrix
    v: Matrix
    total: Floats
    gradient: Matrix
    precision: Matrix
    square: Floats


@inner
def room_for(d: int, numbers: int) -> Places:
    """Return room for units of d effects, and so many hyperparameters."""
    most = MOST_PLACES
    return Places(
        np.empty((numbers, most)),
        np.zeros((d, most)),
        np.empty(most),
        np.empty((d, most)),
        np.empty((d * d, most)),
        np.empty(most),
    )


@inner
def evaluate(units: Units, u: int, h: np.ndarray, at: int, places: Places, count: int, order: int) -> None:
    """Write the log density of a unit's rows and effects at the first `count` places.

    Effects are standard normal, with their constant. Of order 2, with gradients and precisions.

    Parameters
    ----------
    h : (H, B) array
        The hyperparameters of the first place are in column `at`, those of the others behind it.
    """
    blocks, d = units.phi_start.size - 1, places.v.shape[0]
    total = places.total
    for j in range(count):
        total[j] = -0.5 * d * LOG_2_PI
    for c in range(d):
        v = places.v[c]
        for j in range(count):
            total[j] -= 0.5 * v[j] * v[j]
        if order > 1:
            gradient = places.gradient[c]
            for j in range(count):
                gradient[j] = -v[j]
            for e in range(c + 1):
                fill(places.precision[c * d + e, :count], 1.0 if c == e else 0.0)
    for r in range(blocks):
        if units.row[u * blocks + r + 1] > units.row[u * blocks + r]:
            _evaluate_rows(units, u * blocks + r, r, h, at, places, count, order)


@inner
def _evaluate_rows(
    units: Units, s: int, r: int, h: np.ndarray, at: int, places: Places, count: int, order: int
) -> None:
    """Add what the rows of segment s say, those of block r."""
    first, n, d = units.row[s], units.row[s + 1] - units.row[s], places.v.shape[0]
    predictors = (units.line[s + 1] - units.line[s]) // n
    width = (units.y_at[s + 1] - units.y_at[s]) // n
    kinds = (units.interval_at[s + 1] - units.interval_at[s]) // n
    pairs = predictors * (predictors + 1) // 2
    k0, k1 = units.phi_start[r], units.phi_start[r + 1]
    eta, score, value = np.empty(predictors * count), np.empty(predictors * count), np.empty(count)
    curvature, columns = np.empty(pairs * count if order > 1 else 0), np.empty((predictors * d, count))
    y, trials, weight, se = np.empty(width * count), np.empty(count), np.empty(count), np.empty(count)
    intervals, phi = np.empty((kinds, count)), np.empty((k1 - k0, count))
    slopes, informations = np.zeros((k1 - k0, count)), np.zeros((k1 - k0, count))
    for k in range(k1 - k0):
        copy(h[units.phi[k0 + k], at : at + count], phi[k])
    for i in range(n):
        row = first + i
        if i == 0 or units.trials[row] != units.trials[row - 1]:
            fill(trials, units.trials[row])
        if i == 0 or units.weight[row] != units.weight[row - 1]:
            fill(weight, units.weight[row])
        if i == 0 or units.se[row] != units.se[row - 1]:
            fill(se, units.se[row])
        for k in range(width):
            own = units.y[units.y_at[s] + i * width + k]
            for j in range(count):
                y[j * width + k] = own
        for k in range(kinds):
            fill(intervals[k], units.interval[units.interval_at[s] + k * n + i])
        for a in range(predictors):
            line = units.line[s] + a * n + i
            own_eta, own_columns = eta[a * count : (a + 1) * count], columns[a * d : (a + 1) * d]
            _predict(units, line, h, at, places.v, order, own_eta, own_columns)
        evaluate_each(
            units.functions[2 * r],
            units.functions[2 * r + 1],
            y,
            trials,
            weight,
            se,
            intervals,
            eta,
            phi,
            units.link[k0:k1],
            order,
            value,
            score,
            curvature,
            slopes,
            informations,
        )
        total = places.total
        for j in range(count):
            total[j] += value[j]
        if order > 1:
            _add_derivatives(places, columns, score, curvature, predictors, count)


@inner
def _predict(
    units: Units,
    line: int,
    h: np.ndarray,
    at: int,
    v: np.ndarray,
    order: int,
    eta: np.ndarray,
    columns: np.ndarray,
) -> None:
    """Write a line's predictor at all places, and of order 2 its columns: the derivative in each effect."""
    count = eta.size
    fill(eta, units.offset[line])
    for e in between(units.base_start[line], units.base_start[line + 1]):
        value, own = units.base_value[e], h[units.base_place[e], at : at + count]
        for j in range(count):
            eta[j] += value * own[j]
    if order < 2:
        for e in between(units.term_start[line], units.term_start[line + 1]):
            value, own = units.term_value[e], h[units.term_place[e], at : at + count]
            x = v[units.term_slot[e]]
            for j in range(count):
                eta[j] += value * own[j] * x[j]
        return
    for c in range(columns.shape[0]):
        fill(columns[c], 0.0)
    for e in between(units.term_start[line], units.term_start[line + 1]):
        value, own = units.term_value[e], h[units.term_place[e], at : at + count]
        column = columns[units.term_slot[e]]
        for j in range(count):
            column[j] += value * own[j]
    for c in range(columns.shape[0]):
        column, x = columns[c], v[c]
        for j in range(count):
            eta[j] += column[j] * x[j]


@inner
def _add_derivatives(
    places: Places,
    columns: np.ndarray,
    score: np.ndarray,
    curvature: np.ndarray,
    predictors: int,
    count: int,
) -> None:
    """Add what one row says to gradients and precisions."""
    d, pair = places.v.shape[0], 0
    for a in range(predictors):
        own = score[a * count : (a + 1) * count]
        for c in range(d):
            gradient, column = places.gradient[c], columns[a * d + c]
            for j in range(count):
                gradient[j] += column[j] * own[j]
        for b in range(a + 1):
            bent = curvature[pair * count : (pair + 1) * count]
            for c in range(d):
                left, left_too = columns[a * d + c], columns[b * d + c]
                for e in range(c + 1):
                    right, right_too = columns[b * d + e], columns[a * d + e]
                    precision = places.precision[c * d + e]
                    for j in range(count):
                        precision[j] += bent[j] * left[j] * right[j]
                    if a != b:
                        for j in range(count):
                            precision[j] += bent[j] * left_too[j] * right_too[j]
            pair += 1
