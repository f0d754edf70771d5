"""Whether there is a confound, by the models that would see it; and what each model identifies."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from shoal.api import Fit
from shoal.estimands import Estimates, describe, interval_names
from shoal.priors import Fixed, Laplace, Normal, Prior, Shrunk, StudentT
from shoal.studies.confounding.estimators import FIXED, LATENT, MULTILEVEL, MUNDLAK, NAIVE
from shoal.studies.confounding.models import coefficient
from shoal.studies.confounding.question import Question

YES, NO, CONFOUNDED, UNLESS = "yes", "no", "confounded", "unless confounded"
ALIKE = "unless groups differ"
BETWEEN = "between minus within"
THROUGH = "covariance through the latent"
AGAIN = 0.8  # of the prior's sd: a posterior so wide is the prior over again


def evidence_of(question: Question, fits: Mapping[str, Fit], prob: float) -> pd.DataFrame:
    """Return what the models that would see a confound say of it, a row an estimator.

    The coefficient of the groups' mean of the trait is the trait's effect between groups less that within
    them (Mundlak 1978). The product of the latent's two loadings is the covariance of both linear predictors
    through it, on which the choice of the latent's sign has no influence.
    """
    draws = {}
    if MUNDLAK in fits:
        name = coefficient(question, fits[MUNDLAK].model, question.mean_term)
        draws[MUNDLAK] = BETWEEN, _values(fits[MUNDLAK], name)
    if LATENT in fits:
        loadings = [design.latents[0].loading for design in fits[LATENT].model.specification.designs]
        draws[LATENT] = THROUGH, np.prod([_values(fits[LATENT], name) for name in loadings], axis=0)
    rows = [{"quantity": what, **describe(values, prob)} for what, values in draws.values()]
    columns = ["quantity", "mean", "sd", *interval_names(prob)]
    table = Estimates(rows, index=pd.Index(list(draws), name="estimator", dtype=object), columns=columns)
    table["away_from_0"] = [is_away(row, prob) for _, row in table.iterrows()]
    return table


def is_away(row: pd.Series, prob: float) -> bool:
    """Return whether an interval leaves zero out."""
    low, high = (row[name] for name in interval_names(prob))
    return bool(low > 0 or high < 0)


def _values(fit: Fit, name: str) -> np.ndarray:
    return fit.results.posterior[name].values


def identified(estimator: str, effect: str, question: Question, ratio: float, away: bool, tied: bool) -> str:
    """Return what a model says of an effect, in a word or two.

    Parameters
    ----------
    ratio : float
        Posterior sd of the effect by its prior's, NaN where the prior has none of its own.
    away : bool
        There is evidence of a confound, from draws that can be trusted.
    tied : bool
        The groups' means of the trait go with the group's trait. If it moves them, they are moved by what
        confounds as well: given them, its coefficient takes part of the confound with the other sign.
    """
    of_groups = effect == question.group_trait
    if ratio >= AGAIN or (of_groups and estimator == FIXED):
        return NO
    if of_groups and estimator == NAIVE:
        return ALIKE
    if of_groups:
        unmodelled = effect not in question.trait_covariates
        given_means = estimator == MUNDLAK or (estimator == LATENT and unmodelled)
        return f"unless {effect} moves {question.trait}" if tied and given_means else YES
    if estimator in (NAIVE, MULTILEVEL):
        return CONFOUNDED if away else UNLESS
    return YES


def prior_sd(prior: Prior) -> float:
    """Return the standard deviation of a coefficient's prior, NaN if it has none of its own."""
    if isinstance(prior, Fixed):
        return 0.0
    if isinstance(prior, Shrunk):
        return math.nan
    if isinstance(prior, Normal):
        return prior.sigma
    if isinstance(prior, Laplace):
        return math.sqrt(2) * prior.b
    if isinstance(prior, StudentT) and prior.nu > 2:
        return prior.sigma * math.sqrt(prior.nu / (prior.nu - 2))
    return math.nan
