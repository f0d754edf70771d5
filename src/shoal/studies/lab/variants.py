"""Coordinates that mean something for a model, and those that do not."""

from __future__ import annotations

from shoal.errors import listing
from shoal.model import Specification
from shoal.model.design import Group
from shoal.priors import Normal


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
