"""Reviews of restaurants, of which some have many and some have one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shoal.simulate.parts import check_scales, check_sizes, levels_of_rows, with_truth

if TYPE_CHECKING:
    import pandas as pd


def restaurants(
    groups: int = 40,
    rows: int = 400,
    *,
    mean: float = 3.5,
    sd: float = 0.4,
    sigma: float = 1.0,
    skew: float = 1.0,
    seed: int = 2,
) -> pd.DataFrame:
    r"""Simulate single reviews of restaurants that were reviewed unequally often.

    .. math:: \mathrm{rating}_i \sim \mathrm{Normal}(q_{r[i]}, \sigma), \qquad
              q_r \sim \mathrm{Normal}(\mu, \tau)

    The task is to rank the restaurants by their quality :math:`q_r`. The best mean rating belongs to a
    restaurant with few reviews more often than not; partial pooling corrects that. Raw reviews hold what a
    table of means and standard errors (eight schools) has lost: the standard error of a mean is
    :math:`\sigma / \sqrt{n_r}`, and :math:`\sigma` is learnt from all reviews.

    Parameters
    ----------
    groups : int
        Number of restaurants; each has a review.
    rows : int
        Reviews of all restaurants together.
    mean : float
        :math:`\mu`, mean quality, in points of the rating.
    sd : float
        :math:`\tau`, standard deviation of quality between restaurants, in points.
    sigma : float
        Standard deviation of ratings of one restaurant, in points.
    skew : float
        Coefficient of variation of the restaurants' popularity, which is gamma-distributed: 0 gives all about
        equally many reviews.
    seed : int
        Seed of ``numpy.random.default_rng``.

    Returns
    -------
    pandas.DataFrame
        Columns ``restaurant`` (0 to ``groups`` − 1) and ``rating`` (neither rounded nor cut to a scale of
        stars, so that the model of the simulation can be fitted), sorted by restaurant.
        ``attrs["truth"]``: ``Intercept``, ``sd_restaurant``, ``sigma``, ``r_restaurant`` (per restaurant,
        from the mean), ``quality`` (per restaurant, mean included).

    Raises
    ------
    ModelError
        A size is below one, there are fewer reviews than restaurants, or a standard deviation or `skew` is
        negative.

    References
    ----------
    An exercise on restaurants in lecture notes on the model of eight schools, for which see section 5.5 of
    Gelman, A. et al. (2013). Bayesian Data Analysis, third edition. Chapman & Hall/CRC.
    """
    import pandas as pd

    check_sizes(groups=groups, rows=rows)
    check_scales(sd=sd, sigma=sigma)
    rng = np.random.default_rng(seed)
    restaurant = np.sort(levels_of_rows(rng, groups, rows, skew, "restaurant"))
    effects = sd * rng.standard_normal(groups)
    rating = mean + effects[restaurant] + sigma * rng.standard_normal(rows)
    return with_truth(
        pd.DataFrame({"restaurant": restaurant, "rating": rating}),
        Intercept=mean,
        sd_restaurant=sd,
        sigma=sigma,
        r_restaurant=effects,
        quality=mean + effects,
    )
