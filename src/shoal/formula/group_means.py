"""``group_mean(x, g)``: the mean of x over the rows of each level of g, and its replay on new data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from shoal.errors import DataError, listing
from shoal.formula.categories import is_category, require_complete
from shoal.formula.evaluate import lookup, require_finite
from shoal.formula.factors import crossed
from shoal.formula.tree import Call, unparse

if TYPE_CHECKING:
    import pandas as pd


def group_mean(
    call: Call, data: np.ndarray, frame: pd.DataFrame, states: dict[str, dict[str, Any]]
) -> np.ndarray:
    """Compute ``group_mean(x, g)``.

    Parameters
    ----------
    call : Call
        As `shoal.formula.safety.check` lets through.
    data : numpy.ndarray of shape (N,)
        The values of x.
    frame : pandas.DataFrame
        N rows, with the columns of g.
    states : dict
        Under the text of the call, the levels (a list of labels for each) and their means, in plain Python
        values. Without an entry the rows at hand are those to learn from, and it is added.

    Returns
    -------
    numpy.ndarray of shape (N,)
        Rows of a level that was learnt get the mean learnt; rows of another level get the mean of their own.

    Raises
    ------
    DataError
        If x is infinite or undefined, or a column of g is missing, incomplete, or of another kind than the
        one learnt from.
    """
    text, names = unparse(call), crossed(call.arguments[1], "", "")
    require_finite(data, unparse(call.arguments[0]))
    codes, levels, first = _levels(frame, names)
    # from the first value on, so that the mean of equal values is that value, without a rounding error
    means = data[first] + np.bincount(codes, data - data[first][codes]) / np.bincount(codes)
    if text not in states:
        states[text] = {"levels": [list(level) for level in levels], "means": means.tolist()}
        return means[codes]
    state = states[text]
    _require_kinds(text, names, state["levels"], levels)
    learnt = dict(zip(map(tuple, state["levels"]), state["means"], strict=True))
    replayed = [learnt.get(level, mean) for level, mean in zip(levels, means, strict=True)]
    return np.array(replayed, dtype=np.float64)[codes]


def _levels(frame: pd.DataFrame, names: tuple[str, ...]) -> tuple[np.ndarray, list[tuple], np.ndarray]:
    """Return the number of each row's level; for each level its labels and its first row."""
    for name in names:
        lookup(frame, name)
        is_category(frame[name], name)
        require_complete(frame[name], name)
    parts = frame[list(names)].reset_index(drop=True)
    groups = parts.groupby(list(names), observed=True, sort=False).ngroup()
    _, first, codes = np.unique(groups, return_index=True, return_inverse=True)
    labels = [parts[name].iloc[first].tolist() for name in names]
    return codes, list(zip(*labels, strict=True)), first


def _require_kinds(text: str, names: tuple[str, ...], old: list, new: list) -> None:
    """Refuse text for numbers, or numbers for text: every level would be taken for a new one."""
    for i, name in enumerate(names):
        if old and new and isinstance(old[0][i], str) != isinstance(new[0][i], str):
            raise DataError(
                "unknown-level",
                f"Column {name!r} holds {listing(repr(level[i]) for level in new)}.",
                f"{text} learnt the levels {listing(repr(level[i]) for level in old)}.",
                "Convert the column to what it was when the model was made.",
            )
