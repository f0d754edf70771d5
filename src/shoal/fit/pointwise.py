"""Log densities of the raw rows at posterior draws, in blocks: never draws x rows at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import xarray as xr

from shoal.families import Rows
from shoal.fit.results import Results
from shoal.fit.row_blocks import blocks, part, shared_draws
from shoal.model.design import Design
from shoal.model.predictors import density_of_responses, linear_predictor, phi_of


def row_log_likelihood(
    results: Results, known: np.ndarray | None = None
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield rows of the table and the log density of each at each draw, (S, rows); all responses together.

    `known`, (N,) bool, are the rows that tell of the residuals of others; all by default. Draws are the
    chains one after the other. Weights multiply a row's log density.

    Raises
    ------
    ModelError
        If draws of group effects were not kept.
    """
    posterior, designs = results.posterior, results.model.designs
    shared = [shared_draws(design, posterior) for design in designs]
    together = designs[0].rescor
    each = posterior.sizes["chain"] * posterior.sizes["draw"]
    joined = any(design.residuals is not None and design.residuals.joined for design in designs)
    whole = [slice(0, designs[0].n_rows)]
    for where in whole if joined else blocks(designs[0].n_rows, each):
        if together:
            yield where, _of_responses(designs, shared, posterior, where)
            continue
        parts = [
            block_log_likelihood(d, s, posterior, where, known=known)
            for d, s in zip(designs, shared, strict=True)
        ]
        yield where, sum(parts[1:], parts[0])


def _of_responses(
    designs: Sequence[Design], shared: Sequence[dict[str, np.ndarray]], posterior: xr.Dataset, where: slice
) -> np.ndarray:
    """Return the log density of the responses of each row together, (S, rows), whose residuals correlate."""
    found = [_predictor(d, own, posterior, where) for d, own in zip(designs, shared, strict=True)]
    matrices = posterior["rescor"].values.reshape(-1, len(designs), len(designs)).astype(float)
    return density_of_responses([(own, eta, phi_of(own, d)) for own, d, eta in found], matrices)


def total_log_likelihood(results: Results) -> np.ndarray:
    """Return the summed log density of all rows of all responses at each draw, (chain, draw).

    Raises
    ------
    ModelError
        If draws of group effects were not kept, or rows stay where they are.
    """
    results.model.require_rows("A log likelihood", "What is known of the draws: fit.certificate.", sums=True)
    shape = results.posterior.sizes["chain"], results.posterior.sizes["draw"]
    if any(design.residuals is not None for design in results.model.designs):
        return sum(map(partial(_together, results.posterior), results.model.designs), np.zeros(1)).reshape(
            shape
        )
    return sum((values.sum(1) for _, values in row_log_likelihood(results)), np.zeros(1)).reshape(shape)


def at_draws(results: Results, count: int) -> tuple[list[int], np.ndarray]:
    """Return some draws of each chain, evenly spread, and the log likelihood of all rows at each, (C, count).

    Raises
    ------
    ModelError
        If draws of group effects were not kept.
    """
    draws = results.posterior.sizes["draw"]
    where = np.unique(np.linspace(0, draws - 1, count).astype(int)).tolist()
    return where, total_log_likelihood(results.with_posterior(results.posterior.isel(draw=where)))


def _together(posterior: xr.Dataset, design: Design) -> np.ndarray:
    """Return the joint log density of all rows of a response, (S,)."""
    shared, size = shared_draws(design, posterior), posterior.sizes["chain"] * posterior.sizes["draw"]
    if design.residuals is None:
        cut = blocks(design.n_rows, size)
        return sum((block_log_likelihood(design, shared, posterior, w).sum(1) for w in cut), np.zeros(size))
    own, draws, eta = _predictor(design, shared, posterior, slice(None))
    sigma = phi_of(own, draws)["sigma"]
    return design.residuals.log_density(own.rows.y, eta, sigma, own.rows.weight > 0, draws)


def block_log_likelihood(
    design: Design,
    shared: dict[str, np.ndarray],
    posterior: xr.Dataset,
    where: slice | np.ndarray,
    rows: Rows | None = None,
    known: np.ndarray | None = None,
) -> np.ndarray:
    """Return the log density of some rows of one response, (S, rows).

    Parameters
    ----------
    shared : dict
        `row_blocks.shared_draws` of the response.
    where : slice or int array
        Rows of the table.
    rows : Rows, optional
        What was observed there, if other than the response; the response where residuals correlate.
    known : (N,) bool array, optional
        As `row_log_likelihood` takes it.
    """
    if design.residuals is not None:
        return _given_others(design, shared, posterior, where, known)
    own, draws, eta = _predictor(design, shared, posterior, where)
    rows = own.rows if rows is None else rows
    value = design.family.evaluate(rows, eta, phi_of(own, draws)).value
    value += design.family.log_constant(rows.exact)
    return value


def _given_others(
    design: Design,
    shared: dict[str, np.ndarray],
    posterior: xr.Dataset,
    where: slice | np.ndarray,
    known: np.ndarray | None,
) -> np.ndarray:
    """Return log densities of rows given the other rows that their residuals correlate with, (S, rows).

    That is what leaving a row out asks of it (Buerkner, Gabry and Vehtari 2020, Computational Statistics 36,
    1243-1261). Rows of weight 0 have none, and are no condition of others.
    """
    assert design.residuals is not None
    counts = design.rows.weight > 0
    there = counts if known is None else counts & known
    asked = np.arange(design.n_rows)[where]
    together = design.residuals.together(asked[counts[asked]], there)
    own, draws, eta = _predictor(design, shared, posterior, together)
    assert own.residuals is not None
    sigma = phi_of(own, draws)["sigma"]
    mean, variance = own.residuals.given_others(own.rows.y, eta, sigma, there[together], draws)
    some = np.searchsorted(together, asked[counts[asked]])
    away, square = (own.rows.y - mean)[:, some], variance[:, some]
    out = np.zeros((len(eta), len(asked)))
    out[:, counts[asked]] = -0.5 * (np.log(2 * np.pi * square) + away**2 / square)
    return out


def block_mean(
    design: Design, shared: dict[str, np.ndarray], posterior: xr.Dataset, where: slice | np.ndarray
) -> np.ndarray:
    """Return the expected response of some rows, (S, rows): of one trial, or the mean category number."""
    if design.residuals is not None and design.residuals.lag:  # the mean of a row depends on all rows
        own, draws, eta = _predictor(design, shared, posterior, slice(None))
        return design.residuals.mean(eta, draws)[:, where]
    own, draws, eta = _predictor(design, shared, posterior, where)
    mean = np.asarray(design.family.mean(own.rows, eta, phi_of(own, draws)))
    return mean @ design.category_numbers if design.family.categorical else mean / own.rows.trials


def _predictor(
    design: Design, shared: dict[str, np.ndarray], posterior: xr.Dataset, where: slice | np.ndarray
) -> tuple[Design, dict[str, np.ndarray], np.ndarray]:
    """Return the design of some rows, its draws, and their linear predictor (S, rows)."""
    own, effects = part(design, design, posterior, where)
    draws = flat(shared | effects)
    size = posterior.sizes["chain"] * posterior.sizes["draw"]
    return own, draws, np.broadcast_to(linear_predictor(own, draws), (size, own.n_rows))


def flat(draws: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return draws (chain, draw, ...) with the chains one after the other, (S, ...)."""
    return {name: value.reshape(-1, *value.shape[2:]) for name, value in draws.items()}
