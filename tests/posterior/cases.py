"""Small models of every structure the engine knows, their tables drawn from a seed."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from scipy.special import expit

from shoal import groups
from shoal.errors import ShoalWarning
from shoal.families import get_family
from shoal.frames import read
from shoal.model import Specification, specify
from shoal.posterior.density import zero_sum_basis
from shoal.posterior.posterior import Posterior, posterior_of
from shoal.posterior.structure import hyperparameters
from shoal.priors import (
    LKJ,
    Exponential,
    Fixed,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    Normal,
    StudentT,
)
from shoal.sample.programs import double, program, to_device

# Unequal levels, and rows that share x1 and g: some merge. Fixed, so that a case's tables have one shape.
G = np.array([0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3])
X1 = np.array([-1, -1, 0.5, 2, 2, 0.5, 0.5, -1, 2, 2, -1, 0.5, 2])


@dataclass(frozen=True)
class Case:
    """A model by its formula; `family` and `priors` as in `shoal.model.specify`."""

    formula: str
    family: str = "gaussian"
    priors: Mapping = field(default_factory=dict)

    def __str__(self):
        return f"{self.family}: {self.formula} {' '.join(f'{k}={v}' for k, v in self.priors.items())}".strip()


GAUSSIAN = [
    Case("y ~ 1"),
    Case("y ~ 0 + x1", priors={"sigma": HalfStudentT(3, 1.5)}),
    Case("y ~ x1 + x2 + offset(o)", priors={"Intercept": Normal(0.5, 2)}),
    Case("y | weights(w) ~ x1 + x2 + x3 + offset(o)", priors={"sigma": Gamma(mu=1, sigma=0.5)}),
    Case("y | se(s) ~ x1"),
    Case("y ~ x1 + x2", priors={"x1": StudentT(4, 0.2, 1.5), "x2": Fixed(0.7)}),
    Case("y ~ 0 + (1 | g)"),
    Case("y ~ 1 + (1 | g)", priors={"sd_g": HalfCauchy(0.8), "sigma": HalfNormal(2)}),
    Case("y | weights(w) ~ x1 + (1 + x1 | g)", priors={"Intercept": StudentT(5, 1, 2), "cor_g": LKJ(1)}),
    Case("y ~ x1 + x2 + x3 + offset(o) + (1 + x1 + x2 | g)", priors={"cor_g": LKJ(3.5)}),
    Case("y ~ x1 + (1 + x1 + x2 || g)", priors={"sd_g[x1]": Fixed(0.6)}),
    Case("y ~ x1 + (1 + x1 | g) + (0 + x2 | g)", priors={"sd": Gamma(2, 3), "Intercept": Fixed(0.4)}),
    Case("y | se(s) ~ x1 + (1 | g)", priors={"x1": StudentT(4)}),
    Case("y | se(s) + weights(w) ~ 1 + (1 + x1 | g)"),
    Case("y ~ 1 + (1 | gr(g, zero_sum=True))"),
    Case("y | weights(w) ~ x1 + x2 + offset(o) + (1 + x1 | gr(g, zero_sum=True))"),
    Case("y ~ 0 + x3 + (1 + x1 + x2 || gr(g, zero_sum=True))", priors={"x3": StudentT(3)}),
    Case("y | se(s) ~ 1 + (1 + x1 + x2 | gr(g, zero_sum=True))", priors={"Intercept": Fixed(0.1)}),
]
TWO_SCALES = [
    Case("y | se(s, sigma=True) ~ x1 + (1 + x1 | g)", priors={"x1": StudentT(4)}),
    Case("y | se(s, sigma=True) + weights(w) ~ 1 + (1 | gr(g, zero_sum=True))"),
]
BINOMIAL = [
    Case("k | trials(n) ~ x1 + x2", "binomial"),
    Case("b ~ 1 + (1 | g)", "bernoulli", {"Intercept": Normal(0, 1.5), "sd_g": Exponential(1)}),
    Case("k | trials(n) ~ x1 + offset(o) + (1 + x1 | g)", "binomial", {"x1": StudentT(4)}),
    Case("k | trials(n) + weights(w) ~ 0 + (1 + x1 + x2 | g)", "binomial", {"cor_g": LKJ(1)}),
    Case("b | weights(w) ~ x1 + (1 + x2 || g)", "bernoulli", {"Intercept": Fixed(-0.3)}),
    Case("b ~ x1 + (1 + x1 | gr(g, zero_sum=True))", "bernoulli"),
    Case("k | trials(n) ~ 0 + (1 | gr(g, zero_sum=True))", "binomial"),
]
ALL = GAUSSIAN + TWO_SCALES + BINOMIAL


def table(seed: int) -> pd.DataFrame:
    """Return rows, in random order, with every column the cases use."""
    rng = np.random.default_rng(seed)
    size = len(G)
    order = rng.permutation(size)
    trials = rng.integers(1, 6, size)
    return pd.DataFrame(
        {
            "y": rng.normal(1, 2, size),
            "k": rng.binomial(trials, expit(rng.normal(size=size))),
            "n": trials,
            "b": rng.permutation(np.arange(size) % 2),
            "x1": rng.uniform(0.5, 2) * X1[order],
            "x2": rng.normal(size=size),
            "x3": rng.normal(3, 1, size),
            "o": rng.normal(size=size),
            "w": rng.choice([0.5, 1.0, 2.0], size),
            "s": rng.uniform(0.5, 1.5, size),
            "g": G[order],
        }
    )


def specification(case: Case, seed: int = 0) -> Specification:
    """Return the model of `case` on the table of `seed`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ShoalWarning)  # a few small tables are separated
        return specify(case.formula, read(table(seed)), get_family(case.family), case.priors)


