"""Mean, standard deviation and quantiles of each level's coefficients, as their draws come."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from shoal.fit.sketch import PROBABILITIES, Sketch, at_probabilities, quantiles, size_of
from shoal.model import Specification
from shoal.model.grouping_factors import Group, safe

MEAN, SD, QUANTILE = "mean_", "sd_", "quantile_"  # before the name of a group's effects


def shared(model: Specification, group: Group) -> dict[int, str]:
    """Return the population coefficient beside each effect of a group, by the effect's place."""
    holding = ((part, own) for part in model.parts for own in part.groups if own.r == group.r)
    return {
        k: part.columns[column]
        for part, held in holding
        for k, column in enumerate(part.matched(held))
        if column >= 0
    }


class LevelSummaries:
    """What is known of the draws of each level's coefficients: population coefficient plus deviation.

    Parameters
    ----------
    model : Specification
    chains : int
        Each has sums and sketches of its own, so that nothing depends on which is faster.
    """

    def __init__(self, model: Specification, chains: int) -> None:
        self.groups = model.groups
        self.shared = {group.r: shared(model, group) for group in model.groups}
        sizes = {group.r: len(group.labels) * len(group.effects) for group in model.groups}
        self.sketches = {r: [Sketch(size, c) for c in range(chains)] for r, size in sizes.items()}
        self.count = np.zeros(chains)
        self.mean = {r: np.zeros((chains, size)) for r, size in sizes.items()}
        self.square = {r: np.zeros((chains, size)) for r, size in sizes.items()}  # about the mean

    @staticmethod
    def size(model: Specification, chains: int, draws: int) -> int:
        """Return the bytes of all of this, at most, once each chain has so many draws."""
        quantities = sum(len(group.labels) * len(group.effects) for group in model.groups)
        return quantities * chains * (size_of(draws) + 16)

    def add(self, number: int, draws: Mapping[str, np.ndarray]) -> None:
        """Add a block of draws of all variables, (n, ...) each, of one chain."""
        for group in self.groups:
            values = draws[group.r].astype(float)
            for k, name in self.shared[group.r].items():
                values[..., k] += draws[name][:, None]
            flat = values.reshape(len(values), -1)
            self.sketches[group.r][number].add(flat)
            # Two sets together: Chan, Golub and LeVeque (1983), The American Statistician 37, 242-247.
            before, count = self.count[number], len(flat)
            mean, square = self.mean[group.r][number], self.square[group.r][number]
            away = flat.mean(0) - mean
            square += flat.var(0) * count + away**2 * before * count / (before + count)
            mean += away * count / (before + count)
        self.count[number] += len(flat)

    def dataset(self) -> xr.Dataset:
        """Return the summaries of all chains together, in float32."""
        out, total = dict[str, xr.Variable](), self.count.sum()
        for group in self.groups:
            r, shape = group.r, (len(group.labels), len(group.effects))
            dims = (safe(group.levels_dim), safe(group.dim))
            mean = self.count @ self.mean[r] / total
            square = self.square[r].sum(0) + self.count @ (self.mean[r] - mean) ** 2
            found = quantiles(self.sketches[r], PROBABILITIES)
            parts = {MEAN: mean, SD: np.sqrt(square / total)}
            out |= {
                name + safe(r): xr.Variable(dims, v.reshape(shape).astype("f4")) for name, v in parts.items()
            }
            out[QUANTILE + safe(r)] = xr.Variable(("probability", *dims), found.reshape(-1, *shape))
        return xr.Dataset(out, coords={"probability": PROBABILITIES})


def summaries_of(
    data: xr.Dataset, group: Group, probabilities: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean and sd (levels, effects) and quantiles (P, levels, effects) of what was summarised."""
    mean, sd, grid = (data[name + safe(group.r)].values.astype(float) for name in (MEAN, SD, QUANTILE))
    return mean, sd, at_probabilities(grid, probabilities)
