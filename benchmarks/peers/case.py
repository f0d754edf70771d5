"""A model of one table as data, which each program's file reads and writes in its own language.

Nothing here imports a program that is measured, so that a process can read its case before it begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from peers.formulas import Formula, Group, read

Prior = tuple[Any, ...]
"""A distribution's name and its numbers: Normal(mu, sigma), HalfNormal(sigma), HalfCauchy(beta),
Exponential(rate), Gamma(mu, sigma), LKJ(eta)."""


@dataclass(frozen=True)
class Case:
    """One model of one table.

    Attributes
    ----------
    words, section : str
    family : {"gaussian", "bernoulli", "binomial", "poisson", "cumulative"}
    formula : str
        As Shoal and `peers.formulas.read` take it.
    priors : mapping
        Of ``Intercept``, ``b`` (each other coefficient), ``sd`` (each standard deviation of effects),
        ``cor``, ``sigma`` and ``cutpoints``; those that the model has are used.
    make : callable
        Yields the table of a seed in parts.
    centered : tuple of str
        Factors whose effects themselves are sampled by who writes the model by hand, where standardised ones
        have fewer effective draws: about where a level's rows say four times as much of an effect as its
        prior. Tried with nutpie (300 draws) of `one_way`, `small`, `crossed`, `trolley` and `rows`.
    few : str
        The factor of which a small table has few levels; by default the first.
    size : int
        Of a member of a series: rows, levels or effects.
    """

    words: str
    section: str
    family: str
    formula: str
    priors: Mapping[str, Prior]
    make: Callable[[int], Iterable[pd.DataFrame]]
    centered: tuple[str, ...] = ()
    few: str = ""
    size: int = 0

    @cached_property
    def parts(self) -> Formula:
        """The formula's parts."""
        return read(self.formula)

    @property
    def traits(self) -> set[str]:
        """What not every program can do, in words."""
        has = {
            "zero-sum effects": any(group.zero_sum for group in self.parts.groups),
            "correlated effects": any(group.correlated for group in self.parts.groups),
            "known standard errors": bool(self.parts.se),
            "ordered responses": self.family == "cumulative",
        }
        return {words for words, present in has.items() if present}

    @property
    def parameters(self) -> dict[str, str]:
        """All parameters but effects, by the names that programs are compared by, and each one's prior."""
        has = {
            "Intercept": "1" in self.parts.columns,
            "b": bool(self.parts.slopes),
            "sigma": self.family == "gaussian" and not self.parts.se,
            "cutpoints": self.family == "cumulative",
        }
        out = {name: name for name, present in has.items() if present}
        for group in self.parts.groups:
            out[f"sd_{group.factor}"] = "sd"
            if group.correlated:
                out[f"cor_{group.factor}"] = "cor"
        return out

    @property
    def effects(self) -> list[str]:
        """Names of the effects of all factors, of levels in order by effects."""
        return [f"r_{group.factor}" for group in self.parts.groups]

    def carried(self, group: Group) -> list[str]:
        """Return the population columns that centred effects contain, each by one factor."""
        around = [g for g in self.parts.groups if g.factor in self.centered and not g.zero_sum]
        owner = {column: own for own in reversed(around) for column in own.effects}
        return [c for c in group.effects if c in self.parts.columns and owner.get(c) is group]
