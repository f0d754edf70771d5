"""Successes out of known trials: ``y ~ Binomial(trials, F(eta))``.

Links: logit, probit, cloglog (`links`). No parameters of its own; eta is on the link's scale. The log
density is ``y log F(eta) + (trials - y) log(1 - F(eta))``: its sufficient statistics add up over rows
that share every predictor, so such rows are merged whatever the responses are. McCullagh and Nelder
(1989), Generalized Linear Models, 2nd ed., chapter 4.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.special import gammaln

from shoal.errors import DataError, counted, listing
from shoal.families.base import Family, Rows
from shoal.families.links import LINKS
from shoal.families.probability_rows import PROBABILITY_ROWS
from shoal.families.row_functions import RowFunction
from shoal.families.support import share_of_successes


class Binomial(Family):
    """Binomial rows with success probability ``F(eta)``."""

    name: ClassVar[str] = "binomial"
    wider: ClassVar[str] = "family='beta_binomial' lets counts vary more."
    links: ClassVar[tuple[str, ...]] = tuple(LINKS)
    log_concave: ClassVar[bool] = True
    independent_trials: ClassVar[bool] = True
    discrete: ClassVar[bool] = True
    takes: ClassVar[frozenset[str]] = frozenset({"trials"})
    requires: ClassVar[frozenset[str]] = frozenset({"trials"})
    row_functions: ClassVar[dict[str, RowFunction]] = PROBABILITY_ROWS

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return f"Binomial(trials, {LINKS[self.link].inverse_text})"

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
                    "response-outside-support",
                    f"{name!r} has {what} in {counted(bad.size, 'row')} ({shown}).",
                    "Successes are integers from 0 to the row's trials.",
                )

    def scale(self, rows: Rows) -> tuple[float, float]:
        # One latent standard deviation of the link, in units of the logistic's: priors scaled by it say about
        # the same of probabilities whatever the link.
        link = LINKS[self.link]
        return float(link.apply(np.array(share_of_successes(rows)))), link.scale

    def no_pooling_sd(self, rows: Rows) -> float:
        # About flat on the probability.
        return 1.5 * LINKS[self.link].scale

    def log_constant(self, rows: Rows) -> np.ndarray:
        y, n = np.asarray(rows.y), np.asarray(rows.trials)
        return np.asarray(rows.weight) * (gammaln(n + 1) - gammaln(y + 1) - gammaln(n - y + 1))

    def start(self, rows: Rows) -> np.ndarray:
        return np.asarray(LINKS[self.link].apply((rows.y + 0.5) / (rows.trials + 1)))

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        p = LINKS[self.link].inverse(eta)
        return rng.binomial(np.asarray(rows.trials).astype(int), p).astype(float)

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return rows.trials * LINKS[self.link].inverse(eta)

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        p = LINKS[self.link].inverse(eta)
        return rows.trials * p * (1 - p)

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        # Of the latent variable behind a binary row: pi^2 / 3 for the logit (Goldstein, Browne and Rasbash
        # 2002, Understanding Statistics 1, 223-231), 1 for the probit, pi^2 / 6 for the cloglog.
        return LINKS[self.link].variance

    def merge(self, rows: Rows, index: np.ndarray, size: int) -> Rows | None:
        successes = np.bincount(index, weights=rows.weight * rows.y, minlength=size)
        trials = np.bincount(index, weights=rows.weight * rows.trials, minlength=size)
        return Rows(successes, trials, np.ones(size), np.zeros(size))

    def edges(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        return rows.y == 0, rows.y == rows.trials
