"""Balanced groups of gaussian rows: their posterior by quadrature."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import logsumexp


@dataclass(frozen=True)
class Groups:
    """`y` (J, n): rows of J groups."""

    y: np.ndarray

    @property
    def frame(self):
        count, rows = self.y.shape
        return pd.DataFrame({"y": self.y.ravel(), "g": np.repeat([f"g{j}" for j in range(count)], rows)})

    def log_likelihood(self, mean, sd, tau, sigma):
        """Return it for an Intercept ~ Normal(mean, sd), effects integrated out; tau and sigma broadcast."""
        count, rows = self.y.shape
        averages, within = self.y.mean(1), ((self.y - self.y.mean(1, keepdims=True)) ** 2).sum()
        variance = tau**2 + sigma**2 / rows
        center, between = averages.mean(), averages.var() * count
        total = -(count * rows - count) * np.log(sigma) - within / (2 * sigma**2)
        total = total - 0.5 * (count - 1) * np.log(variance) - between / (2 * variance)
        spread = sd**2 + variance / count
        return total - 0.5 * np.log(spread) - (center - mean) ** 2 / (2 * spread)


def moments(log_density, *grids):
    """Return mean and sd of each coordinate of a density on the product of equally spaced grids."""
    weight = np.exp(log_density - logsumexp(log_density))
    out = []
    for axis, grid in enumerate(grids):
        own = weight.sum(tuple(k for k in range(len(grids)) if k != axis))
        mean = own @ grid
        out.append((mean, np.sqrt(own @ (grid - mean) ** 2)))
    return np.array(out)
