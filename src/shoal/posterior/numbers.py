"""From a model to the numbers of its posterior: rows, sums, patterns, scales of coefficients."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from shoal.families import Rows
from shoal.model import Specification
from shoal.model.design import Design, merge
from shoal.posterior.build import column_starts, scalar_priors
from shoal.posterior.data import Data, Pattern, Quadratic, RowData, Sums
from shoal.posterior.layout import ordered
from shoal.posterior.products import cross_products
from shoal.posterior.structure import Structure
from shoal.priors import Fixed, Normal, middle


def data_of(model: Specification, s: Structure, integrate: bool) -> Data:
    """Return the numbers of the model's posterior; without rows if all effects integrate out."""
    scalars = scalar_priors(model)
    prior = np.zeros((s.n_theta, 3))
    for i, slot in enumerate(s.slots):
        params = scalars[slot.name].params
        prior[i, : len(params)] = params
    mean, scale, direct = _coefficients(model, s)
    rows, pattern = _rows(model, s, mean, scale, direct, merged=not integrate)
    return Data(
        prior=prior,
        fixed=np.array([scalars[name].params[0] for name in s.names[s.n_theta :]], float),
        mean=mean,
        scale=scale,
        direct=direct,
        constant=_constant(model, s, integrate),
        rows=None if integrate else rows,
        anchor=_anchor(model, s, rows, pattern),
        pattern=pattern,
        roots=tuple(np.zeros((0, 0)) if f.root is None else f.root for f in ordered(model)),
        size=_sizes(rows),
    )


def _coefficients(model: Specification, s: Structure) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return `mean`, `scale` and `direct` of `data.Data`, the responses one after the other.

    A default Intercept prior speaks of the linear predictor at average columns, so the Intercept itself is
    that value less the average of every other column times its coefficient.
    """
    starts = column_starts(model)
    size = sum(len(d.columns) + d.family.ordinal for d in model.designs)
    mean, scale = np.zeros(size), np.zeros((size, s.n_normal))
    direct = np.zeros((size, len(s.coefficients)))
    normal = other = 0
    for design in model.designs:
        start = starts[design.prefix]
        for i, column in enumerate(design.columns, start):
            prior = model.priors[column].prior
            if isinstance(prior, Normal):
                mean[i], scale[i, normal] = prior.params
                normal += 1
            elif isinstance(prior, Fixed):
                mean[i] = prior.value
            else:
                direct[i, other] = 1.0
                other += 1
        if design.family.ordinal:
            prior = model.priors[design.cutpoints].prior
            i = start + len(design.columns)
            mean[i] = prior.params[0]
            scale[i, normal] = prior.params[1] / np.sqrt(design.family.n_cutpoints)
            normal += 1
        _center(model, design, start, mean, scale, direct)
    return mean, scale, direct


def _center(model: Specification, design: Design, start: int, *arrays: np.ndarray) -> None:
    """Move the row of a default Intercept, or of the mean of default cutpoints, to average columns."""
    averages, sign = design.averages.copy(), -1.0
    if design.family.ordinal:
        name, row, sign = design.cutpoints, len(design.columns), 1.0
    elif "Intercept" in design.terms:
        row = design.terms.index("Intercept")
        name, averages[row] = design.columns[row], 0.0
    else:
        return
    if model.priors[name].centered:
        for array in arrays:
            array[start + row] += sign * averages @ array[start : start + len(averages)]


def _rows(
    model: Specification, s: Structure, mean: np.ndarray, scale: np.ndarray, direct: np.ndarray, merged: bool
) -> tuple[RowData, Pattern]:
    """Return the rows of all responses, one after the other, and which levels meet in them."""
    factors, starts = ordered(model), column_starts(model)
    rows, offset, x, z, index = [], [], [], [], []
    for design in model.designs:
        own, first = _merged(design) if merged else (design.rows, np.arange(design.n_rows))
        columns = np.zeros((len(first), len(mean)))
        start = starts[design.prefix]
        columns[:, start : start + len(design.columns)] = design.x[first]
        if design.family.ordinal:
            columns[:, start + len(design.columns)] = -1.0
        rows.append(own)
        offset.append(design.offset[first])
        x.append(columns)
        pairs = [factor.columns(design, first) for factor in factors]
        z.append([pair[0] for pair in pairs])
        index.append([pair[1] for pair in pairs])
    columns = np.concatenate(x)
    levels = tuple(np.concatenate(part).astype(np.int32) for part in zip(*index, strict=True))
    pattern, entry = _pattern(s, levels)
    return (
        RowData(
            rows=tuple(rows),
            offset=np.concatenate(offset) + columns @ mean,
            x=columns @ scale,
            xc=columns @ direct,
            z=tuple(np.concatenate(part) for part in zip(*z, strict=True)),
            index=levels,
            entry=entry,
        ),
        pattern,
    )


def _merged(design: Design) -> tuple[Rows, np.ndarray]:
    merged = merge(design)
    return merged.rows, merged.first


def _pattern(s: Structure, levels: tuple[np.ndarray, ...]) -> tuple[Pattern, tuple[np.ndarray, ...]]:
    """Return the entries between the main factor and the sparse ones' columns, and each row's entries."""
    level, column, entry = [], [], []
    base = offset = 0
    for factor, index in zip(s.border, levels[1:], strict=False):
        if factor.dense:
            continue
        met, own = np.unique(levels[0].astype(np.int64) * factor.levels + index, return_inverse=True)
        entry.append((base + own * factor.columns).astype(np.int32))
        level.append(np.repeat(met // factor.levels, factor.columns))
        within = np.tile(np.arange(factor.columns), len(met)) * factor.levels
        column.append(offset + within + np.repeat(met % factor.levels, factor.columns))
        base += len(met) * factor.columns
        offset += factor.columns * factor.levels
    if not level:
        return Pattern(*[np.zeros(0, np.int32)] * 5), ()
    levels_of, columns_of = np.concatenate(level), np.concatenate(column)
    pairs = _pairs(levels_of, columns_of, offset)
    return Pattern(levels_of.astype(np.int32), columns_of.astype(np.int32), *pairs), tuple(entry)


def _pairs(level: np.ndarray, column: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return all pairs of entries of one level, each once, ordered by their cell in a (size, size) matrix."""
    counts = np.bincount(level)
    order = np.argsort(level, kind="stable")
    begins = np.repeat(np.cumsum(counts) - counts, counts)  # of its level, for each entry in order
    partners = np.arange(len(order)) - begins + 1  # itself and those before it
    first = np.repeat(np.arange(len(order)), partners)
    second = np.arange(len(first)) - np.repeat(np.cumsum(partners) - partners, partners)
    second += np.repeat(begins, partners)
    a, b = order[first], order[second]
    cell = np.maximum(column[a], column[b]).astype(np.int64) * size + np.minimum(column[a], column[b])
    sort = np.argsort(cell, kind="stable")
    kind = np.int32 if size**2 < 2**31 else np.int64
    return a[sort].astype(np.int32), b[sort].astype(np.int32), cell[sort].astype(kind)


