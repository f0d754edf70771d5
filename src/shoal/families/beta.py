"""Proportions strictly between 0 and 1: ``y ~ Beta(mu phi, (1 - mu) phi)`` with ``mu = expit(eta)``.

Link: logit; eta is the log odds of the mean. Parameter: `phi` > 0, the precision, a pure number: the
variance is ``mu (1 - mu) / (1 + phi)``. Ferrari and Cribari-Neto (2004), J. Applied Statistics 31,
799-815.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit, logit

from shoal.families.base import Family, Rows
from shoal.families.gamma_functions import gamma_pair, trigamma_above_one
from shoal.families.incomplete import ALWAYS, NEVER, NODES, WEIGHTS, is_sliver, of_ends
from shoal.families.incomplete_beta import beta_tails
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.special import above_zero, log1p_fast, logistic
from shoal.families.support import refuse, refuse_all_but_shares
from shoal.priors import InverseGamma, Prior
from shoal.priors.compiled import inner

SMALLEST = 1e-290  # a shape that rounding has made 0


@inner
def beta_constants(precision: float, order: int) -> tuple[float, float, float]:
    """Return ``log Γ(phi) + 2 log phi``, with Γ as that of ``1 + phi``, its slope, and ``phi^2 ψ'(phi)``."""
    constant, constant_slope = gamma_pair(precision)
    expected = precision * precision * trigamma_above_one(1 + precision) + 1 if order > 1 else 0.0
    return constant + 2 * math.log(precision), constant_slope + 2 / precision, expected


@inner
def beta_row(
    y: float, e: float, precision: float, constants: tuple[float, float, float], order: int
) -> tuple[float, float, float, float, float]:
    """Return value, score, expected curvature, and slope and information in the precision, of one row at e.

    By ``log Γ(a) = log Γ(1 + a) - log a`` and likewise its derivatives: finite for the smallest shapes, where
    log a is known from eta (Ferrari and Cribari-Neto 2004, section 3).
    """
    constant, constant_slope, of_precision = constants
    p, q, rest = logistic(e)
    a, b = precision * p, precision * q
    left, left_slope = gamma_pair(1 + a)
    right, right_slope = gamma_pair(1 + b)
    log_y, log_other = math.log(y), log1p_fast(-y)
    logs = constant - abs(e) - 2 * rest  # log p + log q = -|eta| - 2 log(1 + exp(-|eta|))
    value = logs - left - right + a * log_y + b * log_other
    at_a, at_b = log_y - left_slope, log_other - right_slope
    score = q * (a * at_a + 1) - p * (b * at_b + 1)
    slope = constant_slope + p * at_a + q * at_b
    curvature, information = 0.0, 0.0
    if order > 1:
        # a^2 ψ'(a) and b^2 ψ'(b)
        of_a, of_b = a * a * trigamma_above_one(1 + a) + 1, b * b * trigamma_above_one(1 + b) + 1
        curvature = q * q * of_a + p * p * of_b
        information = (of_a + of_b - of_precision) / (precision * precision)
    return value, score, curvature, slope, information


