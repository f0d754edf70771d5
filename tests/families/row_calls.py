"""Row functions called as the engine calls them, and differences of what they return."""

import numpy as np
from family_cases import SIZE


def etas(spread, seed=0):
    return np.random.default_rng(seed + 1).normal(0, spread, SIZE)


def shifted(case, name, k, step):
    """Return the parameters with the k-th number of one of them moved."""
    value = np.array(case.phi[name], float)
    value[k if value.ndim else ()] += step
    return case.phi | {name: value}


def numbers(case):
    """Return where each number of the parameters is, and its size, in the order of `pack`."""
    order = ["cutpoints"] if case.family.ordinal else case.family.parameters(case.known_se, True)
    return [
        (name, k, abs(v))
        for name in order
        if name in case.phi
        for k, v in enumerate(np.atleast_1d(case.phi[name]))
    ]


def difference(function, h):
    """Return a derivative at 0 by the central difference of fourth order."""
    return (8 * (function(h) - function(-h)) - (function(2 * h) - function(-2 * h))) / (12 * h)


def blocks(case, rows, eta, phi, order):
    """Return what the row function writes, called as the engine calls it."""
    m = len(eta)
    out = [np.zeros(m), np.zeros((1, m)), np.zeros((1, m)), np.zeros(phi.shape), np.zeros(phi.shape)]
    parts = [np.array(part, float) for part in rows[:4]]
    case.family.row_function.compiled(*parts, np.array(eta)[None], phi, order, *out)
    return dict(zip(("value", "score", "curvature", "slope", "information"), out, strict=True))
