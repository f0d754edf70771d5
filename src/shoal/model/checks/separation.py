"""Warnings of predictors that leave nothing to chance."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from shoal.errors import ShoalWarning, listing

if TYPE_CHECKING:
    from shoal.model.design import Design

LARGEST_SEPARATION_TEST = 20_000  # rows; the linear program takes seconds beyond


def separation(design: Design) -> None:
    """Warn if population columns predict every response without error.

    The linear program of Konis (2007, Oxford D.Phil. thesis, section 4.4): a direction b with
    ``sign_i x_i b >= 0`` in all rows, and > 0 in some, along which the likelihood keeps rising.
    """
    low, high = design.family.edges(design.rows)
    if low.all() or high.all():
        warnings.warn(
            f"All {design.n_rows} responses sit at one edge ({design.rows.y[0]:g}): only the priors keep the "
            "Intercept finite.",
            ShoalWarning,
            stacklevel=2,
        )
        return
    slopes = {c for c, t in zip(design.columns, design.terms, strict=True) if t != "Intercept"}
    if not slopes or not (low | high).any() or design.n_rows > LARGEST_SEPARATION_TEST:
        return
    named = _separating_columns(design, low, high, slopes)
    # A direction that separates may use columns it does not need: name those that do it alone, if any.
    named = [c for c in named if _separating_columns(design, low, high, {c})] or named
    if named:
        warnings.warn(
            f"Complete or quasi-complete separation: {listing(named)} predicts the response without "
            "error in some rows; only the priors keep its coefficient finite.",
            ShoalWarning,
            stacklevel=2,
        )


def _separating_columns(design: Design, low: np.ndarray, high: np.ndarray, slopes: set[str]) -> list[str]:
    """Return the columns of a separating direction over the Intercept and `slopes`; empty if none is."""
    from scipy.optimize import linprog

    names = [c for c, t in zip(design.columns, design.terms, strict=True) if c in slopes or t == "Intercept"]
    x = design.x[:, [design.columns.index(c) for c in names]]
    if design.family.ordinal:  # the cutpoints stand where an Intercept would
        names, x = [*names, ""], np.column_stack([x, np.ones(design.n_rows)])
    x = x / np.maximum(np.abs(x).max(0), 1e-300)
    signed = np.where(high, 1.0, -1.0)[:, None] * x
    edge = low | high
    answer = linprog(
        -signed[edge].sum(0),
        A_ub=-signed[edge],
        b_ub=np.zeros(edge.sum()),
        A_eq=x[~edge] if (~edge).any() else None,
        b_eq=np.zeros((~edge).sum()) if (~edge).any() else None,
        bounds=(-1, 1),
    )
    if not answer.success or -answer.fun <= 1e-8:
        return []
    return [name for name, b in zip(names, answer.x, strict=True) if abs(b) > 1e-8 and name in slopes]
