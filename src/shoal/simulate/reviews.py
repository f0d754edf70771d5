"""Sentences of reviews of restaurants, on their food and on their service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shoal.errors import ModelError
from shoal.simulate.parts import check_scales, check_sizes, levels_of_rows, with_truth

if TYPE_CHECKING:
    import pandas as pd

ASPECTS = ("food", "service")


def restaurants(
    groups: int = 30,
    reviews: int = 300,
    *,
    sentences: float = 5.0,
    food: float = 0.6,
    mean: float = 0.2,
    sd: float = 0.3,
    correlation: float = 0.5,
    review_sd: float = 0.25,
    sigma: float = 0.5,
    skew: float = 1.0,
    seed: int = 2,
) -> pd.DataFrame:
    r"""Simulate the sentiment of each sentence of reviews of restaurants.

    .. math:: s_i \sim \mathrm{Normal}(q_{r[i],a[i]} + t_{v[i],a[i]}, \sigma), \qquad
              t_{v,a} \sim \mathrm{Normal}(0, \tau_v), \qquad
              (q_{r,\mathrm{food}}, q_{r,\mathrm{service}}) \sim \mathrm{Normal}(\mu, \tau^2 R)

    A restaurant r has reviews v, a review has sentences i, and a sentence is about one aspect a. The task is
    to rank the restaurants by their quality :math:`q_{r,a}`. The best mean belongs to a restaurant with few
    reviews more often than not; partial pooling corrects that. Some reviews have one sentence, and many have
    one on an aspect: their mean has no standard error of its own (see `shoal.group_means`).

    Parameters
    ----------
    groups : int
        Number of restaurants; each has a review.
    reviews : int
        Reviews of all restaurants together.
    sentences : float
        Mean number of sentences in a review, which is geometric: one in `sentences` reviews has one sentence.
    food : float
        Probability that a sentence is about the food; otherwise it is about the service.
    mean : float
        :math:`\mu`, mean quality, on the scale of sentiment (0 is neutral).
    sd : float
        :math:`\tau`, standard deviation of quality between restaurants.
    correlation : float
        Of a restaurant's two qualities, the off-diagonal of R.
    review_sd : float
        :math:`\tau_v`, standard deviation between reviewers of one restaurant, of one aspect.
    sigma : float
        Standard deviation of sentences of one review on one aspect.
    skew : float
        Coefficient of variation of the restaurants' popularity, which is gamma-distributed: 0 gives all about
        equally many reviews.
    seed : int
        Seed of ``numpy.random.default_rng``.

    Returns
    -------
    pandas.DataFrame
        A row per sentence: ``restaurant`` (0 to ``groups`` − 1), ``review`` (0 to ``reviews`` − 1, of one
        restaurant each), ``aspect`` ("food" or "service"), ``sentiment`` (neither rounded nor cut), sorted by
        restaurant and review. ``attrs["truth"]``: ``Intercept``, ``sd_restaurant``, ``cor_restaurant``,
        ``sd_review``, ``sigma``, ``food`` and ``service`` (lists: each restaurant's quality, mean included),
        ``review_food`` and ``review_service`` (lists: one per review, from the restaurant's quality).

    Raises
    ------
    ModelError
        A size is below one, there are fewer reviews than restaurants, a standard deviation or `skew` is
        negative, `sentences` is below one or endless, `food` is no probability, `correlation` no correlation.

    References
    ----------
    An exercise on restaurants in lecture notes on the model of eight schools, for which see section 5.5 of
    Gelman, A. et al. (2013). Bayesian Data Analysis, third edition. Chapman & Hall/CRC.
    """
    import pandas as pd

    check_sizes(groups=groups, reviews=reviews)
    check_scales(sd=sd, review_sd=review_sd, sigma=sigma)
    _check(sentences, food, correlation)
    rng = np.random.default_rng(seed)
    of_review = np.sort(levels_of_rows(rng, groups, reviews, skew, "restaurant"))
    z = rng.standard_normal((2, groups))
    quality = mean + sd * np.stack([z[0], correlation * z[0] + np.sqrt(1 - correlation**2) * z[1]])
    taste = review_sd * rng.standard_normal((2, reviews))
    review = np.repeat(np.arange(reviews), rng.geometric(1 / sentences, size=reviews))
    aspect = (rng.random(len(review)) >= food).astype(int)
    center = quality[aspect, of_review[review]] + taste[aspect, review]
    columns = {
        "restaurant": of_review[review],
        "review": review,
        "aspect": np.array(ASPECTS, dtype=object)[aspect],
        "sentiment": center + sigma * rng.standard_normal(len(review)),
    }
    return with_truth(
        pd.DataFrame(columns),
        Intercept=mean,
        sd_restaurant=sd,
        cor_restaurant=correlation,
        sd_review=review_sd,
        sigma=sigma,
        food=quality[0],
        service=quality[1],
        review_food=taste[0],
        review_service=taste[1],
    )


def _check(sentences: float, food: float, correlation: float) -> None:
    if not 1 <= sentences < np.inf:
        raise ModelError(
            "number-out-of-range", f"sentences={sentences}.", "A review has at least one sentence."
        )
    if not 0 <= food <= 1:
        raise ModelError("number-out-of-range", f"food={food}.", "A probability, from 0 to 1.")
    if not -1 <= correlation <= 1:
        raise ModelError("number-out-of-range", f"correlation={correlation}.", "A correlation, from -1 to 1.")
