"""A latent: a standard normal effect of a level that several responses share, with a loading in each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from shoal.engine.build import Builder
from shoal.engine.lines import Lines
from shoal.model.design import Design, Latent
from shoal.model.grouping_factors import level_dim
from shoal.model.terms.term import Drawn, Draws, Judged, Placed, Term
from shoal.model.terms.units import scale_of, wider
from shoal.model.terms.variable import Default, Priors, Variable
from shoal.priors import Fixed, Normal, Prior


@dataclass(frozen=True)
class SharedLatent(Term):
    """One latent in all responses.

    Attributes
    ----------
    members : tuple of (Design, Latent)
        Where it enters.
    priors : mapping
    """

    members: tuple[tuple[Design, Latent], ...]
    priors: Priors

    @property
    def one(self) -> Latent:
        """The latent in the first response."""
        return self.members[0][1]

    @property
    def name(self) -> str:
        """Posterior name of its effects."""
        return f"latent_{self.one.name}"

    @property
    def loadings(self) -> list[str]:
        """Posterior names of its loadings."""
        return [latent.loading for _, latent in self.members]

    @property
    def foldable(self) -> bool:
        """Whether its sign says nothing: the priors of all loadings are symmetric about zero.

        The latent and its loadings may then change sign together, and are reported with the first loading at
        or above zero. Elsewhere the sign is part of the model.
        """
        priors = [self.priors[name].prior for name in self.loadings]
        return all(not isinstance(p, Fixed) and getattr(p, "mu", None) == 0 for p in priors)

    def variables(self) -> Iterator[Variable]:
        for design, latent in self.members:
            name, defaults = latent.loading, partial(self._defaults, design, latent.loading)
            place = design.place_of(latent)
            yield Variable(name, "loading", design.prefix, {}, (name,), place=place, defaults=defaults)
        yield Variable(self.name, "effects", "", {level_dim(self.one.factor): self.one.labels})

    def _defaults(self, design: Design, name: str) -> Iterator[Default]:
        yield Default(name, Normal(0.0, scale_of(design)), wider(design, "loading"))

    def hyperparameters(self) -> Mapping[str, Prior]:
        return {name: self.priors[name].prior for name in self.loadings}

    def place(self, builder: Builder, before: Sequence[Placed]) -> PlacedLatent:
        levels = len(self.one.labels)
        x = builder.effects(levels)
        v = builder.columns(levels * len(self.members)).reshape(-1, levels)
        for own, name in zip(v, self.loadings, strict=True):
            builder.scale(own, x, builder.names[name])
        return PlacedLatent(self, x, v)

    def draw_prior(self, given: Draws, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
        effects = rng.normal(size=(size, len(self.one.labels)))
        loadings = {name: prior.draw(rng, size) for name, prior in self.hyperparameters().items()}
        return self.reported({**loadings, self.name: effects})

    def reported(self, draws: Draws) -> dict[str, np.ndarray]:
        out = dict(draws)
        if not self.foldable:
            return out
        sign = np.where(out[self.loadings[0]] < 0, -1.0, 1.0)
        for name in self.loadings:
            out[name] = out[name] * sign
        if self.name in out:
            out[self.name] = out[self.name] * sign[..., None].astype(out[self.name].dtype)
        return out

    def judged(self, draws: Draws) -> Iterator[Judged]:
        yield from (Judged(name, (draws[name],)) for name in self.loadings)

    def predictor(self, design: Design, draws: Draws) -> np.ndarray | float:
        own = (latent for owner, latent in self.members if owner is design)
        parts = (np.asarray(draws[t.loading])[..., None] * draws[self.name][..., t.index] for t in own)
        return sum(parts, np.zeros(()))

    def summands(self, design: Design) -> list[str]:
        own = (latent for owner, latent in self.members if owner is design)
        return [f"{t.loading} {self.name}[{t.factor}[i]]" for t in own]

    def equations(self, design: Design) -> list[str]:
        if design is not self.members[-1][0]:
            return []
        sign = "; its first loading is above zero" if self.foldable else ""
        return [f"{self.name}[g] ~ Normal(0, 1) over {self.one.factor}{sign}"]


@dataclass(frozen=True)
class PlacedLatent(Placed):
    """A latent with the places of its effects in x (levels,), and in v (responses, levels)."""

    term: SharedLatent
    x: np.ndarray
    v: np.ndarray

    def lines(self, design: Design, first: np.ndarray) -> Lines | None:
        rows = np.arange(len(first))
        for (owner, latent), own in zip(self.term.members, self.v, strict=True):
            if owner is design:
                return Lines(rows, own[latent.index[first]], np.ones(len(first)))
        return None

    def large(self, nv: int, order: np.ndarray) -> np.ndarray:
        return nv + order[self.x]

    def draws(self, drawn: Drawn) -> dict[str, np.ndarray]:
        out = {name: drawn.values[name] for name in self.term.loadings}
        places = drawn.nv + drawn.order[self.x]
        if drawn.keeps(places):
            out[self.term.name] = drawn.elements(places)
        return out
