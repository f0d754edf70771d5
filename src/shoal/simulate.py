"""Data simulated from known models, to try a model on before the data are real.

By default each function reproduces, draw for draw, a data set that was discussed in public, so that answers
can be compared. The published programs draw group by group; here their whole stream is drawn at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from shoal.errors import ModelError

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

    Raises
    ------
    ModelError
        A size is below one or a standard deviation is negative.
    """
    import pandas as pd

    _check_sizes(groups=groups, rows=rows)
    _check_scales(omega=omega, sigma=sigma)
    # The stream of one group: its mean, then its rows.
    z = np.random.default_rng(seed).standard_normal((groups, 1 + rows))
    means = mu + omega * z[:, :1]
    return pd.DataFrame(
        {"group": np.repeat(np.arange(groups), rows), "observation": (means + sigma * z[:, 1:]).ravel()}
    )


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

    Raises
    ------
    ModelError
        `beta` and `tau` differ in length, a size is below one, or a standard deviation is negative.
    """
    import pandas as pd

    slopes = len(beta)
    if slopes != len(tau):
        raise ModelError(
            f"beta has {slopes} values, tau has {len(tau)}.",
            "Each slope needs one mean and one standard deviation.",
            "Give both the same length.",
        )
    _check_sizes(groups=groups, rows=rows, slopes=slopes)
    _check_scales(**{f"tau[{k}]": value for k, value in enumerate(tau)}, sigma=sigma)
    # The stream of one group: its slopes, then the rows of each predictor in turn, then the noise.
    z = np.random.default_rng(seed).standard_normal((groups, slopes + (slopes + 1) * rows))
    means = np.asarray(beta, dtype=float) + np.asarray(tau, dtype=float) * z[:, :slopes]
    x = z[:, slopes : slopes + slopes * rows].reshape(groups, slopes, rows)
    noise = z[:, slopes + slopes * rows :]
    # Added in the order of the published program, so that the last digit agrees as well.
    y = sum(means[:, k, None] * x[:, k] for k in range(slopes)) + sigma * noise
    columns = {f"x{k + 1}": x[:, k].ravel() for k in range(slopes)}
    return pd.DataFrame({"group": np.repeat(np.arange(groups), rows), "y": y.ravel(), **columns})


def _check_sizes(**sizes: int) -> None:
    for name, value in sizes.items():
        if value < 1:
            raise ModelError(f"The number of {name} is {value}.", "It must be at least 1.")


def _check_scales(**scales: float) -> None:
    for name, value in scales.items():
        # Not `value < 0`: a NaN must not pass.
        if not value >= 0:
            raise ModelError(f"{name} is {value}.", "A standard deviation must not be negative.")
