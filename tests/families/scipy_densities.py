"""Row log densities from SciPy's distributions: an oracle that shares nothing with `shoal.families`."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats
from scipy.special import expit, gammaln, log_expit, log_ndtr, log_softmax, ndtr, softmax

from shoal.families import Family, Rows


def log_density(family: Family, rows: Rows, eta: Any, phi: dict[str, Any]) -> np.ndarray:
    """Return the normalised log density of each row times its weight, (N,).

    Parameters
    ----------
    family : Family
    rows : Rows
    eta : (N,) array
    phi : dict
        Numbers; ``phi["cutpoints"]`` is (C,).
    """
    rows = Rows(*(np.asarray(part, float) for part in rows[:4]), columns=rows.columns)
    eta = np.asarray(eta, float)
    return rows.weight * DENSITIES[family.name](family, rows, eta, phi)


def _gaussian(family, rows, eta, phi):
    return stats.norm.logpdf(rows.y, eta, np.hypot(rows.se, phi.get("sigma", 0.0)))


def _student(family, rows, eta, phi):
    return stats.t.logpdf(rows.y, phi["nu"], eta, phi["sigma"])


def _skew_normal(family, rows, eta, phi):
    unit = stats.skewnorm(phi["alpha"])
    omega = phi["sigma"] / unit.std()
    return unit.logpdf((rows.y - eta) / omega + unit.mean()) - np.log(omega)


def _asym_laplace(family, rows, eta, phi):
    q = phi["quantile"]
    return stats.laplace_asymmetric.logpdf(
        rows.y, np.sqrt(q / (1 - q)), eta, phi["sigma"] / np.sqrt(q * (1 - q))
    )


def _von_mises(family, rows, eta, phi):
    return stats.vonmises.logpdf(rows.y, phi["kappa"], 2 * np.arctan(eta))


def _binomial(family, rows, eta, phi):
    # Binomial coefficient from SciPy's density at one half; successes and failures on their log scale, as
    # probabilities round to 0 and 1.
    half = stats.binom.logpmf(rows.y, rows.trials, 0.5) + rows.trials * np.log(2)
    success, failure = LOG_SUCCESS_FAILURE[family.link](eta)
    return half + rows.y * success + (rows.trials - rows.y) * failure


def _beta_binomial(family, rows, eta, phi):
    return stats.betabinom.logpmf(rows.y, rows.trials, phi["phi"] * expit(eta), phi["phi"] * expit(-eta))


def _cloglog(eta):
    rate = np.exp(eta)
    with np.errstate(divide="ignore"):
        direct = np.where(rate < 1, np.log(-np.expm1(-rate)), np.log1p(-np.exp(-rate)))
    return np.where(eta < -40, eta, direct), -rate


LOG_SUCCESS_FAILURE = {
    "logit": lambda eta: (log_expit(eta), log_expit(-eta)),
    "probit": lambda eta: (log_ndtr(eta), log_ndtr(-eta)),
    "cloglog": _cloglog,
}


def _poisson(family, rows, eta, phi):
    return stats.poisson.logpmf(rows.y, np.exp(eta))


def _negbinomial(family, rows, eta, phi):
    # Gamma functions from SciPy's density at one half; the rest on the log scale, as in _binomial.
    a = phi["shape"]
    half = stats.nbinom.logpmf(rows.y, a, 0.5) + (rows.y + a) * np.log(2)
    return half - a * np.log1p(np.exp(eta) / a) - rows.y * np.log1p(a * np.exp(-eta))


def _zero_inflated(counts):
    def density(family, rows, eta, phi):
        structural = np.where(rows.y == 0, np.log(phi["zi"]), -np.inf)
        return np.logaddexp(structural, np.log1p(-phi["zi"]) + counts(family, rows, eta, phi))

    return density


def _hurdle(beyond, truncated=False, at=1.0, name="hu"):
    """Return the density of 0 with probability `name`, else of what is beyond, given that it is not 0."""

    def density(family, rows, eta, phi):
        zero = rows.y == 0
        there = rows._replace(y=np.where(zero, at, rows.y))
        empty = beyond(family, rows._replace(y=np.zeros_like(rows.y)), eta, phi) if truncated else -np.inf
        with np.errstate(divide="ignore"):
            positive = beyond(family, there, eta, phi) - np.log(-np.expm1(empty))
        return np.where(zero, np.log(phi[name]), np.log1p(-phi[name]) + positive)

    return density


def _exponential(family, rows, eta, phi):
    return stats.expon.logpdf(rows.y, scale=np.exp(eta))


def _gamma(family, rows, eta, phi):
    return stats.gamma.logpdf(rows.y, phi["shape"], scale=np.exp(eta) / phi["shape"])


def _weibull(family, rows, eta, phi):
    # With log y - log(scale) from eta: the scale may be far from any response.
    a = phi["shape"]
    z = a * (np.log(rows.y) - eta + gammaln(1 + 1 / a))
    return stats.gumbel_l.logpdf(z) + np.log(a) - np.log(rows.y)


def _inverse_gaussian(family, rows, eta, phi):
    return stats.invgauss.logpdf(rows.y, np.exp(eta) / phi["shape"], scale=phi["shape"])


def _lognormal(family, rows, eta, phi):
    return stats.norm.logpdf(np.log(rows.y), eta, phi["sigma"]) - np.log(rows.y)


def _beta(family, rows, eta, phi):
    return stats.beta.logpdf(rows.y, phi["phi"] * expit(eta), phi["phi"] * expit(-eta))


def _with_ends(zero, one, between, family, rows, eta, phi):
    """Return log densities from those of the three parts: at 0, at 1 and between them."""
    inside = np.where((rows.y == 0) | (rows.y == 1), 0.5, rows.y)
    density = between + _beta(family, rows._replace(y=inside), eta, phi)
    return np.where(rows.y == 0, zero, np.where(rows.y == 1, one, density))


def _zero_one_inflated_beta(family, rows, eta, phi):
    zoi, coi = phi["zoi"], phi["coi"]
    logs = np.log(zoi * (1 - coi)), np.log(zoi * coi), np.log1p(-zoi)
    return _with_ends(*logs, family, rows, eta, phi)


def _ordered_beta(family, rows, eta, phi):
    low, high = (phi["cutzero"] - eta, phi["cutzero"] + phi["cutgap"] - eta)
    # Above zero from the upper tail, where distribution functions have not rounded to one.
    between = np.where(low + high > 0, expit(-low) - expit(-high), expit(high) - expit(low))
    return _with_ends(log_expit(low), log_expit(-high), np.log(between), family, rows, eta, phi)


def _cumulative(family, rows, eta, phi):
    ends = np.concatenate([[-np.inf], phi["cutpoints"], [np.inf]])
    code = rows.y.astype(int)
    lower, upper = ends[code] - eta, ends[code + 1] - eta
    # Above zero from the upper tail, where distribution functions have not rounded to one.
    mirrored = lower + upper > 0
    low, high = np.where(mirrored, -upper, lower), np.where(mirrored, -lower, upper)
    distribution = {"logit": expit, "probit": ndtr}[family.link]
    return np.log(distribution(high) - distribution(low))


def _sequential(family, rows, eta, phi):
    stops, goes_on = LOG_SUCCESS_FAILURE[family.link](phi["cutpoints"] - eta[:, None])
    out = np.zeros(len(eta))
    for i, code in enumerate(rows.y.astype(int)):
        out[i] = goes_on[i, :code].sum() + (stops[i, code] if code < np.shape(phi["cutpoints"])[-1] else 0.0)
    return out


def _acat(family, rows, eta, phi):
    steps = np.cumsum(eta[:, None] - phi["cutpoints"], axis=1)
    logs = log_softmax(np.column_stack([np.zeros(len(eta)), steps]), axis=1)
    return logs[np.arange(len(eta)), rows.y.astype(int)]


def _categorical(family, rows, eta, phi):
    predictors = np.column_stack(np.broadcast_arrays(eta, *phi.values()))
    return log_softmax(predictors, axis=1)[np.arange(len(eta)), rows.y.astype(int)]


def _shares(family, eta, phi):
    return softmax(family.predictors(eta, phi), axis=0).T


def _multinomial(family, rows, eta, phi):
    return stats.multinomial.logpmf(
        np.column_stack([rows.y, *rows.columns]), rows.trials, _shares(family, eta, phi)
    )


def _dirichlet(family, rows, eta, phi):
    shapes = np.reshape(phi["phi"], (-1, 1)) * _shares(family, eta, phi)
    values = np.column_stack([rows.y, *rows.columns])
    return np.array([stats.dirichlet.logpdf(y, a) for y, a in zip(values, shapes, strict=True)])


DENSITIES = {
    "gaussian": _gaussian,
    "student": _student,
    "skew_normal": _skew_normal,
    "asym_laplace": _asym_laplace,
    "von_mises": _von_mises,
    "bernoulli": _binomial,
    "binomial": _binomial,
    "beta_binomial": _beta_binomial,
    "poisson": _poisson,
    "negbinomial": _negbinomial,
    "zero_inflated_poisson": _zero_inflated(_poisson),
    "zero_inflated_negbinomial": _zero_inflated(_negbinomial),
    "zero_inflated_binomial": _zero_inflated(_binomial),
    "hurdle_poisson": _hurdle(_poisson, truncated=True),
    "hurdle_negbinomial": _hurdle(_negbinomial, truncated=True),
    "hurdle_gamma": _hurdle(_gamma),
    "hurdle_lognormal": _hurdle(_lognormal),
    "exponential": _exponential,
    "gamma": _gamma,
    "weibull": _weibull,
    "inverse_gaussian": _inverse_gaussian,
    "lognormal": _lognormal,
    "beta": _beta,
    "zero_inflated_beta": _hurdle(_beta, at=0.5, name="zi"),
    "zero_one_inflated_beta": _zero_one_inflated_beta,
    "ordered_beta": _ordered_beta,
    "cumulative": _cumulative,
    "sratio": _sequential,
    "cratio": _sequential,
    "acat": _acat,
    "categorical": _categorical,
    "multinomial": _multinomial,
    "dirichlet": _dirichlet,
}
