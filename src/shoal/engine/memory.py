"""Refusal of a problem that the machine's memory cannot hold, made before its numbers are."""

from __future__ import annotations

import math
import os

from shoal.engine.plan import Size
from shoal.engine.settings import Settings
from shoal.errors import ModelError


def check(size: Size) -> None:
    """Raise if the machine has no memory for one evaluation on each core, let alone for the draws.

    Raises
    ------
    ModelError
    """
    needed, there = 24.0 * size.numbers, installed()
    if needed <= there:
        return
    listed = ", ".join(
        f"{name} {count:,}" for name, count in sorted(size.levels, key=lambda level: -level[1])
    )
    raise ModelError(
        "memory-of-effects",
        f"The group effects ({listed}) need {needed / 1e9:,.0f} GB and more: pairs of levels that meet, "
        "directly or by others between them, have a number each.",
        f"No more than the {there / 1e9:,.0f} GB of this machine.",
        "Leave out all but one of the large factors, or take a part of their levels.",
    )


def check_draws(settings: Settings, quantities: int, beside: float = 0.0) -> None:
    """Raise if the machine has no memory for the draws of so many quantities, and for a copy with names.

    Where effects are kept in single precision all are counted as if they were.

    Parameters
    ----------
    beside : float
        Bytes of summaries of levels.

    Raises
    ------
    ModelError
    """
    each = 8.0 if settings.single else 16.0
    needed, there = each * settings.chains * settings.draws * quantities + beside, installed()
    if needed > there:
        summaries = f", {beside / 1e9:,.0f} GB of it for summaries of levels" if beside else ""
        raise ModelError(
            "memory-of-draws",
            f"{settings.chains:,} chains of {settings.draws:,} draws of {quantities:,} quantities need "
            f"{needed / 1e9:,.0f} GB{summaries}.",
            f"No more than the {there / 1e9:,.0f} GB of this machine.",
            "4 chains of 1,000 draws are enough for most purposes; store='none' leaves out those of levels.",
        )


def installed() -> float:
    """Return the bytes of memory of this machine, or fewer if a process may have fewer (``ulimit -v``).

    Infinity where it does not say.
    """
    if not hasattr(os, "sysconf"):
        return math.inf
    import resource  # which systems have that have `sysconf`

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    there = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return there if limit == resource.RLIM_INFINITY else min(there, float(limit))
