"""A response of several columns, as its family takes it."""

from __future__ import annotations

from dataclasses import replace

from shoal.errors import ModelError
from shoal.families import Family
from shoal.formula.dialects import total
from shoal.formula.formula import Formula
from shoal.formula.reader import read_piece
from shoal.formula.suggestions import write
from shoal.formula.tree import unparse


def columns_of_response(formula: Formula, family: Family) -> Formula:
    """Return a formula with its response as the family takes it: several columns, or successes and trials.

    Raises
    ------
    ModelError
        If the family takes one column and there are several, or several and there is one.
    """
    response = formula.response
    if family.several and not response.columns:
        raise ModelError(
            "response-columns",
            f"The response {response.value.text!r} of family {family.name!r} is one column.",
            "One for each category.",
            write(f"cbind({response.value.text}, …) {formula.right}"),
        )
    if not response.columns:
        return formula
    sums = unparse(total([read_piece(column.text) for column in response.columns]))
    implied = response.trials is not None and response.trials.text == sums
    if family.several:
        kept = None if implied and "trials" not in family.takes else response.trials
        return replace(formula, response=replace(response, trials=kept))
    if len(response.columns) > 2:
        each = (f"sl.Response({column.text + ' ' + formula.right!r})" for column in response.columns)
        raise ModelError(
            "response-columns",
            f"The response has {len(response.columns)} columns, and family {family.name!r} takes one.",
            "family='multinomial' for counts of several categories, 'dirichlet' for shares.",
            f"Several responses are a list: [{', '.join(each)}].",
        )
    if not implied:
        raise ModelError(
            "trials-twice",
            f"{response.value.text} of family {family.name!r} has trials of its own, {sums}, and the formula "
            f"has trials({response.trials.text if response.trials else ''}).",
            "One of them.",
        )
    return replace(formula, response=replace(response, value=response.columns[0], columns=()))
