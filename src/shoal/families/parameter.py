"""A parameter of a family as the response of a linear predictor of its own.

The predictor begins where the parameter's default prior has its median, and default priors of coefficients
are as wide as those of a mean on the scale of the link: one unit of log, or of log odds.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from shoal.families.base import Family, Rows
from shoal.families.links import LINKS
from shoal.families.numerics import exp
from shoal.priors import Prior, middle

LINK_OF = {"positive": "log", "unit": "logit", "real": "identity"}


class Parameter(Family):
    """A parameter that is known once its linear predictor is: a response without noise.

    Parameters
    ----------
    name : str
    default : Prior
        Of the parameter where it is common to all rows.
    general : bool
        What is said of all responses is said of it: it is one of several predictors of a `joint` family.
    """

    links: ClassVar[tuple[str, ...]] = ("log", "logit", "identity")

    def __init__(self, name: str, default: Prior, general: bool = False):
        super().__init__(LINK_OF[default.support])
        self.default, self.general = default, general
        vars(self).update(name=name)  # which other families have as classes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Parameter) and (self.name, self.default) == (other.name, other.default)

    def __hash__(self) -> int:
        return hash((self.name, self.default))

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return self.name

    def check(self, rows: Rows, name: str) -> None:
        return None

    def scale(self, rows: Rows) -> tuple[float, float]:
        return float(self.apply(np.array(middle(self.default)))), 1.0

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return linear predictors of values of the parameter."""
        if self.link == "logit":
            return LINKS["logit"].apply(values)
        return np.log(values) if self.link == "log" else values

    def no_pooling_sd(self, rows: Rows) -> float:
        return 2.5

    def start(self, rows: Rows) -> np.ndarray:
        return np.full(len(rows.y), self.scale(rows)[0])

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        return np.asarray(self.mean(rows, eta, phi))

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        if self.link == "logit":
            return LINKS["logit"].inverse(eta)
        return exp(eta) if self.link == "log" else eta

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return None
