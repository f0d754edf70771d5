"""Variants of a model that the lab compares: other priors, and coordinates that mean something for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from shoal.design import Group
from shoal.errors import listing
from shoal.model import Specification
from shoal.priors import Normal, Prior, Shrunk
from shoal.resolve import resolve


def with_priors(model: Specification, changes: Mapping[str, Prior]) -> Specification:
    """Return `model` with some of its priors changed; the others stay as they were resolved.

    Parameters
    ----------
    changes : mapping
        From names of parameters, or of several (``"b"``, ``"sd"``), to priors.

    Raises
    ------
    PriorError
        A name that fits no parameter, or a support that does not.
    """
    resolved = resolve(model.designs, changes)
    priors = {**model.priors, **{name: p for name, p in resolved.items() if not p.default}}
    for design in model.designs:
        # A shrinkage prior of all slopes has gone if none of them refers to it any more.
        if not any(isinstance(priors[name].prior, Shrunk) for name in design.columns):
            priors.pop(design.prefix + "b", None)
    return replace(model, priors=priors)


def not_applicable(model: Specification, coordinates: str) -> str:
    """Return why `coordinates` would be no coordinates of their own for a model; empty if they are."""
    if coordinates not in ("centered", "zero_sum"):
        return ""
    if not model.group_effects:
        return "the model has no effects of levels"
    if not model.groups:
        return "latents are standard normal as they are"
    if coordinates == "centered":
        return ""
    reasons = [_mean_stays(model, group) for group in model.groups]
    return "" if "" in reasons else listing(dict.fromkeys(reasons))


def _mean_stays(model: Specification, group: Group) -> str:
    """Return why the mean over the levels of `group` cannot replace a population coefficient, else nothing.

    The reasons are those of `coordinates.Density`: the mean moves into a coefficient that is normal given the
    hyperparameters.
    """
    name = group.prefix + group.name
    if group.zero_sum:
        return f"the effects of {name} sum to zero in the model itself"
    if group.root is not None:
        return f"the levels of {name} have a known covariance"
    design = model.design_of(group)
    columns = [design.columns[c] for c in design.matched(group) if c >= 0]
    if not columns:
        return f"no population coefficient stands for the mean of the effects of {name}"
    if not any(isinstance(model.priors[c].prior, Normal) for c in columns):
        return f"{listing(columns)} is fixed, or its prior is not normal"
    return ""
