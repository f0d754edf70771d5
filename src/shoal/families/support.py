"""Refusals and data scales that several families share."""

from __future__ import annotations

import math

import numpy as np

from shoal.errors import DataError, listing
from shoal.families.base import Rows

LARGEST_DRAWN = 1e18  # NumPy draws counts as 64-bit integers
LARGEST_COUNT = 2.0**53  # beyond which floats leave whole numbers out


def refuse(rows: Rows, name: str, where: np.ndarray, what: str, needed: str, remedy: str = "") -> None:
    """Raise `DataError` if `where` holds in any row."""
    bad = np.flatnonzero(where)
    if bad.size:
        shown = listing(f"row {i}: {rows.y[i]:g}" for i in bad)
        raise DataError(
            "response-outside-support",
            f"{name!r} has {what} in {bad.size} of {len(rows.y)} rows ({shown}).",
            needed,
            remedy,
        )


def article(family: str) -> str:
    """Return a family's name as a sentence that starts with it has it: ``An exponential``."""
    return f"{'An' if family[0] in 'aeiou' else 'A'} {family}"


def only(rows: Rows, where: np.ndarray) -> Rows:
    """Return the rows for which `where` holds."""
    return rows.at(where)


def refuse_all_but_shares(rows: Rows, name: str, needed: str) -> None:
    """Raise `DataError` unless all responses are from 0 to 1, both included."""
    remedy = "Divide percentages by 100; for successes of known trials use family='binomial'."
    refuse(rows, name, (rows.y < 0) | (rows.y > 1), "values outside 0 to 1", needed, remedy)


def refuse_negative(rows: Rows, name: str, family: str) -> None:
    """Raise `DataError` if a response is below zero."""
    needed = f"{article(family)} response is zero, or greater than zero."
    refuse(
        rows, name, rows.y < 0, "negative values", needed, "For values of both signs use family='gaussian'."
    )


def refuse_constant(rows: Rows, name: str, family: str) -> None:
    """Raise `DataError` if all responses are equal."""
    if np.ptp(rows.y) == 0 and len(rows.y) > 1:
        raise DataError(
            "response-constant",
            f"The response {name!r} has the same value, {rows.y[0]:g}, in all {len(rows.y)} rows.",
            f"{article(family)} response must vary, or sigma has no scale.",
        )


def poisson_draws(rng: np.random.Generator, mean: np.ndarray) -> np.ndarray:
    """Return Poisson counts as floats; from 1e18 on the mean itself, which they equal to nine digits."""
    return np.where(mean < LARGEST_DRAWN, rng.poisson(np.minimum(mean, LARGEST_DRAWN)).astype(float), mean)


def refuse_all_but_counts(rows: Rows, name: str) -> None:
    """Raise `DataError` unless all responses are counts."""
    needed = "Counts: 0, 1, 2, …"
    refuse(rows, name, rows.y < 0, "negative counts", needed)
    refuse(rows, name, rows.y > LARGEST_COUNT, "counts above 2^53", needed, "Measure in another unit.")
    remedy = "For rates give the counts themselves, and `offset(log(exposure))` in the formula."
    refuse(rows, name, rows.y != np.round(rows.y), "non-integer counts", needed, remedy)


def refuse_all_but_positive(rows: Rows, name: str, family: str) -> None:
    """Raise `DataError` unless all responses are above zero."""
    refuse(
        rows,
        name,
        rows.y <= 0,
        "zero or negative values",
        f"{article(family)} response is greater than zero.",
        "If a zero is a value too small to be recorded, put half the smallest recordable value in its place; "
        "if zeros arise from a process of their own, family='hurdle_gamma' or 'hurdle_lognormal' has a "
        "probability for them.",
    )


def log_mean(rows: Rows) -> float:
    """Return the log of the mean response, as if half an event had been seen where there was none."""
    mean = float(np.average(rows.y, weights=rows.weight))
    return math.log(max(mean, 0.5 / float(np.sum(rows.weight))))


def moments(values: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Return mean and standard deviation."""
    center = float(np.average(values, weights=weight))
    return center, math.sqrt(float(np.average((values - center) ** 2, weights=weight)))


def median(values: np.ndarray, weight: np.ndarray) -> float:
    """Return the median of values that count as often as their weights say, as if they were repeated."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    half = reached[-1] / 2
    middle = np.searchsorted(reached, half, "left"), np.searchsorted(reached, half, "right")
    low, high = (float(values[order[min(place, len(order) - 1)]]) for place in middle)
    return (low + high) / 2


def robust_moments(values: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Return median and median absolute deviation, in units of the sd of normal values.

    For families of heavy tails and of quantiles: mean and standard deviation would follow the extremes.
    """
    center = median(values, weight)
    spread = 1.4826 * median(np.abs(values - center), weight)
    return center, spread or moments(values, weight)[1] or 1.0


def of_estimates(rows: Rows) -> tuple[float, float]:
    """Return location and spread of responses with known standard errors.

    By medians, which a few estimates of very large or very small errors do not move: the spread of the
    responses and a usual standard error together, for neither alone bounds what the mean may be.
    """
    center = median(rows.y, rows.weight)
    spread = 1.4826 * median(np.abs(rows.y - center), rows.weight)  # of normal values, the standard deviation
    return center, math.hypot(spread, median(rows.se, rows.weight))


def share_of_successes(rows: Rows) -> float:
    """Return the share of successes, half a success and half a failure added to them: inside 0 and 1."""
    return float(rows.weight @ rows.y + 0.5) / float(rows.weight @ rows.trials + 1.0)
