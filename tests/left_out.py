"""Exact densities of what is left out of small models, by quadrature and linear algebra.

Nothing here comes from `shoal`.
"""

import numpy as np
from scipy.special import expit, logsumexp
from scipy.stats import multivariate_normal, norm


def schools(y, se) -> np.ndarray:
    """Return the log density of each school given the others, (J,).

    ``y_j ~ N(theta_j, se_j)``, ``theta_j ~ N(mu, tau)``, mu ~ N(0, 5), tau ~ half-Cauchy(5): quadrature over
    log tau, all else integrated out.
    """
    y, se = np.asarray(y, float), np.asarray(se, float)
    log_tau = np.linspace(np.log(1e-4), np.log(5000), 8001)
    tau = np.exp(log_tau)
    log_prior = np.log(2 / (np.pi * 5)) - np.log1p((tau / 5) ** 2) + log_tau

    def log_evidence(keep):
        v = se[keep] ** 2 + tau[:, None] ** 2
        precision = (1 / v).sum(1) + 1 / 25
        mean = (y[keep] / v).sum(1) / precision
        value = norm.logpdf(y[keep], 0, np.sqrt(v)).sum(1) + 0.5 * mean**2 * precision
        return logsumexp(value - 0.5 * np.log(25 * precision) + log_prior)

    whole = np.arange(len(y))
    return np.array([log_evidence(whole) - log_evidence(np.delete(whole, i)) for i in whole])


SHAPE, RATE = 36.0, 12.0  # of the gamma prior of `single_binary_rows`: mean 3, sd 0.5


def single_binary_rows(y) -> np.ndarray:
    """Return the log probability of each 0 or 1 given the others, one a level, (G,).

    Log odds N(mu, sd), mu ~ N(0, 1), sd ~ Gamma(SHAPE, RATE): quadrature over mu, sd and the effect.
    """
    y = np.asarray(y)
    mu, sd, u = np.linspace(-6, 6, 241), np.linspace(0.8, 6, 121), np.linspace(-8, 8, 401)
    weight = norm.pdf(u) / norm.pdf(u).sum()
    p = np.array([[weight @ expit(m + s * u) for s in sd] for m in mu])
    log_prior = norm.logpdf(mu, 0, 1)[:, None] + (SHAPE - 1) * np.log(sd) - RATE * sd
    ones, zeros = y.sum(), (1 - y).sum()

    def log_evidence(ones, zeros):
        return logsumexp(log_prior + ones * np.log(p) + zeros * np.log1p(-p))

    whole = log_evidence(ones, zeros)
    return whole - np.where(y == 1, log_evidence(ones - 1, zeros), log_evidence(ones, zeros - 1))


def jointly_normal(y, covariance, units) -> np.ndarray:
    """Return the log density of each unit's entries of y given all others, y normal around 0, (U,)."""
    out = []
    for unit in np.unique(units):
        at, rest = np.flatnonzero(units == unit), np.flatnonzero(units != unit)
        weight = np.linalg.solve(covariance[np.ix_(rest, rest)], covariance[np.ix_(rest, at)]).T
        spread = covariance[np.ix_(at, at)] - weight @ covariance[np.ix_(rest, at)]
        out.append(multivariate_normal(weight @ y[rest], spread).logpdf(y[at]))
    return np.array(out)
