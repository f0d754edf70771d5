"""What the options of functions may be: said before a library meets them, whose words say less."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real

MAX_BASIS = 100
EXTRAPOLATIONS = ("raise", "clip", "na", "zero", "extend")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _are_numbers(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_number, value))


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_BASIS


Kind = tuple[str, Callable[[object], bool]]
_LOGICAL: Kind = ("True or False", lambda value: isinstance(value, bool))
_NUMBER: Kind = ("A number", lambda value: value is None or _is_number(value))
_NUMBERS: Kind = ("A list of numbers, such as [2, 3],", lambda value: value is None or _are_numbers(value))
_KINDS: dict[str, Kind] = {
    "df": (f"A whole number up to {MAX_BASIS}", lambda value: value is None or _is_size(value)),
    "degree": (f"A whole number up to {MAX_BASIS}", _is_size),
    **dict.fromkeys(("raw", "include_intercept", "reverse", "backward"), _LOGICAL),
    **dict.fromkeys(("lower_bound", "upper_bound"), _NUMBER),
    **dict.fromkeys(("knots", "scores"), _NUMBERS),
    "center": ("True, False or a number", lambda value: isinstance(value, bool) or _is_number(value)),
    "scale": ("True, False or a number", lambda value: isinstance(value, bool) or _is_number(value)),
    "ddof": (f"A whole number up to {MAX_BASIS}", _is_size),
    "constraints": ("'center'", lambda value: value in (None, "center") or isinstance(value, list)),
    "extrapolation": (
        f"One of {', '.join(map(repr, EXTRAPOLATIONS))}",
        lambda value: value is None or value in EXTRAPOLATIONS,
    ),
}
CUBIC = ("cs", "cr", "cc")


def wanted(key: str, value: object) -> str:
    """Return what was needed in place of an option's value, or nothing if it will do."""
    words, allowed = _KINDS.get(key, ("", lambda value: True))
    return "" if allowed(value) else f"{words} was needed."


def conflict(function: str, options: Mapping[str, object]) -> tuple[str, str]:
    """Return what is wrong with options that are right one by one, and what was needed, or nothing."""
    given = [key for key in ("df", "knots") if options.get(key) is not None]
    if function in CUBIC and len(given) != 1:
        found = "both df and knots" if given else "neither df nor knots"
        return f"{function}(...) has {found}.", f"One of them: {function}(x, df=4), or its inner knots."
    if function in CUBIC and options.get("df") in (0, 1):
        return f"{function}(...) has df={options['df']}.", "A cubic spline has 2 columns or more."
    if function == "bs" and len(given) == 2:
        return "bs(...) has both df and knots.", "One of them: bs(x, df=5), or its inner knots."
    low, high = options.get("lower_bound"), options.get("upper_bound")
    if isinstance(low, Real) and isinstance(high, Real) and low >= high:
        return f"{function}(...) goes from {low:g} to {high:g}.", "A lower bound below the upper one."
    if function == "poly" and options.get("degree") == 0:
        return "poly(...) has degree 0, a polynomial without columns.", "A degree of 1 or more."
    return "", ""
