"""Rows of one family, some of whose parameters have linear predictors of their own.

A parameter that is common to all rows is one number. One that is predicted is ``F(eta)`` row by row, F the
inverse of its link: the row function is given each row's own value, and what it says of the value becomes
what it says of the predictor,

    score = F'(eta) slope,     curvature = F'(eta)^2 information.

The curvature of two different predictors together is left at zero: it shapes proposals, never the posterior.
A family whose predictors belong together, such as those of unordered categories, is `JOINT`: its row function
takes the predictors themselves, and gives their whole curvature.
"""

from __future__ import annotations

import math

import numpy as np

from shoal.families.intervals import evaluate_kinds
from shoal.families.special import above_zero
from shoal.priors.compiled import inner

COMMON, LOG, LOGIT, IDENTITY, JOINT = 0, 1, 2, 3, 4
CODES = {"log": LOG, "logit": LOGIT, "identity": IDENTITY}
LARGEST = 300.0  # |eta| beyond which a parameter stays as it is: its square is a finite number


@inner
def inverse_link(link: int, eta: float) -> tuple[float, float]:
    """Return a parameter and its derivative in its linear predictor."""
    if link == LOG:
        value = math.exp(min(max(eta, -LARGEST), LARGEST))
        return value, value
    if link == LOGIT:
        small = math.exp(-min(abs(eta), LARGEST))
        r = 1.0 / (1.0 + small)
        return (min(r, 1.0 - 1e-16) if eta > 0 else small * r), small * r * r
    return eta, 1.0


@inner
def evaluate_block(
    function,
    interval,
    y,
    trials,
    weight,
    se,
    intervals,
    eta,
    phi,
    link,
    order,
    value,
    score,
    curvature,
    slope,
    information,
):
    """Evaluate M rows, as `row_functions` says, of q + p predictors: the family's, then p of parameters.

    Parameters
    ----------
    function, interval, intervals
        As `intervals.evaluate_kinds` takes them.
    eta, score : ((q + p) M,) arrays
        One predictor after the other.
    phi, slope, information : (k,) arrays
        Of the parameters that are common to all rows; the places of others are not touched.
    link : (k,) int array
        The link of each parameter that is predicted, in the order of these predictors, else `COMMON`; `JOINT`
        of those whose predictors are among the family's, which come first and are not read.
    curvature : ((q + p)(q + p + 1) / 2 M,) array
    """
    count, k = weight.size, link.size
    if _of_family(eta.size // count, link) == eta.size // count:
        evaluate_each(
            function,
            interval,
            y,
            trials,
            weight,
            se,
            intervals,
            eta,
            phi.reshape((k, 1)),
            link,
            order,
            value,
            score,
            curvature,
            slope.reshape((k, 1)),
            information.reshape((k, 1)),
        )
        return
    each, slopes, informations = np.empty((k, count)), np.zeros((k, count)), np.zeros((k, count))
    for j in range(k):
        each[j] = phi[j]
    evaluate_each(
        function,
        interval,
        y,
        trials,
        weight,
        se,
        intervals,
        eta,
        each,
        link,
        order,
        value,
        score,
        curvature,
        slopes,
        informations,
    )
    for j in range(k if order > 0 else 0):
        if link[j] == COMMON or link[j] == JOINT:
            for i in range(count):
                slope[j] += slopes[j, i]
                information[j] += informations[j, i]


@inner
def _of_family(predictors: int, link: np.ndarray) -> int:
    """Return how many predictors are the family's own, of all."""
    for j in range(link.size):
        if link[j] != COMMON and link[j] != JOINT:
            predictors -= 1
    return predictors


@inner
def evaluate_each(
    function,
    interval,
    y,
    trials,
    weight,
    se,
    intervals,
    eta,
    each,
    link,
    order,
    value,
    score,
    curvature,
    slopes,
    informations,
):
    """Evaluate M rows as `evaluate_block` does, where rows may differ in what is common to its own.

    Parameters
    ----------
    each, slopes, informations : (k, M) arrays
        Of the parameters; those that are predicted are written here. (k, 1) where none is.
    """
    count, k = weight.size, link.size
    predictors = eta.size // count
    first = _of_family(predictors, link)
    pairs = first * (first + 1) // 2
    own_eta, own_score = eta[: first * count].reshape((first, count)), score[: first * count]
    own_curvature = curvature[: pairs * count] if order > 1 else curvature[:0]
    rate = np.empty((predictors - first, count))
    at = first
    for j in range(k if first < predictors else 0):
        if link[j] != COMMON and link[j] != JOINT:
            for i in range(count):
                each[j, i], rate[at - first, i] = inverse_link(link[j], eta[at * count + i])
                slopes[j, i], informations[j, i] = 0.0, 0.0
            at += 1
    evaluate_kinds(
        function,
        interval,
        y,
        trials,
        weight,
        se,
        intervals,
        own_eta,
        each,
        order,
        value,
        own_score.reshape((first, count)),
        own_curvature.reshape((pairs, own_curvature.size // pairs)),
        slopes,
        informations,
    )
    if order == 0 or first == predictors:
        return
    at = first
    for j in range(k):
        if link[j] == COMMON or link[j] == JOINT:
            continue
        for i in range(count):
            score[at * count + i] = slopes[j, i] * rate[at - first, i]
        if order > 1:
            for b in range(at):
                for i in range(count):
                    curvature[(at * (at + 1) // 2 + b) * count + i] = 0.0
            for i in range(count):
                d = rate[at - first, i]
                curvature[(at * (at + 3) // 2) * count + i] = above_zero(informations[j, i] * d * d)
        at += 1
