"""The parameters of a group's effects: their names, their default priors, and effects drawn given them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from shoal.model.covariance import partial_positions
from shoal.model.design import Design, Group
from shoal.model.grouping_factors import INTERCEPT
from shoal.model.terms.term import Draws
from shoal.model.terms.units import scale_of, wider
from shoal.model.terms.variable import Default
from shoal.priors import LKJ, Exponential, Gamma


def sd_names(group: Group) -> tuple[str, ...]:
    """Return the names of the standard deviations of a group's effects."""
    return tuple(f"{group.sd}[{effect}]" for effect in group.effects)


def partial_name(group: Group, i: int, j: int) -> str:
    """Return the name of the partial correlation of two of a group's effects."""
    return f"partial:{group.r}:{group.effects[i]},{group.effects[j]}"


def partial_names(group: Group) -> list[str]:
    """Return the names of a group's partial correlations, in the order of `covariance.partial_positions`."""
    return [partial_name(group, i, j) for i, j, *_ in partial_positions(group.blocks)]


def sd_defaults(design: Design, group: Group) -> Iterator[Default]:
    """Yield the default priors of sds of effects on one predictor: that of an Intercept at average columns.

    Of slopes that an Intercept is independent of, the model itself says where they are zero: there the prior
    of its sd is as wide as theirs.
    """
    unit, names = scale_of(design), (group.sd, *wider(design, "sd"))
    spreads = _spreads(design, group)
    away = group.averages / spreads
    moved = (group.to_average != np.eye(len(group.effects))).any(axis=1)
    for block in [group.own] if group.sections else group.blocks:
        outside = np.delete(away, block) if not group.sections else np.zeros(0)
        for k in block:
            wide = math.hypot(1.0, *outside) if group.own_terms[k] == INTERCEPT else 1.0
            prior = Exponential(float(spreads[k]) / (wide * unit))
            yield Default(sd_names(group)[k], prior, names, centered=bool(moved[k]))


def _spreads(design: Design, group: Group) -> np.ndarray:
    """Return the scale of each effect's column, (K,); 1 for the cells of a factor, which are intercepts."""
    spreads = design.effect_spreads(group)
    for block in map(list, [group.own] if group.sections else group.blocks):
        z = group.z[:, block]
        if np.isin(z, (0.0, 1.0)).all() and (z.sum(axis=1) == 1).all():
            spreads[block] = 1.0
    return spreads


def correlation_defaults(design: Design, group: Group) -> Iterator[Default]:
    """Yield the default priors of correlations."""
    yield Default(group.cor, LKJ(2.0), wider(design, "cor"))


def degrees_defaults(group: Group) -> Iterator[Default]:
    """Yield the default priors of degrees of freedom."""
    yield Default(group.nu, Gamma(2.0, 0.1))


def effects_given(group: Group, draws: Draws, rng: np.random.Generator) -> np.ndarray:
    """Return (S, G, K) effects given their standard deviations and correlations.

    Zero-sum effects are independent normal effects conditioned on their sums: for exchangeable levels, the
    effects less their mean over the levels (Rue and Held 2005, Gaussian Markov Random Fields, section 2.3.3).
    """
    sd, correlation = draws[group.sd], draws.get(group.cor)
    r = rng.normal(size=(len(sd), len(group.labels), len(group.effects)))
    if correlation is not None:
        r = r @ np.swapaxes(np.linalg.cholesky(correlation), -1, -2)
    r *= sd[:, None, :]
    if group.student:
        nu = draws[group.nu][:, None]
        for block in group.blocks:  # effects of a block share their stretch: a multivariate t
            stretch = np.sqrt(nu / rng.chisquare(nu, size=r.shape[:2]))
            r[..., list(block)] *= stretch[..., None]
    if group.root is not None:
        r = np.einsum("gh,shk->sgk", group.root, r)
    return r - r.mean(1, keepdims=True) if group.zero_sum else r


def moved(group: Group, turned: np.ndarray, draws: Draws) -> dict[str, np.ndarray]:
    """Return sds, correlations and, if they are there, effects: of effects multiplied by a (K, K) matrix."""
    if (turned == np.eye(len(turned))).all():
        return {}
    sd, out = draws[group.sd], dict[str, np.ndarray]()
    correlation = draws.get(group.cor, np.eye(len(turned)))  # none between effects that are independent
    covariance = turned @ (correlation * sd[..., :, None] * sd[..., None, :]) @ turned.T
    covariance = (covariance + np.swapaxes(covariance, -1, -2)) / 2
    out[group.sd] = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    if group.cor in draws:
        out[group.cor] = covariance / (out[group.sd][..., :, None] * out[group.sd][..., None, :])
        out[group.cor][..., range(len(turned)), range(len(turned))] = 1.0  # but for rounding, it is
    if group.r in draws:
        out[group.r] = draws[group.r] @ turned.T.astype(draws[group.r].dtype)
    return out


def levels_of_row(group: Group) -> tuple[str, ...]:
    """Return what names the level of a row: the factor, or each of the columns of a membership."""
    return group.columns if group.membership else (":".join(group.columns),)


def in_a_row(group: Group) -> str:
    """Return the effect of a row that belongs to several levels, or to none, in words."""
    if group.by is not None:
        return f"0 in rows of another {group.by.column} than {group.by.category}"
    assert group.membership is not None
    weights = group.membership.weights
    if not weights:
        return "mean over the row's levels"
    named = ", ".join(weight.text for weight in weights)
    of = f"over the row's levels, weighted by {named}"
    return f"mean {of}" if group.membership.scale else f"sum {of}"


def equations_of(group: Group) -> list[str]:
    """Return the distribution of a level's effects, as it is printed."""
    name, lines = group.name, []
    kind = f"StudentT({group.nu}, " if group.student else "Normal("
    for block in group.blocks:
        if len(block) == 1:
            effect = group.effects[block[0]]
            lines.append(f"{group.r}[g][{effect}] ~ {kind}0, {group.sd}[{effect}])")
        else:
            inside = ", ".join(group.effects[i] for i in block)
            lines.append(f"{group.r}[g][{inside}] ~ Multi{kind}0, D {group.cor} D), D = diag({group.sd})")
    if group.zero_sum:
        lines.append(f"sum over {name} of each effect = 0: the population part is the mean of these levels")
    if group.weight is not None:
        lines.append(f"{group.r}[{', '.join(f'{c}[i]' for c in levels_of_row(group))}] = {in_a_row(group)}")
    if group.root is not None:
        lines.append(f"levels of {name} have the known covariance given, times these variances")
    return lines
