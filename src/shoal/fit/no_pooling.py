"""Each level's coefficients from its own rows alone: what pooling is compared with."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from shoal.errors import SamplingError
from shoal.model.design import Design, Group
from shoal.model.terms.units import location_of

STEPS = 1000
WIDE = 3.0  # at three times the learned sd, a prior pulls a ninth as hard as pooling does


class NoPooling(NamedTuple):
    """Estimates without pooling: `mean`, `sd` (G, K), `at_edge` (G,), `prior_sd` (K,)."""

    mean: np.ndarray
    sd: np.ndarray
    at_edge: np.ndarray
    prior_sd: np.ndarray


def is_told_alone(design: Design, group: Group) -> bool:
    """Return whether a level's effects can be estimated here from its rows, which tell of nothing else."""
    return not (design.stays or group.shared or design.residuals is not None or design.parameter)


def estimates(
    design: Design,
    group: Group,
    phi: dict[str, Any],
    rest: np.ndarray,
    population: np.ndarray,
    learned: np.ndarray,
) -> NoPooling:
    """Return the posterior mode and sd of each level's coefficients under a wide, fixed prior.

    The prior is normal with the sd of `wide_sds` at average columns, the same for every level; centred at the
    response's location for an Intercept with a population Intercept beside it, else at 0. All other
    parameters are held at the values given.

    Parameters
    ----------
    phi : dict
        The family's parameters.
    rest : (N,) array
        Linear predictor less this group's effects.
    population : (K,) array
        Population coefficient of each effect, 0 where it has none; part of the estimate, so taken out of
        `rest`.
    learned : (K,) array
        Standard deviation that was learned for each effect, at average columns.

    Returns
    -------
    NoPooling
        Of NaN where `is_told_alone` says so.
    """
    prior_sd = wide_sds(design, group, learned)
    if not is_told_alone(design, group):
        unknown = np.full((len(group.labels), len(group.effects)), np.nan)
        return NoPooling(unknown, unknown, np.zeros(len(group.labels), bool), prior_sd)
    location = location_of(design)
    matched = design.matched(group)
    pairs = zip(group.effects, matched, strict=True)
    center = np.array([location if e == "Intercept" and column >= 0 else 0.0 for e, column in pairs])
    at = group.to_average
    prior = at.T @ np.diag(prior_sd**-2.0) @ at
    mean, precision = _modes(design, group, phi, rest - group.z @ population, center, prior)
    sd = np.sqrt(np.diagonal(np.linalg.inv(precision), axis1=1, axis2=2))
    return NoPooling(mean, sd, _at_edge(design, group), prior_sd)


def wide_sds(design: Design, group: Group, learned: np.ndarray) -> np.ndarray:
    """Return an sd for each effect that hardly pulls, (K,): `WIDE` times the learned one, or more.

    More where the family's own no-pooling sd, per unit of the effect's column, is wider.
    """
    return np.maximum(
        design.family.no_pooling_sd(design.counting.rows) / design.effect_spreads(group), WIDE * learned
    )


def _modes(
    design: Design,
    group: Group,
    phi: dict[str, Any],
    rest: np.ndarray,
    center: np.ndarray,
    prior: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Newton's method for all levels at once, each (K, K) system on its own, long steps shortened."""
    rows, z, levels = design.rows, group.z, len(group.labels)
    mean = np.tile(center, (levels, 1))
    widest = np.sqrt(np.diagonal(np.linalg.inv(prior)).max())
    precision = np.broadcast_to(prior, (levels, *prior.shape))
    for count in range(STEPS):
        eta = rest + (z * group.of_rows(mean)).sum(1)
        found = design.family.evaluate(rows, eta, phi, order=2)
        gradient = _by_level(group, z * found.score[:, None]) - (mean - center) @ prior
        precision = prior + _by_level(group, found.curvature[:, None, None] * z[:, :, None] * z[:, None, :])
        step = np.linalg.solve(precision, gradient[..., None])[..., 0]
        if not design.family.linear_gaussian:
            step /= np.sqrt(1 + (step**2).sum(1, keepdims=True) / (3 * widest) ** 2)
        # Expected curvature may be less than half of the observed one (Student-t rows of few degrees of
        # freedom): whole steps would go to and fro.
        step *= 1.0 if count < 50 else 0.5 if count < 200 else 0.25
        mean = mean + step
        if np.sqrt(((step @ prior) * step).sum(-1)).max() < 1e-9:
            return mean, precision
    raise SamplingError(
        "no-pooling-unsettled", f"The no-pooling estimates of {group.name} did not settle in {STEPS} steps."
    )


def _by_level(group: Group, values: np.ndarray) -> np.ndarray:
    out = np.zeros((len(group.labels), *values.shape[1:]))
    row, level, _ = group.entries
    np.add.at(out, level, values[row])
    return out


def _at_edge(design: Design, group: Group) -> np.ndarray:
    row, level, _ = group.entries
    there = design.rows.weight[row] > 0
    row, level, size = row[there], level[there], len(group.labels)
    counts = np.bincount(level, minlength=size)
    low, high = (np.bincount(level, np.asarray(end)[row], size) == counts for end in design.edges)
    return (counts > 0) & (low | high)
