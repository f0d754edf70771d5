"""The outcome's own scale: what a difference between two linear predictors means on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shoal.families import Rows
from shoal.model import Specification
from shoal.model.design import Design
from shoal.priors import Fixed, middle

FAR = 30.0  # beyond all means that lie between 0 and 1
KINDS = {
    "ratio": "ratio of means of {}, larger to smaller",
    "difference": "difference of means of {}",
    "probability": "difference of probabilities of {}",
    "category": "difference of mean category number of {}",
}


@dataclass(frozen=True)
class Outcome:
    """How linear predictors of a response differ on the outcome's scale.

    Attributes
    ----------
    design : Design
    kind : {"ratio", "difference", "probability", "category"}
        Where the mean is the linear predictor, its difference; where it lies between 0 and 1, the difference
        of probabilities (or of shares); elsewhere, where it grows as an exponential does, its ratio; of
        categories, the difference of the mean category number.
    """

    design: Design
    kind: str

    @property
    def words(self) -> str:
        """The scale, as an axis or a table says it."""
        return KINDS[self.kind].format(self.design.formula.response.value.text)

    @property
    def bounded(self) -> bool:
        """Whether the mean lies between 0 and 1."""
        return self.kind == "probability"

    def means(self, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        """Return the expected response, (..., N): a share of the trials, or a mean category number."""
        means = np.asarray(self.design.family.mean(rows, eta, phi), float)
        if self.design.family.categorical:
            return means @ self.design.category_numbers
        return means / np.asarray(rows.trials)

    def difference(self, rows: Rows, one: np.ndarray, other: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        """Return the size of the difference that two linear predictors (..., N) make to the same rows."""
        if self.kind == "ratio":
            with np.errstate(over="ignore"):  # a very wide prior: the ratio is infinite
                means = (self.means(rows, eta, phi) for eta in (one, other))
                return np.exp(np.abs(np.subtract(*map(np.log, means))))
        if self.kind == "difference":
            return np.abs(one - other)
        return np.abs(self.means(rows, one, phi) - self.means(rows, other, phi))


def outcome_of(model: Specification, design: Design) -> Outcome:
    """Return the scale of a response, found from its family's mean at linear predictors 0, 1 and `FAR`."""
    if design.family.categorical or design.family.several:
        return Outcome(design, "category")
    phi = {n: np.array([_value(model.priors[design.named(n)].prior)]) for n in design.scalars}
    for part in design.predictors:
        phi[part.parameter] = np.array([middle(design.family.parameter_prior(part.parameter, design.rows))])
    first = design.rows.at(slice(0, 1))
    at_0, at_1, far = (
        np.asarray(design.family.mean(first, np.full(1, eta), phi)).item() for eta in (0.0, 1.0, FAR)
    )
    if np.isclose(at_1 - at_0, 1.0) and np.isclose(at_0, 0.0):
        return Outcome(design, "difference")
    return Outcome(design, "ratio" if far > first.trials.item() else "probability")


def _value(prior: Any) -> float:
    return float(prior.value) if isinstance(prior, Fixed) else middle(prior)
