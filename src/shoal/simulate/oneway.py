"""A balanced one-way layout, the data of a well-known question about zero-sum effects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shoal.simulate.parts import check_scales, check_sizes, with_truth

if TYPE_CHECKING:
    import pandas as pd


def one_way(
    groups: int = 5,
    rows: int = 20,
    omega: float = 0.1,
    mu: float = 2.0,
    sigma: float = 0.75,
    seed: int = 41,
) -> pd.DataFrame:
    r"""Simulate a balanced one-way layout of normal groups.

    .. math:: y_{gi} \sim \mathrm{Normal}(\mu_g, \sigma), \qquad \mu_g \sim \mathrm{Normal}(\mu, \omega)

    Parameters
    ----------
    groups : int
        Number of groups.
    rows : int
        Rows in each group.
    omega : float
        Standard deviation between the groups' means.
    mu : float
        Mean of the population of groups.
    sigma : float
        Standard deviation within a group.
    seed : int
        Seed of ``numpy.random.default_rng``.

    Returns
    -------
    pandas.DataFrame
        Columns ``group`` (0 to ``groups`` − 1) and ``observation``, ``groups * rows`` rows, sorted by group.
        ``attrs["truth"]``: ``Intercept``, ``sd_group``, ``sigma``, ``r_group`` (a list: one per group,
        from `mu`).

    Raises
    ------
    ModelError
        A size is below one or a standard deviation is negative.
    """
    import pandas as pd

    check_sizes(groups=groups, rows=rows)
    check_scales(omega=omega, sigma=sigma)
    # The stream of one group: its mean, then its rows.
    z = np.random.default_rng(seed).standard_normal((groups, 1 + rows))
    means = mu + omega * z[:, :1]
    table = pd.DataFrame(
        {"group": np.repeat(np.arange(groups), rows), "observation": (means + sigma * z[:, 1:]).ravel()}
    )
    return with_truth(table, Intercept=mu, sd_group=omega, sigma=sigma, r_group=omega * z[:, 0])