def posterior(case: Case, seed: int = 0, coordinates: str = "auto") -> Posterior:
    """Return the posterior of `case` on the table of `seed`."""
    return posterior_of(specification(case, seed), coordinates)


def evaluate(function: Any, static: Any, *arguments: Any) -> Any:
    """Return ``function(static, *arguments)`` in double precision, compiled once for each shape."""
    arguments = to_device(arguments)
    with double():
        return jax.tree.map(np.asarray, program(function, static, *arguments)(*arguments))


def joint(p: Posterior, theta: np.ndarray, z: np.ndarray) -> tuple[float, Any]:
    """Return log density and point."""
    value, point = evaluate(_joint, p.density, p.data, theta, z)
    return float(value), point


def marginal(p: Posterior, theta: np.ndarray) -> float:
    """Return the log marginal density of theta."""
    return float(evaluate(_marginal, p.density, p.data, theta))


def gradient(p: Posterior, theta: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the gradient of the joint log density, as the samplers see it."""
    return evaluate(_gradient, p.density, p.data, np.concatenate([theta, z]))


def _joint(density: Any, data: Any, theta: Any, z: Any) -> Any:
    return density.joint(data, theta, z)


def _marginal(density: Any, data: Any, theta: Any) -> Any:
    return density.marginal(data, theta)


def _gradient(density: Any, data: Any, q: Any) -> Any:
    return jax.grad(lambda q: density.joint(data, q[: density.n_theta], q[density.n_theta :])[0])(q)


class Natural(NamedTuple):
    """A draw on natural scales, and how it depends on (theta, z).

    Attributes
    ----------
    values : dict
        Arguments of `shoal.posterior.density.log_joint`.
    effects : (E,) array
        Coefficients with normal priors, then group effects, level by level; zero-sum ones in orthonormal
        coordinates of their space.
    by_theta : (n_theta, n_theta) array
        Derivative of the free hyperparameters, with correlations in place of partial ones.
    by_z : (E, n_latent) array
        Derivative of `effects` given theta.
    """

    values: dict[str, Any]
    effects: np.ndarray
    by_theta: np.ndarray
    by_z: np.ndarray


def natural(p: Posterior, theta: np.ndarray, z: np.ndarray) -> Natural:
    """Map (theta, z) to natural scales; the effects are affine in z, so their differences are exact."""
    model, s = p.model, p.structure
    _, point = joint(p, theta, z)
    effects = _effects(p, point)
    by_z = [_effects(p, joint(p, theta, z + unit)[1]) - effects for unit in np.eye(len(z))]
    values: dict[str, Any] = dict(zip(model.design.columns, point.beta, strict=True))
    values |= {name: point.values[i] for name, i in s.phi}
    if model.design.group:
        g = model.design.group.name
        partial = point.values[list(s.partial)]
        values |= {f"sd_{g}": point.values[list(s.sd)], f"r_{g}": point.r.T}
        values[f"cor_{g}"] = groups.correlations(partial, s.blocks, s.n_effects)
    by_theta = evaluate(_hyper_jacobian, s, p.data, theta)
    return Natural(values, effects, by_theta, np.reshape(by_z, (len(z), len(effects))).T)


def _effects(p: Posterior, point: Any) -> np.ndarray:
    normal = [i for i, c in enumerate(p.model.design.columns) if is_normal(p.model, c)]
    r = zero_sum_basis(p.structure.n_levels) @ point.r.T if p.structure.zero_sum else point.r.T
    return np.concatenate([point.beta[normal], r.ravel()])


def is_normal(model: Specification, column: str) -> bool:
    """Say whether a population coefficient has a normal prior."""
    return isinstance(model.priors[column].prior, Normal)


def _hyper_jacobian(structure: Any, data: Any, theta: Any) -> Any:
    def natural_scales(theta: Any) -> Any:
        hyper = hyperparameters(structure, data, theta)
        covariance = hyper.lam @ hyper.lam.T
        sd = jnp.sqrt(jnp.diagonal(covariance))
        scalars = [hyper.values[i] for i in range(structure.n_theta) if i not in structure.partial]
        pairs = [
            covariance[i, j] / (sd[i] * sd[j]) for i, j, _, _ in groups.partial_positions(structure.blocks)
        ]
        return jnp.stack([*scalars, *pairs]) if structure.n_theta else jnp.zeros(0)

    return jax.jacfwd(natural_scales)(theta)
