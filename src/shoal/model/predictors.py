"""Linear predictors of rows, and the families' parameters beside them, at draws of the parameters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shoal.model.design import Design


def linear_predictor(design: Design, draws: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the linear predictor of every raw row of one response, (..., N); without cutpoints.

    Parameters
    ----------
    draws : mapping of arrays
        Parameters by name, with any common leading axes, or none.
    """
    eta = design.offset
    for name, column in zip(design.columns, design.x.T, strict=True):
        eta = eta + np.multiply.outer(draws[name], column)
    for group in design.groups:
        eta = eta + np.einsum("...nk,nk->...n", draws[group.r][..., group.index, :], group.z)
    for latent in design.latents:
        effect = draws[f"latent_{latent.name}"][..., latent.index]
        eta = eta + np.asarray(draws[latent.loading])[..., None] * effect
    return eta


def phi_of(design: Design, draws: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the family's parameters, one more axis than `draws` have: they stand beside (..., N) predictors.

    Cutpoints are (..., 1, C).
    """
    phi = {name: np.asarray(draws[design.prefix + name])[..., None] for name in design.parameters}
    if design.family.ordinal:
        phi["cutpoints"] = np.asarray(draws[design.cutpoints])[..., None, :]
    return phi
