"""Successes out of known trials, logit link: ``y ~ Binomial(trials, expit(eta))``.

The log density in `eta` is ``y * eta - trials * log(1 + exp(eta))``: its sufficient statistics add up
over rows that share every predictor, so such rows are merged whatever the responses are.
McCullagh and Nelder, Generalized Linear Models, 2nd ed., chapter 4.
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import expit, gammaln

from shoal.errors import DataError, listing
from shoal.families.base import Family, Rows


class Binomial(Family):
    """Binomial rows with success probability ``expit(eta)``."""

    name: ClassVar[str] = "binomial"
    link: ClassVar[str] = "logit"
    takes: ClassVar[frozenset[str]] = frozenset({"trials"})
    requires: ClassVar[frozenset[str]] = frozenset({"trials"})

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "Binomial(trials, expit(eta))"

    def check(self, rows: Rows, name: str) -> None:
        problems = {
            "non-integer counts": rows.y != np.round(rows.y),
            "negative counts": rows.y < 0,
            "non-integer trials": rows.trials != np.round(rows.trials),
            "trials below 1": rows.trials < 1,
            "more successes than trials": rows.y > rows.trials,
        }
        for what, where in problems.items():
            bad = np.flatnonzero(where)
            if bad.size:
                shown = listing(f"row {i}: {rows.y[i]:g} of {rows.trials[i]:g}" for i in bad)
                raise DataError(
                    f"{name!r} has {what} in {bad.size} rows ({shown}).",
                    "Successes are integers from 0 to the row's trials.",
                )

    def scale(self, rows: Rows) -> tuple[float, float]:
        return 0.0, 1.0

    def no_pooling_sd(self, rows: Rows) -> float:
        return 1.5

    def log_density(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return rows.weight * (rows.y * eta - rows.trials * jnp.logaddexp(0.0, eta))

    def log_constant(self, rows: Rows) -> np.ndarray:
        y, n = np.asarray(rows.y), np.asarray(rows.trials)
        return np.asarray(rows.weight) * (gammaln(n + 1) - gammaln(y + 1) - gammaln(n - y + 1))

    def score_curvature(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> tuple[Any, Any]:
        p = jax.nn.sigmoid(eta)
        expected = rows.trials * p
        return rows.weight * (rows.y - expected), rows.weight * expected * (1 - p)

    def start(self, rows: Rows) -> Any:
        return jnp.log(rows.y + 0.5) - jnp.log(rows.trials - rows.y + 0.5)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        return rng.binomial(np.asarray(rows.trials).astype(int), expit(eta)).astype(float)

    def mean(self, eta: Any) -> Any:
        return expit(eta)

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        # The latent logistic variable behind a binary row has variance pi^2 / 3 (Goldstein, Browne and
        # Rasbash 2002, Understanding Statistics 1, 223-231).
        return np.pi**2 / 3

    def merge(self, rows: Rows, index: np.ndarray, size: int) -> Rows | None:
        successes = np.bincount(index, weights=rows.weight * rows.y, minlength=size)
        trials = np.bincount(index, weights=rows.weight * rows.trials, minlength=size)
        return Rows(successes, trials, np.ones(size), np.zeros(size))

    def edges(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        return rows.y == 0, rows.y == rows.trials
