"""What the experiments share: how their fits are made, and what they leave out."""

from __future__ import annotations

import math
import os
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from shoal.api import Fit, Model
from shoal.engine.settings import Settings
from shoal.errors import ModelError
from shoal.estimands import effect_of, group_of, one_level
from shoal.fit.results import Results
from shoal.model import Specification
from shoal.model.design import Design, Group
from shoal.priors import Fixed
from shoal.scores.loo.units import ROW, TRIAL


def check_model(model: Any) -> Model:
    """Raise unless `model` is a `Model`, as it was first written."""
    if not isinstance(model, Model):
        raise ModelError("not-a-model", f"The model is of type {type(model).__name__}.", "An sl.Model.")
    if model.specification.pooling != "partial":
        raise ModelError(
            "pooled-variant",
            f"This model was made with pooling {model.specification.pooling!r}.",
            "The model as it was first written.",
        )
    return model


def settings_for(draws: int, chains: int, seed: int, cores: int | None) -> Settings:
    """Return the settings of all fits of an experiment."""
    return Settings(draws, chains, seed=seed, cores=os.cpu_count() or 1 if cores is None else cores)


def fitted(model: Model, settings: Settings, progress: bool | None) -> Fit:
    """Fit a model."""
    s = settings
    return model.fit(s.draws, s.chains, s.seed, cores=s.cores, progress=progress)


class Between(NamedTuple):
    """One effect of a grouping factor, and the standard deviation between its levels.

    Attributes
    ----------
    design : Design
        The response that the effect belongs to.
    group : Group
    k : int
        Which of the group's effects.
    """

    design: Design
    group: Group
    k: int

    @property
    def effect(self) -> str:
        """The effect's name."""
        return self.group.effects[self.k]

    @property
    def sd(self) -> str:
        """The standard deviation, as its prior is called."""
        return f"{self.group.sd}[{self.effect}]"


def between(model: Specification, group: str | None, effect: str | None) -> Between:
    """Return the effect that is meant, before anything is fitted.

    Raises
    ------
    ModelError
        Unknown names, several that fit, or levels that share rows.
    """
    design, found = group_of(Results(model, xr.DataTree()), group)
    one_level(found)
    return Between(design, found, effect_of(found, effect))


def learned_sd(model: Specification, group: str | None, effect: str | None) -> Between:
    """Return the effect that is meant, whose standard deviation is to have a prior.

    Raises
    ------
    ModelError
        Unknown names, or a standard deviation that is fixed.
    """
    found = between(model, group, effect)
    prior = model.priors[found.sd].prior
    if isinstance(prior, Fixed):
        raise ModelError(
            "sd-fixed",
            f"{found.sd} is fixed: {prior}.",
            "A prior, to learn it.",
            f"priors={{{found.sd!r}: …}}.",
        )
    return found


def rows_or_trials(model: Specification) -> str:
    """Return the unit that stands for one observation: a trial, of binomial rows.

    Where a factor or a column is called so, that name is its own, and rows are what there is.
    """
    single = len(model.designs) == 1 and model.designs[0].family.independent_trials
    taken = TRIAL in model.factors or TRIAL in model.table.frame
    return TRIAL if single and not taken else ROW


def sd_draws(fit: Fit, name: str) -> np.ndarray:
    """Return draws of a standard deviation, called as a prior is, (S,)."""
    variable, effect = name[:-1].split("[", 1)
    draws = fit.results.posterior[variable]
    return draws.sel({draws.dims[-1]: effect}).values.ravel().astype(float)


def is_number(value: Any) -> bool:
    """Whether something is a finite real number, and no truth value."""
    number = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    return number and math.isfinite(float(value))
