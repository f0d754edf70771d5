"""One round in compiled code: each unit's integral at each point, and draws of its effects there.

With L the Cholesky factor of the precision at the mode, ``v = mode + L'^-1 x``: an integral is a sum over
weighted points x (`rules`), and effects are drawn around the mode.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from shoal.engine.kinds import MATRIX, record_type
from shoal.engine.moves import GENERATOR
from shoal.engine.rounds.modes import back, find_modes, first_mode
from shoal.engine.rounds.places import MOST_PLACES, VALUES, Places, evaluate, room_for
from shoal.engine.rounds.units import Units
from shoal.engine.rules import FREEDOM
from shoal.engine.vectors import copy, fill
from shoal.families.row_functions import STACK
from shoal.families.vector_loops import exp_minus
from shoal.priors.compiled import VECTOR, compiled_as, inner

UNITS = record_type(Units)
CHECKED = 1  # Metropolis steps that follow a draw by rejection
MARGIN = 0.05  # of the envelope's log height, above the highest that was seen
MOST_REFUSED = 10_000  # candidates in a row, after which something is no number


@inner
def _at_points(
    units: Units,
    u: int,
    h: np.ndarray,
    at: int,
    places: Places,
    count: int,
    mode: np.ndarray,
    lower: np.ndarray,
    points: np.ndarray,
    values: np.ndarray,
) -> None:
    """Write the log density at each x of each point, less what stands behind x: values (P, count)."""
    d, size, v, total = mode.shape[0], points.shape[0], places.v, places.total
    together = max(1, min(size, MOST_PLACES // count))
    source, first = h, at
    if together > 1:
        source, first = places.h, 0
        for k in range(h.shape[0]):
            for x in range(together):
                copy(h[k, at : at + count], source[k, x * count : (x + 1) * count])
    for begin in range(0, size, together):
        end = min(begin + together, size)
        for x in range(begin, end):
            own = v[:, (x - begin) * count : (x - begin + 1) * count]
            for c in range(d):
                fill(own[c], points[x, c])
            back(lower, own, count)
            for c in range(d):
                part, center = own[c], mode[c]
                for j in range(count):
                    part[j] += center[j]
        evaluate(units, u, source, first, places, (end - begin) * count, VALUES)
        for x in range(begin, end):
            own_values, own_total = values[x], total[(x - begin) * count : (x - begin + 1) * count]
            for j in range(count):
                own_values[j] = own_total[j] - points[x, d]


@inner
def _log_integrals(
    values: np.ndarray, lower: np.ndarray, count: int, top: np.ndarray, out: np.ndarray
) -> None:
    """Write the log of the sum of exponentials of each point's values, less that of the factor's volume."""
    d = int(math.sqrt(lower.shape[0]))
    fill(top[:count], -np.inf)
    fill(out[:count], 0.0)
    for x in range(values.shape[0]):
        own = values[x]
        for j in range(count):
            top[j] = max(top[j], own[j])
    for x in range(values.shape[0]):
        own = values[x]
        for j in range(count):
            out[j] += exp_minus(top[j] - own[j])
    for c in range(d):
        pivot = lower[c * d + c]
        for j in range(count):
            out[j] /= pivot[j]
    for j in range(count):
        out[j] = top[j] + math.log(out[j])


@compiled_as(nb.void(UNITS, nb.int64, nb.int64, MATRIX, STACK, VECTOR))
def log_integrals(units, begin, end, hs, sets, value):
    """Add the log integrals of units `begin` to `end`, all of d effects, at each row of `hs`.

    Parameters
    ----------
    sets : (sets, P, d + 1) array
        Of `rules`; units take the sets in turn.
    """
    d, size = sets.shape[2] - 1, sets.shape[1]
    h, start, places = _by_number(hs), np.zeros(d), room_for(d, hs.shape[1])
    most = min(MOST_PLACES, hs.shape[0])
    mode, lower, values = np.empty((d, most)), np.empty((d * d, most)), np.empty((size, most))
    top, own = np.empty(most), np.empty(most)
    for u in range(begin, end):
        points = sets[units.number[u] % sets.shape[0]]
        first_mode(units, u, h, places, mode, lower, start)
        for first in range(0, hs.shape[0], most):
            count = min(most, hs.shape[0] - first)
            if d == 0:
                evaluate(units, u, h, first, places, count, VALUES)
                copy(places.total[:count], own)
            else:
                for c in range(d):
                    fill(mode[c], start[c])
                find_modes(units, u, h, first, places, count, mode, lower)
                _at_points(units, u, h, first, places, count, mode, lower, points, values)
                _log_integrals(values, lower, count, top, own)
            for j in range(count):
                value[first + j] += units.levels[u] * own[j]


@inner
def _by_number(hs: np.ndarray) -> np.ndarray:
    """Return the hyperparameters of all points, number by number."""
    h = np.empty((hs.shape[1], hs.shape[0]))
    for j in range(hs.shape[0]):
        for k in range(hs.shape[1]):
            h[k, j] = hs[j, k]
    return h


@inner
def _envelopes(points: np.ndarray, values: np.ndarray, count: int, top: np.ndarray) -> None:
    """Write how high a multivariate t must stand, by its log density at the mode, to be above all values."""
    size, d = points.shape[0], points.shape[1] - 1
    fill(top[:count], -np.inf)
    for x in range(size):
        square, own = 0.0, values[x]
        for c in range(d):
            square += points[x, c] ** 2
        below = points[x, d] + 0.5 * (FREEDOM + d) * math.log1p(square / FREEDOM)
        for j in range(count):
            top[j] = max(top[j], own[j] + below)
    for j in range(count):
        top[j] += MARGIN


@inner
def _propose(rng, top: float, mode: np.ndarray, lower: np.ndarray, j: int, v: np.ndarray, a: int) -> float:
    """Draw column a of v from a multivariate t around mode j; return the log envelope there."""
    d, square, spread = v.shape[0], 0.0, 0.0
    for _ in range(int(FREEDOM)):
        spread += rng.standard_normal() ** 2
    stretch = math.sqrt(FREEDOM / spread)
    for c in range(d):
        v[c, a] = stretch * rng.standard_normal()
        square += v[c, a] * v[c, a]
    for i in range(d - 1, -1, -1):
        v[i, a] /= lower[i * d + i, j]
        for k in range(i):
            v[k, a] -= lower[i * d + k, j] * v[i, a]
    for c in range(d):
        v[c, a] += mode[c, j]
    return top - 0.5 * (FREEDOM + d) * math.log1p(square / FREEDOM)


@inner
def _draw_all(
    rng,
    units: Units,
    u: int,
    h: np.ndarray,
    at: int,
    places: Places,
    count: int,
    mode: np.ndarray,
    lower: np.ndarray,
    top: np.ndarray,
    out: np.ndarray,
    column: int,
) -> None:
    """Draw the effects of a unit's levels at some points; see `draw`."""
    d, levels = mode.shape[0], units.levels[u]
    envelope, above = np.empty(MOST_PLACES), np.empty(MOST_PLACES)
    steps, pending = np.empty(MOST_PLACES, np.int64), np.empty(MOST_PLACES, np.int64)
    for first in range(0, count * levels, MOST_PLACES):
        left = min(MOST_PLACES, count * levels - first)
        for a in range(left):
            pending[a], steps[a] = a, 0
        for _ in range(MOST_REFUSED):
            for a in range(left):
                j = (first + pending[a]) // levels
                envelope[a] = _propose(rng, top[j], mode, lower, j, places.v, a)
            for k in range(h.shape[0]):
                for a in range(left):
                    places.h[k, a] = h[k, at + (first + pending[a]) // levels]
            evaluate(units, u, places.h, 0, places, left, VALUES)
            still = 0
            for a in range(left):
                k = pending[a]
                ratio = places.total[a] - envelope[a]
                if math.log(1.0 - rng.random()) < ratio:  # a draw from the smaller of density and envelope
                    new = max(ratio, 0.0)
                    if steps[k] == 0 or math.log(1.0 - rng.random()) < new - above[k]:
                        above[k] = new
                        j, level = (first + k) // levels, (first + k) % levels
                        for c in range(d):
                            out[j, column + level * d + c] = places.v[c, a]
                    steps[k] += 1
                if steps[k] <= CHECKED:
                    pending[still] = k
                    still += 1
            left = still
            if left == 0:
                break
        for a in range(left):
            for c in range(d):
                out[(first + pending[a]) // levels, column + (first + pending[a]) % levels * d + c] = np.nan


@compiled_as(nb.void(GENERATOR, UNITS, nb.int64, nb.int64, MATRIX, STACK, MATRIX, nb.int64))
def draw(rng, units, begin, end, hs, sets, out, column):
    """Draw the effects of units `begin` to `end` at each row of `hs`, from `column` on in its row of `out`.

    By rejection: the envelope is a multivariate t around the mode, as high as the density is above it at any
    point of a set, and a little higher. Where the density is above the envelope all the same, between these
    points, a Metropolis step follows whose proposals are such draws (Tierney 1994, Annals of Statistics 22,
    1701-1728, section 2.3.4): with W the largest ratio of the two, what is left of the difference to the
    density itself, in total variation, is at most the share 1 - 1/W of what it was.
    """
    d, size = sets.shape[2] - 1, sets.shape[1]
    h, start, places = _by_number(hs), np.zeros(d), room_for(d, hs.shape[1])
    most = min(MOST_PLACES, hs.shape[0])
    mode, lower, values = np.empty((d, most)), np.empty((d * d, most)), np.empty((size, most))
    top = np.empty(most)
    for u in range(begin, end):
        points = sets[units.number[u] % sets.shape[0]]
        first_mode(units, u, h, places, mode, lower, start)
        for first in range(0, hs.shape[0], most):
            count = min(most, hs.shape[0] - first)
            for c in range(d):
                fill(mode[c], start[c])
            find_modes(units, u, h, first, places, count, mode, lower)
            _at_points(units, u, h, first, places, count, mode, lower, points, values)
            _envelopes(points, values, count, top)
            rows = out[first : first + count]
            _draw_all(rng, units, u, h, first, places, count, mode, lower, top, rows, column)
        column += units.levels[u] * d
