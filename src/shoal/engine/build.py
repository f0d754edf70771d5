"""From what terms declare to the arrays of a `Problem`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from shoal.engine import problem as arrays
from shoal.engine.function_lists import functions_of
from shoal.engine.hyper import ATANH, IDENTITY, LOG, LOGIT, RAMP
from shoal.engine.levels import LevelEffects, gather_levels
from shoal.engine.lines import Lines, stack
from shoal.engine.pattern import GaussianRows, pattern_of_effects, places, products_of_columns
from shoal.engine.problem import ZERO, Problem
from shoal.engine.sparse import Pattern
from shoal.families.predicted_parameters import COMMON
from shoal.families.row_functions import RowFunction
from shoal.priors import Fixed, Prior


class _Block(NamedTuple):
    """Rows of one family, as `Builder.rows` is given them."""

    function: RowFunction
    interval: RowFunction
    rows: Any
    lines: list[Lines]
    offset: np.ndarray
    phi: list[int]
    link: list[int]


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
    _blocks: list[_Block] = field(default_factory=list)
    _quadratics: list[GaussianRows] = field(default_factory=list)

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
        whole = precision * sp.eye_array(count) if np.isscalar(precision) else sp.coo_array(precision)
        upper = sp.triu(whole).tocoo()
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
        self,
        function: RowFunction,
        rows: Any,
        lines: list[Lines],
        offset: np.ndarray,
        phi: list[int],
        link: list[int] | None = None,
        interval: RowFunction | None = None,
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
        link : list of int, optional
            Of each that has a predictor, which follow those of the family in `lines`, a code of
            `families.predicted_parameters`; 0 of others.
        interval : RowFunction, optional
            The family's interval function, for rows that are censored or truncated.
        """
        self._blocks.append(
            _Block(function, interval or function, rows, lines, offset, phi, link or [COMMON] * len(phi))
        )

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
            Place in h of tau, which may be negative where `count` is 0.
        """
        self._quadratics.append(GaussianRows(lines, response, weight, count, precision))

    @property
    def functions(self) -> list[RowFunction]:
        """Row functions and interval functions of the rows declared so far, two a block."""
        return [function for b in self._blocks for function in (b.function, b.interval)]

    def build(self) -> Problem:
        """Return the problem, its effects reordered for elimination; its expansion is still zero."""
        blocks = self._blocks
        counts, predictors = [len(b.rows.y) for b in blocks], [len(b.lines) for b in blocks]
        lines = stack(
            [line for b in blocks for line in b.lines], [len(b.rows.y) for b in blocks for _ in b.lines]
        )
        lines.offset[:] = _joined([np.ravel(b.offset) for b in blocks], float)
        gram, quadratics = products_of_columns(lines, counts, predictors, self._quadratics, self._n_columns)
        scales = self._sorted_scales()
        precisions = _gathered(self._precisions, np.int64, np.int64, float, float)
        terms, pattern = pattern_of_effects(gram, scales, precisions[0], precisions[1], self._n_effects)
        order = pattern.order
        scales = scales._replace(effect=order[scales.effect].astype(np.uint32))
        mean = np.zeros(self._n_effects)
        mean[order] = _joined(self._means, float)
        sums = [order[s] for s in self._sums]
        return Problem(
            columns=lines,
            scales=scales,
            rows=self._rows(),
            gram=gram,
            quadratics=quadratics,
            prior=_prior(precisions, pattern, mean),
            terms=terms,
            constraints=arrays.Constraints(_starts(sums), _joined(sums, np.int64)),
            levels=gather_levels(self._levels, order),
            pattern=pattern,
            slots=self._slots(),
            derived=self._derived_arrays(),
            expansion=arrays.Expansion(np.zeros(len(gram.row)), np.zeros(self._n_columns), mean.copy()),
            functions=functions_of(
                self.functions,
                (prior for _, prior, _ in self.slots),
                (derived[:2] for derived in self._derived),
            ),
            h=np.array(self.h),
            constant=float(self.constant),
            shifted=bool(self._shifts),
        )

    def _sorted_scales(self) -> arrays.Scales:
        column, effect, place = _gathered(self._scales, np.int64, np.int64, np.int64)
        order = np.argsort(column, kind="stable")
        constant = np.full(self._n_columns, ZERO)
        for columns, of_columns in self._shifts:
            constant[columns] = of_columns
        start = np.concatenate([[0], np.cumsum(np.bincount(column, minlength=self._n_columns))])
        return arrays.Scales(
            start.astype(np.int64), effect[order].astype(np.uint32), place[order].astype(np.uint32), constant
        )

    def _rows(self) -> arrays.Rows:
        blocks = self._blocks
        phi = [np.array(b.phi, np.int64) for b in blocks]
        link = _joined([np.array(b.link, np.int64) for b in blocks], np.int64)
        read = [b.rows.read(len(b.rows.y)) for b in blocks]
        y, trials, weight, se = (_joined([own[k] for own in read], float) for k in range(4))
        y_start = _starts([own[0] for own in read])
        start = _ends([len(b.rows.y) for b in blocks])
        line = _ends([len(b.rows.y) * len(b.lines) for b in blocks])
        intervals = [np.ravel(b.rows.intervals) for b in blocks]
        return arrays.Rows(
            *(y, y_start, trials, weight, se, start, line, _starts(phi), _joined(phi, np.int64), link),
            *(_starts(intervals), _joined(intervals, float)),
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


def _prior(entries: list[np.ndarray], pattern: Pattern, mean: np.ndarray) -> arrays.Prior:
    row, column, value, standard = entries
    one, two = pattern.order[row], pattern.order[column]
    place = places(pattern, one, two)
    i, j = np.minimum(one, two).astype(np.uint32), np.maximum(one, two).astype(np.uint32)
    return arrays.Prior(i, j, value, standard, place.astype(np.uint32), mean)


def transform_of(prior: Prior) -> tuple[int, float]:
    """Return how a parameter with this prior stands in theta, and its unit."""
    unit = prior.unit(*prior.params)
    if unit is not None:
        return RAMP, float(unit)
    return {"positive": LOG, "unit": LOGIT, "correlation": ATANH}.get(prior.support, IDENTITY), 1.0


def _starts(parts: Sequence[np.ndarray]) -> np.ndarray:
    return _ends([len(part) for part in parts])


def _ends(sizes: Sequence[int]) -> np.ndarray:
    """Return where parts of these sizes begin, one after the other, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _joined(parts: Sequence[np.ndarray], kind: Any) -> np.ndarray:
    return np.concatenate([np.zeros(0, kind), *parts]).astype(kind)


def _gathered(parts: Sequence[tuple[np.ndarray, ...]], *kinds: Any) -> list[np.ndarray]:
    """Return what is declared part by part as one array of each kind."""
    return [_joined([part[k] for part in parts], kind) for k, kind in enumerate(kinds)]
