"""Penalised natural cubic splines in mixed-model form, and their tensor products.

A natural cubic spline with knots t_1 < ... < t_k is known, but for a straight line, by its second derivatives
gamma at the inner knots, between which these are linear: ``integral f''^2 = gamma' R gamma`` with R
tridiagonal (Green and Silverman 1994, Nonparametric Regression and Generalized Linear Models, section 2.1).
With ``R = L L'`` and ``gamma = L'^-1 u`` the penalty is ``u'u``: u are independent normal effects with one
standard deviation, and the straight line has coefficients of its own. The space and the penalty are those
of ``s(x, bs="cr")`` in mgcv (Wood 2017, Generalized Additive Models, 2nd edition, section 5.3.1).

Of several predictors, products are taken of the columns of each, penalised ones and those of the line; the
products with the same predictors penalised share one standard deviation (Wood, Scheipl and Faraway 2013,
Statistics and Computing 23, 341-360).

What a line (of several predictors, a product of lines) can fit over the rows is taken from the penalised
columns. Each curve then sums to zero over the rows, and its population coefficients are those of the least
squares fit of a line to it. Columns of one part are scaled together, so that the curve they make has
variance 1 on average over the rows if their coefficients have: the standard deviation of a part is in the
units of the linear predictor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, reduce
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from shoal.errors import DataError
from shoal.formula import evaluate
from shoal.formula.categories import numeric_column
from shoal.formula.evaluate import lookup
from shoal.formula.terms import CurveTerm
from shoal.model.bases.basis import Basis, beyond, require_distinct

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_SIZE = {"s": 10, "t2": 5}


@dataclass(frozen=True)
class Margin:
    """The basis of one predictor.

    Attributes
    ----------
    name : str
    knots : (k,) array
    center, spread : float
        Average and standard deviation of the predictor over the rows.
    line : (2, k - 2) array
        The straight line in each bent column, which is taken from it.
    """

    name: str
    knots: np.ndarray
    center: float
    spread: float
    line: np.ndarray

    @cached_property
    def _root(self) -> np.ndarray:
        """From u to the weights of the cubes ``(x - t)_+^3 / 6``, (k, k - 2)."""
        h = np.diff(self._scaled(self.knots))
        inner = len(h) - 1
        penalty = np.diag((h[:-1] + h[1:]) / 3) + np.diag(h[1:-1] / 6, 1) + np.diag(h[1:-1] / 6, -1)
        hats, at = np.zeros((len(h) + 1, inner)), np.arange(inner)
        hats[at, at], hats[at + 1, at], hats[at + 2, at] = 1 / h[:-1], -1 / h[:-1] - 1 / h[1:], 1 / h[1:]
        return hats @ np.linalg.inv(np.linalg.cholesky(penalty)).T

    def _scaled(self, x: np.ndarray) -> np.ndarray:
        """Return values in units of the range of the knots."""
        return (x - self.knots[0]) / (self.knots[-1] - self.knots[0])

    def bent(self, x: np.ndarray) -> np.ndarray:
        """Return the penalised columns, (N, k - 2); straight lines outside the knots."""
        scaled = self._scaled(x)
        inside = np.clip(scaled, 0.0, 1.0)
        away = np.maximum(inside[:, None] - self._scaled(self.knots), 0.0)
        cubes = away**3 / 6 + (scaled - inside)[:, None] * away**2 / 2
        return cubes @ self._root - self.straight(x) @ self.line

    def straight(self, x: np.ndarray) -> np.ndarray:
        """Return the columns without a penalty, (N, 2): 1 and x, which is standardised."""
        return np.column_stack([np.ones(len(x)), (x - self.center) / self.spread])


@dataclass(frozen=True)
class Splines(Basis):
    """Splines of one predictor, or products of those of several.

    Attributes
    ----------
    margins : tuple of Margin
    constant : bool
        A constant is among the population's columns: that of a varying coefficient.
    straight, scale : tuples of arrays and numbers
        Of each part: the straight columns' share in the penalised ones, and what these are divided by.
    """

    margins: tuple[Margin, ...]
    constant: bool
    straight: tuple[np.ndarray, ...]
    scale: tuple[float, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the penalised parts: the predictors in which each is bent; empty of one predictor."""
        if len(self.margins) == 1:
            return ("",)
        return tuple(self._named(bent) for bent in _subsets(len(self.margins)))

    @property
    def part_of(self) -> np.ndarray:
        """Part of each column, (K,)."""
        return np.repeat(np.arange(len(self.straight)), [s.shape[1] for s in self.straight])

    @property
    def size(self) -> int:
        return len(self.part_of)

    @property
    def linear(self) -> tuple[str, ...]:
        names = [self._named(sloped) for sloped in _subsets(len(self.margins))]
        if len(names) == 1:
            names = ["linear"]
        return ("constant",) * self.constant + tuple(names)

    def _named(self, which: tuple[bool, ...]) -> str:
        return ":".join(margin.name for margin, there in zip(self.margins, which, strict=True) if there)

    def read(self, term: CurveTerm, frame: pd.DataFrame) -> np.ndarray:
        return read_numbers(term, frame)

    def columns(self, x: np.ndarray) -> np.ndarray:
        straight = _straight(self.margins, x)
        parts = zip(_subsets(len(self.margins)), self.straight, self.scale, strict=True)
        return np.concatenate([(_bent(self.margins, b, x) - straight @ s) / c for b, s, c in parts], axis=1)

    def population(self, x: np.ndarray) -> np.ndarray:
        away = [column - m.center for m, column in zip(self.margins, x.T, strict=True)]
        pairs = [np.column_stack([np.ones(len(x)), column]) for column in away]
        products = _rowwise(pairs)[:, self._order]
        return products if self.constant else products[:, 1:]

    @property
    def _order(self) -> list[int]:
        """Places of products of lines, the constant first, then as the parts are named."""
        d = len(self.margins)
        subsets = [(False,) * d, *_subsets(d)]
        return [int("".join("01"[there] for there in subset), 2) for subset in subsets]

    def outside(self, x: np.ndarray) -> dict[int, str]:
        said = {}
        for k, (margin, column) in enumerate(zip(self.margins, x.T, strict=True)):
            if words := beyond(margin.name, column, margin.knots[0], margin.knots[-1]):
                said[k] = f"{words}. There the curve goes on as a straight line."
        return said


