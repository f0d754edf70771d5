"""Posterior means and sds of one-way gaussian models by quadrature over both standard deviations."""

import numpy as np
from scipy.special import logsumexp


def one_way(groups, intercept, log_sd_prior, log_sigma_prior, sds, sigmas):
    """Return means and sds of (Intercept, sd, sigma), and the share of the density at the grid's edges.

    The effects and the intercept are integrated exactly: given both sds a group's rows are normal.

    Parameters
    ----------
    groups : (J, 3) array
        Rows, mean, and sum of squares about the mean of each group.
    intercept : (mean, sd) of its normal prior
    log_sd_prior, log_sigma_prior : callables
        Log densities of the two, without constants.
    sds, sigmas : arrays
        Grids, even in their logarithms.
    """
    groups = np.asarray(groups, float)
    sd, sigma = np.meshgrid(sds, sigmas, indexing="ij")
    precision, location = np.full(sd.shape, intercept[1] ** -2), np.full(sd.shape, 1.0)
    location *= intercept[0] * intercept[1] ** -2
    kinds = [groups[groups[:, 0] == n] for n in np.unique(groups[:, 0])]  # of groups of so many rows
    totals = [sd**2 + sigma**2 / own[0, 0] for own in kinds]  # variances of their means
    for own, total in zip(kinds, totals, strict=True):
        precision += len(own) / total
        location += own[:, 1].sum() / total
    location /= precision
    value = -0.5 * ((location - intercept[0]) / intercept[1]) ** 2
    for own, total in zip(kinds, totals, strict=True):
        value -= len(own) * (0.5 * np.log(total) + (own[0, 0] - 1) * np.log(sigma))
        value -= own[:, 2].sum() / (2 * sigma**2)
        middle = own[:, 1].mean()
        value -= ((own[:, 1] - middle) ** 2).sum() / (2 * total)
        value -= len(own) * (middle - location) ** 2 / (2 * total)
    value += -0.5 * np.log(precision) + log_sd_prior(sd) + log_sigma_prior(sigma) + np.log(sd) + np.log(sigma)
    weight = np.exp(value - logsumexp(value))
    edge = max(weight[0].sum(), weight[-1].sum(), weight[:, 0].sum(), weight[:, -1].sum())
    means = [(weight * part).sum() for part in (location, sd, sigma)]
    second = [(weight * part).sum() for part in (location**2 + 1 / precision, sd**2, sigma**2)]
    return np.array(means), np.sqrt(np.array(second) - np.square(means)), edge


def summed(y, g):
    """Return rows, mean and sum of squares about it of each group."""
    y, (_, code) = np.asarray(y, float), np.unique(g, return_inverse=True)
    n = np.bincount(code)
    mean = np.bincount(code, y) / n
    return np.column_stack([n, mean, np.bincount(code, (y - mean[code]) ** 2)])
