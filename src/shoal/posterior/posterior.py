"""A posterior ready to be evaluated and sampled."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from shoal.model import Specification
from shoal.model.design import merge
from shoal.posterior import build, memory
from shoal.posterior.coordinates import Density
from shoal.posterior.data import Data
from shoal.posterior.folding import loading_slots
from shoal.posterior.hyper import to_unconstrained
from shoal.posterior.laplace import FROZEN
from shoal.posterior.layout import pairs
from shoal.posterior.numbers import data_of
from shoal.posterior.plan import Plan, Work, choose
from shoal.posterior.structure import Structure
from shoal.priors import middle


@dataclass(frozen=True)
class Posterior:
    """Log density of a model, with the plan to sample it.

    Attributes
    ----------
    model : Specification
    plan : Plan
    density : Density
        Static; the same for models of the same shape.
    data : Data
        Arguments of the density.
    """

    model: Specification
    plan: Plan
    density: Density
    data: Data

    @property
    def structure(self) -> Structure:
        """Static part of the density."""
        return self.density.structure

    @property
    def scout(self) -> Density | None:
        """The density whose marginal is explored before sampling, with enough Newton steps to be Laplace's.

        None where everything is quadratic, or nothing is explored.
        """
        frozen = self.plan.refinements == FROZEN
        if not self.plan.fits_marginal or (self.structure.quadratic and not frozen):
            return None
        if self.structure.quadratic:
            return replace(self.density, refinements=0)
        steps = max(r.family.newton_steps for r in self.structure.responses)
        return replace(self.density, refinements=min(steps, 3) if frozen else steps + 1)

    def start(self) -> np.ndarray:
        """Return a theta at each prior's middle, (n_theta,): where the search for the mode begins."""
        priors = build.scalar_priors(self.model)
        free = [priors[slot.name] for slot in self.structure.slots]
        start = np.array([to_unconstrained(prior, middle(prior)) for prior in free])
        for slot in loading_slots(self.structure):
            start[slot] = np.quantile(free[slot].draw(np.random.default_rng(0), 501), 0.84)
        return start

    def with_responses(self, *ys: np.ndarray) -> Posterior:
        """Return the posterior of the same model given other responses; compiles nothing."""
        return self.given(self.model.with_responses(*ys))

    def given(self, model: Specification) -> Posterior:
        """Return the posterior of a model of the same structure, with other numbers; compiles nothing."""
        return replace(self, model=model, data=data_of(model, self.structure, self.plan.integrate))


def posterior_of(model: Specification, coordinates: str = "auto", sampler: str = "auto") -> Posterior:
    """Return the posterior of `model` in the coordinates asked for.

    Raises
    ------
    ModelError
        Unknown coordinates or sampler, or products of levels that the machine's memory cannot hold.
    """
    structure, work = build.structure_of(model), _work(model)
    memory.check(structure, work)
    plan = choose(structure, work, coordinates, sampler)
    data = data_of(model, structure, plan.integrate)
    return Posterior(model, plan, Density(structure, plan.coordinates, plan.refinements), data)


def _work(model: Specification) -> Work:
    rows = sum(len(merge(design).first) for design in model.designs)
    observations = float(sum(design.row_weight.sum() for design in model.designs))
    return Work(rows, observations, pairs(model))
