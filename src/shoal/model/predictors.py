"""Linear predictors of rows, and the families' parameters beside them, at draws of the parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import gammaln

from shoal.model.design import Design
from shoal.model.terms.all_terms import terms_of


def linear_predictor(design: Design, draws: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the linear predictor of every raw row of one response, (..., N); without cutpoints.

    Parameters
    ----------
    draws : mapping of arrays
        Parameters by name, with any common leading axes, or none.
    """
    eta = sum((term.predictor(design, draws) for term in terms_of((design,), {})), np.zeros(()))
    return np.asarray(eta)


def common_phi(design: Design, draws: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return those of the family's parameters that are common to all rows, as `phi_of` does."""
    return {k: v for term in terms_of((design,), {}) for k, v in term.phi(design, draws).items()}


def simulate(
    design: Design,
    rng: np.random.Generator,
    eta: np.ndarray,
    draws: Mapping[str, np.ndarray],
    noise: np.ndarray | None = None,
) -> np.ndarray:
    """Return simulated responses (..., N) at linear predictors `eta`; residuals correlate if they do.

    `noise` is the response's own of `noise_of_responses`, where there are several.
    """
    phi = phi_of(design, draws)
    if design.residuals is not None:
        return design.residuals.draw(rng, eta, phi["sigma"], draws)
    return design.family.draw(rng, design.rows, eta, phi) if noise is None else eta + phi["sigma"] * noise


def density_of_responses(
    predicted: Sequence[tuple[Design, np.ndarray, Mapping[str, np.ndarray]]], rescor: np.ndarray
) -> np.ndarray:
    """Return the log density of each row's responses together, (S, N), whose residuals correlate.

    Parameters
    ----------
    predicted : sequence of (Design, (S, N) array, mapping of (S, N) or (S, 1) arrays)
        The K responses with their linear predictors and `phi_of`; of rows of weight 0 nothing is known.
    rescor : (S, K, K) array
    """
    r = np.stack([(design.rows.y - eta) / phi["sigma"] for design, eta, phi in predicted], axis=1)
    log_sigma = [np.broadcast_to(np.log(phi["sigma"]), eta.shape) for _, eta, phi in predicted]
    there, out = np.stack([design.rows.weight > 0 for design, *_ in predicted]), np.zeros(r[:, 0].shape)
    for known in np.unique(there, axis=1).T:
        rows, some = np.flatnonzero((there == known[:, None]).all(0)), np.flatnonzero(known)
        root = np.linalg.cholesky(rescor[:, some][..., some])
        z = np.linalg.solve(root, r[:, some][..., rows])
        scale = np.log(np.diagonal(root, axis1=-2, axis2=-1)).sum(-1)[:, None]
        scale = scale + sum(log_sigma[k][:, rows] for k in some)
        out[:, rows] = _of_squares((z**2).sum(1), len(some), predicted[0][2].get("nu")) - scale
    return out


def _of_squares(square: np.ndarray, size: int, nu: np.ndarray | None) -> np.ndarray:
    """Return the log density of `size` standard numbers of known squared length: normal, or Student-t."""
    if nu is None:
        return -0.5 * (square + size * np.log(2 * np.pi))
    constant = gammaln((nu + size) / 2) - gammaln(nu / 2) - 0.5 * size * np.log(np.pi * nu)
    return np.asarray(constant - 0.5 * (nu + size) * np.log1p(square / nu))


def noise_of_responses(
    rng: np.random.Generator, design: Design, draws: Mapping[str, np.ndarray], rows: int
) -> np.ndarray:
    """Return residuals of scale 1 of K responses, (K, ..., N), which correlate by ``rescor`` (..., K, K).

    They are normal, or where the responses share `nu` Student-t: those of a row are then divided by one
    number.

    Parameters
    ----------
    design : Design
        Of any of the responses.
    draws : mapping
        ``rescor``, and what the responses share.
    """
    root = np.linalg.cholesky(draws["rescor"])
    lead = root.shape[:-2]
    noise = np.einsum("...kl,l...n->k...n", root, rng.normal(size=(root.shape[-1], *lead, rows)))
    if not design.shared:
        return np.asarray(noise)
    nu = np.asarray(draws["nu"])[..., None]
    return np.asarray(noise / np.sqrt(rng.chisquare(nu, (*lead, rows)) / nu))


def phi_at(design: Design, draws: Mapping[str, np.ndarray], at: np.ndarray) -> dict[str, np.ndarray]:
    """Return the family's parameters at one row a draw, (S,); cutpoints are (S, C).

    Parameters
    ----------
    draws : mapping of (S, ...) arrays
    at : (S,) int array
        Rows.
    """
    each = np.arange(len(at))
    return {k: v[each, at if v.shape[1] > 1 else 0] for k, v in phi_of(design, draws).items()}


def phi_of(design: Design, draws: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the family's parameters, one more axis than `draws` have: they stand beside (..., N) predictors.

    Cutpoints are (..., 1, C), or (..., N, C) where each row has its own, less what is category-specific;
    parameters with predictors of their own are (..., N).
    """
    out = common_phi(design, draws)
    for part in design.predictors:
        out[part.parameter] = part.family.mean(part.rows, linear_predictor(part, draws), {})
    if design.family.specific:
        added = [np.asarray(out.pop(part.parameter)) for part in design.predictors]
        out["cutpoints"] = out["cutpoints"] - np.stack(added, axis=-1)
    return out
