"""Log densities of units at posterior draws: of rows given their effects, of levels without them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from shoal.fit.new_levels import from_population, square_root
from shoal.fit.pointwise import block_log_likelihood, block_mean, row_log_likelihood
from shoal.fit.results import Results
from shoal.fit.row_blocks import blocks, shared_draws
from shoal.scores.loo.integrate import NONE
from shoal.scores.loo.levels import of_levels
from shoal.scores.loo.units import ROW, Singles, Units, inside


@dataclass(frozen=True)
class Densities:
    """Log densities of some units.

    Attributes
    ----------
    units : (U,) int array
        Which.
    values : (S, U) array
        At each draw, the chains one after the other.
    method : tuple of str
        How the effects of each were integrated, of `integrate.INTEGRALS`.
    error : (U,) array
        Mean over draws of the integrals' errors: of the log by quadrature, relative by importance sampling.
    means : (S, U) array or None
        Expected response of each, where there is one.
    """

    units: np.ndarray
    values: np.ndarray
    method: tuple[str, ...]
    error: np.ndarray
    means: np.ndarray | None = None


def densities(
    results: Results,
    units: Units,
    which: np.ndarray,
    cores: int,
    alone: bool = False,
    known: np.ndarray | None = None,
) -> Iterator[Densities]:
    """Yield the log densities of some units, a block of them at a time.

    Rows are asked about given the effects of their levels; levels, with their own effects integrated out.

    Parameters
    ----------
    which : (U,) int array
        Some of the units, ascending.
    cores : int
        Units whose effects are integrated side by side. LAPACK is to have one thread (`one_thread_lapack`).
    alone : bool
        A row that is all there is of a level has that level's effect integrated out, too: the same density
        left out, since nothing but its population is known of the level then.
    known : (N,) bool array, optional
        Rows that tell of the residuals of others; all by default.

    Raises
    ------
    ModelError
        If draws of effects are needed and were not kept.
    """
    if units.singles is not None:
        yield from _of_singles(results, units.singles, which, known)
    elif units.name == ROW and (not alone or any(d.correlated for d in results.model.designs)):
        yield from _of_rows(results, which, known)
    elif units.name == ROW:
        anew = _redrawn(results, units, which)
        for block in _levels(results, units, which, cores):
            yield replace(block, means=_means(anew, block.units))
    else:
        yield from _levels(results, units, which, cores)


def _of_rows(results: Results, which: np.ndarray, known: np.ndarray | None) -> Iterator[Densities]:
    wanted = np.zeros(results.model.designs[0].n_rows, bool)
    wanted[which] = True
    for where, values in row_log_likelihood(results, known):
        rows = np.arange(where.start, where.stop)[wanted[where]]
        if rows.size:
            methods, error = (NONE,) * rows.size, np.zeros(rows.size)
            yield Densities(rows, values[:, wanted[where]], methods, error, _means(results, rows))


def _of_singles(
    results: Results, singles: Singles, which: np.ndarray, known: np.ndarray | None
) -> Iterator[Densities]:
    posterior, design = results.posterior, results.model.designs[0]
    shared = shared_draws(design, posterior)
    for where in blocks(len(which), posterior.sizes["chain"] * posterior.sizes["draw"]):
        some = which[where]
        rows, each = singles.row[some], singles.each.at(some)
        values = block_log_likelihood(design, shared, posterior, rows, each, known)
        yield Densities(some, values, (NONE,) * len(some), np.zeros(len(some)), _means(results, rows))


def _redrawn(results: Results, units: Units, which: np.ndarray) -> Results:
    """Return the results, effects of levels that are at home in some units drawn anew."""
    posterior, rng = results.posterior.copy(), np.random.default_rng(0)
    for place in inside(results.model, units):
        levels = np.flatnonzero(np.isin(place.home, which))
        for _, group in place.factor.groups if levels.size else ():
            root, values = square_root(group, posterior), posterior[group.r].values.copy()
            for level in levels:
                values[:, :, level] = from_population(group, posterior, root, rng)
            posterior[group.r] = posterior[group.r].copy(data=values)
        for name in place.factor.latents if levels.size else ():
            drawn = posterior[f"latent_{name}"].copy()
            drawn.values[:, :, levels] = rng.normal(size=(*drawn.shape[:2], len(levels)))
            posterior[f"latent_{name}"] = drawn
    return results.with_posterior(posterior)


def _means(results: Results, rows: np.ndarray) -> np.ndarray | None:
    """Return the expected response of some rows, (S, rows); None of several responses, or several columns."""
    design, posterior = results.model.designs[0], results.posterior
    if len(results.model.designs) > 1 or design.family.several:
        return None
    return block_mean(design, shared_draws(design, posterior), posterior, rows)


def _levels(results: Results, units: Units, which: np.ndarray, cores: int) -> Iterator[Densities]:
    for some, values, methods, errors in of_levels(results, units, which, cores):
        yield Densities(some, values, methods, errors)
