"""Response families, one file each."""

from __future__ import annotations

from shoal.errors import ModelError, nearest
from shoal.families.base import Family, Rows
from shoal.families.bernoulli import Bernoulli
from shoal.families.binomial import Binomial
from shoal.families.gaussian import Gaussian

FAMILIES: dict[str, Family] = {f.name: f for f in (Gaussian(), Bernoulli(), Binomial())}

__all__ = ["FAMILIES", "Bernoulli", "Binomial", "Family", "Gaussian", "Rows", "get_family"]


def get_family(family: str | Family) -> Family:
    """Return the family of that name.

    Raises
    ------
    ModelError
        If no family has it.
    """
    if isinstance(family, Family):
        return family
    if family not in FAMILIES:
        raise ModelError(f"There is no family {family!r}.", nearest(str(family), FAMILIES))
    return FAMILIES[family]