@row_function
def beta_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows of shapes ``a = mu phi`` and ``b = (1 - mu) phi``; all curvatures are expected.

    The density is not log-concave in eta.
    """
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        constants = beta_constants(phi[0, j], order)
        for i in range(j * each, (j + 1) * each):
            w = weight[i]
            log_density, rise, bend, per_weight, expected = beta_row(
                y[i], eta[0, i], phi[0, j], constants, order
            )
            value[i] = w * log_density
            if order > 0:
                score[0, i] = w * rise
                slope[0, j] += w * per_weight
            if order > 1:
                curvature[0, i] = above_zero(w * bend)
                information[0, j] += w * expected


@inner
def beta_end(y: float, e: float, phi: float) -> tuple[float, float, float, float, float, float, float]:
    """Return what `of_ends` needs of an end; the last, which it lacks, is 0: curvature by squared score."""
    if y <= 0.0:
        return NEVER
    if y >= 1.0:
        return ALWAYS
    p, q, _ = logistic(e)
    tails = beta_tails(max(phi * p, SMALLEST), max(phi * q, SMALLEST), math.log(y), log1p_fast(-y))
    share = phi * p * q
    return (
        *(tails[0], tails[1], share * (tails[3] - tails[4]), share * (tails[5] - tails[6])),
        *(p * tails[3] + q * tails[4], p * tails[5] + q * tails[6], 0.0),
    )


@inner
def beta_sliver(low: float, high: float, e: float, phi: float) -> tuple[float, float, float, float]:
    """Return what `of_ends` does, by quadrature of the density of the log odds of y."""
    constants = beta_constants(phi, 0)
    first = math.log(low) - log1p_fast(-low)
    half = 0.5 * (math.log(high) - log1p_fast(-high) - first)
    middle = beta_row(logistic(first + half)[0], e, phi, constants, 0)[0]
    total, rises, slopes = 0.0, 0.0, 0.0
    for k in range(len(NODES)):
        y = logistic(first + half * (1.0 + NODES[k]))[0]
        log_density, rise, _, slope, _ = beta_row(y, e, phi, constants, 0)
        w = WEIGHTS[k] * math.exp(log_density - middle)
        total += w
        rises += w * rise
        slopes += w * slope
    rises /= total
    return middle + math.log(half * total), rises, rises * rises, slopes / total


@row_function
def beta_intervals(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """``log P(trials < y' <= y)``, all curvatures by squared derivatives."""
    several = phi.shape[1]
    each = y.shape[0] // several
    for j in range(several):
        precision = phi[0, j]
        for i in range(j * each, (j + 1) * each):
            w, low, high, e = weight[i], trials[i], y[i], eta[0, i]
            found = (0.0, 0.0, 0.0, 0.0)
            if w != 0:
                ends = beta_end(low, e, precision), beta_end(high, e, precision)
                if is_sliver(ends[0][0], ends[0][1], ends[1][0], ends[1][1]):
                    found = beta_sliver(low, high, e, precision)
                else:
                    found = of_ends(ends[0], ends[1])
            value[i] = w * found[0]
            if order > 0:
                score[0, i] = w * found[1]
                slope[0, j] += w * found[3]
            if order > 1:
                curvature[0, i] = w * above_zero(found[1] * found[1])
                information[0, j] += w * found[3] * found[3]


class Beta(Family):
    """Beta rows with mean ``expit(eta)``."""

    name: ClassVar[str] = "beta"
    links: ClassVar[tuple[str, ...]] = ("logit",)
    newton_steps: ClassVar[int] = 8
    row_functions: ClassVar[dict[str, RowFunction]] = {"logit": beta_rows}
    interval_functions: ClassVar[dict[str, RowFunction]] = {"logit": beta_intervals}

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return ("phi",)

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        # HalfNormal(1/2) on 1 / sqrt(phi), about twice the sd of proportions around one half: phi below 1
        # (densities with two peaks) has 5%, and any precision above has its place.
        return InverseGamma(0.5, 2.0)

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return "Beta(mean = expit(eta), precision phi)"

    def check(self, rows: Rows, name: str) -> None:
        needed = "A beta response is a proportion strictly between 0 and 1."
        refuse_all_but_shares(rows, name, needed)
        refuse(
            rows,
            name,
            (rows.y == 0) | (rows.y == 1),
            "values of exactly 0 or 1",
            needed,
            "Values at the ends have a probability in family='zero_inflated_beta' (0 only), "
            "'zero_one_inflated_beta' and 'ordered_beta'. For successes of known trials use "
            "family='binomial'; if the ends come from rounding, move all values inwards, "
            "`(y * (n - 1) + 0.5) / n` with n rows (Smithson and Verkuilen 2006).",
        )

    def scale(self, rows: Rows) -> tuple[float, float]:
        # As for a binomial with logit link.
        return float(logit(np.average(rows.y, weights=rows.weight))), 1.0

    def no_pooling_sd(self, rows: Rows) -> float:
        return 1.5

    def log_constant(self, rows: Rows) -> np.ndarray:
        return -np.asarray(rows.weight) * (np.log(rows.y) + np.log1p(-rows.y))

    def start(self, rows: Rows) -> np.ndarray:
        # A little inwards: the log odds of the smallest proportions are far below any plausible mean's.
        return np.log(rows.y + 0.005) - np.log(1.005 - rows.y)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        # The nearest numbers inside in place of 0 and 1 by rounding; shapes above zero, as NumPy demands.
        tiny = np.finfo(float).tiny
        a, b = (np.maximum(phi["phi"] * expit(side), tiny) for side in (eta, -eta))
        return np.clip(rng.beta(a, b), tiny, np.nextafter(1.0, 0.0))

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return expit(eta)

    def mean_between(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        # In proportion to its size, y is beta with a first shape of one more.
        mean, precision = expit(eta), phi["phi"]
        more = np.log(precision * mean + 1) - np.log(precision * expit(-eta))
        beyond = self.log_probability(rows, more, {"phi": precision + 1}).value
        return mean * np.exp(beyond - self.log_probability(rows, eta, phi).value)

    def in_scipy(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        from scipy import stats

        return stats.beta(phi["phi"] * expit(eta), phi["phi"] * expit(-eta))

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return expit(eta) * expit(-eta) / (1 + phi["phi"])

    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        return None
