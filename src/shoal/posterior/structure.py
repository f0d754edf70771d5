"""What a compiled program depends on: the static shape of a posterior, and its data as arrays.

theta, the vector that is sampled, holds the free hyperparameters on the real line, one slot each: positive
ones by a logarithm or an inverse softplus (`priors.Prior.unit`), partial correlations by the inverse
hyperbolic tangent, and coefficients whose prior is not normal as they are. Everything else that is Gaussian
given theta (group effects, coefficients with a normal prior) is standardised into `blocks.Effects` with
independent standard normal priors.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from shoal import groups
from shoal.families import Family, Rows
from shoal.priors import Prior


@dataclass(frozen=True)
class Slot:
    """One coordinate of theta: its name, and the class of its prior."""

    name: str
    prior: type[Prior]


@dataclass(frozen=True)
class Structure:
    """Static part of a posterior; hashable, the key of every compiled program.

    Attributes
    ----------
    slots : tuple of Slot
        Coordinates of theta.
    names : tuple of str
        Names of the hyperparameter values: those of `slots`, then the fixed ones.
    sd, partial, coefficients : tuple of int
        Where in the values the K standard deviations, the partial correlations (in the order of
        `groups.partial_positions`) and the coefficients with non-normal priors stand.
    phi : tuple of (str, int)
        The family's own parameters and where they stand.
    blocks : tuple of tuple of int
        Correlated sets of the K effects.
    matched : tuple of int
        For each effect, the population column of the same name, or -1.
    n_levels, n_normal : int
        G levels; p population coefficients with normal priors.
    """

    family: Family
    slots: tuple[Slot, ...]
    names: tuple[str, ...]
    sd: tuple[int, ...]
    partial: tuple[int, ...]
    coefficients: tuple[int, ...]
    phi: tuple[tuple[str, int], ...]
    blocks: tuple[tuple[int, ...], ...]
    matched: tuple[int, ...]
    zero_sum: bool
    n_levels: int
    n_normal: int

    @property
    def n_theta(self) -> int:
        """Length of theta."""
        return len(self.slots)

    @property
    def n_effects(self) -> int:
        """Effects of a level, K."""
        return len(self.sd)

    @property
    def n_latent(self) -> int:
        """Length of the standardised effects: K G + p."""
        return self.n_effects * self.n_levels + self.n_normal


class RowData(NamedTuple):
    """Merged rows: response, offset (M,), normal columns `x` (M, p), others `xc` (M, q), `z` (M, K)."""

    rows: Rows
    offset: Any
    x: Any
    xc: Any
    z: Any
    index: Any


class Sums(NamedTuple):
    """Weighted cross-products of gaussian rows, with A = [x | xc | y - x reference].

    `zz` (K, K, G), `za` (K, p+q+1, G), `aa` (p+q+1, p+q+1); `weight` the sum of weights, `reference` (p,).
    """

    zz: Any
    za: Any
    aa: Any
    weight: Any
    reference: Any


class Data(NamedTuple):
    """Numbers of a posterior, arguments of every compiled program.

    `prior` (n_theta, 3) holds the arguments of each slot's prior; `fixed` the known hyperparameters.
    Coefficients on their own scale are ``mean + scale @ b + direct @ c``, b standardised and c the
    coefficients in theta. One of `rows` and `sums` is None. `constant` is the log density's constant.
    """

    prior: Any
    fixed: Any
    mean: Any
    scale: Any
    direct: Any
    constant: Any
    rows: RowData | None
    sums: Sums | None


class Hyper(NamedTuple):
    """Hyperparameters at one theta: `values` in order of `Structure.names`, and what they make."""

    values: Any
    lam: Any
    phi: dict[str, Any]
    coefficients: Any
    log_prior: Any


def hyperparameters(structure: Structure, data: Data, theta: Any) -> Hyper:
    """Return the hyperparameters at `theta`, with the log prior density of theta (Jacobian included)."""
    free, log_prior = _to_natural(structure, data, theta)
    values = jnp.concatenate([free, data.fixed])
    sd, partial = values[np.array(structure.sd, int)], [values[i] for i in structure.partial]
    lam = groups.factor(sd, partial, structure.blocks) if structure.sd else jnp.zeros((0, 0))
    phi = {name: values[i] for name, i in structure.phi}
    return Hyper(values, lam, phi, values[np.array(structure.coefficients, int)], log_prior)


def _to_natural(structure: Structure, data: Data, theta: Any) -> tuple[Any, Any]:
    """Transform theta kind by kind; slots of one kind are one vector operation."""
    kinds: dict[type[Prior], list[int]] = {}
    for i, slot in enumerate(structure.slots):
        kinds.setdefault(slot.prior, []).append(i)
    natural: list[Any] = [None] * len(structure.slots)
    total = jnp.zeros(())
    for kind, where in kinds.items():
        t = theta[np.array(where)]
        params = data.prior[np.array(where)].T[: len(fields(kind))]
        unit = kind.unit(*params)
        if unit is not None:
            value, log_jacobian = unit * jnp.logaddexp(0.0, t), jnp.log(unit) - jnp.logaddexp(0.0, -t)
        elif kind.support == "positive":
            value, log_jacobian = jnp.exp(t), t
        elif kind.support == "correlation":
            # (1 - p^2)^(alpha - 1) times the Jacobian 1 - p^2, where 1 - tanh(t)^2 would cancel
            value, log_rest = jnp.tanh(t), 2 * (jnp.log(2.0) - jnp.logaddexp(t, -t))
            log_jacobian = params[0] * log_rest
        else:
            value, log_jacobian = t, jnp.zeros_like(t)
        at = jnp.zeros_like(t) if kind.support == "correlation" else value
        total = total + (kind.log_density(at, *params) + log_jacobian).sum()
        for position, i in enumerate(where):
            natural[i] = value[position]
    return jnp.stack(natural) if natural else jnp.zeros(0), total


def to_unconstrained(prior: Prior, value: float) -> float:
    """Return the slot coordinate of a natural `value` under `prior`."""
    kind, unit = type(prior), prior.unit(*prior.params)
    if unit is not None:
        return float(value / unit + np.log(-np.expm1(-value / unit)))
    if kind.support == "positive":
        return float(np.log(value))
    return float(np.arctanh(value)) if kind.support == "correlation" else float(value)


def coefficients(data: Data, b: Any, c: Any) -> Any:
    """Return all population coefficients on their own scale, (P,)."""
    return data.mean + data.scale @ b + data.direct @ c
