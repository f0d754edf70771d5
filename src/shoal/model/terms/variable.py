"""Variables of the posterior: declared once, by their terms; lists of parameters are made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shoal.priors import Prior, Shrunk

# What a variable can be, in the order in which a reader expects them.
KINDS = (
    *("coefficient", "monotonic", "simplex", "scale", "cutpoints", "sd", "correlation", "degrees"),
    *(
        "sds",
        "lengthscale",
        "share",
        "imputed",
        "loading",
        "family",
        "residual",
        "effects",
        "basis",
        "unknown",
    ),
)
# What rows depend on besides effects of levels.
OF_ROWS = (
    *("coefficient", "monotonic", "simplex", "cutpoints", "loading", "family", "basis"),
    *("imputed", "unknown", "residual"),
)
OF_GROUPS = ("sd", "correlation", "degrees")  # what tells how the effects of a grouping factor vary


@dataclass(frozen=True)
class ResolvedPrior:
    """A prior with its origin.

    Attributes
    ----------
    prior : Prior
    default : bool
        Chosen by Shoal from the data, not by the user.
    centered : bool
        The prior speaks of average columns: that of an Intercept, or of cutpoints, of the linear predictor
        there; that of the sd of levels' Intercepts of their effects there.
    joint : bool
        For a slope: the prior is that of one of several coefficients, correlated as the columns say.
    """

    prior: Prior
    default: bool
    centered: bool = False
    joint: bool = False

    def notes(self, kind: str) -> list[str]:
        """Return what a reader has to know besides the distribution, of a parameter of one of `KINDS`."""
        where = f"{'of effects' if kind == 'sd' else 'on the mean'} at average columns"
        said = {"default": self.default, where: self.centered, "jointly with the other slopes": self.joint}
        return [words for words, true in said.items() if true]


Priors = Mapping[str, ResolvedPrior]


@dataclass(frozen=True)
class Default:
    """The prior of a parameter where none is given, and the wider names that one can be given under.

    Attributes
    ----------
    name : str
    prior : Prior
    wider : tuple of str
        The more specific come first.
    centered : bool
        It speaks of the linear predictor at average columns.
    joint : bool
        It is that of one of several coefficients, correlated as the columns say.
    shrunk : Shrunk, optional
        What the parameter's prior is where a shrinkage prior is given for the first wider name.
    kinds : tuple of types
        What a prior that is given has to be, beyond its support.
    """

    name: str
    prior: Prior
    wider: tuple[str, ...] = ()
    centered: bool = False
    joint: bool = False
    shrunk: Shrunk | None = None
    kinds: tuple[type[Prior], ...] = (Prior,)


@dataclass(frozen=True)
class Element:
    """One number of a variable: its labels, its position, and the name of its prior."""

    labels: tuple[str, ...]
    position: tuple[int, ...]
    prior: str


@dataclass(frozen=True)
class Variable:
    """A variable of the posterior.

    Attributes
    ----------
    name : str
    kind : str
        One of `KINDS`.
    prefix : str
        Of the response that it belongs to.
    dims : mapping from str to sequence
        Dimensions besides chains and draws, with their labels.
    priors : tuple of str
        Names of its elements' priors: one each along the first dimension, or one for all of them.
    positions : tuple of tuple of int, optional
        Elements that are estimated, where not all are.
    place : int
        Place among its kind, as the formula is written.
    defaults : function
        Returns the priors where none are given.
    """

    name: str
    kind: str
    prefix: str
    dims: Mapping[str, Any] = field(default_factory=dict)
    priors: tuple[str, ...] = ()
    positions: tuple[tuple[int, ...], ...] | None = None
    place: int = 0
    defaults: Callable[[], Iterable[Default]] = tuple

    @property
    def many(self) -> bool:
        """Whether it has one value a level, a function of a basis, or a row: no parameter of a summary."""
        return self.kind in ("effects", "basis", "unknown")

    def elements(self) -> Iterator[Element]:
        """Yield the numbers that are estimated."""
        shape = tuple(len(labels) for labels in self.dims.values())
        for position in self.positions or np.ndindex(*shape):
            labels = tuple(str(own[k]) for own, k in zip(self.dims.values(), position, strict=True))
            prior = self.priors[position[0] if len(self.priors) > 1 else 0] if self.priors else ""
            yield Element(labels, tuple(position), prior)
