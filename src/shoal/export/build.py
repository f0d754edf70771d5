"""From a model to a PyMC model: parameters of each response, then its rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from shoal.export import curves, effects
from shoal.export.effects import EffectScale
from shoal.export.names import escaped
from shoal.export.parameters import ascending, folded, scalar
from shoal.export.responses import data, observe
from shoal.fit.results import coords_of
from shoal.model import Specification
from shoal.model.design import Design, Group
from shoal.model.grouping_factors import level_dim, safe
from shoal.model.terms.coefficients import Coefficients
from shoal.model.terms.latents import SharedLatent
from shoal.model.thresholds import NEVER
from shoal.priors import Fixed, Normal, Prior, StudentT

Values = dict[str, Any]

INVERSES = {"log": pt.exp, "logit": pt.sigmoid, "identity": pt.as_tensor}  # of links of parameters


def build(model: Specification, coordinates: str) -> pm.Model:
    """Return `model` as a PyMC model; see `shoal.export.to_pymc`."""
    model = escaped(model)
    with pm.Model(coords=_coords(model)) as out:
        values = _latents(model)
        for part in model.parts:
            values |= _parameters(model, part, coordinates, values) | curves.variables(model, part)
        for design in model.designs:
            eta = _linear_predictor(model, design, values)
            phi = {name: values[design.prefix + name] for name in design.scalars}
            for part in () if design.family.specific else design.predictors:
                phi[part.parameter] = INVERSES[part.family.link](_linear_predictor(model, part, values))
            if design.family.ordinal:
                phi["cutpoints"] = _of_rows(model, design, values)
            observe(_response_name(design, out), design, eta, phi)
    return out


def _coords(model: Specification) -> dict[str, Any]:
    coords: dict[str, Any] = {"row": np.arange(model.designs[0].n_rows), **coords_of(model.variables)}
    for group in model.groups:
        if group.correlated:
            coords[effects.pairs_dim(group)] = effects.pairs(group)
    for design in model.designs:
        coords |= {dim: list(design.categories) for dim in design.category_dims}
    for design in model.parts:
        if len(design.columns):
            coords[f"{design.prefix}data_column"] = list(design.columns)
    return coords


def _response_name(design: Design, out: pm.Model) -> str:
    """Return the response's own name, or one beside it if a parameter is called so."""
    name = safe(design.formula.response.value.text)
    return f"{name}_observed" if name in out.named_vars or name in out.coords else name


def _latents(model: Specification) -> Values:
    """Return latents and their loadings; the first loading is positive if the sign says nothing."""
    values: Values = {}
    for term in (term for term in model.terms if isinstance(term, SharedLatent)):
        for number, (name, prior) in enumerate(term.hyperparameters().items()):
            declare = folded if term.foldable and number == 0 else scalar
            values[name] = declare(name, prior)
        values[term.name] = pm.Normal(term.name, 0.0, 1.0, dims=level_dim(term.one.factor))
    return values


def _parameters(model: Specification, design: Design, coordinates: str, before: Values) -> Values:
    """Return the variables of one linear predictor, but for those of `before`."""
    groups = [group for group in design.groups if group.r not in before]
    scales = {group.r: effects.scale_of(model, group) for group in groups}
    means, shift = _means(design, scales) if coordinates == "zero_sum" else ({}, {})
    values = _coefficients(model, design, shift)
    for group in groups:
        scale = scales[group.r]
        if coordinates == "centered" and group.root is None:
            population = _population(design, group, values)
            values[group.r] = effects.centered(group, scale, population)
        else:
            values[group.r] = effects.standardized(group, scale, means.get(group.r))
    for variable in model.variables:
        if variable.kind == "family" and variable.prefix == design.prefix:
            values[variable.name] = scalar(variable.name, model.priors[variable.name].prior)
    if design.family.ordinal:
        values[design.cutpoints] = _cutpoints(model, design, values)
    return values


def _means(design: Design, scales: Mapping[str, EffectScale]) -> tuple[Values, Values]:
    """Return the standardised means over levels, by group, and what they add to each coefficient."""
    means: Values = {}
    shift: Values = {}
    for group in (group for group in design.groups if group.r in scales and effects.splits(group)):
        means[group.r], added = effects.mean_over_levels(group, scales[group.r])
        for k, column in enumerate(design.matched(group)):
            if column >= 0:
                name = design.columns[column]
                shift[name] = shift.get(name, 0.0) + added[k]
    return means, shift


def _coefficients(model: Specification, design: Design, shift: Values) -> Values:
    """Return the population coefficients.

    A default Intercept prior speaks of the linear predictor at average columns: the Intercept is that value
    less the averages times their coefficients. A coefficient with a `shift`, the mean of the levels' effects,
    is sampled as their sum.
    """
    averages = dict(zip(design.columns, design.averages, strict=True))
    given = {name: model.priors[name] for name in design.columns}
    values = _jointly(model, design, shift)
    alone = {name: p.prior for name, p in given.items() if not p.centered and not p.joint}
    values |= {name: _shifted(name, prior, shift.get(name)) for name, prior in alone.items()}
    others = {name: averages[name] for name in values if averages[name] != 0}
    for name, resolved in given.items():
        if resolved.centered:
            moves = [a * shift[other] for other, a in {name: 1.0, **others}.items() if other in shift]
            own = f"{name}_at_average" if others else name
            value = _shifted(own, resolved.prior, sum(moves) if moves else None)
            less = sum(a * values[other] for other, a in others.items())
            values[name] = pm.Deterministic(name, value - less) if others else value
    return values


