"""Scales of predictions, and the words for them and for the values of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from shoal.errors import ModelError, check_choice
from shoal.estimands.common import linear_scale
from shoal.fit.results import Results
from shoal.formula.terms import Expression
from shoal.model.design import Design

SCALES = ("response", "probability", "linear")


def scale_for(design: Design, scale: Any) -> str:
    """Return the scale that is meant: of categories without an order, their probabilities.

    Raises
    ------
    ModelError
        An unknown scale, or categories where there are none.
    """
    check_choice("scale", scale, (*SCALES, "link"))
    scale = "linear" if scale == "link" else scale
    if scale == "response" and design.family.categorical and design.family.joint:
        return "probability"  # categories without an order have no mean
    if scale == "probability" and not design.family.categorical:
        raise ModelError(
            "family-without-categories",
            f"scale='probability', and family {design.family.name!r} has no categories.",
            "'response' is the expected response: of 0/1 rows, their probability.",
        )
    return str(scale)


def of_shares(results: Results, response: str | None) -> Results:
    """Return results whose rows have one trial each: what is expected of them is a share of any number."""
    design = results.model.response(response)
    written = design.formula.response
    if written.trials is None:
        return results
    formula = replace(design.formula, response=replace(written, trials=Expression("1", ())))
    own = replace(design, formula=formula)
    designs = tuple(own if other is design else other for other in results.model.designs)
    return Results(replace(results.model, designs=designs), results.tree)


def words_of(case: Mapping[str, Any]) -> str:
    """Return columns and their values as text: ``x=1, c=high``; numbers of many digits are shortened."""
    return words_of_each([case])[0]


def words_of_each(cases: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the text of cases of the same columns, whose numbers have as many digits as tell them apart."""
    written = {column: _apart([case[column] for case in cases]) for column in cases[0]}
    return [", ".join(f"{c}={texts[i]}" for c, texts in written.items()) for i in range(len(cases))]


def _apart(values: Sequence[Any]) -> list[str]:
    """Return values as text, which is the same of the same values alone."""
    texts = list(map(short, values))
    return texts if len(set(texts)) == len(set(map(str, values))) else list(map(str, values))


def short(value: Any) -> str:
    """Return a value as text, a number of many digits shortened."""
    is_float = isinstance(value, float | np.floating)
    return f"{value:.4g}" if is_float and len(str(value)) > 6 else str(value)


def scale_words(design: Design, scale: str) -> str:
    """Return the words for what is predicted."""
    response = design.formula.response
    name = response.value.text
    if scale == "linear":
        return linear_scale(design)
    if scale == "probability":
        return f"probability of each category of {name}"
    if design.family.ordinal:
        labels, numbers = design.categories, design.category_numbers
        return f"mean of {name}, {labels[0]} as {numbers[0]:g} to {labels[-1]} as {numbers[-1]:g}"
    if design.family.several:
        return f"expected share of each column of {name}"
    if response.trials is not None:
        return f"expected share of {name} among its trials"
    return f"expected {name}"
