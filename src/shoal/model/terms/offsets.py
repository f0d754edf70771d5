"""Offsets of a response: known parts of its linear predictor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shoal.engine.build import Builder
from shoal.model.design import Design
from shoal.model.terms.term import Drawn, Draws, Placed, Term
from shoal.model.terms.variable import Variable
from shoal.priors import Prior


@dataclass(frozen=True)
class Offsets(Term):
    """The sum of one response's offsets."""

    design: Design

    def variables(self) -> Iterator[Variable]:
        yield from ()

    def hyperparameters(self) -> Mapping[str, Prior]:
        return {}

    def place(self, builder: Builder, before: Sequence[Placed]) -> PlacedOffsets:
        return PlacedOffsets(self)

    def draw_prior(self, given: Draws, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
        return {}

    def predictor(self, design: Design, draws: Draws) -> np.ndarray | float:
        return design.offset if design is self.design else 0.0

    def summands(self, design: Design) -> list[str]:
        offsets = design.formula.offsets if design is self.design else ()
        return [f"offset {offset.text}[i]" for offset in offsets]


@dataclass(frozen=True)
class PlacedOffsets(Placed):
    """Offsets have no numbers of their own."""

    term: Offsets

    def draws(self, drawn: Drawn) -> dict[str, np.ndarray]:
        return {}

    def offset(self, design: Design, first: np.ndarray) -> np.ndarray | float:
        return design.offset[first] if design is self.term.design else 0.0
