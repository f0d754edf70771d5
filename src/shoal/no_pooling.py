"""Each level's coefficients from its own rows alone: what pooling is compared with."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from shoal.design import Group
from shoal.errors import SamplingError
from shoal.families import Rows
from shoal.model import Specification
from shoal.sample.programs import double

STEPS = 100


class Alone(NamedTuple):
    """Estimates without pooling: `mean`, `sd` (G, K), `at_edge` (G,), `prior_sd` (K,)."""

    mean: np.ndarray
    sd: np.ndarray
    at_edge: np.ndarray
    prior_sd: np.ndarray


def estimates(
    model: Specification, phi: dict[str, Any], coefficients: np.ndarray, population: np.ndarray
) -> Alone:
    """Return the posterior mode and sd of each level's coefficients under a wide, fixed prior.

    The prior is normal with the family's no-pooling sd (per unit of the effect's column), the same for every
    level; centred at the response's location for an Intercept, else at 0. Other population coefficients and
    the family's own parameters are held at the values given.

    Parameters
    ----------
    phi : dict
        The family's parameters.
    coefficients : (P,) array
        Population coefficients.
    population : (K,) array
        Population coefficient of each effect, 0 where it has none; part of the estimate, so taken out of the
        rest of the linear predictor.
    """
    design, group = model.design, model.design.group
    assert group is not None
    prior_sd = model.family.no_pooling_sd(design.rows) / design.effect_spreads
    location = model.family.scale(design.rows)[0] - float(np.average(design.offset))
    center = np.array([location if effect == "Intercept" else 0.0 for effect in group.effects])
    rest = design.offset + design.x @ coefficients - group.z @ population
    mean, precision = _modes(model, group, phi, rest, center, prior_sd)
    sd = np.sqrt(np.diagonal(np.linalg.inv(precision), axis1=1, axis2=2))
    return Alone(mean, sd, _at_edge(model, group), prior_sd)


def _modes(
    model: Specification,
    group: Group,
    phi: dict[str, Any],
    rest: np.ndarray,
    center: np.ndarray,
    prior_sd: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Newton's method for all levels at once, each (K, K) system on its own, long steps shortened."""
    rows, z, levels = model.design.rows, group.z, len(group.labels)
    mean = np.tile(center, (levels, 1))
    prior = np.diag(prior_sd**-2.0)
    precision = np.broadcast_to(prior, (levels, *prior.shape))
    for _ in range(STEPS):
        eta = rest + (z * mean[group.index]).sum(1)
        with double():
            score, curvature = map(np.asarray, model.family.score_curvature(rows, eta, phi))
        gradient = _by_level(group, z * score[:, None]) - (mean - center) @ prior
        precision = prior + _by_level(group, curvature[:, None, None] * z[:, :, None] * z[:, None, :])
        step = np.linalg.solve(precision, gradient[..., None])[..., 0]
        if not model.family.linear_gaussian:
            step /= np.sqrt(1 + (step**2).sum(1, keepdims=True) / (3 * prior_sd.max()) ** 2)
        mean = mean + step
        if np.abs(step / prior_sd).max() < 1e-9:
            return mean, precision
    raise SamplingError(f"The no-pooling estimates of {group.name} did not settle in {STEPS} steps.")


def _by_level(group: Group, values: np.ndarray) -> np.ndarray:
    out = np.zeros((len(group.labels), *values.shape[1:]))
    np.add.at(out, group.index, values)
    return out


def _at_edge(model: Specification, group: Group) -> np.ndarray:
    rows: Rows = model.design.rows
    low, high = model.family.edges(rows)
    counts = group.counts
    return (np.bincount(group.index, low) == counts) | (np.bincount(group.index, high) == counts)
