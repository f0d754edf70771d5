"""Signs of latents: a latent and its loadings may change sign together without changing anything else."""

from __future__ import annotations

import numpy as np

from shoal.model.model import Specification, is_foldable
from shoal.model.terms.term import Variables


def folded(model: Specification, variables: Variables) -> Variables:
    """Return draws with the first loading of each latent at or above zero.

    Draws keep their sign where a prior of a loading is not symmetric about zero: there the sign is part of
    the model.
    """
    out = dict(variables)
    loadings: dict[str, list[str]] = {}
    for design in model.designs:
        for latent in design.latents:
            loadings.setdefault(latent.name, []).append(latent.loading)
    for factor, names in loadings.items():
        if not all(is_foldable(model, name) for name in names):
            continue
        sign = np.where(variables[names[0]][1] < 0, -1.0, 1.0)
        for name in names:
            out[name] = (variables[name][0], variables[name][1] * sign)
        if (effects := f"latent_{factor}") in variables:
            dims, values = variables[effects]
            out[effects] = (dims, values * sign[..., None].astype(values.dtype))
    return out
