"""Numbers as they are printed: no more digits than the draws support."""

from __future__ import annotations

import math

MOST_DECIMALS = 6


def decimals(error: float) -> int:
    """Return the decimals that a Monte Carlo standard error leaves standing: the error's first digit."""
    if not math.isfinite(error) or error <= 0:
        return 3
    return min(max(-math.floor(math.log10(error)), 0), MOST_DECIMALS)


def fixed(value: float, places: int) -> str:
    """Return a number with so many decimals; missing ones as a dash."""
    if not math.isfinite(value):
        return short(value)
    text = f"{value:,.{places}f}"
    return text.lstrip("-") if not text.strip("-0.,") else text.replace("-", "−")


def short(value: float) -> str:
    """Return a number with three digits that count."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size and not 1e-4 <= size < 1e6:
        return f"{value:.2e}".replace("-", "−")
    places = 0 if not size else max(2 - math.floor(math.log10(size)), 0)
    return f"{value:,.{places}f}".replace("-", "−")


def interval(low: float, high: float, places: int | None = None) -> str:
    """Return the two ends of an interval."""
    if places is None:
        return f"{short(low)} to {short(high)}"
    return f"{fixed(low, places)} to {fixed(high, places)}"


def percent(share: float, places: int = 0) -> str:
    """Return a share as a percentage."""
    return "–" if math.isnan(share) else f"{fixed(100 * share, places)}%"
