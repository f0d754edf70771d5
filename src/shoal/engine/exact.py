"""Draws where everything is gaussian given theta: theta by importance, effects exactly."""

from __future__ import annotations

import numba as nb
import numpy as np

from shoal.engine.density import effects_at, find_mode, scale
from shoal.engine.handles import MAP, PROBLEM, SPACE
from shoal.engine.kinds import FLOATS, INT64S, MATRIX
from shoal.engine.moves import GENERATOR
from shoal.priors.compiled import compiled_as


@compiled_as(nb.void(GENERATOR, PROBLEM, MATRIX, SPACE, MAP, INT64S, MATRIX, FLOATS))
def draw_effects(rng, p, thetas, space, where, elements, points, values):
    """Draw the effects given each theta (S, T).

    Parameters
    ----------
    elements : (E,) int array
        Elements of (v, x) to write.
    points : (S, E) array
        Written.
    values : (S,) array
        Written: the log marginal density of each theta.
    """
    z = np.empty(space.x.size)
    for i in range(len(thetas)):
        value = find_mode(p, thetas[i], space, where)
        values[i] = value if np.isfinite(value) else -np.inf
        for k in range(z.size):
            z[k] = rng.standard_normal()
        effects_at(p, space, where, z)
        scale(p, space.h, space.x, space.v)
        v, x = space.v, space.x
        for k in range(elements.size):
            e = elements[k]
            points[i, k] = v[e] if e < v.size else x[e - v.size]
