"""Slopes that vary between groups, the data of a well-known question about zero-sum effects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from shoal.errors import ModelError
from shoal.simulate.parts import check_scales, check_sizes, with_truth

if TYPE_CHECKING:
    import pandas as pd


def varying_slopes(
    groups: int = 1000,
    rows: int = 200,
    seed: int = 42,
    beta: Sequence[float] = (1.0, 1.2, 0.8),
    tau: Sequence[float] = (10.0, 12.0, 8.0),
    sigma: float = 100.0,
) -> pd.DataFrame:
    r"""Simulate a regression whose slopes vary between groups, with much noise in each row.

    .. math:: y_{gi} \sim \mathrm{Normal}\Bigl(\sum_k \beta_{gk} x_{gik},\ \sigma\Bigr), \qquad
              \beta_{gk} \sim \mathrm{Normal}(\beta_k, \tau_k), \qquad x_{gik} \sim \mathrm{Normal}(0, 1)

    Parameters
    ----------
    groups : int
        Number of groups.
    rows : int
        Rows in each group.
    seed : int
        Seed of ``numpy.random.default_rng``.
    beta : sequence of float
        Mean slope of each predictor; its length is the number of predictors.
    tau : sequence of float
        Standard deviation of each slope between groups.
    sigma : float
        Residual standard deviation.

    Returns
    -------
    pandas.DataFrame
        Columns ``group``, ``y``, ``x1``, ``x2``, …, ``groups * rows`` rows, sorted by group.
        ``attrs["truth"]``: ``x1``, …, ``sd_group`` (a list: one per slope), ``sigma``, ``r_group`` (for
        each group a list: one per slope, from its mean).

    Raises
    ------
    ModelError
        `beta` and `tau` differ in length, a size is below one, or a standard deviation is negative.
    """
    import pandas as pd

    slopes = len(beta)
    if slopes != len(tau):
        raise ModelError(
            "simulated-slopes",
            f"beta has {slopes} values, tau has {len(tau)}.",
            "Each slope needs one mean and one standard deviation.",
            "Give both the same length.",
        )
    check_sizes(groups=groups, rows=rows, slopes=slopes)
    check_scales(**{f"tau[{k}]": value for k, value in enumerate(tau)}, sigma=sigma)
    # The stream of one group: its slopes, then the rows of each predictor in turn, then the noise.
    z = np.random.default_rng(seed).standard_normal((groups, slopes + (slopes + 1) * rows))
    means = np.asarray(beta, dtype=float) + np.asarray(tau, dtype=float) * z[:, :slopes]
    x = z[:, slopes : slopes + slopes * rows].reshape(groups, slopes, rows)
    noise = z[:, slopes + slopes * rows :]
    # Added in the order of the published program, so that the last digit agrees as well.
    y = sum(means[:, k, None] * x[:, k] for k in range(slopes)) + sigma * noise
    columns = {f"x{k + 1}": x[:, k].ravel() for k in range(slopes)}
    table = pd.DataFrame({"group": np.repeat(np.arange(groups), rows), "y": y.ravel(), **columns})
    slope = {f"x{k + 1}": value for k, value in enumerate(beta)}
    return with_truth(table, **slope, sd_group=tau, sigma=sigma, r_group=means - np.asarray(beta))
