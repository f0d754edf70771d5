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
from shoal.formula.terms import Formula
from shoal.model.build_curves import curves_of
from shoal.model.scatter import LEAST, scatter
from shoal.reduction.passes import Passes
from shoal.tables import Reduction

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
    matrices : mapping
        Those between levels that curves name.

    Attributes
    ----------
    x, weight : (M, P) and (M,) array
        The columns in these rows, and what the rows count.
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
        self, formula: Formula, frame: pd.DataFrame, reduction: Reduction, matrices: Mapping[str, Any]
    ):
        named = {c for c in formula.population.columns} | {c for own in formula.curves for c in own.columns}
        self.formula, self.reduction = formula, reduction
        self.keys = tuple(name for name in reduction.keys if name in named)
        weights = formula.response.weights
        self.weight = reduction.counts * (1.0 if weights is None else frame[weights.text].to_numpy(float))
        self.curves = curves_of(formula.curves, frame, self.weight, "", matrices)
        self.x = self._columns(frame)
        self.cells = frame.drop_duplicates(list(self.keys)) if self.keys else frame.iloc[:1]
        self.cells = self.cells.reset_index(drop=True)
        numbers = list(reduction.numbers)
        nothing = self.cells.assign(**dict.fromkeys(numbers, 0.0))
        constant = self._columns(nothing)
        slopes = [self._columns(nothing.assign(**{name: 1.0})) - constant for name in numbers]
        self.used = tuple(i for i, slope in enumerate(slopes) if slope.any())
        self.code = np.stack([constant, *(slopes[i] for i in self.used)], axis=2)

    def _columns(self, frame: pd.DataFrame) -> np.ndarray:
        known = self.reduction.states, self.reduction.numbers
        own = design_matrix(self.formula.population, frame, *known).values
        return np.concatenate(
            [own, *(curve.read(frame, quiet=True).population for curve in self.curves)], axis=1
        )


def scatter_of(
    population: Population,
    passes: Passes,
    values: Sequence[nw.Expr],
    center: np.ndarray,
    weight: nw.Expr | None,
) -> np.ndarray:
    """Return `model.scatter` of population columns over all rows of a source, (P, P).

    Parameters
    ----------
    values : sequence of narwhals expressions
        All numbers of the formula, each from its center.
    weight : narwhals expression, optional
        What a row counts.

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
            f"The columns {listing(map(repr, keys), 8)} have {len(cells):,} combinations, beside numbers.",
            f"At most {MOST_CELLS}, in the population terms of a table that is not in memory.",
            "Make a grouping factor of the column of most categories: (1 | f).",
        )
    code = population.code.copy()
    code[:, :, 0] += code[:, :, 1:] @ center[used] - averages
    numbers = [values[i] for i in used]
    products = {
        (i, j): _term(i, numbers, _term(j, numbers, weight))
        for i in range(len(used) + 1)
        for j in range(i + 1)
    }

    def far_out(inverse: np.ndarray, far: float) -> tuple[bool, np.ndarray]:
        import narwhals.stable.v2 as nw

        forms = np.swapaxes(code, 1, 2) @ inverse @ code
        squares = _by_cell(cells[list(keys)], [_quadratic(form, numbers) for form in forms])
        beyond = squares > far**2
        less = nw.when(beyond).then(far / squares.sqrt()).otherwise(nw.lit(1.0))
        less = nw.when(squares > (far / LEAST) ** 2).then(nw.lit(LEAST)).otherwise(less)
        sums = {f"{i} {j}": less if one is None else less * one for (i, j), one in products.items()}
        sums["beyond"] = nw.when(beyond).then(nw.lit(1.0)).otherwise(nw.lit(0.0))
        found = passes.grouped(keys, sums)
        order = _places(cells, keys, passes.keys_of(found, keys))
        moments, size = np.zeros((*code.shape[::2][:1], len(used) + 1, len(used) + 1)), list(sums)
        for place, (i, j) in enumerate(products):
            moments[order, i, j] = moments[order, j, i] = np.asarray(found[f"s{place}"].to_numpy(), float)
        out = (code @ moments @ np.swapaxes(code, 1, 2)).sum(axis=0) / share.sum()
        return bool(np.asarray(found[f"s{size.index('beyond')}"].to_numpy(), float).any()), out

    return scatter(x, averages, share, far_out)


def _term(i: int, numbers: Sequence[nw.Expr], times: nw.Expr | None) -> nw.Expr | None:
    """Return number i, counted from 1, times something; None stands for 1."""
    if i == 0:
        return times
    return numbers[i - 1] if times is None else numbers[i - 1] * times


def _quadratic(form: np.ndarray, numbers: Sequence[nw.Expr]) -> nw.Expr:
    """Return ``(1, u)' form (1, u)``."""
    import narwhals.stable.v2 as nw

    terms = [nw.lit(float(form[0, 0]))]
    for i, number in enumerate(numbers, 1):
        inner = [float(2 * form[i, 0]) + number * float(form[i, i])]
        inner += [numbers[j - 1] * float(2 * form[i, j]) for j in range(1, i)]
        terms.append(number * reduce(add, inner))
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
        own = _by_cell(cells[others].iloc[where], [values[i] for i in where])
        out = own if out is None else nw.when(nw.col(name) == nw.lit(label)).then(own).otherwise(out)
    assert out is not None
    return out


def _places(cells: pd.DataFrame, keys: Sequence[str], found: pd.DataFrame) -> np.ndarray:
    """Return which of the cells each group is."""
    if not keys:
        return np.zeros(1, int)
    place = {key: i for i, key in enumerate(cells[list(keys)].itertuples(index=False, name=None))}
    return np.array([place[key] for key in found.itertuples(index=False, name=None)])
