"""Refusal of a plan that the machine's memory cannot hold, made before anything of its size is."""

from __future__ import annotations

import math
import os

from shoal.errors import ModelError
from shoal.posterior.plan import Work
from shoal.posterior.structure import Structure


def check(structure: Structure, work: Work) -> None:
    """Raise if the machine has no memory for an evaluation, let alone for the draws.

    Raises
    ------
    ModelError
    """
    needed, there = work.memory(structure), installed()
    if needed <= there:
        return
    sizes = {f.name: f.effects * f.levels for f in structure.factors}
    listed = ", ".join(f"{name} {size:,}" for name, size in sorted(sizes.items(), key=_by_size))
    raise ModelError(
        f"The group effects ({listed}) need {needed / 1e9:,.0f} GB and more: {structure.n_border:,} effects "
        "lie outside the largest factor, and each pair of them has a number.",
        f"No more than the {there / 1e9:,.0f} GB of this machine.",
        "Leave out all but one of the large factors, or take a part of their levels.",
    )


def _by_size(item: tuple[str, int]) -> int:
    return -item[1]


def installed() -> float:
    """Return the bytes of memory of this machine, infinity where it does not say."""
    if not hasattr(os, "sysconf"):
        return math.inf
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
