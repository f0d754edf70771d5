"""Group effects as PyMC variables, in the coordinates asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from shoal.export.parameters import scalar, vector
from shoal.model import Specification, covariance
from shoal.model.design import Group
from shoal.model.terms.group_parameters import sd_names
from shoal.priors import LKJ


@dataclass(frozen=True)
class EffectScale:
    """How the effects of a group vary.

    Attributes
    ----------
    sd : (K,) tensor
    lower : (K, K) tensor or None
        Λ, with ``Λ Λ'`` the covariance of a level's effects; None if they are independent.
    nu : tensor or None
        Degrees of freedom of Student-t effects.
    moved : bool
        Λ is that of effects at average columns, moved to zero: no longer triangular.
    """

    sd: Any
    lower: Any
    nu: Any
    moved: bool = False

    def apply(self, z: Any) -> Any:
        """Return the effects (..., K) of standardised effects `z`."""
        return z * self.sd if self.lower is None else z @ self.lower.T

    @property
    def root(self) -> Any:
        """The lower-triangular root of ``Λ Λ'``, diagonal if the effects are independent."""
        if self.moved:
            return pt.linalg.cholesky(self.lower @ self.lower.T)
        return pt.diag(self.sd) if self.lower is None else self.lower


def scale_of(model: Specification, group: Group) -> EffectScale:
    """Return the standard deviations, correlations and degrees of freedom of a group, as variables.

    Where their priors speak of effects at average columns, what is sampled is called ``…_at_average``.
    """
    names, nu = sd_names(group), None
    at_average = any(model.priors[name].centered for name in names)
    suffix = "_at_average" if at_average else ""
    sd = vector(group.sd + suffix, group.effects, [model.priors[name].prior for name in names], group.dim)
    lower = sd[:, None] * _correlated(model, group, suffix) if group.correlated else None
    if group.student:
        nu = scalar(group.nu, model.priors[group.nu].prior)
    if at_average:
        lower = pt.constant(np.linalg.inv(group.to_average)) @ lower
        squares = lower @ lower.T
        sd = pm.Deterministic(group.sd, pt.sqrt(pt.diag(squares)), dims=group.dim)
        _report(group, squares / pt.outer(sd, sd))
    return EffectScale(sd, lower, nu, at_average)


def _report(group: Group, correlations: Any) -> None:
    pm.Deterministic(group.cor, correlations, dims=(group.dim, f"{group.dim}_bis"))


def _correlated(model: Specification, group: Group, suffix: str) -> Any:
    """Return the Cholesky factor of the correlations, (K, K), and report them if that is all there is.

    Under LKJ the canonical partial correlations p are independent, (1 + p) / 2 being Beta(a, a), and
    ``L[i, j] = p_ij sqrt(1 - sum_{k<j} L[i, k]^2)`` (Lewandowski, Kurowicka and Joe 2009). `LKJCorr` and
    `LKJCholeskyCov` are not used: what they return, and under which names, depends on the version of PyMC,
    and they know neither blocks of effects nor a prior of its own for each standard deviation.
    """
    prior = model.priors[group.cor].prior
    assert isinstance(prior, LKJ)
    positions = covariance.partial_positions(group.blocks)
    alpha = np.array([prior.partial(size, column).alpha for _, _, size, column in positions])
    half = pm.Beta(f"{group.cor}_half{suffix}", alpha=alpha, beta=alpha, dims=pairs_dim(group))
    size = len(group.effects)
    entries: list[list[Any]] = [[pt.constant(0.0)] * size for _ in range(size)]
    left: list[Any] = [pt.constant(1.0)] * size
    for number, (i, j, _, _) in enumerate(positions):  # row by row, columns ascending
        entries[i][j] = (2 * half[number] - 1) * pt.sqrt(left[i])
        left[i] = left[i] - entries[i][j] ** 2
    for i in range(size):
        entries[i][i] = pt.sqrt(left[i])
    lower = pt.stacklists(entries)
    if not suffix:
        _report(group, lower @ lower.T)
    return lower


def pairs_dim(group: Group) -> str:
    """Return the dimension of a group's partial correlations."""
    return f"{group.dim}_pair"


def pairs(group: Group) -> list[str]:
    """Return the labels of a group's partial correlations."""
    positions = covariance.partial_positions(group.blocks)
    return [f"{group.effects[i]}|{group.effects[j]}" for i, j, *_ in positions]


def splits(group: Group) -> bool:
    """Say whether ``"zero_sum"`` coordinates take the effects of `group` apart."""
    return not (group.zero_sum or group.student or group.root is not None or group.sections)


