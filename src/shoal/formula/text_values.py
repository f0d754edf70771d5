"""Text that is no category: numbers and dates that were read as text, and how a column is converted."""

from __future__ import annotations

import re
from collections.abc import Iterable

from shoal.formula.suggestions import write

_EXPONENT = r"([eE][-+]?\d+)?\s*"
_TIME = r"([ T]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([AaPp][Mm]|Z|[-+]\d{2}:?\d{2})?)?"
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATES = (
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2}(\d{2})?|\d{4}-\d{2}"
    rf"|\d{{1,2}}[ -]{_MONTH}[ -]\d{{2,4}}|{_MONTH} \d{{1,2}},? \d{{4}}"
)
_KINDS = {
    "numbers": re.compile(rf"\s*[-+]?(\d+\.?\d*|\.\d+){_EXPONENT}"),
    "numbers with commas between thousands": re.compile(r"\s*[-+]?\d{1,3}(,\d{3})*(\.\d*)?\s*"),
    "numbers with decimal commas": re.compile(rf"\s*[-+]?(\d+,?\d*|,\d+){_EXPONENT}"),
    "dates": re.compile(rf"\s*({_DATES})\s*", re.IGNORECASE),
    "dates with times": re.compile(rf"\s*({_DATES}){_TIME}\s*", re.IGNORECASE),
}
_SOME = 10  # distinct values from which on one in ten may be something else, such as "?" or "n.a."


def numbers_or_dates(values: Iterable[str]) -> tuple[str, list[str]]:
    """Say what text holds that is not a category, such as "numbers" or "dates"; nothing, "", if it is one.

    Parameters
    ----------
    values : iterable of str
        The distinct values.

    Returns
    -------
    kind : str
    others : list of str
        Values that are not of that kind: up to one in ten.
    """
    values = list(values)
    allowed = len(values) // 10 if len(values) >= _SOME else 0
    for kind, pattern in _KINDS.items():
        others = [value for value in values if not pattern.fullmatch(value)]
        if len(values) > 1 and len(others) <= allowed and not any("," in value for value in others):
            return kind, others
    return "", []


def conversion(name: str, kind: str, others: Iterable[str] = ()) -> str:
    """Return the remedy that makes numbers of the text in a column."""
    column = f"data[{name!r}]"
    if kind.startswith("dates"):
        days = f"pandas.to_datetime({column})"
        unit = "dt.days" if kind == "dates" else "dt.total_seconds() / 86400"
        return write(f"{column} = ({days} - {days}.min()).{unit}")
    text = column
    if "commas" in kind:
        text += f".str.replace(',', '{'.' if 'decimal' in kind else ''}')"
    return write(f"{column} = pandas.to_numeric({text}{', errors=' + repr('coerce') if any(others) else ''})")


def measured(name: str, values: Iterable[object]) -> str:
    """Return the remedy that makes numbers of the text in a column of measurements."""
    kind, others = numbers_or_dates(map(str, dict.fromkeys(values)))
    if kind:
        return conversion(name, kind, others)
    return "Name a column of numbers, or write the number that each value stands for in a column of its own."


def recoded(name: str, values: Iterable[object]) -> str:
    """Return the remedy that makes numbers of the categories of a response."""
    distinct = sorted(dict.fromkeys(values), key=str)
    kind, others = numbers_or_dates(map(str, distinct))
    if kind:
        return conversion(name, kind, others)
    if len(distinct) != 2:
        return (
            "Recode its values as numbers; families of categories are 'categorical' and, of ordered ones, "
            "'cumulative'."
        )
    return write(f"data[{name!r}] = (data[{name!r}] == {distinct[1]!r}).astype(int)")
