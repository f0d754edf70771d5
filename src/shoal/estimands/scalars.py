"""The numbers of a posterior one by one, with their labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr

from shoal.model import Specification


def scalars(
    dataset: xr.Dataset, names: Sequence[str], model: Specification, between: str = ","
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield every number of some variables: its label, such as ``sd_g[x]``, and its draws (chain, draw).

    Of correlations only those that are estimated: one of each pair, and no zeros between effects that are
    independent.

    Parameters
    ----------
    names : sequence of str
        Of variables in `dataset`; those that the model does not know are taken whole.
    between : str
        What stands between the labels of a number that has several.
    """
    estimated = {variable.name: variable.positions for variable in model.variables}
    for name in names:
        array = dataset[name].transpose("chain", "draw", ...)
        labels = [[str(label) for label in array[dim].values] for dim in array.dims[2:]]
        for position in estimated.get(name) or np.ndindex(*array.shape[2:]):
            inside = between.join(own[i] for own, i in zip(labels, position, strict=True))
            yield (f"{name}[{inside}]" if inside else name), array.values[:, :, *position].astype(float)
