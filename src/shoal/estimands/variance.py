"""Shares of the variance: between the levels of each factor, and within them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from shoal.errors import ModelError
from shoal.estimands.common import INTERVAL, describe, linear_scale
from shoal.estimands.table import Estimates
from shoal.families.rows import Rows
from shoal.fit.results import Results
from shoal.fit.row_blocks import blocks, part, shared_draws
from shoal.model.design import Design, Group
from shoal.model.predictors import phi_of
from shoal.model.spatial import Spatial


def variance_partition(results: Results, prob: float = INTERVAL, response: str | None = None) -> pd.DataFrame:
    """Return each part's variance and its share of the variance around the population's prediction.

    Parts: each grouping factor and latent (averaged over the rows, slopes included; of Student-t effects, the
    squared scale; of zero-sum effects sd^2, too, which is the variance of a population of levels: of the G
    levels themselves it would be 1 - 1/G of that) and the residual. Shares refer to the linear predictor's
    scale; a logit model's residual is the logistic distribution's, pi^2 / 3. Goldstein, Browne and Rasbash
    (2002), Understanding Statistics 1, 223-231. Families without a residual on that scale (counts and beta
    responses) give the shares of the grouping factors among themselves; ``attrs["residual"]`` says so.
    """
    design = results.model.response(response)
    if design.family.joint:
        raise ModelError(
            "response-of-categories",
            f"The categories of {design.formula.response.value.text!r} have a linear predictor each, and "
            "there is no one scale on which variances add up.",
            "A response with one linear predictor.",
            "summary() has the standard deviations of each category's effects.",
        )
    if not design.groups and not design.latents:
        raise ModelError(
            "no-grouping-factor",
            "The model has no grouping factor.",
            "A term such as `(1 | group)` in the formula.",
        )
    parts, included = variances(results, design)
    shares = _shares(parts)
    rows = [
        {"part": part, "sd": float(np.sqrt(v).mean()), **_share(shares[part], prob)}
        for part, v in parts.items()
    ]
    table = Estimates(rows).set_index("part")
    table.attrs = {
        "scale": linear_scale(design),
        "population": "that of the levels, with predictors as in the rows",
        "residual": "included" if included else "none on this scale",
    }
    return table


def variances(
    results: Results, fitted: Design, rows: Design | None = None, weight: np.ndarray | None = None
) -> tuple[dict[str, np.ndarray], bool]:
    """Return the variance of each part, (chain, draw), and whether the residual is one of them.

    Parameters
    ----------
    fitted : Design
    rows : Design, optional
        The same on other rows, over which variances are averaged.
    weight : (N,) array, optional
        How much each row counts in that; the same by default.
    """
    design = rows or fitted
    if weight is None:
        weight = np.ones(design.n_rows) if design.counts is None else design.counts
        weight = np.where(design.rows.weight > 0, weight, 0.0)  # others say nothing, and may be made up
    share = weight / weight.sum()
    residual = _residual(results, fitted, design, share)
    parts = {group.name: _between(results, group, share) for group in design.groups}
    parts |= {f"latent_{t.name}": results.posterior[t.loading].values ** 2 for t in design.latents}
    if residual is not None:
        sizes = results.posterior.sizes
        parts["residual"] = np.broadcast_to(residual, (sizes["chain"], sizes["draw"]))
    return parts, residual is not None


def _residual(results: Results, fitted: Design, design: Design, share: np.ndarray) -> np.ndarray | None:
    """Return the mean over rows, by their shares, of their variance around the linear predictor."""
    if isinstance(design.residuals, Spatial):
        raise ModelError(
            "no-residual-variance",
            f"Rows depend on their neighbours ({design.residuals.kind}): there is no one residual variance.",
            "A model without sar(...); sigma is what a row has beside its neighbours.",
        )
    if not design.predictors:
        phi = {name: results.posterior[design.named(name)].values for name in design.parameters}
        return design.family.residual_variance(_average_se(design.rows, share), phi)
    total = np.zeros((results.posterior.sizes["chain"], results.posterior.sizes["draw"]))
    shared = shared_draws(design, results.posterior)
    for where in blocks(design.n_rows, total.size):
        own, effects = part(design, fitted, results.posterior, where)
        there = _average_se(own.rows, share[where])
        variance = own.family.residual_variance(there, phi_of(own, shared | effects))
        if variance is None:
            return None
        each = np.broadcast_to(variance, (*total.shape, own.n_rows))
        total += np.where(share[where] > 0, each, 0.0) @ share[where]
    return total


def _average_se(rows: Rows, share: np.ndarray) -> Rows:
    """Return rows of one known sd, whose square is the mean of theirs: variances are linear in it."""
    se = np.asarray(rows.se, float)
    if not se.any() or not share.any():
        return rows
    return rows._replace(se=np.full(len(se), np.sqrt(np.average(se**2, weights=share))))


def _shares(parts: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return each part's share; all is residual where that has no variance (a Student-t of nu <= 2)."""
    total = sum(parts.values())
    endless = np.isinf(total)
    finite = np.where(endless, 1.0, total)
    return {name: np.where(endless, float(name == "residual"), v / finite) for name, v in parts.items()}


def _between(results: Results, group: Group, share: np.ndarray) -> np.ndarray:
    """Return the mean over rows, by their shares, of ``z' Σ z`` for each draw, (chain, draw)."""
    sd = results.posterior[group.sd].values
    row, level, weight = group.entries
    known = 1.0 if group.root is None else (group.root**2).sum(1)[level]
    z = group.z[row]
    second = z.T @ (z * np.reshape(share[row] * weight**2 * known, (-1, 1)))
    if group.cor not in results.posterior:
        return sd**2 @ np.diagonal(second)
    return np.einsum("...i,...ij,...j,ij->...", sd, results.posterior[group.cor].values, sd, second)


def _share(values: np.ndarray, prob: float) -> dict[str, float]:
    described = describe(values, prob)
    return {f"share_{name}" if name in ("mean", "sd") else name: v for name, v in described.items()}
