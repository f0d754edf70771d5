"""Response families as PyMC distributions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from shoal import families
from shoal.errors import ModelError
from shoal.families import Family
from shoal.model.design import Design

ROOT_2 = np.sqrt(2.0)  # a float64: PyTensor takes the root of its own constant in single precision


class Observed(NamedTuple):
    """A distribution of PyMC, its arguments, and whether its values are integers."""

    distribution: Any
    arguments: dict[str, Any]
    integers: bool = False


def observe(name: str, design: Design, eta: Any, phi: dict[str, Any]) -> None:
    """Add the response to the model: observed rows, or a potential where they have weights.

    Raises
    ------
    ModelError
        If the family has no counterpart.
    """
    family = design.family.plain
    if type(family) not in COUNTERPARTS:
        known = ", ".join(kind.name for kind in COUNTERPARTS)
        raise ModelError(
            "not-exported", f"Family {family.name!r} has no counterpart in PyMC.", f"Those of {known}."
        )
    given = COUNTERPARTS[type(family)](design, eta, phi)
    distribution, arguments, integers = given
    y, weight = design.responses, design.rows.weight
    y = np.asarray(y, np.int64 if integers else np.float64)
    if design.formula.response.coarse:
        pm.Potential(name, _coarse(design, given, y), dims="row")
    elif np.all(weight == 1):
        distribution(name, **arguments, observed=y, dims=("row", *design.category_dims))
    else:
        # A row's log density times its weight is no distribution's.
        log_density = pm.logp(distribution.dist(**arguments), y)
        pm.Potential(name, data(design, "weight", weight) * log_density, dims="row")


def _coarse(design: Design, given: Observed, y: np.ndarray) -> Any:
    """Return the log densities of rows that are censored or truncated, times their weights.

    `pymc.Censored` knows no intervals, and `pymc.Truncated` no rows that are censored as well.
    """
    rows = design.rows
    value = pm.logp(given.distribution.dist(**given.arguments), y)
    if rows.known is not None:
        value = pt.switch(rows.observed, value, _log_between(given, *rows.known))
    if rows.bounds is not None:
        value -= _log_between(given, *rows.bounds)
    return data(design, "weight", np.asarray(rows.weight, float)) * value


def _log_between(given: Observed, low: np.ndarray, high: np.ndarray) -> Any:
    """Return ``log P(low < y <= high)``; where an end is infinite, any number stands in its place."""
    below, above = np.isneginf(low), np.isposinf(high)
    first = _log_cdf(given, np.where(below, np.where(above, 1.0, high - 1.0), low))
    last = _log_cdf(given, np.where(above, np.where(below, 1.0, low + 1.0), high))
    inside = pt.switch(above, pt.log1mexp(first), last + pt.log1mexp(first - last))
    return pt.switch(below, pt.switch(above, 0.0, last), inside)


def _log_cdf(given: Observed, x: np.ndarray) -> Any:
    """Return ``log P(y <= x)``: of normal responses not by PyMC, whose root of 2 is in single precision."""
    if given.distribution is pm.Normal:
        return _log_normal_cdf((x - given.arguments["mu"]) / given.arguments["sigma"])
    if given.distribution is pm.LogNormal:
        logs = np.log(np.where(x > 0, x, 1.0))
        value = _log_normal_cdf((logs - given.arguments["mu"]) / given.arguments["sigma"])
        return pt.switch(x > 0, value, -np.inf)
    return pm.logcdf(given.distribution.dist(**given.arguments), x)


def data(design: Design, what: str, values: np.ndarray, *dims: str) -> Any:
    """Return values of the rows as data that ``pymc.set_data`` can replace."""
    return pm.Data(f"{design.prefix}data_{what}", values, dims=("row", *dims))


def _gaussian(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    sigma = phi.get("sigma")
    if design.known_se:
        se = data(design, "se", design.rows.se)
        sigma = se if sigma is None else pt.sqrt(se**2 + sigma**2)
    return Observed(pm.Normal, {"mu": eta, "sigma": sigma})


def _student(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    return Observed(pm.StudentT, {"nu": phi["nu"], "mu": eta, "sigma": phi["sigma"]})


def _skew_normal(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    # PyMC's mu and sigma are the location and scale, not the mean and standard deviation.
    delta = phi["alpha"] / pt.sqrt(1 + phi["alpha"] ** 2)
    omega = phi["sigma"] / pt.sqrt(1 - 2 * delta**2 / np.pi)
    location = eta - omega * delta * np.sqrt(2 / np.pi)
    return Observed(pm.SkewNormal, {"mu": location, "sigma": omega, "alpha": phi["alpha"]})


def _asym_laplace(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    q = phi["quantile"]
    odds, rate = pt.sqrt(q / (1 - q)), pt.sqrt(q * (1 - q)) / phi["sigma"]
    return Observed(pm.AsymmetricLaplace, {"kappa": odds, "mu": eta, "b": rate})


def _von_mises(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    return Observed(pm.VonMises, {"mu": 2 * pt.arctan(eta), "kappa": phi["kappa"]})


def _lognormal(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    return Observed(pm.LogNormal, {"mu": eta, "sigma": phi["sigma"]})


def _log_odds(family: Family, eta: Any) -> Any:
    """Return the log odds of success: far out the probability itself rounds to 0 or 1, they do not."""
    if family.link == "probit":
        return _log_normal_cdf(eta) - _log_normal_cdf(-eta)
    if family.link == "cloglog":
        # log(exp(u) - 1) with u = exp(eta)
        return pt.exp(eta) + pt.log1mexp(-pt.exp(eta))
    return eta


def _log_normal_cdf(x: Any) -> Any:
    """Return ``log Φ(x)``; both formulas finite everywhere, as the derivative of a switch needs."""
    left, right = pt.minimum(x, 0.0) / ROOT_2, pt.maximum(x, 0.0) / ROOT_2
    tail = pt.log(0.5 * pt.erfcx(-left)) - left**2
    return pt.switch(x < 0, tail, pt.log1p(-0.5 * pt.erfc(right)))


def _normal_cdf(x: Any) -> Any:
    return 0.5 * pt.erfc(-x / ROOT_2)


def _bernoulli(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    return Observed(pm.Bernoulli, {"logit_p": _log_odds(design.family, eta)}, integers=True)


def _binomial(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    trials = data(design, "trials", design.rows.trials.astype(np.int64))
    arguments = {"n": trials, "logit_p": _log_odds(design.family, eta)}
    return Observed(pm.Binomial, arguments, integers=True)


def _beta_binomial(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    trials = data(design, "trials", design.rows.trials.astype(np.int64))
    shapes = {"alpha": phi["phi"] * pt.sigmoid(eta), "beta": phi["phi"] * pt.sigmoid(-eta)}
    return Observed(pm.BetaBinomial, {"n": trials, **shapes}, integers=True)


def _poisson(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    return Observed(pm.Poisson, {"mu": pt.exp(eta)}, integers=True)


def _negbinomial(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    return Observed(pm.NegativeBinomial, {"mu": pt.exp(eta), "alpha": phi["shape"]}, integers=True)


def _zero_inflated_poisson(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    # PyMC's psi is the share of rows that are Poisson.
    return Observed(pm.ZeroInflatedPoisson, {"psi": 1 - phi["zi"], "mu": pt.exp(eta)}, integers=True)


def _zero_inflated_negbinomial(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    arguments = {"psi": 1 - phi["zi"], "mu": pt.exp(eta), "alpha": phi["shape"]}
    return Observed(pm.ZeroInflatedNegativeBinomial, arguments, integers=True)


def _zero_inflated_binomial(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    trials = data(design, "trials", design.rows.trials.astype(np.int64))
    arguments = {"psi": 1 - phi["zi"], "n": trials, "p": pt.sigmoid(eta)}
    return Observed(pm.ZeroInflatedBinomial, arguments, integers=True)


def _hurdle_poisson(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    # PyMC's psi is the share of rows beyond the hurdle.
    return Observed(pm.HurdlePoisson, {"psi": 1 - phi["hu"], "mu": pt.exp(eta)}, integers=True)


def _hurdle_negbinomial(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    arguments = {"psi": 1 - phi["hu"], "mu": pt.exp(eta), "alpha": phi["shape"]}
    return Observed(pm.HurdleNegativeBinomial, arguments, integers=True)


def _hurdle_gamma(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    shapes = {"alpha": phi["shape"], "beta": phi["shape"] * pt.exp(-eta)}
    return Observed(pm.HurdleGamma, {"psi": 1 - phi["hu"], **shapes})


def _hurdle_lognormal(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    return Observed(pm.HurdleLogNormal, {"psi": 1 - phi["hu"], "mu": eta, "sigma": phi["sigma"]})


def _exponential(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    return Observed(pm.Exponential, {"scale": pt.exp(eta)})


def _gamma(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    return Observed(pm.Gamma, {"alpha": phi["shape"], "beta": phi["shape"] * pt.exp(-eta)})


def _weibull(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    scale = pt.exp(eta - pt.gammaln(1 + 1 / phi["shape"]))
    return Observed(pm.Weibull, {"alpha": phi["shape"], "beta": scale})


def _inverse_gaussian(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    return Observed(pm.Wald, {"mu": pt.exp(eta), "lam": phi["shape"]})


def _beta(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    shapes = {"alpha": phi["phi"] * pt.sigmoid(eta), "beta": phi["phi"] * pt.sigmoid(-eta)}
    return Observed(pm.Beta, shapes)


def _cumulative(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    """Return categories with ``P(y <= j) = F(cutpoint[j] - eta)``.

    `OrderedLogistic` and `OrderedProbit` are the same distributions, but take differences of F near 1, which
    round to 0; here differences above the median are those of 1 - F.
    """
    distribution = pt.sigmoid if design.family.link == "logit" else _normal_cdf
    away = phi["cutpoints"] - eta[:, None]
    at_most, above = distribution(away), distribution(-away)
    high = away[:, :-1] + away[:, 1:] > 0
    between = pt.switch(high, above[:, :-1] - above[:, 1:], at_most[:, 1:] - at_most[:, :-1])
    p = pt.concatenate([at_most[:, :1], between, above[:, -1:]], axis=1)
    return Observed(pm.Categorical, {"p": p}, integers=True)


def _sequential(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    """Return categories with ``P(y = j | y >= j) = F(cutpoint[j] - eta)``; F is symmetric."""
    distribution = pt.sigmoid if design.family.link == "logit" else _normal_cdf
    away = phi["cutpoints"] - eta[:, None]
    one = pt.ones_like(away[:, :1])
    reached = pt.concatenate([one, pt.cumprod(distribution(-away), axis=1)], axis=1)
    p = reached * pt.concatenate([distribution(away), one], axis=1)
    return Observed(pm.Categorical, {"p": p}, integers=True)


def _acat(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    steps = pt.cumsum(eta[:, None] - phi["cutpoints"], axis=1)
    logits = pt.concatenate([pt.zeros_like(steps[:, :1]), steps], axis=1)
    return Observed(pm.Categorical, {"logit_p": logits}, integers=True)


def _categorical(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    return Observed(pm.Categorical, {"logit_p": _of_categories(design, phi)}, integers=True)


def _multinomial(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    trials = data(design, "trials", design.rows.trials.astype(np.int64))
    return Observed(
        pm.Multinomial, {"n": trials, "p": pm.math.softmax(_of_categories(design, phi), axis=1)}, True
    )


def _dirichlet(design: Design, eta: Any, phi: dict[str, Any]) -> Observed:
    shares = pm.math.softmax(_of_categories(design, phi), axis=1)
    precision = phi["phi"] * pt.ones_like(eta)
    return Observed(pm.Dirichlet, {"a": precision[:, None] * shares})


def _of_categories(design: Design, phi: dict[str, Any]) -> Any:
    """Return the linear predictors of all categories, the first one's of zeros."""
    own = [phi[name] for name in design.family.together]
    return pt.stack([pt.zeros_like(own[0]), *own], axis=1)


