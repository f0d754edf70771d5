"""Priors that shrink all slopes of a response together, each by a scale of its own.

Given its scale a slope is normal, so it stays among the effects that are integrated or transported; the
scales are hyperparameters. They are in units of the residual's sd over the column's, so nothing depends on
how columns are measured: of sigma where there is one, of the latent variable behind binary and ordered
rows, of 1 on the link's scale for other families.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from shoal.errors import PriorError
from shoal.priors.base import Prior
from shoal.priors.compiled import DerivedAdjoint, DerivedFunction
from shoal.priors.positive import Beta, Gamma, HalfStudentT, InverseGamma
from shoal.priors.real import Normal


@dataclass(frozen=True)
class Shrunk(Normal):
    """Normal(0, sigma times the slope's own scale): a slope under a `Shrinkage` prior."""

    def __str__(self) -> str:
        return f"Normal(0, {self.sigma:.4g} scale_b)"


@dataclass(frozen=True)
class Shrinkage(Prior):
    """Base of priors of all slopes of a response; given as ``priors={"b": ...}``.

    Attributes
    ----------
    scales_forward : DerivedFunction
        `scales` as compiled code reads it: inputs are the common values and then the own ones, no constants.
    scales_adjoint : DerivedAdjoint
        Its derivatives.
    """

    support: ClassVar[str] = "slopes"
    scales_forward: ClassVar[DerivedFunction]
    scales_adjoint: ClassVar[DerivedAdjoint]

    @abstractmethod
    def common(self) -> dict[str, Prior]:
        """Return the priors of the hyperparameters that all slopes share, by name."""

    @abstractmethod
    def own(self) -> Prior:
        """Return the prior of the hyperparameter that each slope has for itself."""

    @staticmethod
    @abstractmethod
    def scales(common: Sequence[np.ndarray], own: np.ndarray) -> np.ndarray:
        """Return the slopes' scales, (..., P), from common values (...,) and own ones (..., P)."""

    @classmethod
    def log_density(cls, x: Any, *params: Any) -> np.ndarray:
        raise PriorError(
            "prior-of-several-numbers", "A shrinkage prior is a density over all slopes.", "Use its parts."
        )

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        raise PriorError(
            "prior-of-several-numbers", "A shrinkage prior is a density over all slopes.", "Use its parts."
        )


@DerivedFunction
def horseshoe_scales(inputs: np.ndarray, constants: np.ndarray, outputs: np.ndarray) -> float:
    """Scales ``t c / sqrt(c^2 + t^2)`` with ``t = tau l_j``; inputs are tau, c^2 and each l_j."""
    root = math.sqrt(inputs[1])
    for j in range(outputs.shape[0]):
        t = inputs[0] * inputs[2 + j]
        outputs[j] = t * (root / math.hypot(root, t))
    return 0.0


@DerivedAdjoint
def horseshoe_adjoint(
    inputs: np.ndarray,
    constants: np.ndarray,
    outputs: np.ndarray,
    outputs_bar: np.ndarray,
    inputs_bar: np.ndarray,
) -> None:
    """With ``f = c / sqrt(c^2 + t^2)`` a scale is ``s = t f``: ds/dt = f^3 and ds/dc^2 = s^3 / (2 c^4)."""
    root = math.sqrt(inputs[1])
    for j in range(outputs.shape[0]):
        f = root / math.hypot(root, inputs[0] * inputs[2 + j])
        bar = outputs_bar[j] * f * f * f
        inputs_bar[0] += bar * inputs[2 + j]
        inputs_bar[2 + j] += bar * inputs[0]
        relative = outputs[j] / root  # below 1
        inputs_bar[1] += outputs_bar[j] * relative * relative * relative / (2 * root)


@DerivedFunction
def r2d2_scales(inputs: np.ndarray, constants: np.ndarray, outputs: np.ndarray) -> float:
    """Scales ``sqrt(g_j / sum(g) R^2 / (1 - R^2))``; inputs are R^2 and each g_j."""
    total = 0.0
    for j in range(outputs.shape[0]):
        total += inputs[1 + j]
    odds = inputs[0] / (1 - inputs[0])
    for j in range(outputs.shape[0]):
        outputs[j] = math.sqrt(inputs[1 + j] / total * odds)
    return 0.0


@DerivedAdjoint
def r2d2_adjoint(
    inputs: np.ndarray,
    constants: np.ndarray,
    outputs: np.ndarray,
    outputs_bar: np.ndarray,
    inputs_bar: np.ndarray,
) -> None:
    """From ``2 d log s_j = d log g_j - d log sum(g) + dR^2 / (R^2 (1 - R^2))``."""
    total, together = 0.0, 0.0
    for j in range(outputs.shape[0]):
        half = 0.5 * outputs_bar[j] * outputs[j]
        total += inputs[1 + j]
        together += half
        inputs_bar[1 + j] += half / max(inputs[1 + j], 1e-300)  # a variable that has underflowed
    for j in range(outputs.shape[0]):
        inputs_bar[1 + j] -= together / total
    inputs_bar[0] += together / (inputs[0] * (1 - inputs[0]))


@dataclass(frozen=True)
class Horseshoe(Shrinkage):
    """Regularised horseshoe: most slopes near zero, a few as large as the slab allows.

    Slope j has scale ``tau l_j c / sqrt(c^2 + tau^2 l_j^2)`` with ``l_j ~ HalfCauchy(1)``,
    ``tau ~ HalfCauchy(global_scale)`` and ``c^2 ~ InverseGamma(slab_nu / 2, slab_nu slab_scale^2 / 2)``.
    Piironen and Vehtari (2017), Electronic Journal of Statistics 11, 5018-5051, equations 2.8 and 2.9, who
    advise ``global_scale = p0 / (P - p0) / sqrt(N)`` where p0 of P slopes are expected to matter.
    """

    scales_forward: ClassVar[DerivedFunction] = horseshoe_scales
    scales_adjoint: ClassVar[DerivedAdjoint] = horseshoe_adjoint
    global_scale: float = 1.0
    slab_scale: float = 2.0
    slab_nu: float = 4.0

    def common(self) -> dict[str, Prior]:
        slab = InverseGamma(self.slab_nu / 2, self.slab_nu / 2 * self.slab_scale**2)
        return {"tau": HalfStudentT(1.0, self.global_scale), "slab": slab}

    def own(self) -> Prior:
        return HalfStudentT(1.0, 1.0)

    @staticmethod
    def scales(common: Sequence[np.ndarray], own: np.ndarray) -> np.ndarray:
        tau, slab = common
        return tau * own * np.sqrt(slab / (slab + (tau * own) ** 2))


@dataclass(frozen=True)
class R2D2(Shrinkage):
    """A prior on the share of variance that all slopes explain, divided among them.

    ``R^2 ~ Beta(mean precision, (1 - mean) precision)``, ``phi ~ Dirichlet(concentration, ...)``, and slope j
    has variance ``phi_j R^2 / (1 - R^2)``. Zhang, Naughton, Bondell and Reich (2022), J. American Statistical
    Association 117, 862-874. The Dirichlet is a set of gamma variables over their sum, whose size is left
    over and keeps its prior.
    """

    scales_forward: ClassVar[DerivedFunction] = r2d2_scales
    scales_adjoint: ClassVar[DerivedAdjoint] = r2d2_adjoint
    mean: float = 0.5
    precision: float = 2.0
    concentration: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.mean < 1 or not math.isfinite(self.mean):
            raise PriorError(
                "prior-argument-out-of-range", f"R2D2(mean={self.mean:g}).", "A mean of R^2 between 0 and 1."
            )

    def common(self) -> dict[str, Prior]:
        return {"r2": Beta(self.mean * self.precision, (1 - self.mean) * self.precision)}

    def own(self) -> Prior:
        return Gamma(self.concentration, 1.0)

    @staticmethod
    def scales(common: Sequence[np.ndarray], own: np.ndarray) -> np.ndarray:
        (r2,) = common
        return np.sqrt(own / own.sum(-1, keepdims=True) * (r2 / (1 - r2)))
