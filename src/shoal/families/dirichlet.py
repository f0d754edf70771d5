"""Shares that sum to one, of several columns: ``(y_1, ..., y_J) ~ Dirichlet(phi p)``.

Expected shares p of which all but the first have a predictor. Parameter: `phi` > 0, the precision, a pure
number: the variance of a share is ``p (1 - p) / (1 + phi)``. Of two columns it is the family `beta`. The
curvature is expected, ``phi^2 (diag(p) - p p') diag(ψ'(phi p)) (diag(p) - p p')``: Fisher's information of
the shapes (Narayanan 1991, Applied Statistics 40, 365-374) by the chain rule.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from scipy.special import softmax

from shoal.families.base import Rows
from shoal.families.gamma_functions import gamma_pair, trigamma_above_one
from shoal.families.row_functions import RowFunction, row_function
from shoal.families.shares import Shares, columns_of, refuse_alike, refuse_columns
from shoal.families.special import above_zero
from shoal.priors import InverseGamma, Prior

NEARLY = 1e-6  # by which the sum of a row's shares may be off one
TINY, LOWEST = np.finfo(float).tiny, -1e307


@row_function
def dirichlet_rows(y, trials, weight, se, eta, phi, order, value, score, curvature, slope, information):
    """Rows of shapes ``a_j = phi p_j``; `phi` is the last parameter, and shares of a row follow one another.

    By ``log Γ(a) = log Γ(1 + a) - log a`` and likewise its derivatives: finite for the smallest shapes.
    """
    count, rows = eta.shape
    last, several = phi.shape[0] - 1, phi.shape[1]
    each = rows // several
    shape_slope, expected, share = np.empty(count), np.empty(count), np.empty(count)
    for j in range(several):
        precision = phi[last, j]
        constant, constant_slope = gamma_pair(precision)
        constant += count * math.log(precision)
        of_precision = precision * precision * trigamma_above_one(1 + precision) + 1 if order > 1 else 0.0
        for i in range(j * each, (j + 1) * each):
            w, first = weight[i], i * count
            highest, total = eta[0, i], 0.0
            for a in range(1, count):
                highest = max(highest, eta[a, i])
            for a in range(count):
                total += math.exp(eta[a, i] - highest)
            log_total = highest + math.log(total)
            found, slopes, information_sum = constant, 0.0, 0.0
            for a in range(count):
                log_p, log_y = eta[a, i] - log_total, math.log(y[first + a])
                share[a] = math.exp(log_p)
                shape = precision * share[a]
                log_gamma, digamma = gamma_pair(1 + shape)
                found += log_p - log_gamma + shape * log_y
                shape_slope[a] = shape * (log_y - digamma) + 1.0  # times the shape
                slopes += shape_slope[a]
                if order > 1:
                    expected[a] = shape * shape * trigamma_above_one(1 + shape) + 1.0
                    information_sum += expected[a]
            value[i] = w * found
            if order > 0:
                slope[last, j] += w * (constant_slope + slopes / precision)
                for a in range(count):
                    score[a, i] = w * (shape_slope[a] - share[a] * slopes)
            if order > 1:
                information[last, j] += w * (information_sum - of_precision) / (precision * precision)
                pair = 0
                for a in range(count):
                    p = share[a]
                    for b in range(a):
                        q = share[b]
                        mixed = p * q * information_sum - expected[a] * q - expected[b] * p
                        curvature[pair, i] = w * mixed
                        pair += 1
                    own = expected[a] * (1.0 - p) ** 2 + p * p * (information_sum - expected[a])
                    curvature[pair, i] = above_zero(w * own)
                    pair += 1


class Dirichlet(Shares):
    """Shares of a whole, each but the first with a linear predictor of its own."""

    name: ClassVar[str] = "dirichlet"
    row_functions: ClassVar[dict[str, RowFunction]] = {"logit": dirichlet_rows}
    several: ClassVar[bool] = True

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        return *self.together, "phi"

    def totals(self, rows: Rows) -> np.ndarray:
        return rows.weight @ columns_of(rows)

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        # As that of beta rows.
        return InverseGamma(0.5, 2.0) if name == "phi" else super().parameter_prior(name, rows)

    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        return f"Dirichlet(mean = softmax(0, {', '.join(self.together)}), precision phi)"

    def check(self, rows: Rows, name: str) -> None:
        refuse_alike(self.together, self.labels)
        shares, needed = columns_of(rows), "Shares between 0 and 1, which sum to one in each row."
        outside = np.asarray(((shares < 0) | (shares > 1)).any(1))
        remedy = "Divide them by their sum; for counts family='multinomial'."
        refuse_columns(rows, self.labels, name, outside, "values outside 0 to 1", needed, remedy)
        off = np.asarray(abs(shares.sum(1) - 1) > NEARLY)
        refuse_columns(rows, self.labels, name, off, "shares that do not sum to one", needed, remedy)
        refuse_columns(
            rows,
            self.labels,
            name,
            np.asarray((shares == 0).any(1)),
            "shares of exactly 0",
            "A Dirichlet response has no share of 0.",
            "If they come from rounding, move all shares inwards, "
            f"`(y * (n - 1) + 1 / {len(self.labels)}) / n` with n rows (Smithson and Verkuilen 2006); "
            "for counts with zeros family='multinomial'.",
        )

    def log_constant(self, rows: Rows) -> np.ndarray:
        return -np.asarray(rows.weight) * np.log(columns_of(rows)).sum(1)

    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        # Gamma variables over their sum, by their logarithms: of small shapes they are too small for numbers.
        shape = np.maximum(np.asarray(phi["phi"])[..., None] * self.shares(eta, phi), TINY)
        with np.errstate(over="ignore", divide="ignore"):
            logs = np.log(rng.standard_gamma(shape + 1)) + np.log(rng.random(shape.shape)) / shape
        return np.maximum(softmax(np.maximum(logs, LOWEST), axis=-1), TINY)

    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        return self.shares(eta, phi)
