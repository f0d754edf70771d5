"""What families of ordered categories 0 to J - 1 share: codes, starts, and draws by their probabilities."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from shoal.errors import DataError, listing
from shoal.families.base import Family, Rows
from shoal.families.links import LINKS
from shoal.families.support import refuse


class Ordinal(Family):
    """Ordered categories with J - 1 cutpoints.

    Parameters
    ----------
    link : str
        Of a probability.
    n_cutpoints : int
        One less than the number of categories; 0 until they are known.
    specific : bool
        Effects may differ from cutpoint to cutpoint.

    Attributes
    ----------
    takes_specific : bool
        They may in this family: its cutpoints are in any order.
    """

    log_concave: ClassVar[bool] = True
    discrete: ClassVar[bool] = True
    newton_steps: ClassVar[int] = 8
    categorical: ClassVar[bool] = True
    ordinal: ClassVar[bool] = True
    cut: ClassVar[bool] = True
    takes_specific: ClassVar[bool] = True

    def __init__(self, link: str | None = None, n_cutpoints: int = 0, specific: bool = False):
        super().__init__(link)
        self.n_cutpoints, self.specific = n_cutpoints, specific

    def with_categories(self, labels: Sequence[Any]) -> Ordinal:
        return type(self)(self.link, len(labels) - 1, self.specific)

    def with_specific(self) -> Ordinal:
        """Return the family of a response whose effects may differ from cutpoint to cutpoint."""
        return type(self)(self.link, self.n_cutpoints, True)

    @property
    def adds(self) -> str:
        """What is printed behind eta: what cutpoint j adds to it, if anything."""
        return " + cs[i, j]" if self.specific else ""

    def encode(self, values: np.ndarray | pd.Series, name: str) -> tuple[np.ndarray, tuple[Any, ...]]:
        """Return codes 0 to J - 1, as numbers, and the labels of the J categories.

        Parameters
        ----------
        values : array or Series
            Integers without a gap, or an ordered categorical, whose order is taken, with all its categories.
        name : str
            Of the column.

        Raises
        ------
        DataError
            If the order is not known, integers have a gap, or all rows have one category.
        """
        series = pd.Series(values)
        if isinstance(series.dtype, pd.CategoricalDtype):
            codes, labels = _ordered(series, name)
        else:
            codes, labels = _integers(series, name)
        if (codes == codes[0]).all():
            only = labels[int(codes[0])]
            raise DataError(
                "one-category",
                f"The response {name!r} has one category ({only!r}) in all {len(codes)} rows.",
                "At least two ordered categories.",
            )
        return codes.astype(float), labels

    def check(self, rows: Rows, name: str) -> None:
        refuse(
            rows,
            name,
            (rows.y != np.round(rows.y)) | (rows.y < 0) | (rows.y > self.n_cutpoints),
            "values that are no category",
            f"Codes 0 to {self.n_cutpoints}.",
        )

    def counts(self, rows: Rows) -> np.ndarray:
        """Return the weight of each category, (J,), half a row added: none has a share of 0."""
        code = np.asarray(rows.y).astype(int)
        return np.bincount(code, weights=rows.weight, minlength=self.n_cutpoints + 1) + 0.5

    @abstractmethod
    def quantiles(self, rows: Rows) -> np.ndarray:
        """Return cutpoints (C,) that give each category the share it has."""

    def scale(self, rows: Rows) -> tuple[float, float]:
        # One latent standard deviation, in units of the logistic's, as for a binomial.
        return 0.0, LINKS[self.link].scale

    def no_pooling_sd(self, rows: Rows) -> float:
        return 1.5 * LINKS[self.link].scale

    def start(self, rows: Rows) -> np.ndarray:
        if not np.any(rows.weight):  # all rows of an item are left out
            return np.zeros(len(rows.y))
        # The link of each category's middle cumulative frequency, centred.
        counts = self.counts(rows)
        middle = (np.cumsum(counts) - 0.5 * counts) / counts.sum()
        latent = np.asarray(LINKS[self.link].apply(middle))[np.asarray(rows.y).astype(int)]
        return latent - np.average(latent, weights=rows.weight)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        at_most = np.cumsum(self.mean(rows, eta, phi), axis=-1)[..., :-1]
        return (rng.random(np.shape(eta))[..., None] > at_most).sum(-1).astype(float)

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return None

    def edges(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        return rows.y == 0, rows.y == self.n_cutpoints


def _ordered(series: pd.Series, name: str) -> tuple[np.ndarray, tuple[Any, ...]]:
    """Return the codes and categories of an ordered categorical."""
    if not series.cat.ordered:
        shown = listing(repr(c) for c in series.cat.categories)
        raise _no_order(name, f"is categorical without an order ({shown})")
    codes = series.cat.codes.to_numpy()
    if (codes < 0).any():
        raise DataError(
            "response-missing",
            f"{name!r} is missing in {(codes < 0).sum()} of {len(codes)} rows.",
            "A category each.",
        )
    return codes, tuple(series.cat.categories)


def _integers(series: pd.Series, name: str) -> tuple[np.ndarray, tuple[Any, ...]]:
    """Return the codes and values of integers without a gap."""
    values = series.to_numpy()
    if values.dtype.kind not in "biuf":
        shown = listing(repr(v) for v in dict.fromkeys(values.tolist()))
        raise _no_order(name, f"holds {shown}")
    numbers = values.astype(float)
    bad = np.flatnonzero(~np.isfinite(numbers) | (numbers != np.round(numbers)))
    if bad.size:
        shown = listing(f"row {i}: {numbers[i]:g}" for i in bad)
        raise DataError(
            "response-not-categories",
            f"{name!r} has non-integer values in {bad.size} of {len(numbers)} rows ({shown}).",
            "An ordered response is integers without a gap, or an ordered categorical.",
        )
    low, high = int(numbers.min()), int(numbers.max())
    seen = np.unique(numbers)
    if len(seen) < high - low + 1:
        never = (v for v in range(low, high + 1) if v not in seen)
        count, column = high - low + 1 - len(seen), f"data[{name!r}]"
        raise DataError(
            "category-never-seen",
            f"{name!r} runs from {low} to {high}, and {count} of the values between never occur "
            f"({_first(never, count)}).",
            "Are they categories of the scale that nobody chose, or codes that mean nothing?",
            "To keep them, with cutpoints as near to each other as their prior lets them, write this:\n"
            f"    {column} = pandas.Categorical({column}, range({low}, {high + 1}), ordered=True)\n"
            "To recode the values to consecutive integers, write this:\n"
            f"    {column} = {column}.rank(method='dense').astype(int)",
        )
    labels = (False, True) if values.dtype.kind == "b" and high > low else tuple(range(low, high + 1))
    return numbers - low, labels


def _first(values: Any, count: int) -> str:
    shown = [str(v) for v, _ in zip(values, range(5), strict=False)]
    return ", ".join(shown) + (f" and {count - 5} more" if count > 5 else "")


def _no_order(name: str, found: str) -> DataError:
    return DataError(
        "categories-without-order",
        f"The response {name!r} {found}, whose order is not known.",
        "An ordered response is integers without a gap, or an ordered categorical.",
        f"Give the order: `pandas.Categorical(data[{name!r}], [lowest, …, highest], ordered=True)`.",
    )