COUNTERPARTS: dict[type[Family], Callable[[Design, Any, dict[str, Any]], Observed]] = {
    families.Gaussian: _gaussian,
    families.Student: _student,
    families.SkewNormal: _skew_normal,
    families.AsymLaplace: _asym_laplace,
    families.VonMises: _von_mises,
    families.LogNormal: _lognormal,
    families.Bernoulli: _bernoulli,
    families.Binomial: _binomial,
    families.BetaBinomial: _beta_binomial,
    families.Poisson: _poisson,
    families.NegBinomial: _negbinomial,
    families.ZeroInflatedPoisson: _zero_inflated_poisson,
    families.ZeroInflatedNegBinomial: _zero_inflated_negbinomial,
    families.ZeroInflatedBinomial: _zero_inflated_binomial,
    families.HurdlePoisson: _hurdle_poisson,
    families.HurdleNegBinomial: _hurdle_negbinomial,
    families.HurdleGamma: _hurdle_gamma,
    families.HurdleLogNormal: _hurdle_lognormal,
    families.Exponential: _exponential,
    families.Gamma: _gamma,
    families.Weibull: _weibull,
    families.InverseGaussian: _inverse_gaussian,
    families.Beta: _beta,
    families.Cumulative: _cumulative,
    families.StoppingRatio: _sequential,
    families.ContinuationRatio: _sequential,
    families.AdjacentCategory: _acat,
    families.Categorical: _categorical,
    families.Multinomial: _multinomial,
    families.Dirichlet: _dirichlet,
}