def _sizes(rows: RowData) -> tuple[np.ndarray, ...]:
    return tuple(np.sqrt((columns**2).mean(0)) for columns in (*rows.z, rows.x))


def _anchor(model: Specification, s: Structure, rows: RowData, pattern: Pattern) -> Quadratic:
    """Return the rows as quadratics: gaussian ones exactly, others at their family's own start."""
    entries = len(pattern.level)
    weights, responses = _live_weights(model, s, rows)
    reference = _reference(s, rows, weights, responses)
    sums, at = list[Sums](), 0
    for number, own in enumerate(rows.rows):
        here = slice(at, at + len(own.y))
        at += len(own.y)
        if s.responses[number].live:
            part = _cut(rows, here)
            w, y = weights[here], responses[here]
            sums.append(cross_products(s, part, w, w * y, entries, reference, live=True))
    if not all(r.live for r in s.responses):
        w, wy = _start(model, s, rows)
        sums.append(cross_products(s, rows, w, wy, entries, reference, live=False))
    return Quadratic(tuple(sums), np.ones(s.main_shape), np.ones(s.n_border), reference)


def _cut(rows: RowData, here: slice) -> RowData:
    return RowData(
        rows.rows,
        rows.offset[here],
        rows.x[here],
        rows.xc[here],
        *(tuple(part[here] for part in parts) for parts in (rows.z, rows.index, rows.entry)),
    )


def _live_weights(model: Specification, s: Structure, rows: RowData) -> tuple[np.ndarray, np.ndarray]:
    """Return row precisions in units of sigma, and responses less offset; 0 for rows that are not live."""
    w, y, at = np.zeros(len(rows.offset)), np.zeros(len(rows.offset)), 0
    for design, shape, own in zip(model.designs, s.responses, rows.rows, strict=True):
        here = slice(at, at + len(own.y))
        at += len(own.y)
        if shape.live:
            w[here] = own.weight / own.se**2 if design.known_se else own.weight
            y[here] = design.family.normal_response(own) - rows.offset[here]
    return w, y


def _reference(s: Structure, rows: RowData, w: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return a least squares fit of the gaussian rows, (p,); 0 for slopes under a shrinkage prior.

    In units of a scale that goes to zero, any reference but 0 would be of any size.
    """
    reference = np.zeros(s.n_normal)
    free = np.setdiff1d(np.arange(s.n_normal), [c for prior in s.shrinking for c in prior.columns])
    if free.size and w.any():
        x = rows.x[:, free]
        gram = x.T @ (w[:, None] * x)
        reference[free] = np.linalg.solve(gram + np.eye(free.size), x.T @ (w * y))
    return reference


def _start(model: Specification, s: Structure, rows: RowData) -> tuple[np.ndarray, np.ndarray]:
    """Return curvatures and weighted pseudo-responses at the families' starts, parameters at their middle."""
    w, wy, at = [], [], 0
    for design, shape, own in zip(model.designs, s.responses, rows.rows, strict=True):
        here = slice(at, at + len(own.y))
        at += len(own.y)
        if shape.live:
            w.append(np.zeros(len(own.y)))
            wy.append(np.zeros(len(own.y)))
            continue
        with jax.enable_x64(True):
            eta = np.asarray(design.family.start(own))
            score, curvature = map(
                np.asarray, design.family.score_curvature(own, eta, _middle_phi(model, design))
            )
        w.append(curvature)
        wy.append(score + curvature * (eta - rows.offset[here]))
    return np.concatenate(w), np.concatenate(wy)


def _middle_phi(model: Specification, design: Design) -> dict[str, Any]:
    phi: dict[str, Any] = {n: middle(model.priors[design.prefix + n].prior) for n in design.parameters}
    if design.family.ordinal:
        count = design.family.n_cutpoints
        phi["cutpoints"] = np.arange(count) * 0.6 - 0.3 * (count - 1)
    return phi


def _constant(model: Specification, s: Structure, integrate: bool) -> np.ndarray:
    constant = 0.0
    for design in model.designs:
        constant += design.family.log_constant(design.rows).sum()
        if integrate and design.known_se:
            constant -= (design.rows.weight * np.log(design.rows.se)).sum()
    return np.asarray(constant)
