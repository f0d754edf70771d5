"""The log density of every top-level prior at every draw, on natural scales.

Top-level priors are those of numbers that stand for themselves: coefficients, standard deviations,
correlations, loadings, cutpoints, the families' own parameters. The distribution of group effects given
their standard deviations belongs to the model, and so does that of slopes given what they share under a
shrinkage prior.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.special import betaln

from shoal.fit.results import Results
from shoal.model import Specification
from shoal.model.terms.term import Judged
from shoal.priors import LKJ, R2D2, Fixed, Prior

SINGULAR = 1e-30  # determinant of a correlation matrix that rounding made singular


@dataclass(frozen=True)
class LogPriors:
    """Log prior densities of a fit, by the parameter's name; parameters that are fixed have none.

    Attributes
    ----------
    values : dict of (chain, draw) arrays
    limits : tuple of str
        What is left out, and why: a sentence a prior.
    """

    values: dict[str, np.ndarray]
    limits: tuple[str, ...]


def log_priors(results: Results) -> LogPriors:
    """Return the normalised log density of each prior at each draw of its parameter.

    A default prior of the Intercept, or of cutpoints, speaks of the linear predictor at average columns: its
    density is taken there. Cutpoints together have the density of independent normal variables in ascending
    order, the correlations of a term that of their matrix. Of `R2D2` it is the density of R^2, which the
    slopes' scales tell; of `Horseshoe` there is none, for they do not tell its global scale.
    """
    values, limits, draws = dict[str, np.ndarray](), list[str](), results.posterior
    for judged in _judged(results.model, draws):
        prior = judged.prior or results.model.priors[judged.name].prior
        if isinstance(prior, Fixed):
            continue
        if judged.values:
            parts = (log_density(prior, x) for x in judged.values)
            values[judged.name] = sum(parts, np.array(judged.constant))
        if judged.limit:
            limits.append(f"{prior} of {judged.name} {judged.limit}.")
    return LogPriors(values, tuple(limits))


def _judged(model: Specification, draws: xr.Dataset) -> list[Judged]:
    """Return what all terms have priors of, in the order in which the priors are printed."""
    kept = {str(name): draws[name].values for name in draws.data_vars}
    order = {name: i for i, name in enumerate(model.priors)}
    found = [own for term in model.terms for own in term.judged(kept)]
    return sorted(found, key=lambda own: order.get(own.name, -1))


def log_density(prior: Prior, x: np.ndarray) -> np.ndarray:
    """Return the log density of a prior at values of any shape; of `LKJ` at matrices (..., K, K)."""
    if isinstance(prior, LKJ):
        return lkj_log_density(prior.eta, x)
    if isinstance(prior, R2D2):
        prior = prior.common()["r2"]
    return prior.log_density(x, *prior.params)


def lkj_log_density(eta: float, matrices: np.ndarray) -> np.ndarray:
    """Return the log density ``(eta - 1) log det R - log c`` of correlation matrices (..., K, K).

    With ``c = prod_k (2^(2 eta - 2 + K - k) B(b_k, b_k))^(K - k)``, ``b_k = eta + (K - k - 1) / 2``, k from 1
    to K - 1: Lewandowski, Kurowicka and Joe (2009), J. Multivariate Analysis 100, 1989-2001.
    """
    size = matrices.shape[-1]
    log_c = 0.0
    for k in range(1, size):
        shape = eta + (size - k - 1) / 2
        log_c += (size - k) * ((2 * eta - 2 + size - k) * math.log(2) + float(betaln(shape, shape)))
    determinant = np.maximum(np.linalg.det(matrices), SINGULAR)
    return np.asarray((eta - 1) * np.log(determinant) - log_c)
