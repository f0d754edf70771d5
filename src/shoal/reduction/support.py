"""Models that need each row of their table: what is refused of a table that is not in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shoal.errors import ModelError, listing
from shoal.model import Response


def check_supported(responses: Sequence[Response], covariances: Mapping[str, Any], rescor: bool) -> None:
    """Raise if a model depends on rows one by one, or on their order.

    Raises
    ------
    ModelError
    """
    if found := [what for response in responses for what in _row_by_row(response)]:
        raise ModelError(
            "rows-not-in-memory",
            f"The table is not in memory, and each row is needed for {listing(dict.fromkeys(found))}.",
            "Rows that are alike where they have equal values.",
            "Take the columns of the formula, or a sample of the rows, into memory and pass that table.",
        )
    if rescor:
        raise ModelError(
            "rows-not-in-memory",
            "The table is not in memory, and rescor=True needs each of its rows.",
            "A table in memory.",
        )
    if unlabelled := [name for name, given in covariances.items() if not hasattr(given, "columns")]:
        raise ModelError(
            "matrix-of-table-not-in-memory",
            f"The table is not in memory, and {listing(map(repr, unlabelled))} has no labels: rows of such a "
            "table have no order that would say which level is which.",
            "A DataFrame whose index and columns are the levels.",
            "pandas.DataFrame(K, index=levels, columns=levels).",
        )


def _row_by_row(response: Response) -> Iterator[str]:
    formula, predictors = response.formulas
    r = formula.response
    if r.mi or r.mi_se is not None:
        yield f"{r.value.text} | mi()"
    if r.subset is not None:
        yield "subset()"
    for own in (formula, *predictors.values()):
        yield from (f"mi({term.column})" for term in own.imputed)
        if own.residuals is not None:
            yield f"{own.residuals.function}(...)"
