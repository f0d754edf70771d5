"""The robust spread of population columns over rows that are not here, by passes where they are.

Huber's estimate (`model.scatter`) weighs each row by how far out it is. The population columns of a row are
``B (1, u)``, u the numbers that the formula multiplies, and B a matrix for each combination of the categories
that it names. Their squared distance from the averages is a quadratic in u, which any engine computes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from shoal.errors import ModelError, listing
from shoal.formula import design_matrix
from shoal.formula.formula import Formula
from shoal.model.build_curves import curves_of
from shoal.model.scatter import LEAST, scatter
from shoal.reduction.passes import WEIGHT, Passes
from shoal.tables import Reduction, assigned

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

MOST_CELLS = 200  # combinations of categories, each a case of one expression


class Population:
    """The population columns of a formula, as functions of a row's numbers.

    Parameters
    ----------
    formula : Formula
    frame : DataFrame
        Rows that stand for all.
    reduction : Reduction
    weight : (M,) array
        What these rows count.
    matrices : mapping
        Those between levels that curves name.

    Attributes
    ----------
    x : (M, P) array
        The columns in these rows.
    keys : tuple of str
        Categories that they depend on.
    cells : DataFrame
        Their combinations, C rows.
    used : tuple of int
        Which numbers they depend on.
    code : (C, P, 1 + d) array
        B, for the numbers used.
    """

    def __init__(
        self,
        formula: Formula,
        frame: pd.DataFrame,
        reduction: Reduction,
        weight: np.ndarray,
        matrices: Mapping[str, Any],
    ):
        named = {c for c in formula.population.columns} | {c for own in formula.curves for c in own.columns}
        self.formula, self.reduction = formula, reduction
        self.keys = tuple(name for name in reduction.keys if name in named)
        self.weight = weight
        self.curves = curves_of(formula.curves, frame, self.weight, "", matrices)
        self.x = self._columns(frame)
        self.cells = frame.drop_duplicates(list(self.keys)) if self.keys else frame.iloc[:1]
        self.cells = self.cells.reset_index(drop=True)
        numbers = list(reduction.numbers)
        nothing = assigned(self.cells, dict.fromkeys(numbers, 0.0))
        constant = self._columns(nothing)
        slopes = [self._columns(assigned(nothing, {name: 1.0})) - constant for name in numbers]
        self.used = tuple(i for i, slope in enumerate(slopes) if slope.any())
        self.code = np.stack([constant, *(slopes[i] for i in self.used)], axis=2)

    def _columns(self, frame: pd.DataFrame) -> np.ndarray:
        known = self.reduction.states, self.reduction.numbers
        own = design_matrix(self.formula.population, frame, *known).values
        return np.concatenate(
            [own, *(curve.read(frame, quiet=True).population for curve in self.curves)], axis=1
        )


def scatter_of(
    population: Population, passes: Passes, values: Mapping[str, nw.Expr], center: np.ndarray
) -> np.ndarray:
    """Return `model.scatter` of population columns over all rows of a source, (P, P).

    Parameters
    ----------
    values : mapping
        All numbers of the formula, each from its center, and the weights.
    center : (d,) array

    Raises
    ------
    ModelError
        More combinations of categories than an expression should have cases.
    """
    x, share = population.x, population.weight
    averages = np.average(x, axis=0, weights=share)
    if not population.used:  # the columns are the same in all rows that a row stands for
        return scatter(x, averages, share)
    cells, keys, used = population.cells, population.keys, list(population.used)
    if len(cells) > MOST_CELLS:
        raise ModelError(
            "too-many-combinations",
            f"The columns {listing(map(repr, keys), 8)} have {len(cells):,} combinations, beside numbers.",
            f"At most {MOST_CELLS}, in the population terms of a table that is not in memory.",
            "Make a grouping factor of the column of most categories: (1 | f).",
        )
    code = population.code.copy()
    code[:, :, 0] += code[:, :, 1:] @ center[used] - averages
    named, weighted = [f"u{i}" for i in used], WEIGHT in values
    read = {name: values[name] for name in (*named, *([WEIGHT] if weighted else []))}
    labels = cells[list(keys)].set_axis([f"k{i}" for i in range(len(keys))], axis=1)

    def far_out(inverse: np.ndarray, far: float) -> np.ndarray:
        forms = np.swapaxes(code, 1, 2) @ inverse @ code
        squares = {"squares": _by_cell(labels, [_quadratic(form, named) for form in forms])}
        products = _products(named)
        steps = [squares, _less(far, weighted), products]
        found = passes.grouped(keys, read, steps, ["less", *products])
        order = _places(cells, keys, passes.keys_of(found, keys))
        moments = np.zeros((len(code), len(used) + 1, len(used) + 1))
        for i in range(len(used) + 1):
            for j in range(i + 1):
                sums = np.asarray(found[f"s{i}_{j}" if i else "less"].to_numpy(), float)
                moments[order, i, j] = moments[order, j, i] = sums
        return (code @ moments @ np.swapaxes(code, 1, 2)).sum(axis=0) / share.sum()

    return scatter(x, averages, share, far_out)


def _less(far: float, weighted: bool) -> dict[str, nw.Expr]:
    """Return by which share a row counts (`scatter.less_far_out`)."""
    import narwhals.stable.v2 as nw

    squares = nw.col("squares")
    less = nw.when(squares > far**2).then(far / squares.sqrt()).otherwise(nw.lit(1.0))
    less = nw.when(squares > (far / LEAST) ** 2).then(nw.lit(LEAST)).otherwise(less)
    return {"less": less * nw.col(WEIGHT) if weighted else less}


def _products(named: Sequence[str]) -> dict[str, nw.Expr]:
    """Return products of two of (1, u), times what rows count; that of 1 and 1 is this itself."""
    import narwhals.stable.v2 as nw

    less, out = nw.col("less"), {}
    for i, name in enumerate(named, 1):
        out[f"s{i}_0"] = less * nw.col(name)
        out |= {f"s{i}_{j}": less * nw.col(name) * nw.col(named[j - 1]) for j in range(1, i + 1)}
    return out


def _quadratic(form: np.ndarray, named: Sequence[str]) -> nw.Expr:
    """Return ``(1, u)' form (1, u)``."""
    import narwhals.stable.v2 as nw

    terms = [nw.lit(float(form[0, 0]))]
    for i, name in enumerate(named, 1):
        inner = [nw.col(name) * float(form[i, i]) + float(2 * form[i, 0])]
        inner += [nw.col(named[j - 1]) * float(2 * form[i, j]) for j in range(1, i)]
        terms.append(nw.col(name) * reduce(add, inner))
    return reduce(add, terms)


def _by_cell(cells: pd.DataFrame, values: Sequence[nw.Expr]) -> nw.Expr:
    """Return, in each row, the value of its combination of categories."""
    import narwhals.stable.v2 as nw

    if len(cells) == 1:
        return values[0]
    name, others = str(cells.columns[0]), list(cells.columns[1:])
    codes, labels = pd.factorize(cells[name])
    out: nw.Expr | None = None
    for code, label in enumerate(labels.tolist()):
        where = np.flatnonzero(codes == code)
        own = _by_cell(cells[others].iloc[where], [values[i] for i in where.tolist()])
        out = own if out is None else nw.when(nw.col(name) == nw.lit(label)).then(own).otherwise(out)
    assert out is not None
    return out


def _places(cells: pd.DataFrame, keys: Sequence[str], found: pd.DataFrame) -> np.ndarray:
    """Return which of the cells each group is."""
    if not keys:
        return np.zeros(1, int)
    place = {key: i for i, key in enumerate(cells[list(keys)].itertuples(index=False, name=None))}
    return np.array([place[key] for key in found.itertuples(index=False, name=None)])
