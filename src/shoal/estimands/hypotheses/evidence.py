"""Evidence for a hypothesis: odds of a direction, a ratio of densities of a point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logsumexp

from shoal.engine import convergence
from shoal.errors import ModelError, listing
from shoal.estimands.hypotheses.density import BEYOND, Density
from shoal.estimands.hypotheses.linear import product_at_zero
from shoal.estimands.hypotheses.names import Element
from shoal.estimands.hypotheses.priors import Form, Known
from shoal.estimands.hypotheses.reader import Hypothesis
from shoal.model import Specification
from shoal.model.terms.coefficients import Coefficients
from shoal.priors import Shrunk

WORST = 0.7  # error of a log density, from which there is no ratio: a factor of 2
MOST = 700.0  # log of a ratio that is a number


@dataclass(frozen=True)
class Evidence:
    """What is known of one hypothesis.

    Attributes
    ----------
    probability, mcse : float
    ratio : float
        Posterior odds of a direction; of a point, the posterior density over the prior one.
    bayes_factor : float
        The ratio over the prior odds: what the data say. NaN where the prior leaves (nearly) no doubt.
    posterior, prior : Density, optional
        Of a point, at it.
    note : str
        What is to be known besides.
    """

    probability: float
    mcse: float
    ratio: float
    bayes_factor: float
    posterior: Density | None = None
    prior: Density | None = None
    note: str = ""


def of_direction(hypothesis: Hypothesis, values: np.ndarray, prior: Known | np.ndarray) -> Evidence:
    """Return the probability that draws (chain, draw) are on the side of 0 that is meant, and its odds."""
    above = hypothesis.relation == ">"
    true = (values > 0) if above else (values < 0)
    probability, mcse = share(true)
    ratio = _odds(probability)
    before, note = _before(prior, above)
    prior_odds = _odds(before)
    if not note and probability in (0.0, 1.0):
        note = f"{'All' if probability else 'None'} of {true.size:,} draws agree: the odds are beyond them."
    return Evidence(probability, mcse, ratio, ratio / prior_odds, note=note)


def _before(prior: Known | np.ndarray, above: bool) -> tuple[float, str]:
    """Return the prior probability of a direction; NaN and the reason where draws do not tell it."""
    if isinstance(prior, Known):
        probability = prior.above(above)
        assert probability is not None
        if probability in (0.0, 1.0):
            return math.nan, f"The prior leaves no doubt: its probability is {probability:g}."
        return probability, ""
    agree = np.count_nonzero(prior > 0 if above else prior < 0)
    if agree in (0, prior.size):
        return math.nan, f"The prior leaves no doubt: {'all' if agree else 'none'} of its draws agree."
    if min(agree, prior.size - agree) < BEYOND:
        words = f"{agree:,} of {prior.size:,} draws from the prior agree: its odds are not known well enough."
        return math.nan, words
    return agree / prior.size, ""


def share(true: np.ndarray) -> tuple[float, float]:
    """Return the share of draws (chain, draw) for which something is true, with its Monte Carlo error."""
    return float(true.mean()), float(convergence.mcse_mean(true[None].astype(float))[0])


def _odds(probability: float) -> float:
    return math.inf if probability == 1 else probability / (1 - probability)


@dataclass(frozen=True)
class Root:
    """A number at which a hypothesis holds with equality, and what is known around it.

    Attributes
    ----------
    form : Form
        The difference of the sides as a line through the root.
    values : (chain, draw) array
        Draws of that.
    prior : Known, (1, draws) array, or None
        None until there are draws.
    """

    form: Form
    values: np.ndarray
    prior: Known | np.ndarray | None


def of_point(roots: Sequence[Root]) -> Evidence:
    """Return the Savage-Dickey ratio: posterior density of a difference at 0 over its prior density there.

    Dickey (1971), Annals of Mathematical Statistics 42, 204-223: where the other parameters' prior under the
    point is the one that the whole model gives them there, this is the Bayes factor of the point against the
    rest. The probability is ratio / (1 + ratio): that of the point, were it as probable as all else before
    the data.

    Raises
    ------
    ModelError
        If the point is outside the prior's support, or at its edge.
    """
    for root in roots:
        _check_support(root.form)
        prior = root.prior
        if isinstance(prior, np.ndarray) and not (np.any(prior > 0) and np.any(prior < 0)):
            raise ModelError(
                "point-beyond-prior",
                f"All of {prior.size:,} draws from the prior are on one side of the point.",
                "A point inside the prior's support, where the ratio of densities has a meaning.",
                "Test a direction, or an interval: rope=(lower, upper).",
            )
    posterior = _summed(roots, [root.form.density_at_0(root.values) for root in roots], True)
    before = _summed(roots, [_prior_density(root) for root in roots], False)
    for whose, found in (("posterior", posterior), ("prior", before)):
        note = _unknown(whose, found)
        if note:
            return Evidence(math.nan, math.nan, math.nan, math.nan, note=note)
    assert posterior is not None and before is not None
    log = posterior.log - before.log
    ratio = math.exp(log) if log < MOST else math.inf
    probability = float(expit(log))
    mcse = probability * (1 - probability) * math.hypot(posterior.error, before.error)
    return Evidence(probability, mcse, ratio, ratio, posterior, before)


def _prior_density(root: Root) -> Density | None:
    if isinstance(root.prior, Known):
        return root.prior.density_at_0()
    assert root.prior is not None
    return root.form.density_at_0(root.prior)


def _summed(roots: Sequence[Root], found: Sequence[Density | None], of_draws: bool) -> Density | None:
    """Return the sum of densities; None if none of them can be told.

    One with few draws beyond it is counted as 0, and what it may be as error: a normal density so far out is
    about four times the share of draws beyond, of which 3 of all are not seen, over the sd.
    """
    there = [own for own in found if own is not None]
    if not there or len(found) == 1:
        return found[0]
    logs = np.array([own.log for own in there])
    total = float(logsumexp(logs))
    errors = np.exp(logs - total) * [own.error for own in there]
    missing = 0.0
    for root, own in zip(roots, found, strict=True):
        if own is None:
            draws = root.values if of_draws else root.prior
            assert isinstance(draws, np.ndarray)
            beyond = min(np.count_nonzero(draws > 0), np.count_nonzero(draws < 0))
            missing += 4 * (beyond + 3) / draws.size / float(draws.std()) / math.exp(total)
    # The draws are the same at all roots, so that errors may add up.
    return Density(total, float(np.nansum(errors) if np.isfinite(errors).all() else math.inf) + missing)


def _unknown(whose: str, found: Density | None) -> str:
    """Return why a density is too badly known for a ratio, as a sentence; empty if it is not."""
    if found is None:
        return (
            f"The point is so far out that fewer than {BEYOND} draws of the {whose} lie beyond it: its "
            "density there is too small to be estimated."
        )
    if found.error > WORST:
        return (
            f"The {whose} density at the point is not known well enough: draws that are nearer to it find "
            "another than those farther away, as of a heavy tail, or a peak without bound."
        )
    return ""


def _check_support(form: Form) -> None:
    low, high = {
        "real": (-math.inf, math.inf),
        "positive": (0.0, math.inf),
        "unit": (0.0, 1.0),
        "correlation": (-1.0, 1.0),
    }[form.support]
    at = form.point + 0.0  # never -0
    if at in (low, high):
        raise ModelError(
            "point-at-edge",
            f"{at:g} is at the edge of what the parameter can be.",
            "A point inside: at an edge the posterior has draws on one side alone, and the ratio of "
            "densities depends on how the parameter is written: of an sd, of its square or of its logarithm.",
            "Test an interval, such as rope=(0, 0.1), or compare with a model without the term: sl.compare.",
        )
    if not low < at < high:
        raise ModelError(
            "point-outside",
            f"{at:g} is outside what the parameter can be.",
            f"A point between {low:g} and {high:g}.",
        )


def check_density(
    model: Specification, hypothesis: Hypothesis, found: tuple[float, dict[Element, float]] | None
) -> None:
    """Refuse points at which the prior density is infinite.

    Effects of levels are normal given a standard deviation that may be near 0, and shrunk slopes given a
    scale that may: what only they are summed to has a prior density without bound at 0. So has a product.

    Raises
    ------
    ModelError
    """
    if found is not None and found[0] != 0:
        return
    if found is None and hypothesis.difference(lambda name: np.zeros(()), finite=False) != 0:
        return  # where all of them are 0 the sides differ
    if found is None and product_at_zero(hypothesis):
        raise ModelError(
            "no-density-at-point",
            "The prior of a product has no finite density at 0, where several of its factors may be near 0: "
            "there is no ratio of densities.",
            "One of the factors, or an interval.",
            "Such as 'x = 0', or rope=(-0.1, 0.1).",
        )
    heaped = {variable.name for variable in model.variables if variable.kind == "basis"}
    heaped |= {group.r for part in model.parts for group in part.groups}
    for term in model.terms:
        if isinstance(term, Coefficients):
            heaped |= {c for c in term.design.columns if isinstance(term.priors[c].prior, Shrunk)}
    elements = (
        found[1] if found else [e for quantity in hypothesis.quantities.values() for e in quantity.elements]
    )
    if {variable for variable, _ in elements} <= heaped:
        raise ModelError(
            "no-density-at-point",
            f"The prior of {listing(hypothesis.quantities)} has no finite density at 0, for its standard "
            "deviation may be 0: there is no ratio of densities.",
            "A direction, or an interval.",
            "Such as 'x > 0', or rope=(-0.1, 0.1) beside 'x = 0'.",
        )
