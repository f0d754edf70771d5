"""Coefficients whose density is one-sided: they leave the gaussian map for theta.

A predictor that separates the responses leaves its coefficient a density with a cliff on one side and the
prior's slope on the other, of which mode and curvature tell nothing. Among hyperparameters its marginal
density is explored as theirs are, by a mixture and a polynomial. The effect that stood for it stays, a
standard normal number that enters nothing, so that no place changes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shoal.engine import laplace
from shoal.engine.evaluate import Target
from shoal.engine.function_lists import with_priors
from shoal.engine.hyper import IDENTITY
from shoal.engine.problem import ONE, ZERO, Problem, Terms
from shoal.priors import Normal

REACH = 2.0  # standard deviations by the curvature, at which a normal density has fallen by 2
STEEP = 6.0  # fall of a log density from which on it is called one-sided


def find(target: Target, most: int) -> np.ndarray:
    """Return the coefficients, places in x, whose density is one-sided: at most `most`, the steepest."""
    effects = coefficients(target.problem)
    if target.quadratic or most <= 0 or not len(effects):
        return np.zeros(0, np.int64)
    target.restart()
    room = target.mode_at(target.start)
    falls = np.empty((len(effects), 2))
    laplace.falls(target.handle, effects, REACH, room.space, room.where, falls)
    target.restart()
    steepest = np.nan_to_num(falls, nan=np.inf).max(1)
    order = np.argsort(-steepest, kind="stable")[:most]
    return np.sort(effects[order[steepest[order] > STEEP]])


def coefficients(p: Problem) -> np.ndarray:
    """Return the effects that are an element of v each, and nothing else, with normal priors of their own.

    They stand in the order of these elements, as terms declare them; that of effects depends on the rows.
    """
    scales, n = p.scales, len(p.prior.mean)
    element = np.repeat(np.arange(len(scales.constant)), np.diff(scales.start))
    alone = (np.diff(scales.start)[element] == 1) & (scales.constant[element] == ZERO)
    entries = np.bincount(scales.effect, minlength=n)
    own, coupled = entries == 1, p.prior.row != p.prior.column
    own[p.prior.row[coupled]] = own[p.prior.column[coupled]] = False
    own[p.constraints.effect] = False
    found = scales.effect[alone & (scales.place == ONE)].astype(np.int64)
    return found[own[found]]


def moved(p: Problem, effects: Sequence[int] | np.ndarray) -> Problem:
    """Return the same density with these coefficients as the last coordinates of theta."""
    effects = np.asarray(effects, np.int64)
    out = np.isin(np.arange(len(p.prior.mean)), effects)
    places = len(p.h) + np.arange(len(effects))
    place_of = np.zeros(len(out), np.int64)
    place_of[effects] = places
    entry = np.flatnonzero(out[p.scales.effect])
    element = np.repeat(np.arange(len(p.scales.constant)), np.diff(p.scales.start))[entry]
    constant, place = p.scales.constant.copy(), p.scales.place.copy()
    constant[element] = place_of[p.scales.effect[entry]]
    place[entry] = ZERO
    diagonal = out[p.prior.row]
    precision = np.empty(len(out))
    precision[p.prior.row[diagonal]] = p.prior.value[diagonal]
    priors = [Normal(p.prior.mean[k], precision[k] ** -0.5) for k in effects]
    params = np.array([[*prior.params, 0.0] for prior in priors])
    return p._replace(
        scales=p.scales._replace(constant=constant, place=place),
        terms=_without(p, out),
        slots=p.slots._replace(
            transform=np.append(p.slots.transform, np.full(len(effects), IDENTITY)),
            unit=np.append(p.slots.unit, np.ones(len(effects))),
            params=np.concatenate([p.slots.params, params]),
            place=np.append(p.slots.place, places),
        ),
        functions=with_priors(p.functions, priors),
        expansion=p.expansion._replace(
            x=p.expansion.x.copy(), a=p.expansion.a.copy(), b=p.expansion.b.copy()
        ),
        h=np.append(p.h, np.zeros(len(effects))),
        shifted=True,
    )


def _without(p: Problem, out: np.ndarray) -> Terms:
    """Return S'AS without the rows and columns of some effects."""
    column = np.repeat(np.arange(len(out)), np.diff(p.pattern.start))
    gone = (out[p.pattern.row] | out[column])[p.terms.place]
    left, right = p.terms.left.copy(), p.terms.right.copy()
    left[gone] = right[gone] = ZERO
    return p.terms._replace(left=left, right=right)
