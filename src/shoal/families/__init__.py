"""Response families, one file each."""

from __future__ import annotations

import re
from typing import Any

from shoal.errors import ModelError, meant
from shoal.families.acat import AdjacentCategory
from shoal.families.asym_laplace import AsymLaplace
from shoal.families.base import Family, Rows
from shoal.families.bernoulli import Bernoulli
from shoal.families.beta import Beta
from shoal.families.beta_binomial import BetaBinomial
from shoal.families.binomial import Binomial
from shoal.families.categorical import Categorical
from shoal.families.cratio import ContinuationRatio
from shoal.families.cumulative import Cumulative
from shoal.families.dirichlet import Dirichlet
from shoal.families.exponential import Exponential
from shoal.families.gamma import Gamma
from shoal.families.gaussian import Gaussian
from shoal.families.hurdle_gamma import HurdleGamma
from shoal.families.hurdle_lognormal import HurdleLogNormal
from shoal.families.hurdle_negbinomial import HurdleNegBinomial
from shoal.families.hurdle_poisson import HurdlePoisson
from shoal.families.inverse_gaussian import InverseGaussian
from shoal.families.lognormal import LogNormal
from shoal.families.multinomial import Multinomial
from shoal.families.negbinomial import NegBinomial
from shoal.families.ordered_beta import OrderedBeta
from shoal.families.poisson import Poisson
from shoal.families.skew_normal import SkewNormal
from shoal.families.sratio import StoppingRatio
from shoal.families.student import Student
from shoal.families.von_mises import VonMises
from shoal.families.weibull import Weibull
from shoal.families.zero_inflated_beta import ZeroInflatedBeta
from shoal.families.zero_inflated_binomial import ZeroInflatedBinomial
from shoal.families.zero_inflated_negbinomial import ZeroInflatedNegBinomial
from shoal.families.zero_inflated_poisson import ZeroInflatedPoisson
from shoal.families.zero_one_inflated_beta import ZeroOneInflatedBeta

FAMILIES: dict[str, Family] = {
    f.name: f
    for f in (
        Gaussian(),
        Student(),
        SkewNormal(),
        AsymLaplace(),
        Bernoulli(),
        Binomial(),
        BetaBinomial(),
        Poisson(),
        NegBinomial(),
        ZeroInflatedPoisson(),
        ZeroInflatedNegBinomial(),
        ZeroInflatedBinomial(),
        HurdlePoisson(),
        HurdleNegBinomial(),
        Exponential(),
        Gamma(),
        Weibull(),
        InverseGaussian(),
        LogNormal(),
        HurdleGamma(),
        HurdleLogNormal(),
        Beta(),
        VonMises(),
        ZeroInflatedBeta(),
        ZeroOneInflatedBeta(),
        OrderedBeta(),
        Cumulative(),
        StoppingRatio(),
        ContinuationRatio(),
        AdjacentCategory(),
        Categorical(),
        Multinomial(),
        Dirichlet(),
    )
}

__all__ = [
    "FAMILIES",
    "AdjacentCategory",
    "AsymLaplace",
    "Bernoulli",
    "Beta",
    "BetaBinomial",
    "Binomial",
    "Categorical",
    "ContinuationRatio",
    "Cumulative",
    "Dirichlet",
    "Exponential",
    "Family",
    "Gamma",
    "Gaussian",
    "HurdleGamma",
    "HurdleLogNormal",
    "HurdleNegBinomial",
    "HurdlePoisson",
    "InverseGaussian",
    "LogNormal",
    "Multinomial",
    "NegBinomial",
    "OrderedBeta",
    "Poisson",
    "Rows",
    "SkewNormal",
    "StoppingRatio",
    "Student",
    "VonMises",
    "Weibull",
    "ZeroInflatedBeta",
    "ZeroInflatedBinomial",
    "ZeroInflatedNegBinomial",
    "ZeroInflatedPoisson",
    "ZeroOneInflatedBeta",
    "get_family",
]


# What other programs call these.
ELSEWHERE = {
    "normal": "gaussian",
    "t": "student",
    "logistic": "bernoulli",
    "negative_binomial": "negbinomial",
    "negativebinomial": "negbinomial",
    "nbinom2": "negbinomial",
    "ordinal": "cumulative",
    "vonmises": "von_mises",
}


def get_family(family: str | Family, link: str | None = None) -> Family:
    """Return the family of that name, with that link.

    Parameters
    ----------
    family : str or Family
        A name, such as "bernoulli", or a name with a link, such as "bernoulli(probit)".
    link : str, optional
        The family's own default if it is named in neither place.

    Raises
    ------
    ModelError
        If no family has the name, the family does not have the link, or two links are named.
    """
    if isinstance(family, Family):
        if link not in (None, family.link):
            raise ModelError(
                "link-twice",
                f"The family is {family.name}({family.link}), the link {link!r}.",
                "Give the link once.",
            )
        return family
    given: Any = family
    if not isinstance(given, str):
        shown = f"the class {given.__name__}" if isinstance(given, type) else repr(given)
        raise ModelError(
            "not-a-family",
            f"The family is {shown}.",
            "A name such as 'poisson', or a family of your own: an instance of a subclass of "
            "shoal.families.Family.",
        )
    parts = re.fullmatch(r"\s*([^()]*?)\s*(?:\(\s*([^()]*?)\s*\))?\s*", family)
    name, inside = parts.groups() if parts else (family, None)
    if name not in FAMILIES:
        own = ELSEWHERE.get(name.lower())
        raise ModelError(
            "unknown-family",
            f"There is no family {name!r}.",
            f"Known: {', '.join(FAMILIES)}.",
            f"Write family={own!r}." if own else meant(name, FAMILIES),
        )
    if link is not None and inside is not None and link != inside:
        raise ModelError("link-twice", f"The family is {family!r}, the link {link!r}.", "Give the link once.")
    return type(FAMILIES[name])(inside if link is None else link)
