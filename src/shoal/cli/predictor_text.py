"""Predictors of parameters written on the command line, ``sigma ~ x + (1 | g)``, or ``quantile = 0.9``."""

from __future__ import annotations

import re
from collections.abc import Iterable

from shoal.errors import ModelError
from shoal.formula.tokens import NUMBER

_HELD = re.compile(rf"\s*([A-Za-z]\w*)\s*=\s*([-+]?{NUMBER})\s*")


def parse_predictors(texts: Iterable[str]) -> dict[str, str | float]:
    """Return the formulas of all ``--predictor`` options, by the parameter left of ``~``, or their numbers.

    Raises
    ------
    ModelError
        One names no parameter, or two are of one.
    """
    predictors: dict[str, str | float] = {}
    for text in texts:
        name, tilde, _ = (part.strip() for part in text.partition("~"))
        known = _HELD.fullmatch(text)
        if known:
            name = known[1]
        elif not (name and tilde):
            raise ModelError(
                "predictor-unreadable",
                f"The predictor {text!r} names no parameter.",
                "For example 'sigma ~ x + (1 | g)', or a number, 'quantile = 0.9'.",
            )
        if name in predictors:
            raise ModelError(
                "predictor-twice",
                f"Two predictors of {name!r}: {predictors[name]!r} and {text!r}.",
                "One of them.",
            )
        predictors[name] = float(known[2]) if known else text
    return predictors
