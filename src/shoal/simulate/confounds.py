"""Groups whose unobserved traits confound the effect of an observed trait of their members."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shoal.simulate.parts import check_scales, check_sizes, levels_of_rows, with_truth

if TYPE_CHECKING:
    import pandas as pd


def confounded_groups(
    groups: int = 30,
    rows: int = 200,
    *,
    x_effect: float = 1.0,
    z_effect: float = -0.5,
    y_loading: float = 1.0,
    x_loading: float = 1.0,
    intercept: float = -0.5,
    x_mean: float = 1.5,
    sigma: float = 1.0,
    seed: int = 8672,
) -> pd.DataFrame:
    r"""Simulate 0/1 outcomes of members of groups, confounded by an unobserved trait of the group.

    .. math:: y_i \sim \mathrm{Bernoulli}(\mathrm{logit}^{-1}(\alpha + \beta_x x_i + \beta_z z_{g[i]}
                                                              + \lambda_y u_{g[i]})), \qquad
              x_i \sim \mathrm{Normal}(\mu_x + \lambda_x u_{g[i]}, \sigma), \qquad
              u_g, z_g \sim \mathrm{Normal}(0, 1)

    A regression of y on x and z is biased for x, because u drives both x and y. Effects for each group
    without pooling take that bias from x (where groups are large: small ones bias log odds away from 0), and
    cannot tell z from the groups. Partial pooling can, and keeps some of the bias of x. A model of both y
    and x that share u, the latent Mundlak machine, has both effects.

    Parameters
    ----------
    groups : int
        Number of groups; every group occurs.
    rows : int
        Members of all groups together; other than the first, each belongs to any group with equal
        probability.
    x_effect, z_effect : float
        :math:`\beta_x` of the member's trait and :math:`\beta_z` of the group's observed trait, in log odds.
    y_loading, x_loading : float
        :math:`\lambda_y` (log odds) and :math:`\lambda_x` (units of x) of the unobserved trait.
    intercept : float
        :math:`\alpha`, log odds of a member with x = 0 of a group with z = u = 0.
    x_mean : float
        :math:`\mu_x`, mean of x.
    sigma : float
        Standard deviation of x within a group.
    seed : int
        Seed of ``numpy.random.default_rng``.

    Returns
    -------
    pandas.DataFrame
        Columns ``y`` (0 or 1), ``x``, ``z`` (constant within a group), ``g`` (0 to ``groups`` − 1), sorted by
        group. ``attrs["truth"]``: ``y_Intercept``, ``y_x``, ``y_z``, ``y_loading_u``, ``x_Intercept``,
        ``x_loading_u``, ``x_sigma``, ``y_sd_g`` (0: the groups differ by u and z alone), ``latent_u`` (a
        list: one per group).

    Raises
    ------
    ModelError
        A size is below one, there are fewer rows than groups, or `sigma` is negative.

    Notes
    -----
    The defaults are the values of McElreath's lecture: 30 groups, 200 members, effects 1 and −0.5, loadings
    1. There, u has mean 1.5 and the intercept is −2; here the mean of u is part of `intercept` (−2 + 1.5) and
    of `x_mean`, as in the model that is fitted, whose u has mean 0. The published numbers come from the
    generator of R, and are others; a group of the lecture may have no member.

    References
    ----------
    McElreath, R. (2023). Statistical Rethinking 2023, lecture 12, bonus: random confounds.
    ``scripts/12_bonus_mundlak.r`` of https://github.com/rmcelreath/stat_rethinking_2023.

    Mundlak, Y. (1978). On the pooling of time series and cross section data. Econometrica 46, 69-85.
    """
    import pandas as pd

    check_sizes(groups=groups, rows=rows)
    check_scales(sigma=sigma)
    rng = np.random.default_rng(seed)
    g = np.sort(levels_of_rows(rng, groups, rows, 0.0, "g"))
    u, z = rng.standard_normal((2, groups))
    x = x_mean + x_loading * u[g] + sigma * rng.standard_normal(rows)
    eta = intercept + x_effect * x + z_effect * z[g] + y_loading * u[g]
    y = (rng.logistic(size=rows) < eta).astype(int)
    return with_truth(
        pd.DataFrame({"y": y, "x": x, "z": z[g], "g": g}),
        y_Intercept=intercept,
        y_x=x_effect,
        y_z=z_effect,
        y_loading_u=y_loading,
        y_sd_g=0.0,
        x_Intercept=x_mean,
        x_loading_u=x_loading,
        x_sigma=sigma,
        latent_u=u,
    )