def mean_over_levels(group: Group, scale: EffectScale) -> tuple[Any, Any]:
    """Return the mean of standardised effects over the levels, (K,), and what it is in effects.

    The mean of G standard normal effects is Normal(0, 1 / sqrt(G)), independent of the deviations from it.
    """
    z = pm.Normal(f"{group.r}_mean_z", 0.0, 1.0, dims=group.dim) / np.sqrt(len(group.labels))
    return z, scale.apply(z)


def standardized(group: Group, scale: EffectScale, mean: Any = None) -> Any:
    """Return the effects of a group, (G, K), from standardised ones.

    Parameters
    ----------
    mean : (K,) tensor, optional
        Mean of the standardised effects over the levels, sampled apart.
    """
    z = _standard(group, scale, mean is not None)
    r = scale.apply(z if mean is None else mean + z)
    if group.root is not None:
        r = pt.constant(group.root) @ r
    return pm.Deterministic(group.r, r, dims=(group.levels_dim, group.dim))


def _standard(group: Group, scale: EffectScale, apart: bool) -> Any:
    name, dims = f"{group.r}_z", (group.levels_dim, group.dim)
    if apart or group.zero_sum:
        return pm.ZeroSumNormal(name, sigma=1.0, dims=(group.dim, group.levels_dim)).T
    if not group.student:
        return pm.Normal(name, 0.0, 1.0, dims=dims)
    return _student(group, scale.nu, name, pt.eye(len(group.effects)), pt.zeros(len(group.effects)))


def _student(group: Group, nu: Any, name: str, lower: Any, mean: Any) -> Any:
    """Return Student-t effects (G, K), those of a block together multivariate."""
    dims = (group.levels_dim, group.dim)
    if not group.correlated:
        return pm.StudentT(name, nu=nu, mu=mean, sigma=pt.diag(lower), dims=dims)
    if len(group.blocks) == 1:
        return pm.MvStudentT(name, nu=nu, mu=mean, chol=lower, dims=dims)
    columns: dict[int, Any] = {}
    for number, block in enumerate(group.blocks, 1):
        own = list(block)
        shape = (len(group.labels), len(own))
        part = pm.MvStudentT(f"{name}_{number}", nu=nu, mu=mean[own], chol=lower[own][:, own], shape=shape)
        columns |= {k: part[:, position] for position, k in enumerate(own)}
    return pt.stack([columns[k] for k in sorted(columns)], axis=1)


def centered(group: Group, scale: EffectScale, population: Mapping[int, Any] | None) -> Any:
    """Return the effects of a group, (G, K), sampled themselves.

    Parameters
    ----------
    population : mapping, optional
        Coefficients by effect: the levels' own coefficients, around these, are sampled.
    """
    if group.zero_sum:
        return _centered_zero_sum(group, scale)
    if population is None:
        return _around(group, scale, group.r, pt.zeros(len(group.effects)))
    mean = pt.stack([population.get(k, pt.constant(0.0)) for k in range(len(group.effects))])
    level = _around(group, scale, f"{group.prefix}level_{group.name}", mean)
    return pm.Deterministic(group.r, level - mean, dims=(group.levels_dim, group.dim))


def _around(group: Group, scale: EffectScale, name: str, mean: Any) -> Any:
    """Return variables (G, K), a row a level, around `mean` (K,)."""
    dims = (group.levels_dim, group.dim)
    if group.student:
        return _student(group, scale.nu, name, scale.root, mean)
    if group.correlated:
        return pm.MvNormal(name, mu=mean, chol=scale.root, dims=dims)
    return pm.Normal(name, mu=mean, sigma=scale.sd, dims=dims)


def _centered_zero_sum(group: Group, scale: EffectScale) -> Any:
    """Return zero-sum effects; correlated ones from G - 1 independent rows, contrasts between levels."""
    dims = (group.levels_dim, group.dim)
    if not group.correlated:
        by_effect = pm.ZeroSumNormal(f"{group.r}_by_effect", sigma=scale.sd[:, None], dims=dims[::-1])
        return pm.Deterministic(group.r, by_effect.T, dims=dims)
    basis = contrasts(len(group.labels))
    shape = (len(basis), len(group.effects))
    within = pm.MvNormal(f"{group.r}_contrasts", mu=pt.zeros(shape[1]), chol=scale.root, shape=shape)
    return pm.Deterministic(group.r, pt.constant(basis.T) @ within, dims=dims)


def contrasts(levels: int) -> np.ndarray:
    """Return orthonormal rows (G - 1, G) that sum to zero (Helmert)."""
    rows = np.tril(np.ones((levels - 1, levels)))
    rows[np.arange(levels - 1), np.arange(1, levels)] = -np.arange(1.0, levels)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
