"""Rows that belong to one level of each of several crossed factors."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from shoal.errors import ModelError, listing, nearest
from shoal.simulate.parts import check_scales, check_sizes, levels_of_rows, with_truth

if TYPE_CHECKING:
    import pandas as pd

# Lecture evaluations at ETH Zurich, `InstEval` of the R package lme4: students, lecturers, and the 28
# combinations of 14 departments and of lectures for other departments or not.
SIZES = MappingProxyType({"student": 2972, "lecturer": 1128, "department": 28})
SD = MappingProxyType({"student": 0.32, "lecturer": 0.51, "department": 0.11})
LARGEST_LOG_MEAN = 40.0  # counts of exp(43) no longer fit into 64 bits


def crossed(
    sizes: Mapping[str, int] = SIZES,
    rows: int = 73_421,
    *,
    sd: Mapping[str, float] = SD,
    intercept: float = 3.3,
    slope: float = -0.05,
    sigma: float = 1.18,
    family: str = "gaussian",
    skew: Mapping[str, float] | None = None,
    seed: int = 1,
) -> pd.DataFrame:
    r"""Simulate rows that belong to a level of each of several crossed factors.

    .. math:: \eta_i = \alpha + \beta x_i + \sum_f r_{f, f[i]}, \qquad
              r_{fj} \sim \mathrm{Normal}(0, \tau_f), \qquad y_i \sim \mathrm{Normal}(\eta_i, \sigma)

    with other rows :math:`y_i \sim \mathrm{Bernoulli}(\mathrm{logit}^{-1}\eta_i)` or
    :math:`y_i \sim \mathrm{Poisson}(e^{\eta_i})`. By default the sizes of the lecture evaluations
    ``InstEval`` of the R package lme4, scatter of about the size found there, and lecturers of very unequal
    popularity. Factors are drawn independently of each other; those of InstEval are partially nested.

    Parameters
    ----------
    sizes : mapping of str to int
        Number of levels of each factor, by the factor's name.
    rows : int
        Rows in all; at least as many as the largest factor has levels, because every level occurs.
    sd : mapping of str to float
        Standard deviation :math:`\tau_f` between the levels of each factor, on the scale of :math:`\eta`.
    intercept, slope : float
        :math:`\alpha`, and the effect :math:`\beta` of `x`, which is 0 or 1 with equal probability.
    sigma : float
        Residual standard deviation; gaussian rows only.
    family : {"gaussian", "bernoulli", "poisson"}
        With identity, logit and log link.
    skew : mapping of str to float, optional
        Coefficient of variation of the popularity of a factor's levels, which is gamma-distributed: 0 gives
        rows to all levels alike, 1 makes popularity exponential. A factor that is not named has 0. By default
        the second factor has 1.
    seed : int
        Seed of ``numpy.random.default_rng``.

    Returns
    -------
    pandas.DataFrame
        Columns ``y``, ``x``, and one for each factor (levels from 0), `rows` rows in random order.
        ``attrs["truth"]``: ``Intercept``, ``x``, ``sd_<factor>``, ``r_<factor>`` (a list: one per level),
        and ``sigma`` of gaussian rows.

    Raises
    ------
    ModelError
        `sizes`, `sd` and `skew` name different factors, a factor is called ``x`` or ``y``, a size or a
        standard deviation is impossible, there are fewer rows than levels, the family is not known, or the
        largest mean of Poisson rows is beyond 64-bit counts.

    References
    ----------
    Bates, D., Mächler, M., Bolker, B. and Walker, S. (2015). Fitting linear mixed-effects models using lme4.
    Journal of Statistical Software 67(1). Data set: ``man/InstEval.Rd`` of https://github.com/lme4/lme4.
    """
    import pandas as pd

    skew = dict.fromkeys(list(sizes)[1:2], 1.0) if skew is None else skew
    _check(sizes, rows, sd, skew, sigma, family)
    rng = np.random.default_rng(seed)
    levels = {f: levels_of_rows(rng, n, rows, skew.get(f, 0.0), f) for f, n in sizes.items()}
    effects = {f: sd[f] * rng.standard_normal(n) for f, n in sizes.items()}
    x = rng.integers(2, size=rows)
    eta = intercept + slope * x + sum(effects[f][levels[f]] for f in sizes)
    table = pd.DataFrame({"y": RESPONSES[family](rng, eta, sigma), "x": x, **levels})
    truth = {f"sd_{f}": sd[f] for f in sizes} | {f"r_{f}": effects[f] for f in sizes}
    if family == "gaussian":
        truth["sigma"] = sigma
    return with_truth(table, Intercept=intercept, x=slope, **truth)


def _normal(rng: np.random.Generator, eta: np.ndarray, sigma: float) -> np.ndarray:
    return eta + sigma * rng.standard_normal(len(eta))


def _zero_or_one(rng: np.random.Generator, eta: np.ndarray, sigma: float) -> np.ndarray:
    # A standard logistic number below eta: the logit link without an exponential that overflows.
    return (rng.logistic(size=len(eta)) < eta).astype(int)


def _count(rng: np.random.Generator, eta: np.ndarray, sigma: float) -> np.ndarray:
    if eta.max() > LARGEST_LOG_MEAN:
        raise ModelError(
            "simulated-mean",
            f"The largest Poisson mean is exp({eta.max():.1f}).",
            f"Counts are 64-bit integers: means up to exp({LARGEST_LOG_MEAN:g}).",
            "Choose a smaller intercept or smaller standard deviations; effects are on the log scale.",
        )
    return rng.poisson(np.exp(eta))


RESPONSES = {"gaussian": _normal, "bernoulli": _zero_or_one, "poisson": _count}


def _check(
    sizes: Mapping[str, int],
    rows: int,
    sd: Mapping[str, float],
    skew: Mapping[str, float],
    sigma: float,
    family: str,
) -> None:
    if family not in RESPONSES:
        raise ModelError(
            "unknown-choice",
            f"Cannot simulate rows of family {family!r}.",
            f"Needed: {listing(repr(name) for name in RESPONSES)}.",
            nearest(family, RESPONSES),
        )
    if not sizes:
        raise ModelError("simulated-factors", "sizes names no factor.", "At least one factor is needed.")
    if set(sd) != set(sizes) or not set(skew) <= set(sizes):
        raise ModelError(
            "simulated-factors",
            f"sizes has {listing(sizes)}; sd has {listing(sd)}; skew has {listing(skew)}.",
            "sd needs one standard deviation for each factor of sizes, and skew may name no other factor.",
            "Give sizes and sd together, with the same names.",
        )
    if taken := {"x", "y"} & set(sizes):
        raise ModelError(
            "simulated-factors",
            f"A factor is called {min(taken)!r}.",
            "Its name must not be that of a column.",
            "Rename it.",
        )
    check_sizes(rows=rows, **{f"levels of {factor}": n for factor, n in sizes.items()})
    check_scales(sigma=sigma, **{f"sd[{factor!r}]": value for factor, value in sd.items()})
