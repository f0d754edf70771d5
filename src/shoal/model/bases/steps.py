"""Steps of an ordered predictor: the columns of a monotonic effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shoal.errors import DataError, listing
from shoal.formula.evaluate import lookup
from shoal.formula.terms import CurveTerm
from shoal.model.bases.basis import Basis

if TYPE_CHECKING:
    import pandas as pd

MOST = 100  # steps; of more values a monotonic effect is a curve


@dataclass(frozen=True)
class Steps(Basis):
    """One column a step, 1 in the rows above it.

    Attributes
    ----------
    name : str
        The predictor.
    values : tuple
        Its values in order: categories that occur, or all integers from the smallest to the largest.
    spread : float
        Standard deviation of the places of the values over the rows.
    """

    name: str
    values: tuple[Any, ...]
    spread: float

    @property
    def size(self) -> int:
        return len(self.values) - 1

    def read(self, term: CurveTerm, frame: pd.DataFrame) -> np.ndarray:
        places, series = {value: i for i, value in enumerate(self.values)}, lookup(frame, self.name)
        if unknown := [value for value in dict.fromkeys(series.tolist()) if value not in places]:
            raise DataError(
                "unknown-category",
                f"{self.name!r} has values that {term.name} does not know: {listing(map(repr, unknown))}.",
                f"Known values, in order: {listing(map(repr, self.values), 10)}.",
                "Correct these rows or leave them out: a step that no row showed has no size.",
            )
        return np.array([[float(places[value])] for value in series.tolist()]).reshape(-1, 1)

    def columns(self, x: np.ndarray) -> np.ndarray:
        return (x > np.arange(self.size)).astype(float)


def learn(term: CurveTerm, frame: pd.DataFrame, weight: np.ndarray) -> Steps:
    """Return the steps of ``mo(x)`` on the rows of a table.

    Raises
    ------
    DataError
        A column that is neither integers nor an ordered category, of one value, or of very many.
    """
    name = term.predictors[0].columns[0]
    series = lookup(frame, name)
    values = _ordered(name, series)  # of identifiers or seconds a range may be long: it is not made
    if not 1 < len(values) <= MOST + 1:
        raise DataError(
            "basis-size",
            f"{term.name} has {len(values) - 1:,} steps.",
            f"From 1 to {MOST} steps were needed.",
            f"A smooth curve is s({term.predictors[0].text})."
            if len(values) > 1
            else f"Leave {term.name} out.",
        )
    values = tuple(values)
    x, share = Steps(name, values, 1.0).read(term, frame)[:, 0], weight / weight.sum()
    return Steps(name, values, float(np.sqrt(share @ (x - share @ x) ** 2)))


def _ordered(name: str, series: pd.Series) -> Sequence[Any]:
    """Return the values of an ordered predictor, lowest first."""
    import pandas as pd

    if isinstance(series.dtype, pd.CategoricalDtype) and series.cat.ordered:
        return tuple(series.cat.remove_unused_categories().cat.categories.tolist())
    numbers = pd.api.types.is_any_real_numeric_dtype(series.dtype)
    if numbers and (series == series.round()).all():
        return range(int(series.min()), int(series.max()) + 1)
    own, kind = f"data[{name!r}]", "an unordered category" if not numbers else "numbers that are not whole"
    raise DataError(
        "categories-without-order",
        f"Column {name!r} holds {kind}.",
        "A monotonic effect needs an order: integers, or an ordered category.",
        f"Order its categories, {own} = pandas.Categorical({own}, categories=[...], ordered=True), or write "
        f"{'s' if numbers else 'C'}({name}).",
    )
