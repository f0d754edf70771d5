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
from shoal.engine.rounds.places import CURVATURES, MOST_PLACES, VALUES, Places, evaluate, lay, places_of
from shoal.engine.rounds.units import Units
from shoal.engine.rules import FREEDOM
from shoal.engine.vectors import log_sum
from shoal.families.row_functions import STACK
from shoal.priors.compiled import VECTOR, compiled_as, inner

UNITS = record_type(Units)
MOST_STEPS, STILL = 200, 0.1  # of Newton's method, and the step, in posterior sds, at which it ends
LEAST_GAIN = 0.25  # of what a step promises
SHORTEST = 1e-4  # step that is tried
CHECKED = 1  # Metropolis steps that follow a draw by rejection
MARGIN = 0.05  # of the envelope's log height, above the highest that was seen
MOST_REFUSED = 10_000  # candidates in a row, after which something is no number


@inner
def _factor(lower: np.ndarray, d: int) -> None:
    """Factor a lower triangle, flattened, in place."""
    for i in range(d):
        for j in range(i + 1):
            total = lower[i * d + j]
            for k in range(j):
                total -= lower[i * d + k] * lower[j * d + k]
            lower[i * d + j] = total / lower[j * d + j] if j < i else math.sqrt(total)


@inner
def _back(lower: np.ndarray, d: int, b: np.ndarray) -> None:
    """Replace b by ``L'^-1 b``."""
    for i in range(d - 1, -1, -1):
        b[i] /= lower[i * d + i]
        for j in range(i):
            b[j] -= lower[i * d + j] * b[i]


@inner
def find_modes(units: Units, u: int, places: Places, count: int, mode: np.ndarray, lower: np.ndarray) -> None:
    """Move modes (count, d) to those of a unit at its first points, and fill the factors (count, d d) there.

    Newton's method at all points together, steps halved until the density rises by a share of what they
    promise. Where a step is tried the next one is prepared: most are the last but one. The factor is that
    where the last step began.
    """
    d, point, v, total = mode.shape[1], places.point, places.v, places.total
    here, promised, length = np.full(count, -np.inf), np.zeros(count), np.ones(count)
    step, active = np.zeros((count, d)), np.arange(count)
    for j in range(count):
        for c in range(d * d):
            lower[j, c] = 1.0 if c % (d + 1) == 0 else 0.0
    left = count
    for turn in range(MOST_STEPS):
        for a in range(left):
            j = active[a]
            point[a] = j
            for c in range(d):
                v[a, c] = mode[j, c] + length[j] * step[j, c]
        evaluate(units, u, places, left, CURVATURES)
        still = 0
        for a in range(left):
            j = active[a]
            if total[a] - here[j] >= LEAST_GAIN * length[j] * promised[j]:
                here[j], length[j] = total[a], 1.0
                mode[j] = v[a]
                promised[j] = _newton(places.gradient[a], places.precision[a], step[j], lower[j])
                if promised[j] <= STILL * STILL:
                    for c in range(d):
                        mode[j, c] += step[j, c]
                    continue
            elif turn == 0:  # far from all density: begin in the middle
                mode[j] = 0.0
            else:
                length[j] *= 0.5
            if length[j] > SHORTEST:  # else no step rises: the mode, as far as rounding goes
                active[still] = j
                still += 1
        left = still
        if left == 0:
            return


@inner
def _newton(gradient: np.ndarray, precision: np.ndarray, step: np.ndarray, lower: np.ndarray) -> float:
    """Write the factor of the precision and Newton's step; return the step's square in its metric."""
    d, square = step.size, 0.0
    lower[:] = precision
    _factor(lower, d)
    for i in range(d):
        part = gradient[i]
        for k in range(i):
            part -= lower[i * d + k] * step[k]
        step[i] = part / lower[i * d + i]
        square += step[i] * step[i]
    _back(lower, d, step)
    return square


@inner
def _first_mode(
    units: Units,
    u: int,
    places: Places,
    hs: np.ndarray,
    mode: np.ndarray,
    lower: np.ndarray,
    start: np.ndarray,
) -> None:
    """Write where searches for a unit's modes begin: at its mode at the first point."""
    start[:] = 0.0
    if start.size == 0:
        return
    lay(units, u, places, 0, hs[0])
    mode[0] = start
    find_modes(units, u, places, 1, mode, lower)
    for c in range(start.size):
        if not np.isfinite(mode[0, c]):
            return
    start[:] = mode[0]


@inner
def _at_points(
    units: Units,
    u: int,
    places: Places,
    count: int,
    mode: np.ndarray,
    lower: np.ndarray,
    points: np.ndarray,
    values: np.ndarray,
) -> None:
    """Write the log density at each x of each point, less what stands behind x: (count P,) values."""
    d, size = mode.shape[1], points.shape[0]
    most = places.v.shape[0]
    for first in range(0, count * size, most):
        last = min(first + most, count * size)
        for pair in range(first, last):
            j, x, v = pair // size, pair % size, places.v[pair - first]
            for c in range(d):
                v[c] = points[x, c]
            _back(lower[j], d, v)
            for c in range(d):
                v[c] += mode[j, c]
            places.point[pair - first] = j
        evaluate(units, u, places, last - first, VALUES)
        for pair in range(first, last):
            values[pair] = places.total[pair - first] - points[pair % size, d]


