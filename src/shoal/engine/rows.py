"""One pass over the rows: linear predictors, log density, scores, and their products with the columns."""

from __future__ import annotations

import numpy as np

from shoal.engine.vectors import between, fill, total_of
from shoal.families.predicted_parameters import evaluate_block
from shoal.priors.compiled import inner


@inner
def predict(columns, v, eta):
    """Write ``eta = offset + J v``."""
    for i in range(columns.offset.size):
        total = columns.offset[i]
        for e in between(columns.start[i], columns.start[i + 1]):
            total += columns.value[e] * v[columns.column[e]]
        eta[i] = total


@inner
def evaluate(p, space, order):
    """Return the log density of all rows at ``space.v``; see `evaluate_at`."""
    predict(p.columns, space.v, space.eta)
    return evaluate_at(p, space, order)


@inner
def evaluate_at(p, space, order):
    """Return the log density of all rows at the predictors ``space.eta``, and fill what `order` asks for.

    `space.score` with order 1, `space.curvature` too with order 2; with order 1 the derivative in the
    families' parameters is added to ``space.h_bar``.
    """
    rows, functions, h, h_bar = p.rows, p.functions.rows, space.h, space.h_bar
    y, trials, weight, se = rows.y, rows.trials, rows.weight, rows.se
    value, eta, score, curvature = space.value, space.eta, space.score, space.curvature
    packed = 0
    for block in range(rows.start.size - 1):
        first, last = rows.start[block], rows.start[block + 1]
        line, end = rows.line[block], rows.line[block + 1]
        count = last - first
        if count == 0:
            continue
        q = (end - line) // count
        size = q * (q + 1) // 2 * count
        own = rows.phi_start[block], rows.phi_start[block + 1]
        places = rows.phi[own[0] : own[1]]
        phi = np.empty(places.size)
        for k in range(places.size):
            phi[k] = h[places[k]]
        slope, information = np.zeros(places.size), np.zeros(places.size)
        start, stop = rows.interval_start[block], rows.interval_start[block + 1]
        intervals = rows.interval[start:stop].reshape(((stop - start) // count, count))
        evaluate_block(
            functions[2 * block],
            functions[2 * block + 1],
            y[rows.y_start[block] : rows.y_start[block + 1]],
            trials[first:last],
            weight[first:last],
            se[first:last],
            intervals,
            eta[line:end],
            phi,
            rows.link[own[0] : own[1]],
            order,
            value[first:last],
            score[line:end],
            curvature[packed : packed + size],
            slope,
            information,
        )
        packed += size
        if order == 1:
            for k in range(places.size):
                h_bar[places[k]] += slope[k]
    return total_of(value)


@inner
def scatter(columns, line_values, v_bar):
    """Add ``J' line_values`` to `v_bar`."""
    for i in range(columns.offset.size):
        s = line_values[i]
        for e in between(columns.start[i], columns.start[i + 1]):
            v_bar[columns.column[e]] += columns.value[e] * s


@inner
def linearize(p, space):
    """Fill ``space.own_a`` and ``own_b`` with the rows' quadratic at their predictors: J'WJ, right side.

    What `evaluate` left with order 2 is read; scores are overwritten by those of the quadratic,
    ``score + W (eta - offset)``.
    """
    rows, columns, gram = p.rows, p.columns, p.gram
    own_a, own_b, score, curvature, eta = space.own_a, space.own_b, space.score, space.curvature, space.eta
    fill(own_a, 0.0)
    fill(own_b, 0.0)
    packed, at, cell = 0, 0, 0
    for block in range(rows.start.size - 1):
        count = rows.start[block + 1] - rows.start[block]
        line = rows.line[block]
        if count == 0:
            continue
        q = (rows.line[block + 1] - line) // count
        for i in range(count):
            pair = 0
            for a in range(q):
                for b in range(a + 1):
                    w = curvature[packed + pair * count + i]
                    one, two = line + a * count + i, line + b * count + i
                    score[one] += w * (eta[two] - columns.offset[two])
                    at = gram.start[cell]
                    if a == b:
                        for e in range(columns.start[one], columns.start[one + 1]):
                            left = w * columns.value[e]
                            for f in range(e, columns.start[one + 1]):
                                own_a[gram.place[at]] += left * columns.value[f]
                                at += 1
                    else:
                        score[two] += w * (eta[one] - columns.offset[one])
                        for e in range(columns.start[one], columns.start[one + 1]):
                            left = w * columns.value[e]
                            for f in range(columns.start[two], columns.start[two + 1]):
                                twice = 2.0 if columns.column[e] == columns.column[f] else 1.0
                                own_a[gram.place[at]] += twice * left * columns.value[f]
                                at += 1
                    pair += 1
                    cell += 1
        packed += q * (q + 1) // 2 * count
    scatter(columns, score, own_b)
