"""Fits as callers give them, by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shoal.errors import ModelError
from shoal.fit.results import Results


def check_fits(fits: Any) -> None:
    """Raise unless fits are given by their names."""
    if not isinstance(fits, Mapping):
        raise ModelError(
            "not-a-fit",
            f"The fits are of type {type(fits).__name__}.",
            "A mapping from names to fits, such as {'centered': a, 'transport': b}.",
        )


def results_of(fit: Any) -> Results:
    """Return the draws behind a `Fit`, or `Results` as they are.

    Raises
    ------
    ModelError
        If it is neither.
    """
    found = fit if isinstance(fit, Results) else getattr(fit, "results", None)
    if not isinstance(found, Results):
        needed = "What `model.fit()` or `sl.load` returns."
        raise ModelError("not-a-fit", f"A fit is of type {type(fit).__name__}.", needed)
    return found