@inner
def _modes(
    units: Units,
    u: int,
    places: Places,
    hs: np.ndarray,
    start: np.ndarray,
    mode: np.ndarray,
    lower: np.ndarray,
) -> None:
    """Find the modes of a unit's effects at each row of `hs`, from the mode at another."""
    for j in range(hs.shape[0]):
        lay(units, u, places, j, hs[j])
        mode[j] = start
    if start.size:
        find_modes(units, u, places, hs.shape[0], mode, lower)


@compiled_as(nb.void(UNITS, nb.int64, nb.int64, MATRIX, STACK, VECTOR))
def log_integrals(units, begin, end, hs, sets, value):
    """Add the log integrals of units `begin` to `end`, all of d effects, at each row of `hs`.

    Parameters
    ----------
    sets : (sets, P, d + 1) array
        Of `rules`; units take the sets in turn.
    """
    d, size = sets.shape[2] - 1, sets.shape[1]
    start = np.zeros(d)
    values = np.empty(MOST_PLACES * size)
    for u in range(begin, end):
        places = places_of(units, u, d, hs.shape[0] * size)
        most = min(places.v.shape[0], hs.shape[0])
        mode, lower = np.empty((most, d)), np.empty((most, d * d))
        points = sets[units.number[u] % sets.shape[0]]
        _first_mode(units, u, places, hs, mode, lower, start)
        for first in range(0, hs.shape[0], most):
            count = min(most, hs.shape[0] - first)
            _modes(units, u, places, hs[first : first + count], start, mode, lower)
            if d == 0:
                for j in range(count):
                    places.point[j] = j
                evaluate(units, u, places, count, VALUES)
                for j in range(count):
                    value[first + j] += units.levels[u] * places.total[j]
                continue
            _at_points(units, u, places, count, mode, lower, points, values)
            for j in range(count):
                own = log_sum(values[j * size : (j + 1) * size], 0, 1)
                for c in range(d):
                    own -= math.log(lower[j, c * d + c])
                value[first + j] += units.levels[u] * own


@inner
def _envelopes(points: np.ndarray, values: np.ndarray, count: int, top: np.ndarray) -> None:
    """Write how high a multivariate t must stand, by its log density at the mode, to be above all values."""
    size, d = points.shape[0], points.shape[1] - 1
    for j in range(count):
        top[j] = -np.inf
        for x in range(size):
            square = 0.0
            for c in range(d):
                square += points[x, c] ** 2
            density = values[j * size + x] + points[x, d]
            top[j] = max(top[j], density + 0.5 * (FREEDOM + d) * math.log1p(square / FREEDOM))
        top[j] += MARGIN


@inner
def _propose(rng, top: float, mode: np.ndarray, lower: np.ndarray, v: np.ndarray) -> float:
    """Draw v from a multivariate t around the mode; return the log envelope there."""
    d, square, spread = v.size, 0.0, 0.0
    for _ in range(int(FREEDOM)):
        spread += rng.standard_normal() ** 2
    stretch = math.sqrt(FREEDOM / spread)
    for c in range(d):
        v[c] = stretch * rng.standard_normal()
        square += v[c] * v[c]
    _back(lower, d, v)
    for c in range(d):
        v[c] += mode[c]
    return top - 0.5 * (FREEDOM + d) * math.log1p(square / FREEDOM)


@inner
def _draw_all(
    rng,
    units: Units,
    u: int,
    places: Places,
    count: int,
    mode: np.ndarray,
    lower: np.ndarray,
    top: np.ndarray,
    out: np.ndarray,
    column: int,
) -> None:
    """Draw the effects of a unit's levels at its first points; see `draw`."""
    d, levels, most = mode.shape[1], units.levels[u], places.v.shape[0]
    envelope, above = np.empty(most), np.empty(most)
    steps, pending = np.empty(most, np.int64), np.empty(most, np.int64)
    for first in range(0, count * levels, most):
        left = min(most, count * levels - first)
        for a in range(left):
            pending[a], steps[a] = a, 0
        for _ in range(MOST_REFUSED):
            for a in range(left):
                j = (first + pending[a]) // levels
                places.point[a] = j
                envelope[a] = _propose(rng, top[j], mode[j], lower[j], places.v[a])
            evaluate(units, u, places, left, VALUES)
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
                            out[j, column + level * d + c] = places.v[a, c]
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
    start = np.zeros(d)
    values = np.empty(MOST_PLACES * size)
    for u in range(begin, end):
        places = places_of(units, u, d, hs.shape[0] * max(size, units.levels[u]))
        most = min(places.v.shape[0], hs.shape[0])
        mode, lower, top = np.empty((most, d)), np.empty((most, d * d)), np.empty(most)
        points = sets[units.number[u] % sets.shape[0]]
        _first_mode(units, u, places, hs, mode, lower, start)
        for first in range(0, hs.shape[0], most):
            count = min(most, hs.shape[0] - first)
            _modes(units, u, places, hs[first : first + count], start, mode, lower)
            _at_points(units, u, places, count, mode, lower, points, values)
            _envelopes(points, values, count, top)
            _draw_all(rng, units, u, places, count, mode, lower, top, out[first : first + count], column)
        column += units.levels[u] * d
