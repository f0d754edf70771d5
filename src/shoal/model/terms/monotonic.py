"""Monotonic effects ``mo(x)`` of an ordered predictor.

``b D sum_{k <= x} simplex[k]`` with D steps: b is the average difference between neighbouring values, the
simplex how the whole difference is divided among the steps (Bürkner and Charpentier 2020, British J. of
Mathematical and Statistical Psychology 73, 420-451). The simplex is sampled by normal scores of its
stick-breaking fractions, which have light tails where a share goes to zero. A coefficient with a normal prior
is an effect, which the simplex scales; one with another prior is a hyperparameter, as those of columns are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shoal.engine.build import Builder
from shoal.engine.lines import Lines
from shoal.model.bases.steps import Steps
from shoal.model.design import Curve, Design
from shoal.model.terms import functions as f
from shoal.model.terms.curve_effects import evaluated
from shoal.model.terms.term import Drawn, Draws, Judged, Placed, Term
from shoal.model.terms.units import scale_of, wider
from shoal.model.terms.variable import Default, Priors, Variable
from shoal.priors import Dirichlet, Fixed, Laplace, Normal, Prior, StudentT


@dataclass(frozen=True)
class Monotonic(Term):
    """A coefficient, and the simplex that divides it among the steps."""

    design: Design
    curve: Curve
    priors: Priors

    @property
    def basis(self) -> Steps:
        """The steps."""
        assert isinstance(self.curve.basis, Steps)
        return self.curve.basis

    @property
    def name(self) -> str:
        """Posterior name of the coefficient."""
        return f"{self.curve.prefix}{self.curve.name}"

    @property
    def simplex(self) -> str:
        """Posterior name of the simplex."""
        return f"{self.curve.prefix}simo_{self.curve.name}"

    @property
    def scores(self) -> list[str]:
        """Names of the normal scores of the simplex, one less than there are steps."""
        return [f"score:{self.simplex}:{k}" for k in range(self.basis.size - 1)]

    @property
    def prior(self) -> Dirichlet:
        """The prior of the simplex."""
        prior = self.priors[self.simplex].prior
        assert isinstance(prior, Dirichlet)
        return prior

    def variables(self) -> Iterator[Variable]:
        prefix, place = self.curve.prefix, self.design.place_of(self.curve)
        yield Variable(
            self.name, "monotonic", prefix, {}, (self.name,), place=place, defaults=self._coefficient_default
        )
        steps = np.array([str(value) for value in self.basis.values[1:]], dtype=object)
        dims = {f"{prefix}{self.curve.name}_step": steps}
        yield Variable(
            self.simplex,
            "simplex",
            prefix,
            dims,
            (self.simplex,),
            place=place,
            defaults=self._simplex_default,
        )

    def _coefficient_default(self) -> Iterator[Default]:
        prior = Normal(0.0, 2.5 * scale_of(self.design) / self.basis.spread)
        kinds = (Normal, StudentT, Laplace, Fixed)
        yield Default(self.name, prior, wider(self.design, "b"), kinds=kinds)

    def _simplex_default(self) -> Iterator[Default]:
        yield Default(self.simplex, Dirichlet(1.0), wider(self.design, "simo"), kinds=(Dirichlet,))

    def hyperparameters(self) -> Mapping[str, Prior]:
        own, scores = self.priors[self.name].prior, dict.fromkeys(self.scores, Normal(0.0, 1.0))
        return scores if isinstance(own, Normal) else {self.name: own, **scores}

    def place(self, builder: Builder, before: Sequence[Placed]) -> PlacedMonotonic:
        size, scores = self.basis.size, [builder.names[name] for name in self.scores]
        simplex = builder.derive((f.simplex, f.simplex_adjoint), scores, [self.prior.alpha], size)
        pair, own, v = (f.multiples, f.multiples_adjoint), self.priors[self.name].prior, builder.columns(size)
        if not isinstance(own, Normal):
            steps = builder.derive(pair, [*simplex, builder.names[self.name]], [], size)
            builder.shift(v, np.array(steps))
            return PlacedMonotonic(self, v, simplex, builder.columns(0))
        sigma, x = builder.known(own.sigma), builder.effects(1, mean=np.array([own.mu / own.sigma]))
        steps = builder.derive(pair, [*simplex, sigma], [], size)
        builder.scale(v, np.repeat(x, size), np.array(steps))
        coefficient = builder.columns(1)
        builder.scale(coefficient, x, sigma)
        return PlacedMonotonic(self, v, simplex, coefficient)

    def draw_prior(self, given: Draws, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
        simplex = rng.dirichlet(np.full(self.basis.size, self.prior.alpha), size)
        return {self.name: self.priors[self.name].prior.draw(rng, size), self.simplex: simplex}

    def judged(self, draws: Draws) -> Iterator[Judged]:
        yield Judged(self.name, (draws[self.name],))
        if self.basis.size > 1:
            yield Judged(self.simplex, (draws[self.simplex],))

    def predictor(self, design: Design, draws: Draws) -> np.ndarray | float:
        if design is not self.design:
            return 0.0
        whole = np.asarray(draws[self.name])[..., None] * self.basis.size
        return evaluated(self.curve, whole * draws[self.simplex])

    def summands(self, design: Design) -> list[str]:
        if design is not self.design:
            return []
        return [f"b[{self.name}] {self.basis.size} {self.curve.name}[i]"]

    def equations(self, design: Design) -> list[str]:
        if design is not self.design:
            return []
        size, name = self.basis.size, self.basis.name
        return [
            f"{self.curve.name}[i] = sum of {self.simplex}[k] over the steps up to {name}[i]",
            f"{self.simplex} ~ Dirichlet({self.prior.alpha:g}) over {size} steps",
        ]


@dataclass(frozen=True)
class PlacedMonotonic(Placed):
    """`v`: places of the steps' sizes; `simplex`: in h; `coefficient`: in v, none of a hyperparameter."""

    term: Monotonic
    v: np.ndarray
    simplex: list[int]
    coefficient: np.ndarray

    def lines(self, design: Design, first: np.ndarray) -> Lines | None:
        if design is not self.term.design:
            return None
        columns = self.term.curve.at(first).columns
        line, column = np.nonzero(columns)
        return Lines(line, self.v[column], columns[line, column] * self.term.basis.size)

    def draws(self, drawn: Drawn) -> dict[str, np.ndarray]:
        if len(self.coefficient):
            coefficient = drawn.elements(self.coefficient)[..., 0]
        else:
            coefficient = drawn.values[self.term.name]
        return {self.term.name: coefficient, self.term.simplex: drawn.h[..., self.simplex]}

    def small(self) -> np.ndarray:
        return self.coefficient
