"""A posterior ready to be evaluated and sampled."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from shoal.model import Specification
from shoal.posterior import build
from shoal.posterior.coordinates import Density
from shoal.posterior.plan import Plan, choose
from shoal.posterior.structure import Data, Structure, to_unconstrained
from shoal.priors import Prior


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

    def start(self) -> np.ndarray:
        """Return a theta at each prior's middle, (n_theta,): where the search for the mode begins."""
        priors = build.scalar_priors(self.model)
        free = [priors[slot.name] for slot in self.structure.slots]
        return np.array([to_unconstrained(prior, _middle(prior)) for prior in free])

    def with_response(self, y: np.ndarray) -> Posterior:
        """Return the posterior of the same model given other responses; compiles nothing."""
        model = self.model.with_design(self.model.design.with_response(y))
        return replace(self, model=model, data=build.data_of(model, self.structure, self.plan.integrate))


def _middle(prior: Prior) -> float:
    """Return about the median of a prior."""
    if prior.support == "correlation":
        return 0.0
    return float(np.median(prior.draw(np.random.default_rng(0), 501)))


def posterior_of(model: Specification, coordinates: str = "auto", sampler: str = "auto") -> Posterior:
    """Return the posterior of `model` in the coordinates asked for.

    Raises
    ------
    ModelError
        Unknown coordinates or sampler.
    """
    structure = build.structure_of(model)
    plan = choose(structure, build.can_integrate(model), coordinates, sampler)
    data = build.data_of(model, structure, plan.integrate)
    return Posterior(model, plan, Density(structure, plan.coordinates), data)
