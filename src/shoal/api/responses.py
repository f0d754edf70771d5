"""What `Model` is given: one formula or several responses, and the columns that they name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shoal.errors import ModelError
from shoal.families import Family
from shoal.model import Response
from shoal.reduction import reduced, source_of, summable
from shoal.tables import Table, read


def responses_of(
    formula: str | Sequence[Response],
    family: str | Family,
    link: str | None,
    predictors: Mapping[str, str | float] | None = None,
) -> tuple[Response, ...]:
    """Return the responses of a model.

    Raises
    ------
    ModelError
        If `formula` is neither text nor a sequence of `Response`, or a family stands beside responses.
    """
    if isinstance(formula, str):
        return (Response(formula, family, link, predictors or {}),)
    given: Any = formula
    several = isinstance(given, Iterable) and not isinstance(given, Mapping | bytes)
    responses: tuple[Any, ...] = tuple(given) if several else (given,)
    for response in responses:
        if not isinstance(response, Response):
            raise ModelError(
                f"The formula is {response!r}.",
                "A text such as 'y ~ x + (1 | g)', or a list of sl.Response.",
            )
    if family != "gaussian" or link is not None or predictors:
        raise ModelError(
            f"family={family!r}, link={link!r}, predictors={predictors!r} beside a list of responses.",
            "Each response has its own: sl.Response(formula, family=..., link=..., predictors=...).",
        )
    return responses


def read_for(
    responses: Sequence[Response],
    data: Any,
    missing: str = "refuse",
    covariances: Mapping[str, Any] | None = None,
    rescor: bool = False,
) -> Table:
    """Return the table of `data`, limited to the columns that the formulas name.

    Of a table that is not in memory, few rows that stand for all.
    """
    source = source_of(data, summable(responses))
    if source is not None:
        return reduced(responses, source, missing, covariances, rescor)
    columns = dict.fromkeys(c for r in responses for c in r.columns)
    return read(data, columns=tuple(columns))
