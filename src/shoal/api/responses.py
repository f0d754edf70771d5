"""What `Model` is given: one formula or several responses, and the columns that they name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shoal.errors import DataError, FormulaError, ModelError, mark
from shoal.families import Family
from shoal.formula.terms import ImputedTerm
from shoal.formula.tokens import place_of
from shoal.model import Response
from shoal.reduction import reduced, source_of, summable
from shoal.tables import Table, read
from shoal.tables.table import UnknownColumn


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
        return with_measured((Response(formula, family, link, predictors or {}),))
    given: Any = formula
    several = (
        isinstance(given, Iterable)
        and not hasattr(given, "columns")
        and not isinstance(given, Mapping | bytes)
    )
    responses: tuple[Any, ...] = tuple(given) if several else (given,)
    for response in responses:
        if not isinstance(response, Response):
            plain = response is None or isinstance(response, str | int | float)
            raise ModelError(
                "not-a-formula",
                f"The formula is {response!r}."
                if plain
                else f"The formula is of type {type(response).__name__}.",
                "A text such as 'y ~ x + (1 | g)', or a list of sl.Response.",
                "First the formula, then the data: Model(formula, data)."
                if hasattr(response, "columns")
                else "",
            )
    if family != "gaussian" or link is not None or predictors:
        raise ModelError(
            "argument-of-response",
            f"family={family!r}, link={link!r}, predictors={predictors!r} beside a list of responses.",
            "Each response has its own: sl.Response(formula, family=..., link=..., predictors=...).",
        )
    return with_measured(responses)


def with_measured(responses: tuple[Response, ...]) -> tuple[Response, ...]:
    """Return the responses of a model, and those of predictors ``me(x, s)``.

    Raises
    ------
    FormulaError
        If such a predictor has a response of its own, or two columns of standard errors.
    """
    formulas = [formula for r in responses for own in [r.formulas] for formula in (own[0], *own[1].values())]
    given = {formula.response.value.name for formula in formulas}
    found: dict[str, ImputedTerm] = {}
    for formula in formulas:
        for term in formula.imputed:
            if term.se is None:
                continue
            first = found.setdefault(term.column, term)
            if term.column in given or first != term:
                raise FormulaError(
                    "predictor-with-two-responses",
                    f"{term.name} stands for a response {term.formula!r}, and {term.column!r} has another.",
                    "One formula that says what a predictor is like.",
                    f"Write mi({term.column}) in place of {term.name}, and give that response yourself.",
                    formula=formula.text,
                    span=term.span,
                )
    return responses + tuple(Response(term.formula) for term in found.values())


def read_for(
    responses: Sequence[Response],
    data: Any,
    missing: str = "refuse",
    covariances: Mapping[str, Any] | None = None,
    rescor: bool = False,
) -> Table:
    """Return the table of `data`, limited to the columns that the formulas name.

    Of a table that is not in memory, few rows that stand for all.

    Raises
    ------
    DataError
        As `read` does; a formula is shown with the first column that is not there.
    """
    source = source_of(data, summable(responses))
    columns = dict.fromkeys(c for r in responses for c in r.columns)
    try:
        if source is not None:
            return reduced(responses, source, missing, covariances, rescor)
        return read(data, columns=tuple(columns))
    except UnknownColumn as problem:
        texts = [
            text for r in responses for text in (r.formula, *r.predictors.values()) if isinstance(text, str)
        ]
        places = ((text, place_of(name, text)) for name in problem.names for text in texts)
        marked = next((f"\n{mark(text, span)}" for text, span in places if span), "")
        raise DataError(problem.code, problem.found + marked, problem.needed, problem.remedy) from None
