"""What is known of censored and truncated responses, read from a table and checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from shoal.errors import DataError, ModelError, listing
from shoal.families import FAMILIES, Family, Rows
from shoal.families.coarse import Coarse
from shoal.formula import evaluate
from shoal.formula.formula import Formula
from shoal.formula.terms import Expression, ResponseTerm
from shoal.formula.text_values import measured
from shoal.model import checks

LEFT, NONE, RIGHT, INTERVAL = -1, 0, 1, 2
CODES = {"left": LEFT, "none": NONE, "right": RIGHT, "interval": INTERVAL}


def coarse(formula: Formula, frame: pd.DataFrame, family: Family, rows: Rows) -> tuple[Family, Rows]:
    """Return the family of a response as it was seen, and its rows with what is known of each.

    In place of the response that was not seen, a row has the value that it is known to be beyond, or the
    middle of its interval: what searches begin at, and defaults are scaled to.

    Raises
    ------
    ModelError
        If the family has no distribution function that is known well enough.
    DataError
        Unknown codes, intervals without an upper end above the lower one, bounds that leave nothing between
        them, or responses outside them.
    """
    response = formula.response
    if not response.coarse:
        return family, rows
    if response.mi:
        raise ModelError(
            "imputed-beside-bounds",
            f"{response.value.text!r} has mi(...) beside cens(...) or trunc(...).",
            "A response that is imputed where it is missing, or one that is censored or truncated.",
        )
    if family.link not in family.interval_functions:
        can = [name for name, one in FAMILIES.items() if one.interval_functions]
        raise ModelError(
            "bounds-not-of-family",
            f"The response is {'censored' if response.cens else 'truncated'}, and family {family.name!r} "
            "has no distribution function here.",
            f"One of the families {listing(can, len(can))}.",
        )
    rows = rows._replace(bounds=bounds(response, frame, family.discrete))
    if response.cens is not None:
        rows = _censored(response.cens, response.cens_upper, frame, family, rows)
    _check_inside(response, rows, family.discrete)
    return Coarse(family, response.truncated), rows


def bounds(response: ResponseTerm, frame: pd.DataFrame, discrete: bool) -> np.ndarray | None:
    """Return the ends of the intervals (a, b] that responses are truncated to, (2, N), or None.

    Raises
    ------
    DataError
        If nothing is between them.
    """
    if not response.truncated:
        return None
    ends = [np.full(len(frame), -np.inf), np.full(len(frame), np.inf)]
    for side, part in enumerate((response.trunc_lower, response.trunc_upper)):
        if part is not None:
            ends[side] = _numbers(part, frame)
            checks.numeric(part.text, ends[side])
    low, high = ends
    if discrete:
        low, high = np.ceil(low) - 1, np.floor(high)
    _refuse(
        "bounds-empty",
        low >= high,
        [*zip(*ends, strict=True)],
        "The bounds of trunc(...) have nothing between them",
        "A lower bound below the upper one.",
    )
    return np.array([low, high])


def _censored(
    how: Expression, upper_end: Expression | None, frame: pd.DataFrame, family: Family, rows: Rows
) -> Rows:
    """Return rows with the intervals that censored responses are known to lie in."""
    code, y = _codes(how, frame), np.asarray(rows.y, float)
    low, high = np.where(code == LEFT, -np.inf, y), np.where(code == RIGHT, np.inf, y)
    if (between := code == INTERVAL).any():
        upper = _upper_ends(how, upper_end, between, frame)
        what = "Intervals do not end above where they begin"
        _refuse(
            "interval-end",
            between & ~((upper > y) & np.isfinite(upper)),
            [*zip(y, upper, strict=True)],
            what,
            "A finite upper end above the response in each of these rows.",
        )
        high = np.where(between, upper, high)
        middle = 0.5 * (y + high)
        y = np.where(between, np.ceil(middle) if family.discrete else middle, y)
    if rows.bounds is not None:
        unseen = code != NONE
        low = np.where(unseen, np.maximum(low, rows.bounds[0]), low)
        high = np.where(unseen, np.minimum(high, rows.bounds[1]), high)
        _refuse(
            "censored-outside-bounds",
            unseen & (low >= high),
            [*zip(low, high, strict=True)],
            "Censored responses lie outside the bounds of trunc(...)",
            "Intervals that reach into the bounds.",
        )
    return rows._replace(y=y, known=np.array([low, high]))


def _upper_ends(
    how: Expression, upper_end: Expression | None, between: np.ndarray, frame: pd.DataFrame
) -> np.ndarray:
    """Return the upper ends of intervals; what other rows have there is not looked at."""
    if upper_end is None:
        _refuse(
            "interval-end",
            between,
            ["interval"] * len(between),
            f"{how.text!r} says 'interval', without an upper end,",
            "The upper ends of the intervals.",
            "Write cens(c, y2), with y2 a column of them; the response itself is the lower end.",
        )
        return np.full(len(between), np.inf)
    return np.where(between, _numbers(upper_end, frame), np.inf)


def _codes(part: Expression, frame: pd.DataFrame) -> np.ndarray:
    """Return how each row is censored."""
    given = frame[part.name].to_numpy(object) if part.is_column else _numbers(part, frame).astype(object)
    known: dict[Any, int] = {**CODES} | {code: code for code in CODES.values()}
    codes = np.array([known.get(value, np.nan) if _is_code(value) else np.nan for value in given])
    _refuse(
        "unknown-censoring",
        np.isnan(codes),
        given.tolist(),
        f"{part.text!r} holds what is no way to be censored",
        "'left', 'none', 'right' or 'interval', or -1, 0, 1 or 2; or True of rows censored on the right.",
    )
    return codes


def _is_code(value: object) -> bool:
    return isinstance(value, str | int | float | np.number | np.bool_)


def _numbers(part: Expression, frame: pd.DataFrame) -> np.ndarray:
    """Return an expression's values, (N,), which may be missing."""
    columns = {name: frame[name].to_numpy() for name in part.columns or frame.columns[:1]}
    values = np.asarray(evaluate(part, columns))
    if values.dtype.kind not in "biuf":
        checks.numeric(part.text, values, measured)
    return np.broadcast_to(values.astype(float), (len(frame),)).copy()