def _jointly(model: Specification, design: Design, shift: Values) -> Values:
    """Return the coefficients whose priors are one joint normal."""
    terms = (term for term in model.terms if isinstance(term, Coefficients))
    joint, mean, root = next(term for term in terms if term.design is design).joint()
    if not joint:
        return {}
    names = [design.columns[i] for i in joint]
    moves = pt.stack([pt.as_tensor(shift.get(name, 0.0)) for name in names])
    own = (
        f"{design.prefix}b_of_levels" if any(name in shift for name in names) else f"{design.prefix}b_jointly"
    )
    drawn = pm.MvNormal(own, mu=mean + moves, chol=root) - moves
    return {name: pm.Deterministic(name, drawn[i]) for i, name in enumerate(names)}


def _shifted(name: str, prior: Prior, shift: Any) -> Any:
    """Return the variable `name`, sampled with `shift` added to it unless that is None."""
    if shift is None or isinstance(prior, Fixed):
        return scalar(name, prior)
    return pm.Deterministic(name, scalar(f"{name}_of_levels", prior, shift) - shift)


def _population(design: Design, group: Group, values: Values) -> dict[int, Any] | None:
    """Return the coefficients of the same columns, by effect, for the factor with most effects."""
    if group is not max(design.groups, key=_size) or group.sections:
        return None
    matched = enumerate(design.matched(group))
    return {k: values[design.columns[column]] for k, column in matched if column >= 0}


def _size(group: Group) -> int:
    return len(group.labels) * len(group.effects)


def _cutpoints(model: Specification, design: Design, values: Values) -> Any:
    """Return the cutpoints of all rows, (C,), or of all items, (G, C), each item's a variable of its own."""
    sets, dim = design.thresholds, f"{design.prefix}cutpoint"
    assert sets is not None
    if sets.labels is None:
        return _set_of_cutpoints(model, design, values, design.cutpoints, sets.counts[0], dim)
    most, rows = max(sets.counts), []
    for name, count in design.cutpoint_sets.items():
        own = _set_of_cutpoints(model, design, values, name, count, None)
        rows.append(pt.concatenate([own, np.full(most - count, NEVER)]))
    return pm.Deterministic(design.cutpoints, pt.stack(rows), dims=(level_dim(sets.column), dim))


def _set_of_cutpoints(
    model: Specification, design: Design, values: Values, name: str, count: int, dim: str | None
) -> Any:
    """Return independent cutpoints, ordered where the family asks; default ones at average columns."""
    prior = model.priors[name].prior
    assert isinstance(prior, Normal | StudentT)
    nu = prior.nu if isinstance(prior, StudentT) else np.inf
    mu: Any = np.full(count, prior.mu)
    if model.priors[name].centered:
        pairs = zip(design.columns, design.averages, strict=True)
        mu = mu + sum((mean * values[own] for own, mean in pairs), 0.0)
    if design.family.ordered_cutpoints:
        return ascending(name, nu, mu, prior.sigma, dim)
    if np.isfinite(nu):
        return pm.StudentT(name, nu=nu, mu=mu, sigma=prior.sigma, dims=dim)
    return pm.Normal(name, mu, prior.sigma, dims=dim)


def _of_rows(model: Specification, design: Design, values: Values) -> Any:
    """Return the cutpoints that rows share, (C,), or each row's, (N, C), less what is category-specific."""
    sets, cutpoints = design.thresholds, values[design.cutpoints]
    assert sets is not None
    if sets.labels is not None:
        cutpoints = cutpoints[data(design, f"item_{sets.column}", sets.index)]
    if not design.family.specific:
        return cutpoints
    added = [_linear_predictor(model, part, values) for part in design.predictors]
    return cutpoints - pt.stack(added, axis=1)


def _linear_predictor(model: Specification, design: Design, values: Values) -> Any:
    eta: Any = data(design, "offset", design.offset) if design.offset.any() else pt.zeros(design.n_rows)
    if len(design.columns):
        x = data(design, "columns", design.x, f"{design.prefix}data_column")
        eta = eta + x @ pt.stack([values[name] for name in design.columns])
    for group in design.groups:
        member = () if group.weight is None else (f"{design.prefix}data_member_{group.name}",)
        own = values[group.r][data(design, f"level_{group.name}", group.index, *member)]
        if group.weight is not None:
            weight = data(design, f"weight_{group.name}", group.weight, *member)
            own = (own * weight[:, :, None]).sum(axis=1)
        z = data(design, f"z_{group.name}", group.z, group.dim)
        eta = eta + (own * z).sum(axis=1)
    for latent in design.latents:
        level = data(design, f"level_latent_{latent.name}", latent.index)
        eta = eta + values[latent.loading] * values[f"latent_{latent.name}"][level]
    return sum(curves.predictors(model, design, values), eta)
