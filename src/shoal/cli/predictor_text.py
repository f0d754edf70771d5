"""Predictors of parameters written on the command line: ``sigma ~ x + (1 | g)``."""

from __future__ import annotations

from collections.abc import Iterable

from shoal.errors import ModelError


def parse_predictors(texts: Iterable[str]) -> dict[str, str]:
    """Return the formulas of all ``--predictor`` options, by the parameter left of ``~``.

    Raises
    ------
    ModelError
        One names no parameter, or two are of one.
    """
    predictors: dict[str, str] = {}
    for text in texts:
        name, tilde, _ = (part.strip() for part in text.partition("~"))
        if not (name and tilde):
            raise ModelError(
                f"The predictor {text!r} names no parameter.", "For example 'sigma ~ x + (1 | g)'."
            )
        if name in predictors:
            raise ModelError(
                f"Two predictors of {name!r}: {predictors[name]!r} and {text!r}.", "One of them."
            )
        predictors[name] = text
    return predictors
