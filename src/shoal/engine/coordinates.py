"""Other coordinates (theta, z) of the same posterior, with gradients.

They differ in how hard it is to sample, and in nothing else (Papaspiliopoulos, Roberts and Sköld 2007,
Statistical Science 22, 59-73):

``transport``    x = m(theta) + L(theta)'^-1 z, near standard normal whatever the data (`gradient.joint`).
``noncentered``  x = mean + R'^-1 z with R R' = Q: the same map without the rows.
``centered``     z holds each level's own effects; of the first factor, the population's part included.
``zero_sum``     z holds the mean over *these* levels in place of the population's effect, and the effects as
                 their mean and G - 1 deviations.

Effects that sum to zero are those of z less their mean, whose own density is standard normal.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from shoal.engine import density, gradient, hyper
from shoal.engine.handles import MAP, PROBLEM, SPACE
from shoal.engine.sparse import factorize, forward
from shoal.engine.vectors import copy, fill
from shoal.priors.compiled import compiled_as, inner

NAMES = ("transport", "noncentered", "centered", "zero_sum")
TRANSPORT, NONCENTERED, CENTERED, ZERO_SUM = range(4)


@compiled_as(nb.void(PROBLEM, nb.int64, SPACE, MAP))
def lay_standard(p, kind, space, where):
    """Fill a map that does not depend on theta: ``x = mean + R'^-1 z``, conditioned on the constraints.

    In centered coordinates ``R = 1`` for the effects of levels: what scales them comes after.
    """
    prior, pattern, matrix = p.prior, p.pattern, space.h_matrix
    own = np.zeros(prior.mean.size, np.bool_)
    if kind == CENTERED:
        for e in p.levels.effect:
            own[e] = True
    fill(matrix, 0.0)
    for t in range(prior.standard.size):
        if not own[prior.row[t]]:
            matrix[prior.place[t]] += prior.standard[t]
    for k in range(own.size):
        if own[k]:
            matrix[pattern.start[k + 1] - 1] = 1.0
    copy(prior.mean, where.mode)
    where.volume[0] = -factorize(pattern, matrix, where.factor, space.work)
    where.kind[0] = kind
    if p.constraints.start.size > 1:
        density.constrain(p, space, where)


@compiled_as(gradient.LOG_DENSITY)
def log_density(p, theta, z, space, where, theta_bar, z_bar):
    """Return the log density of (theta, z) in the coordinates of a map laid before, and write its gradient.

    The elements (v, x) that (theta, z) stand for are left in `space`.
    """
    kind, standard = where.kind[0], z_bar
    fill(space.h_bar, 0.0)
    value = hyper.hyperparameters(p, theta, space) + p.constant + where.volume[0]
    copy(z, standard)
    if kind == ZERO_SUM:
        _reflect(p.levels, standard)
    value += density.effects_at(p, space, where, standard)
    if kind == CENTERED:
        value += _standardize(p, space)
    elif kind == ZERO_SUM:
        _move_population(p, space)
    value += gradient.given_effects(p, space)
    if kind == CENTERED:
        _standardize_back(p, space)
    elif kind == ZERO_SUM:
        _move_population_back(p, space)
    gradient.project(p, space, where, standard, space.x_bar)
    copy(space.x_bar, z_bar)
    forward(p.pattern, where.factor, z_bar)
    if kind == ZERO_SUM:
        _reflect(p.levels, z_bar)
    hyper.pull_back(p, space, theta_bar)
    return value if np.isfinite(value) else -np.inf


@inner
def _moves(levels, factor):
    """Say whether the mean of a factor's effects moves the population."""
    return levels.move_start[levels.first[factor + 1]] > levels.move_start[levels.first[factor]]


@inner
def _reflect(levels, z):
    """Reflect each kind of effect so that its first number becomes ``sqrt(G)`` times the mean, and back.

    Householder's reflection: ``z - 2 n n'z`` with n along ``1/sqrt(G) - e_1``.
    """
    for factor in range(levels.first.size - 1):
        if not _moves(levels, factor):
            continue
        start, end = levels.start[factor], levels.start[factor + 1]
        size = levels.first[factor + 1] - levels.first[factor]
        count = (end - start) // size
        if count < 2:
            continue
        share = 1.0 / np.sqrt(count)
        for k in range(size):
            first = levels.effect[start + k]
            total = 0.0
            for e in range(start + k, end, size):
                total += z[levels.effect[e]]
            along = (share * total - z[first]) / (1.0 - share)
            for e in range(start + k, end, size):
                z[levels.effect[e]] -= along * share
            z[first] += along


@inner
def _means(levels, factor, x):
    """Return the mean of each kind of a factor's effects in x."""
    start, end = levels.start[factor], levels.start[factor + 1]
    size = levels.first[factor + 1] - levels.first[factor]
    mean = np.zeros(size)
    for k in range(size):
        for e in range(start + k, end, size):
            mean[k] += x[levels.effect[e]]
        mean[k] *= size / (end - start)
    return mean


