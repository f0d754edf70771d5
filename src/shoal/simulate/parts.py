"""What the simulators share: checks of arguments, levels of unequal popularity, the truth of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from shoal.errors import ModelError

if TYPE_CHECKING:
    import pandas as pd


def check_sizes(**sizes: int) -> None:
    """Raise unless every number is at least one.

    Raises
    ------
    ModelError
    """
    for name, value in sizes.items():
        if value < 1:
            raise ModelError(
                "number-out-of-range", f"The number of {name} is {value}.", "It must be at least 1."
            )


def check_scales(**scales: float) -> None:
    """Raise unless every standard deviation is zero or more.

    Raises
    ------
    ModelError
    """
    for name, value in scales.items():
        # Not `value < 0`: a NaN must not pass.
        if not value >= 0:
            raise ModelError(
                "number-out-of-range", f"{name} is {value}.", "A standard deviation must not be negative."
            )


def levels_of_rows(rng: np.random.Generator, levels: int, rows: int, skew: float, name: str) -> np.ndarray:
    """Draw the level of each row so that every level occurs, some far more often than others.

    Each level has one row; the remaining rows go to levels in proportion to their popularity, which is
    gamma-distributed with mean 1 and coefficient of variation `skew`.

    Parameters
    ----------
    rng : numpy.random.Generator
    levels, rows : int
    skew : float
        0 makes all levels equally popular, 1 makes popularity exponential.
    name : str
        The factor's name, for messages.

    Returns
    -------
    (rows,) array of int
        In random order.

    Raises
    ------
    ModelError
        There are fewer rows than levels, or `skew` is negative or infinite.
    """
    if rows < levels:
        raise ModelError(
            "number-out-of-range",
            f"{levels} levels of {name}, {rows} rows.",
            "Every level needs a row.",
            "Ask for more rows or for fewer levels.",
        )
    if not 0 <= skew < np.inf:
        raise ModelError(
            "number-out-of-range",
            f"The skew of {name} is {skew}.",
            "It is a coefficient of variation: 0 or more.",
        )
    popularity = rng.gamma(1 / skew**2, size=levels) if skew > 0 else np.ones(levels)
    popularity += np.finfo(float).tiny  # so that very skewed ones cannot all be zero
    others = rng.choice(levels, size=rows - levels, p=popularity / popularity.sum())
    return rng.permutation(np.concatenate([np.arange(levels), others]))


def with_truth(table: pd.DataFrame, **truth: Any) -> pd.DataFrame:
    """Return the table with ``attrs["truth"]``: numbers as floats, arrays as lists."""
    table.attrs["truth"] = {name: np.asarray(value, dtype=float).tolist() for name, value in truth.items()}
    return table
