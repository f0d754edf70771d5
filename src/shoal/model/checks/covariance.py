"""Known covariances between levels: read, checked, factored."""

from __future__ import annotations

from typing import Any

import numpy as np

from shoal.errors import DataError, listing

SINGULAR = 1e-12  # share of a level's variance left, given other levels, that rounding may have made


def covariance(name: str, factor: str, given: Any, labels: np.ndarray) -> np.ndarray:
    """Return the lower Cholesky factor of a known covariance between `labels`, in their order.

    Parameters
    ----------
    given : (G, G) array or DataFrame
        A DataFrame is put into the order of `labels` by its index and columns, and may have more levels.

    Raises
    ------
    DataError
        No numbers, wrong shape, levels that are missing, not symmetric, not positive definite.
    """
    count = len(labels)
    labelled = hasattr(given, "index") and hasattr(given, "columns")
    if labelled:
        given = _of_levels(name, factor, given, labels.tolist())
    matrix = _real(name, given, count)
    if matrix.shape != (count, count):
        raise DataError(
            "covariance-shape",
            f"The covariance {name!r} has shape {matrix.shape}, {factor!r} has {count} levels.",
            f"A {count} x {count} matrix in the order of the levels, or a DataFrame with labels.",
        )
    wrong = ~(np.isfinite(matrix) & np.isclose(matrix, matrix.T, rtol=1e-8, atol=1e-12))
    if wrong.any():
        i, j = np.argwhere(wrong)[0]
        raise DataError(
            "covariance-not-symmetric",
            f"The covariance {name!r} is not symmetric and finite: levels {labels.tolist()[i]!r} and "
            f"{labels.tolist()[j]!r} have {matrix[i, j]:g}, and the other way round {matrix[j, i]:g}.",
            "A covariance matrix: finite numbers, the same both ways round.",
        )
    try:
        root = np.linalg.cholesky(matrix)
        # What is left of a level's variance, given the levels before it.
        singular = bool((np.diag(root) ** 2 <= SINGULAR * np.diag(matrix)).any())
    except np.linalg.LinAlgError:
        singular = True
    if singular:
        least = float(np.linalg.eigvalsh(matrix)[0])
        raise DataError(
            "covariance-not-positive",
            f"The covariance {name!r} is not positive definite (smallest eigenvalue {least:.3g}).",
            "A positive definite matrix.",
            "Levels that are copies of each other are one level.",
        )
    return root


def _real(name: str, given: Any, count: int) -> np.ndarray:
    """Return what was given as floats; text that reads as numbers is none."""
    needed = f"A {count} x {count} matrix of numbers."
    try:
        matrix = np.asarray(given)
        if matrix.dtype.kind in "US" or any(isinstance(value, str) for value in matrix.flat):
            raise TypeError("text")
        if np.iscomplexobj(matrix):
            raise DataError(
                "covariance-not-numbers", f"The covariance {name!r} holds complex numbers.", needed
            )
        return matrix.astype(float)
    except (TypeError, ValueError) as problem:
        found = f"The covariance {name!r} is of type {type(given).__name__} and holds no numbers."
        raise DataError("covariance-not-numbers", found, needed) from problem


def order_of_rows(name: str, columns: tuple[str, ...], given: Any, index: np.ndarray, labels: Any) -> None:
    """Raise if nobody said which row of a known covariance belongs to which level.

    Without labels, levels are integers without a gap, or the covariance is the same for any order. Sorted
    text (s1, s10, s2) is hardly ever the order of a matrix.

    Parameters
    ----------
    columns : tuple of str
        The columns of the grouping factor; none of them is a category, whose order the table gives.
    index : (N,) int array
        Level of each row.
    """
    if hasattr(given, "index") and hasattr(given, "columns"):
        return
    matrix = np.asarray(given, dtype=float)
    away = matrix[~np.eye(len(labels), dtype=bool)]
    if (np.ptp(np.diag(matrix)) == 0 and np.ptp(away) == 0) or (
        labels.dtype.kind in "iu" and (np.diff(labels) == 1).all()
    ):
        return
    _, first = np.unique(index, return_index=True)
    met = listing((repr(label) for label in labels[np.argsort(first)].tolist()), 3)
    values = f"data[{columns[0]!r}]"
    if len(columns) > 1:
        values = "(" + " + ':' + ".join(f"data[{column!r}].astype(str)" for column in columns) + ")"
    raise DataError(
        "covariance-without-labels",
        f"The covariance {name!r} has no labels: which of its rows belongs to which level of "
        f"{':'.join(columns)!r} is not known. Sorted, the levels are "
        f"{listing(map(repr, labels.tolist()), 3)}; the table names first {met}.",
        "A DataFrame with labels in the order of the matrix; without labels, levels are integers without a "
        "gap, or categories in their order.",
        f"If its rows are in the order of the table, write this:\n    labels = {values}.unique()\n"
        f"    covariances = {{{name!r}: pandas.DataFrame({name}, labels, labels)}}",
    )


def _of_levels(name: str, factor: str, given: Any, labels: list[Any]) -> Any:
    """Return a labelled covariance in the order of the levels."""
    twice = [v for side in (given.index, given.columns) for v in side[side.duplicated()]]
    if twice:
        raise DataError(
            "covariance-labels",
            f"The covariance {name!r} has {listing(map(repr, dict.fromkeys(twice)))} more than once among "
            "its labels.",
            "One row and one column for every level.",
        )
    missing = [v for v in labels if v not in given.index or v not in given.columns]
    if missing:
        raise DataError(
            "covariance-lacks-levels",
            f"The covariance {name!r} lacks {len(missing)} levels of {factor!r} "
            f"({listing(map(repr, missing))}); its labels are {listing(map(repr, given.index.tolist()))}.",
            "A row and a column for every level, labelled as in the table: text is not a number.",
            f"Rename them, e.g. `{name}.index = {name}.columns = levels`.",
        )
    return given.loc[labels, labels]