@inner
def _move_population(p, space):
    """Take the mean over levels off the population's effects, which in z have held both: volume is kept."""
    levels, h, x = p.levels, space.h, space.x
    for factor in range(levels.first.size - 1):
        if not _moves(levels, factor):
            continue
        first, root = levels.first[factor], levels.root_start[factor]
        mean = _means(levels, factor, x)
        for k in range(mean.size):
            moved = 0.0
            for j in range(k + 1):
                moved += h[levels.root[root + k * mean.size + j]] * mean[j]
            for m in range(levels.move_start[first + k], levels.move_start[first + k + 1]):
                x[levels.move_effect[m]] -= levels.move_weight[m] * moved / h[levels.move_place[m]]


@inner
def _move_population_back(p, space):
    """Transpose `_move_population`."""
    levels, h, x, h_bar, x_bar = p.levels, space.h, space.x, space.h_bar, space.x_bar
    for factor in range(levels.first.size - 1):
        if not _moves(levels, factor):
            continue
        first, root = levels.first[factor], levels.root_start[factor]
        mean = _means(levels, factor, x)
        mean_bar = np.zeros(mean.size)
        for k in range(mean.size):
            moved, moved_bar = 0.0, 0.0
            for j in range(k + 1):
                moved += h[levels.root[root + k * mean.size + j]] * mean[j]
            for m in range(levels.move_start[first + k], levels.move_start[first + k + 1]):
                place = levels.move_place[m]
                bar = levels.move_weight[m] * x_bar[levels.move_effect[m]] / h[place]
                moved_bar -= bar
                h_bar[place] += bar * moved / h[place]
            for j in range(k + 1):
                place = levels.root[root + k * mean.size + j]
                h_bar[place] += moved_bar * mean[j]
                mean_bar[j] += moved_bar * h[place]
        start, end = levels.start[factor], levels.start[factor + 1]
        for k in range(mean.size):
            for e in range(start + k, end, mean.size):
                x_bar[levels.effect[e]] += mean_bar[k] * mean.size / (end - start)


@inner
def _standardize(p, space):
    """Turn effects of levels into ``root^-1 (r - population's part)``; return the log volume."""
    levels, scales, h, x = p.levels, p.scales, space.h, space.x
    volume = 0.0
    for factor in range(levels.first.size - 1):
        first, root = levels.first[factor], levels.root_start[factor]
        start, end = levels.start[factor], levels.start[factor + 1]
        size = levels.first[factor + 1] - first
        part = np.zeros(size)
        for k in range(size):
            part[k] = levels.constant[first + k]
            for o in range(levels.own_start[first + k], levels.own_start[first + k + 1]):
                i = levels.own_column[o]
                v = h[scales.constant[i]]
                for e in range(scales.start[i], scales.start[i + 1]):
                    v += h[scales.place[e]] * x[scales.effect[e]]
                part[k] += levels.own_weight[o] * v
            free = (end - start) // size - levels.summed[first + k]
            volume -= free * np.log(h[levels.root[root + k * size + k]])
        for level in range(start, end, size):
            for k in range(size):
                value = x[levels.effect[level + k]] - part[k]
                for j in range(k):
                    value -= h[levels.root[root + k * size + j]] * x[levels.effect[level + j]]
                x[levels.effect[level + k]] = value / h[levels.root[root + k * size + k]]
    return volume


@inner
def _standardize_back(p, space):
    """Transpose `_standardize`, its volume included."""
    levels, scales, h, x, h_bar, x_bar = p.levels, p.scales, space.h, space.x, space.h_bar, space.x_bar
    for factor in range(levels.first.size - 1):
        first, root = levels.first[factor], levels.root_start[factor]
        start, end = levels.start[factor], levels.start[factor + 1]
        size = levels.first[factor + 1] - first
        part_bar = np.zeros(size)
        for level in range(start, end, size):
            for k in range(size - 1, -1, -1):
                bar = x_bar[levels.effect[level + k]]
                for i in range(k + 1, size):
                    bar -= h[levels.root[root + i * size + k]] * x_bar[levels.effect[level + i]]
                bar /= h[levels.root[root + k * size + k]]
                x_bar[levels.effect[level + k]] = bar
                part_bar[k] -= bar
                for j in range(k + 1):
                    h_bar[levels.root[root + k * size + j]] -= bar * x[levels.effect[level + j]]
        for k in range(size):
            place = levels.root[root + k * size + k]
            free = (end - start) // size - levels.summed[first + k]
            h_bar[place] -= free / h[place]
            for o in range(levels.own_start[first + k], levels.own_start[first + k + 1]):
                i, bar = levels.own_column[o], levels.own_weight[o] * part_bar[k]
                h_bar[scales.constant[i]] += bar
                for e in range(scales.start[i], scales.start[i + 1]):
                    h_bar[scales.place[e]] += bar * x[scales.effect[e]]
                    x_bar[scales.effect[e]] += bar * h[scales.place[e]]
