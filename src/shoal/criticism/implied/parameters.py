"""Draws of parameters from their priors, with the names and shapes of a posterior."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import xarray as xr

from shoal.estimands.predictive import as_dataset
from shoal.model import Specification
from shoal.model.covariance import partial_positions
from shoal.model.design import Group
from shoal.model.prior_draws import draw_prior


def prior_dataset(model: Specification, draws: int, seed: int) -> xr.Dataset:
    """Return draws of every parameter from its prior, as the posterior of one chain."""
    return as_dataset(model, draw_prior(model, np.random.default_rng(seed), draws), draws)


def scalars(
    dataset: xr.Dataset, names: Sequence[str], groups: Sequence[Group] = ()
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield every scalar of some variables: its label, such as ``sd_g[x]``, and its draws (chain, draw).

    Of a matrix of correlations, those below the diagonal; where it is that of one of `groups`, only those
    that are estimated, not the zeros between effects that are independent.
    """
    pairs = {group.cor: [(i, j) for i, j, *_ in partial_positions(group.blocks)] for group in groups}
    for name in names:
        array = dataset[name].transpose("chain", "draw", ...)
        dims = [str(d) for d in array.dims[2:]]
        square = len(dims) == 2 and dims[1] == f"{dims[0]}_bis"
        labels = [[str(v) for v in array[d].values] for d in dims]
        positions: Iterable[tuple[int, ...]]
        positions = np.ndindex(*array.shape[2:])
        if name in pairs:
            positions = sorted(pairs[name])
        elif square:
            positions = (index for index in positions if index[0] > index[1])
        for index in positions:
            inside = ",".join(v[i] for v, i in zip(labels, index, strict=True))
            yield (f"{name}[{inside}]" if inside else name), array.values[:, :, *index].astype(float)