def _check_inside(response: ResponseTerm, rows: Rows, discrete: bool) -> None:
    """Refuse observed responses outside their bounds; the lower bound itself is inside."""
    if rows.bounds is None:
        return
    low, high = rows.bounds
    above = rows.y > low if discrete else rows.y >= low
    outside = rows.observed & ~(above & (rows.y <= high))
    _refuse(
        "response-outside-bounds",
        outside,
        rows.y.tolist(),
        f"{response.value.text!r} lies outside the bounds of trunc(...)",
        "Responses within the bounds: truncation says that none outside them could be seen.",
        "Correct these rows, or use cens(...) for responses that are known to lie beyond a value.",
    )


def truncation(response: ResponseTerm) -> str:
    """Return the bounds of a response in words, such as ``0 <= y[i] <= limit``; empty where it has none."""
    if not response.truncated:
        return ""
    low, high = response.trunc_lower, response.trunc_upper
    before, after = f"{low.text} <= " if low else "", f" <= {high.text}" if high else ""
    return f"{before}{response.value.text}[i]{after}"


def censoring(rows: Rows) -> str:
    """Return how many rows are censored, and how, in words; empty where none can be."""
    if rows.known is None:
        return ""
    low, high = rows.known
    left, right = ~rows.observed & (high <= rows.y), ~rows.observed & (low >= rows.y)
    counts = {
        "below a value": left,
        "above a value": right,
        "within an interval": ~rows.observed & ~left & ~right,
    }
    known = [f"{where.sum():,} known to lie {words}" for words, where in counts.items() if where.any()]
    return f"censored: {', '.join(known)}" if known else "censored: none"


def _refuse(code: str, where: np.ndarray, values: Any, what: str, needed: str, remedy: str = "") -> None:
    bad = np.flatnonzero(where)
    if bad.size:
        shown = listing(f"row {i}: {_shown(values[i])}" for i in bad)
        raise DataError(code, f"{what} in {bad.size} of {len(where)} rows ({shown}).", needed, remedy)


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return " to ".join(f"{v:g}" for v in value)
    return f"{value:g}" if isinstance(value, float) else repr(value)
