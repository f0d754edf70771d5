"""Rows of a response that are equal in every predictor, as one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shoal.families import Rows
from shoal.model.design import Design, Group, Latent


@dataclass(frozen=True)
class MergedRows:
    """Rows that share every predictor, standing for all of them; sorted by level.

    Attributes
    ----------
    rows : Rows
        (M,) entries.
    first : (M,) int array
        A row of the table that each merged row stands for.
    source : (N,) int array
        Merged row of each row of the table.
    """

    rows: Rows
    first: np.ndarray
    source: np.ndarray


def merge(design: Design, apart: np.ndarray | None = None) -> MergedRows:
    """Merge rows equal in every predictor (never in the response), where the family allows it.

    The shapes of the result do not depend on the responses, so simulated responses reuse a compiled
    program. Families without sufficient statistics keep every row, sorted by level.

    Parameters
    ----------
    apart : (N,) array, optional
        Rows that differ in it are not merged.
    """
    groups = [group for part in design.parts for group in part.groups]
    latents = [latent for part in design.parts for latent in part.latents]
    factors: list[Group | Latent] = sorted([*groups, *latents], key=_levels)
    indexes = [column for f in factors for column in np.atleast_2d(f.index.T)]
    indexes = indexes or [np.zeros(design.n_rows, np.int64)]
    columns = (column for part in design.parts for column in (part.offset, *part.x.T))
    values = (column for g in groups for column in (*g.z.T, *(() if g.weight is None else g.weight.T)))
    keys = [*columns, *values, *indexes]
    keys += [key for part in design.parts for curve in part.curves for key in curve.keys]
    keys += [key for part in design.parts for own in part.imputed for key in (own.values, own.index)]
    keys += [] if apart is None else [apart]
    order = np.lexsort(keys)
    fresh = np.zeros(design.n_rows, bool)
    fresh[0] = True
    for key in keys:
        fresh[1:] |= np.diff(key[order]) != 0
    first, source = order[fresh], np.empty(design.n_rows, np.int64)
    source[order] = np.cumsum(fresh) - 1
    rows = design.family.merge(design.rows, source, len(first))
    if rows is None:
        first, source = order, np.argsort(order)
        rows = design.rows.at(order)
    return MergedRows(rows, first, source)


def _levels(factor: Group | Latent) -> int:
    return len(factor.labels)
