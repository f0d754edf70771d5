"""From what terms declare to the arrays of a `Problem`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numba as nb
import numpy as np
import scipy.sparse as sp

from shoal.engine import problem as arrays
from shoal.engine.hyper import ATANH, IDENTITY, LOG, LOGIT, SOFTPLUS
from shoal.engine.kinds import FLOATS, INT32S, INT64S
from shoal.engine.levels import LevelEffects, gather_levels
from shoal.engine.problem import ZERO, Functions, Problem
from shoal.engine.sparse import analyse
from shoal.families.row_functions import FUNCTION_TYPE, RowFunction
from shoal.priors import Fixed, Prior
from shoal.priors.compiled import (
    DERIVED_ADJOINT_FUNCTION_TYPE,
    DERIVED_FUNCTION_TYPE,
    PRIOR_FUNCTION_TYPE,
    compiled_as,
)


class Lines(NamedTuple):
    """Entries of J, (entries,) each: lines, places in v, values; of equal places the sum counts."""

    line: np.ndarray
    column: np.ndarray
    value: np.ndarray


@dataclass
class Builder:
    """Collects what terms declare, in any order, and turns it into a problem.

    Places in h, in v and in x are numbers that its methods hand out.
    """

    h: list[float] = field(default_factory=lambda: [0.0, 1.0])
    names: dict[str, int] = field(default_factory=dict)
    slots: list[tuple[str, Prior, int]] = field(default_factory=list)
    constant: float = 0.0
    _derived: list[tuple[Any, Any, list[int], list[float], list[int]]] = field(default_factory=list)
    _means: list[np.ndarray] = field(default_factory=list)
    _precisions: list[tuple[np.ndarray, ...]] = field(default_factory=list)
    _n_effects: int = 0
    _n_columns: int = 0
    _scales: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)
    _shifts: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    _sums: list[np.ndarray] = field(default_factory=list)
    _levels: list[LevelEffects] = field(default_factory=list)
    _blocks: list[tuple[RowFunction, Any, list[Lines], np.ndarray, list[int]]] = field(default_factory=list)
    _quadratics: list[tuple[Lines, np.ndarray, np.ndarray, float, int]] = field(default_factory=list)

    def hyperparameter(self, name: str, prior: Prior) -> int:
        """Declare a hyperparameter; return its place in h. A `Fixed` one is a constant."""
        place = self.known(prior.params[0] if isinstance(prior, Fixed) else 0.0)
        self.names[name] = place
        if not isinstance(prior, Fixed):
            self.slots.append((name, prior, place))
        return place

    def known(self, value: float) -> int:
        """Return a place in h that holds `value`."""
        self.h.append(value)
        return len(self.h) - 1

    def derive(
        self, function: Any, inputs: Sequence[int], constants: Sequence[float], outputs: int
    ) -> list[int]:
        """Declare outputs of a compiled pair (forward, adjoint) of hyperparameters; return their places."""
        places = [self.known(0.0) for _ in range(outputs)]
        self._derived.append((*function, list(inputs), list(constants), places))
        return places

    def effects(
        self,
        count: int,
        mean: np.ndarray | None = None,
        precision: Any = 1.0,
        normal: np.ndarray | bool = True,
    ) -> np.ndarray:
        """Declare effects with a normal prior; return their places in x.

        Parameters
        ----------
        precision : float or sparse matrix
            Of all alike and independent, or Q itself.
        normal : bool or (count,) array
            False for effects whose density is that of rows: their precision then only says what coordinates
            of standard scale are.
        """
        places = np.arange(self._n_effects, self._n_effects + count)
        self._n_effects += count
        self._means.append(np.zeros(count) if mean is None else mean)
        upper = sp.triu(precision * sp.eye(count) if np.isscalar(precision) else precision).tocoo()
        own = np.broadcast_to(normal, (count,))[upper.row] * upper.data
        self._precisions.append((places[upper.row], places[upper.col], own, upper.data))
        return places

    def columns(self, count: int) -> np.ndarray:
        """Declare elements of v; return their places."""
        places = np.arange(self._n_columns, self._n_columns + count)
        self._n_columns += count
        return places

    def scale(self, columns: np.ndarray, effects: np.ndarray, place: int | np.ndarray) -> None:
        """Declare entries of S: the number in h by which each effect enters each element of v."""
        self._scales.append((columns, effects, np.broadcast_to(place, columns.shape)))

    def shift(self, columns: np.ndarray, places: np.ndarray) -> None:
        """Declare elements of v0: their places in h."""
        self._shifts.append((columns, places))

    def zero_sum(self, effects: np.ndarray) -> None:
        """Declare that these effects sum to zero."""
        self._sums.append(effects)

    def levels(self, effects: LevelEffects) -> None:
        """Declare which effects belong together: what some coordinates need to know."""
        self._levels.append(effects)

    def rows(
        self, function: RowFunction, rows: Any, lines: list[Lines], offset: np.ndarray, phi: list[int]
    ) -> None:
        """Declare rows of one family.

        Parameters
        ----------
        rows : families.Rows
        lines : list of Lines
            One a predictor.
        offset : (q, M) array
        phi : list of int
            Places in h of the family's parameters.
        """
        self._blocks.append((function, rows, lines, offset, phi))

    def gaussian_rows(
        self, lines: Lines, response: np.ndarray, weight: np.ndarray, count: float, precision: int
    ) -> None:
        """Declare rows ``response ~ Normal(J v, 1 / sqrt(weight tau))``, of which only sums are kept.

        Parameters
        ----------
        response : (M,) array
            Less the offset.
        count : float
            Sum of weights that multiply ``log tau / 2``.
        precision : int
            Place in h of tau.
        """
        self._quadratics.append((lines, response, weight, count, precision))

    def build(self) -> Problem:
        """Return the problem, its effects reordered for elimination; its expansion is still zero."""
        lines = _stack([line for block in self._blocks for line in block[2]], self._line_counts())
        lines.offset[:] = np.concatenate([np.zeros(0), *(np.ravel(block[3]) for block in self._blocks)])
        gram, quadratics = self._products(lines)
        scales = self._sorted_scales()
        terms, pattern = self._pattern(gram, scales)
        order = pattern.order
        scales = scales._replace(effect=order[scales.effect].astype(np.int32))
        mean = np.zeros(self._n_effects)
        mean[order] = np.concatenate([np.zeros(0), *self._means])
        sums = [order[s] for s in self._sums]
        return Problem(
            columns=lines,
            scales=scales,
            rows=self._rows(),
            gram=gram,
            quadratics=quadratics,
            prior=self._prior(order, pattern, mean),
            terms=terms,
            constraints=arrays.Constraints(_starts(sums), _joined(sums, np.int64)),
            levels=gather_levels(self._levels, order),
            pattern=pattern,
            slots=self._slots(),
            derived=self._derived_arrays(),
            expansion=arrays.Expansion(np.zeros(len(gram.row)), np.zeros(self._n_columns), mean.copy()),
            functions=self._functions(),
            h=np.array(self.h),
            constant=float(self.constant),
            shifted=bool(self._shifts),
        )

    def _line_counts(self) -> list[int]:
        return [len(block[1].y) for block in self._blocks for _ in block[2]]

    def _sorted_scales(self) -> arrays.Scales:
        column, effect, place = (
            (np.concatenate([np.zeros(0, np.int64), *parts]) for parts in zip(*self._scales, strict=True))
            if self._scales
            else (np.zeros(0, np.int64),) * 3
        )
        order = np.argsort(column, kind="stable")
        constant = np.full(self._n_columns, ZERO)
        for columns, places in self._shifts:
            constant[columns] = places
        start = np.concatenate([[0], np.cumsum(np.bincount(column, minlength=self._n_columns))])
        return arrays.Scales(
            start.astype(np.int64), effect[order].astype(np.int32), place[order].astype(np.int32), constant
        )

    def _products(self, columns: arrays.Columns) -> tuple[arrays.Gram, arrays.Quadratics]:
        """Return A's pattern with places for the rows' products, and the gaussian rows' sums."""
        counts = np.array([len(block[1].y) for block in self._blocks], np.int64)
        predictors = np.array([len(block[2]) for block in self._blocks], np.int64)
        keys, starts = _row_keys(columns.start, columns.column, counts, predictors, self._n_columns)
        own = []
        for lines, y, weight, *_ in self._quadratics:
            part = _stack([lines], [len(y)])
            own.append(_products(part.start, part.column, part.value, weight, self._n_columns))
        found = np.unique(np.concatenate([np.unique(k) for k in (keys, *(k for k, _ in own))]))
        gram = arrays.Gram(
            (found // self._n_columns).astype(np.int32) if found.size else np.zeros(0, np.int32),
            (found % self._n_columns).astype(np.int32) if found.size else np.zeros(0, np.int32),
            starts,
            np.searchsorted(found, keys).astype(np.int32),
        )
        size = len(self._quadratics)
        a, b = np.zeros((size, len(found))), np.zeros((size, self._n_columns))
        c, n, tau = np.zeros(size), np.zeros(size), np.zeros(size, np.int64)
        for r, (lines, y, weight, count, place) in enumerate(self._quadratics):
            a[r] = np.bincount(np.searchsorted(found, own[r][0]), own[r][1], len(found))
            b[r] = np.bincount(lines.column, lines.value * (weight * y)[lines.line], self._n_columns)
            c[r], n[r], tau[r] = weight @ y**2, count, place
        return gram, arrays.Quadratics(a, b, c, n, tau)

    def _pattern(self, gram: arrays.Gram, scales: arrays.Scales) -> tuple[arrays.Terms, Any]:
        a, e, f = _pairs_of_scales(gram.row, gram.column, scales.start)
        one, two = scales.effect[e].astype(np.int64), scales.effect[f].astype(np.int64)
        twice = (gram.row[a] != gram.column[a]) & (one == two)
        keep = (gram.row[a] != gram.column[a]) | (one <= two)  # of a square, each product of two once
        a, e, f, one, two, twice = (part[keep] for part in (a, e, f, one, two, twice))
        prior = [
            np.concatenate([np.zeros(0, np.int64), *parts]) for parts in zip(*self._precisions, strict=True)
        ]
        prior = prior or [np.zeros(0, np.int64)] * 3
        size = max(self._n_effects, 1)
        met = np.unique(np.minimum(one, two) * size + np.maximum(one, two))
        wanted = [np.concatenate([met // size, prior[0]]), np.concatenate([met % size, prior[1]])]
        pattern = analyse(wanted[0].astype(np.int64), wanted[1].astype(np.int64), self._n_effects)
        place = _places(pattern, pattern.order[one], pattern.order[two])
        sort = np.argsort(place, kind="stable")
        terms = arrays.Terms(
            place[sort].astype(np.int32),
            a[sort].astype(np.int32),
            scales.place[e][sort].astype(np.int32),
            scales.place[f][sort].astype(np.int32),
            np.where(twice, 2.0, 1.0)[sort],
        )
        return terms, pattern

    def _prior(self, order: np.ndarray, pattern: Any, mean: np.ndarray) -> arrays.Prior:
        if self._precisions:
            row, column, value, standard = (
                np.concatenate(parts) for parts in zip(*self._precisions, strict=True)
            )
        else:
            row, column = np.zeros(0, np.int64), np.zeros(0, np.int64)
            value, standard = np.zeros(0), np.zeros(0)
        one, two = order[row], order[column]
        place = _places(pattern, one, two)
        i, j = np.minimum(one, two).astype(np.int32), np.maximum(one, two).astype(np.int32)
        return arrays.Prior(i, j, value.astype(float), standard.astype(float), place.astype(np.int32), mean)

    def _rows(self) -> arrays.Rows:
        y, trials, weight, se = (
            np.concatenate([np.zeros(0), *(np.asarray(block[1][k], float) for block in self._blocks)])
            for k in range(4)
        )
        counts = [len(block[1].y) for block in self._blocks]
        lines = [count * len(block[2]) for count, block in zip(counts, self._blocks, strict=True)]
        phi = [np.array(block[4], np.int64) for block in self._blocks]
        return arrays.Rows(
            y,
            trials,
            weight,
            se,
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            np.concatenate([[0], np.cumsum(lines)]).astype(np.int64),
            _starts(phi),
            _joined(phi, np.int64),
        )

    def _slots(self) -> arrays.Slots:
        params = np.zeros((len(self.slots), 3))
        transform, unit = np.zeros(len(self.slots), np.int64), np.ones(len(self.slots))
        for i, (_, prior, _) in enumerate(self.slots):
            params[i, : len(prior.params)] = prior.params
            transform[i], unit[i] = transform_of(prior)
        return arrays.Slots(transform, unit, params, np.array([p for *_, p in self.slots], np.int64))

    def _derived_arrays(self) -> arrays.Derived:
        inputs = [np.array(d[2], np.int64) for d in self._derived]
        constants = [np.array(d[3], float) for d in self._derived]
        outputs = [np.array(d[4], np.int64) for d in self._derived]
        return arrays.Derived(
            _starts(inputs),
            _joined(inputs, np.int64),
            _starts(constants),
            _joined(constants, float),
            _starts(outputs),
            _joined(outputs, np.int64),
        )

    def _functions(self) -> Functions:
        out = Functions(_row_list(), _prior_list(), _derived_list(), _adjoint_list())
        for block in self._blocks:
            _append_row(out.rows, block[0].compiled)
        for _, prior, _ in self.slots:
            _append_prior(out.priors, prior.density.compiled)
        for forward, adjoint, *_ in self._derived:
            _append_derived(out.derived, forward.compiled)
            _append_adjoint(out.adjoints, adjoint.compiled)
        return out


def transform_of(prior: Prior) -> tuple[int, float]:
    """Return how a parameter with this prior stands in theta, and its unit."""
    unit = prior.unit(*prior.params)
    if unit is not None:
        return SOFTPLUS, float(unit)
    return {"positive": LOG, "unit": LOGIT, "correlation": ATANH}.get(prior.support, IDENTITY), 1.0


def _starts(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)


def _joined(parts: Sequence[np.ndarray], kind: Any) -> np.ndarray:
    return np.concatenate([np.zeros(0, kind), *parts]).astype(kind)


def _stack(parts: list[Lines], counts: list[int]) -> arrays.Columns:
    """Return lines one after the other, entries that are zero left out; offsets are filled in later."""
    base = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    line = np.concatenate([np.zeros(0, np.int64), *(p.line + at for p, at in zip(parts, base, strict=False))])
    column, value = _joined([p.column for p in parts], np.int64), _joined([p.value for p in parts], float)
    keep = value != 0
    line, column, value = line[keep], column[keep], value[keep]
    order = np.lexsort((column, line))
    line, column, value = line[order], column[order], value[order]
    fresh = np.append(True, (np.diff(line) != 0) | (np.diff(column) != 0))[: len(line)]
    if not fresh.all():  # a row that meets a column twice has their sum
        value = np.add.reduceat(value, np.flatnonzero(fresh))
        line, column = line[fresh], column[fresh]
    start = np.concatenate([[0], np.cumsum(np.bincount(line, minlength=base[-1]))]).astype(np.int64)
    return arrays.Columns(start, column.astype(np.int32), value, np.zeros(base[-1]))


def _places(pattern: Any, one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Return where entries (one, two) of a symmetric matrix stand in its pattern."""
    size = len(pattern.order)
    keys = np.repeat(np.arange(size), np.diff(pattern.start)) * size + pattern.row
    return np.searchsorted(keys, np.maximum(one, two) * size + np.minimum(one, two))


@compiled_as(nb.types.UniTuple(INT64S, 2)(INT64S, INT32S, INT64S, INT64S, nb.int64))
def _row_keys(start, column, counts, predictors, size):
    """Return keys of all rows' products as `rows.linearize` goes through them; where each pair begins."""
    cells, total = 0, 0
    for turn in range(2):
        if turn:
            keys, starts = np.empty(total, np.int64), np.empty(cells + 1, np.int64)
        cells, total, line = 0, 0, 0
        for block in range(counts.size):
            count, q = counts[block], predictors[block]
            for i in range(count):
                for a in range(q):
                    for b in range(a + 1):
                        one, two = line + a * count + i, line + b * count + i
                        if turn:
                            starts[cells] = total
                        cells += 1
                        for e in range(start[one], start[one + 1]):
                            for f in range(e if a == b else start[two], start[two + 1]):
                                if turn:
                                    left, right = np.int64(column[e]), np.int64(column[f])
                                    keys[total] = min(left, right) * size + max(left, right)
                                total += 1
            line += q * count
    starts[cells] = total
    return keys, starts


@compiled_as(nb.types.Tuple((INT64S, FLOATS))(INT64S, INT32S, FLOATS, FLOATS, nb.int64))
def _products(start, column, value, weight, size):
    """Return keys and values of the weighted products of each line's entries."""
    total = 0
    for i in range(start.size - 1):
        k = start[i + 1] - start[i]
        total += k * (k + 1) // 2
    keys, out, at = np.empty(total, np.int64), np.empty(total), 0
    for i in range(start.size - 1):
        for e in range(start[i], start[i + 1]):
            for f in range(e, start[i + 1]):
                keys[at] = np.int64(column[e]) * size + column[f]
                out[at] = weight[i] * value[e] * value[f]
                at += 1
    return keys, out


@compiled_as(nb.types.UniTuple(INT64S, 3)(INT32S, INT32S, INT64S))
def _pairs_of_scales(row, column, start):
    """Return every (entry of A, entry of S in its row, entry of S in its column)."""
    total = 0
    for t in range(row.size):
        total += (start[row[t] + 1] - start[row[t]]) * (start[column[t] + 1] - start[column[t]])
    a, e, f = np.empty(total, np.int64), np.empty(total, np.int64), np.empty(total, np.int64)
    at = 0
    for t in range(row.size):
        for one in range(start[row[t]], start[row[t] + 1]):
            for two in range(start[column[t]], start[column[t] + 1]):
                a[at], e[at], f[at] = t, one, two
                at += 1
    return a, e, f


# Typed lists are made in compiled code: made in Python, each would compile its methods in every process.
@compiled_as(nb.types.ListType(FUNCTION_TYPE)())
def _row_list():
    return nb.typed.List.empty_list(FUNCTION_TYPE)


@compiled_as(nb.void(nb.types.ListType(FUNCTION_TYPE), FUNCTION_TYPE))
def _append_row(functions, function):
    functions.append(function)


@compiled_as(nb.types.ListType(PRIOR_FUNCTION_TYPE)())
def _prior_list():
    return nb.typed.List.empty_list(PRIOR_FUNCTION_TYPE)


@compiled_as(nb.void(nb.types.ListType(PRIOR_FUNCTION_TYPE), PRIOR_FUNCTION_TYPE))
def _append_prior(functions, function):
    functions.append(function)


@compiled_as(nb.types.ListType(DERIVED_FUNCTION_TYPE)())
def _derived_list():
    return nb.typed.List.empty_list(DERIVED_FUNCTION_TYPE)


@compiled_as(nb.void(nb.types.ListType(DERIVED_FUNCTION_TYPE), DERIVED_FUNCTION_TYPE))
def _append_derived(functions, function):
    functions.append(function)


@compiled_as(nb.types.ListType(DERIVED_ADJOINT_FUNCTION_TYPE)())
def _adjoint_list():
    return nb.typed.List.empty_list(DERIVED_ADJOINT_FUNCTION_TYPE)


@compiled_as(nb.void(nb.types.ListType(DERIVED_ADJOINT_FUNCTION_TYPE), DERIVED_ADJOINT_FUNCTION_TYPE))
def _append_adjoint(functions, function):
    functions.append(function)
