"""The weights of neighbours that ``sar(W)`` names, in the order of a table's rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from shoal.errors import DataError, ModelError, counted, listing, nearest
from shoal.formula.terms import ResidualTerm
from shoal.model.spatial import Spatial

MOST_ROWS = 3000  # whose eigenvalues take seconds


def spatial_of(term: ResidualTerm, prefix: str, frame: pd.DataFrame, matrices: Mapping[str, Any]) -> Spatial:
    """Return how a table's rows depend on their neighbours.

    Raises
    ------
    DataError, ModelError
        No matrix, one that is no matrix of neighbours, or of other rows than the table's.
    """
    labels, weights = _weights(term, matrices)
    spectrum = _eigenvalues(weights)
    if np.abs(spectrum).max() < 1e-9:
        raise DataError(
            "matrix-without-circles",
            f"All eigenvalues of {term.matrix!r} are zero: no row is, by way of others, its own neighbour.",
            "Neighbours of each other.",
        )
    whole = Spatial(term, f"{prefix}sar", sp.csr_array(weights), labels, np.arange(len(weights)), spectrum)
    return replayed(whole, frame)


def replayed(spatial: Spatial, frame: pd.DataFrame) -> Spatial:
    """Return how the rows of another table depend on each other: those of the matrix, in any order.

    Raises
    ------
    DataError
        Other rows than the matrix has.
    """
    term, size = spatial.term, spatial.matrix.shape[0]
    if term.factor is None:
        if len(frame) != size:
            raise DataError(
                "matrix-rows",
                f"The table has {counted(len(frame), 'row')}, and the matrix {term.matrix!r} {size:,}.",
                "The same rows in the same order: a row depends on all others.",
                f"sar({term.matrix}, gr=area) tells rows by their labels, in any order.",
            )
        return replace(spatial, place=np.arange(size))
    column = frame[term.factor].tolist()
    place = pd.Index(spatial.labels).get_indexer(pd.Index(column))
    unknown = [column[k] for k in np.flatnonzero(place < 0)]
    absent = [spatial.labels[k] for k in np.setdiff1d(np.arange(size), place)]
    twice = [value for value, count in frame[term.factor].value_counts().items() if count > 1]
    for found, what in (
        (unknown, f"without a row in {term.matrix!r}"),
        (absent, "without a row in the table"),
        (twice, "with more than one row"),
    ):
        if found:
            raise DataError(
                "labels-not-in-matrix",
                f"Labels of {term.factor!r} {what}: {listing(map(repr, dict.fromkeys(found)))}.",
                f"One row for each of the {size:,} rows of {term.matrix!r}: a row depends on all others.",
                "car(W, gr=area) gives areas of any number of rows an effect each." if not unknown else "",
            )
    return replace(spatial, place=place)


def _weights(term: ResidualTerm, matrices: Mapping[str, Any]) -> tuple[tuple[object, ...], np.ndarray]:
    """Return labels, if the rows of the table are told by them, and weights."""
    name = str(term.matrix)
    if name not in matrices:
        raise ModelError(
            "matrix-not-given",
            f"The formula names the matrix {name!r} of neighbours, which was not given.",
            nearest(name, matrices) if matrices else "No matrices were given.",
            f"Model(..., covariances={{{name!r}: W}}).",
        )
    given, labels = matrices[name], tuple[object, ...]()
    labelled = hasattr(given, "index") and hasattr(given, "columns")
    if labelled:
        labels = tuple(given.index.tolist())
        if len(set(labels)) < len(labels) or set(labels) != set(given.columns):
            raise DataError(
                "matrix-labels",
                f"The labels of {name!r} are not the same in rows and columns, once each.",
                "A DataFrame that has each label once in its index, and the same ones as its columns.",
            )
        given = given.loc[list(labels), list(labels)]
    if term.factor is not None and not labelled:
        raise DataError(
            "matrix-without-labels",
            f"The matrix {name!r} has no labels: which {term.factor!r} each of its rows is, is not known.",
            f"A DataFrame with {term.factor} as its index and its columns.",
            f"pandas.DataFrame({name}, labels, labels)",
        )
    if term.factor is None and labelled and labels != tuple(range(len(labels))):
        raise DataError(
            "rows-without-labels",
            f"The rows of {name!r} have labels, {listing(map(repr, labels))}, and those of the table none.",
            "The column that holds them.",
            f"sar({name}, gr=area)",
        )
    try:
        weights = np.asarray(given.toarray() if sp.issparse(given) else given, float)
    except (TypeError, ValueError) as problem:
        what = f"The matrix {name!r} is of type {type(given).__name__}, and holds no numbers alone."
        raise DataError(
            "matrix-type", what, "A DataFrame, an array or a sparse array of weights."
        ) from problem
    _check(name, weights)
    return labels if term.factor is not None else (), weights


def _check(name: str, weights: np.ndarray) -> None:
    """Raise unless these are weights of neighbours."""
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or len(weights) < 3:
        raise DataError(
            "matrix-shape",
            f"The matrix {name!r} has the shape {weights.shape}.",
            "A square of three rows or more.",
        )
    if len(weights) > MOST_ROWS:
        raise DataError(
            "matrix-too-large", f"The matrix {name!r} has {len(weights):,} rows.", f"At most {MOST_ROWS:,}."
        )
    wrong = np.argwhere(~np.isfinite(weights) | (weights < 0))
    if len(wrong) or np.diagonal(weights).any() or not weights.any():
        found = "its diagonal is not zero" if np.diagonal(weights).any() else "all of it is zero"
        if len(wrong):
            i, j = wrong[0]
            found = f"row {i} has the weight {weights[i, j]:g} of {j}"
        raise DataError(
            "not-neighbours",
            f"The matrix {name!r} is no matrix of neighbours: {found}.",
            "Weights of neighbours, such as 1, or of a row divided by their sum; 0 elsewhere.",
        )


def _eigenvalues(weights: np.ndarray) -> np.ndarray:
    """Return the eigenvalues of W; of one that is symmetric but for its rows' scales, of a similar matrix."""
    scale = weights.max(axis=1)
    scale = np.where(scale > 0, scale, 1.0)
    for own in (np.ones(len(weights)), scale):
        plain = weights / own[:, None]
        if np.allclose(plain, plain.T, rtol=1e-12, atol=0.0):
            root = np.sqrt(own)
            return np.linalg.eigvalsh(root[:, None] * plain * root).astype(complex)
    return np.linalg.eigvals(weights)