def learn(term: CurveTerm, frame: pd.DataFrame, weight: np.ndarray, constant: bool) -> Splines:
    """Return the basis of ``s(x)`` or ``t2(x, z)`` on the rows of a table.

    Knots are evenly spaced quantiles of the distinct values.

    Parameters
    ----------
    weight : (N,) array
        Observations that a row stands for.

    Raises
    ------
    DataError
        Predictors that are no numbers, or of fewer distinct values than knots.
    """
    size: Any = dict(term.options).get("k", DEFAULT_SIZE[term.function])
    x, share = read_numbers(term, frame)[weight > 0], weight[weight > 0] / weight.sum()
    sizes = size if isinstance(size, tuple) else (size,) * x.shape[1]
    texts = [predictor.text for predictor in term.predictors]
    _check_sizes(term, texts, x, sizes)
    triples = zip(texts, x.T, sizes, strict=True)
    margins = tuple(_margin(text, column, k, share) for text, column, k in triples)
    straight, lines, scales = _straight(margins, x), list[np.ndarray](), list[float]()
    for subset in _subsets(len(margins)):
        bent = _bent(margins, subset, x)
        lines.append(_fitted(straight, bent, share))
        scales.append(float(np.sqrt(share @ ((bent - straight @ lines[-1]) ** 2).sum(axis=1))))
    return Splines(margins, constant, tuple(lines), tuple(scales))


def _check_sizes(term: CurveTerm, texts: list[str], x: np.ndarray, sizes: tuple[int, ...]) -> None:
    """Refuse a predictor with fewer distinct values than knots, with the sizes that would do."""
    there = [len(np.unique(column)) for column in x.T]
    fewer = [min(pair) for pair in zip(sizes, there, strict=True)]
    option = f"k={fewer if len(set(fewer)) > 1 else fewer[0]}"
    for text, column, k in zip(texts, x.T, sizes, strict=True):
        remedy = f"Write {term.name[:-1]}, {option})."
        if min(fewer) < 3:
            remedy = f"Write {text} or C({text}) in place of the smooth."
        require_distinct(term.name, text, column, k, f"k={k}", remedy)


def _margin(name: str, x: np.ndarray, size: int, share: np.ndarray) -> Margin:
    """Return the basis of one predictor, its bent columns without the lines that fit them best."""
    knots, center = np.quantile(np.unique(x), np.linspace(0, 1, size)), float(share @ x)
    spread = float(np.sqrt(share @ (x - center) ** 2))
    margin = Margin(name, knots, center, spread, np.zeros((2, size - 2)))
    return replace(margin, line=_fitted(margin.straight(x), margin.bent(x), share))


def _fitted(straight: np.ndarray, bent: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return the least squares coefficients of some columns on others, by the rows' shares."""
    root = np.sqrt(share)[:, None]
    return np.linalg.lstsq(root * straight, root * bent, rcond=None)[0]


def read_numbers(term: CurveTerm, frame: pd.DataFrame) -> np.ndarray:
    """Return the predictors of a curve as numbers, (N, d).

    Raises
    ------
    DataError
        If a column is missing or no numbers, or a result is infinite or undefined.
    """
    out = []
    for predictor in term.predictors:
        if not predictor.columns:
            raise DataError(
                "curve-without-column",
                f"{term.name} names no column.",
                "A predictor that varies.",
                "Name a column.",
            )
        columns = {name: numeric_column(lookup(frame, name), name) for name in predictor.columns}
        out.append(np.asarray(evaluate(predictor, columns), float))
    return np.column_stack(out)


def _subsets(count: int) -> list[tuple[bool, ...]]:
    """Return all choices of at least one of some predictors: single ones first."""
    chosen = [subset for subset in product((True, False), repeat=count) if any(subset)]
    return sorted(chosen, key=sum)


def _rowwise(parts: list[np.ndarray]) -> np.ndarray:
    """Return the products of columns of several matrices, row by row."""
    return reduce(lambda a, b: (a[:, :, None] * b[:, None, :]).reshape(len(a), -1), parts)


def _straight(margins: tuple[Margin, ...], x: np.ndarray) -> np.ndarray:
    return _rowwise([margin.straight(column) for margin, column in zip(margins, x.T, strict=True)])


def _bent(margins: tuple[Margin, ...], which: tuple[bool, ...], x: np.ndarray) -> np.ndarray:
    """Return the products that are bent in some predictors and straight in the others."""
    triples = zip(margins, which, x.T, strict=True)
    return _rowwise([m.bent(column) if bent else m.straight(column) for m, bent, column in triples])
