"""Modes of a unit's effects at many points together, by Newton's method."""

from __future__ import annotations

import math

import numpy as np

from shoal.engine.rounds.places import CURVATURES, Places, evaluate
from shoal.engine.rounds.units import Units
from shoal.engine.vectors import copy, fill
from shoal.priors.compiled import inner

MOST_STEPS, STILL = 200, 0.1  # of Newton's method, and the step, in posterior sds, at which it ends
LEAST_GAIN = 0.25  # of what a step promises
SHORTEST = 1e-4  # step that is tried


@inner
def find_modes(
    units: Units,
    u: int,
    h: np.ndarray,
    at: int,
    places: Places,
    count: int,
    mode: np.ndarray,
    lower: np.ndarray,
) -> None:
    """Move modes (d, count) to those of a unit at some points, and fill the factors (d d, count) there.

    Newton's method at all points together, steps halved until the density rises by a share of what they
    promise. Where a step is tried the next one is prepared: most are the last but one. The factor is that
    where the last step began.
    """
    d, v, total = mode.shape[0], places.v, places.total
    here, promised, length = np.full(count, -np.inf), np.zeros(count), np.ones(count)
    step, active = np.zeros((d, count)), np.arange(count)
    for c in range(d * d):
        fill(lower[c, :count], 1.0 if c % (d + 1) == 0 else 0.0)
    left, source, first = count, h, at
    for turn in range(MOST_STEPS):
        if left < count:
            source, first = places.h, 0
            for k in range(h.shape[0]):
                for a in range(left):
                    source[k, a] = h[k, at + active[a]]
        for c in range(d):
            for a in range(left):
                j = active[a]
                v[c, a] = mode[c, j] + length[j] * step[c, j]
        evaluate(units, u, source, first, places, left, CURVATURES)
        _newton(places, left)
        still = 0
        for a in range(left):
            j = active[a]
            if total[a] - here[j] >= LEAST_GAIN * length[j] * promised[j]:
                here[j], length[j], promised[j] = total[a], 1.0, places.square[a]
                for c in range(d):
                    mode[c, j], step[c, j] = v[c, a], places.gradient[c, a]
                for c in range(d * d):
                    lower[c, j] = places.precision[c, a]
                if promised[j] <= STILL * STILL:
                    for c in range(d):
                        mode[c, j] += step[c, j]
                    continue
            elif turn == 0:  # far from all density: begin in the middle
                for c in range(d):
                    mode[c, j] = 0.0
            else:
                length[j] *= 0.5
            if length[j] > SHORTEST:  # else no step rises: the mode, as far as rounding goes
                active[still] = j
                still += 1
        left = still
        if left == 0:
            return


@inner
def _newton(places: Places, count: int) -> None:
    """Turn precisions into their factors and gradients into Newton's steps, with the square of each step.

    The square is in the metric of the precision.
    """
    lower, step, square = places.precision, places.gradient, places.square
    d = step.shape[0]
    for i in range(d):
        for k in range(i + 1):
            own = lower[i * d + k]
            for c in range(k):
                one, other = lower[i * d + c], lower[k * d + c]
                for j in range(count):
                    own[j] -= one[j] * other[j]
            if k < i:
                pivot = lower[k * d + k]
                for j in range(count):
                    own[j] /= pivot[j]
            else:
                for j in range(count):
                    own[j] = math.sqrt(own[j])
    fill(square[:count], 0.0)
    for i in range(d):
        own, pivot = step[i], lower[i * d + i]
        for k in range(i):
            one, other = lower[i * d + k], step[k]
            for j in range(count):
                own[j] -= one[j] * other[j]
        for j in range(count):
            own[j] /= pivot[j]
            square[j] += own[j] * own[j]
    back(lower, step, count)


@inner
def back(lower: np.ndarray, b: np.ndarray, count: int) -> None:
    """Replace each of `count` columns of b by ``L'^-1 b``."""
    d = b.shape[0]
    for i in range(d - 1, -1, -1):
        own, pivot = b[i], lower[i * d + i]
        for j in range(count):
            own[j] /= pivot[j]
        for k in range(i):
            other, part = b[k], lower[i * d + k]
            for j in range(count):
                other[j] -= part[j] * own[j]


@inner
def first_mode(
    units: Units,
    u: int,
    h: np.ndarray,
    places: Places,
    mode: np.ndarray,
    lower: np.ndarray,
    start: np.ndarray,
) -> None:
    """Write where searches for a unit's modes begin: at its mode at the first point."""
    fill(start, 0.0)
    if start.size == 0:
        return
    for c in range(start.size):
        mode[c, 0] = 0.0
    find_modes(units, u, h, 0, places, 1, mode, lower)
    for c in range(start.size):
        if not np.isfinite(mode[c, 0]):
            return
    copy(mode[:, 0].copy(), start)
