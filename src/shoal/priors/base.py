"""What every prior distribution has: arguments, a log density, draws and a one-line print."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from shoal.errors import PriorError
from shoal.priors.compiled import PriorFunction
from shoal.priors.densities import density_values, no_density

LARGEST = 1e120  # of arguments; defaults are quotients of numbers of the table, and scale with them


def check_number(prior: str, name: str, value: Any) -> None:
    """Raise `PriorError` if an argument of a prior is no finite number."""
    if type(value) is bool or not isinstance(value, Real) or not math.isfinite(value):
        raise PriorError(
            "prior-argument-not-a-number", f"{prior}({name}={value}).", "Arguments are finite numbers."
        )


@dataclass(frozen=True)
class Prior(ABC):
    """Base of all priors.

    Attributes
    ----------
    support : {"real", "positive", "unit", "correlation", "simplex"}
        Values with positive density.
    density : PriorFunction
        The log density as compiled code reads it, of priors of a single number.
    """

    support: ClassVar[str] = "real"
    density: ClassVar[PriorFunction]

    @staticmethod
    def unit(*params: Any) -> Any:
        """Return the scale of a positive parameter whose prior has a light right tail, else None.

        Such a parameter is sampled as ``unit * (t Phi(t) + phi(t))`` (`engine.hyper`): linear above the unit,
        where a logarithm would turn the light tail into a cliff. Heavy tails keep the logarithm.
        """
        return None

    def __post_init__(self) -> None:
        for name, value in self.arguments().items():
            check_number(type(self).__name__, name, value)
            small = name != "mu" and 0 < abs(float(value)) < 1 / LARGEST
            if small or abs(float(value)) > LARGEST:
                raise PriorError(
                    "prior-argument-too-large",
                    f"{type(self).__name__}({name}={value:g}).",
                    f"Sizes between {1 / LARGEST:g} and {LARGEST:g}, whose squares are numbers too.",
                )
            if name not in ("mu", "value") and value <= 0:
                raise PriorError(
                    "prior-argument-not-positive",
                    f"{type(self).__name__}({name}={value:g}).",
                    f"{name} must be greater than zero.",
                )
            given: Any = value
            if type(given) not in (int, float):  # files hold these alone
                own = given.item() if isinstance(given, np.generic) else float(given)
                object.__setattr__(self, name, own)

    def arguments(self) -> dict[str, Any]:
        """Return the arguments by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @property
    def params(self) -> tuple[float, ...]:
        """Numbers handed to `log_density`, in its order."""
        return tuple(float(v) for v in self.arguments().values())

    @classmethod
    def log_density(cls, x: Any, *params: Any) -> np.ndarray:
        """Return the normalised log density at `x`; `x` and `params` broadcast."""
        return density_values(cls.density, x, *params)

    @abstractmethod
    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        """Return independent draws."""

    def __str__(self) -> str:
        inside = ", ".join(f"{value:.4g}" for value in self.arguments().values())
        return f"{type(self).__name__}({inside})"


@dataclass(frozen=True)
class Fixed(Prior):
    """A known value: the parameter is not estimated."""

    density: ClassVar[PriorFunction] = no_density
    value: float

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        return np.full(size, self.value)
