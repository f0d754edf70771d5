"""Effects of areas that neighbours resemble, in the eigenvectors of their graph.

With W the weights of neighbours, D their row sums, and the variance of one area ``sd^2`` or near it:

    bym2     sd^2 (rho S + (1 - rho) I), S the intrinsic part, ``D - W`` inverted, in units in which the
             geometric mean of its variances is 1 (Riebler, Sorbye, Simpson and Rue 2016, Statistical
             Methods in Medical Research 25, 1145-1165)
    icar     the same with rho = 1 (Besag, York and Mollie 1991, Ann. Inst. Statist. Math. 43, 1-20)
    escar    ``sd^2 (D - alpha W)^-1``, alpha from 0 to 1

All of them are diagonal in eigenvectors that depend on W alone, so that effects are independent numbers with
scales that are functions of two hyperparameters, as those of a process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shoal.errors import DataError, ModelError, counted, listing, nearest
from shoal.formula.terms import CurveTerm
from shoal.model.bases.basis import Basis

if TYPE_CHECKING:
    import pandas as pd

ROUNDING = 1e-9  # of the largest eigenvalue: what is zero


@dataclass(frozen=True)
class Areas(Basis):
    """Eigenvectors of a graph of areas.

    Attributes
    ----------
    name : str
        The column of areas.
    kind : {"bym2", "icar", "escar"}
    labels : tuple
        All areas of the matrix, those without rows too.
    vectors : (A, K) array
        What each coefficient adds to each area.
    spectrum : (K,) array
        Of ``escar`` the eigenvalues of the weights, else the variances of the intrinsic part.
    """

    name: str
    kind: str
    labels: tuple[object, ...]
    vectors: np.ndarray
    spectrum: np.ndarray

    @property
    def size(self) -> int:
        return len(self.spectrum)

    def variances(self, share: np.ndarray) -> np.ndarray:
        """Return the coefficients' variances, (..., K), where sd is 1, at shares or alphas (...)."""
        share = np.asarray(share)[..., None]
        if self.kind == "escar":
            return 1 / (1 - share * self.spectrum)
        return share * self.spectrum + 1 - share

    def read(self, term: CurveTerm, frame: pd.DataFrame) -> np.ndarray:
        place = {label: k for k, label in enumerate(self.labels)}
        column = frame[self.name].tolist()
        if unknown := list(dict.fromkeys(value for value in column if value not in place)):
            raise DataError(
                "labels-not-in-matrix",
                f"The matrix {term.matrix!r} lacks {counted(len(unknown), 'area')} of {self.name!r} "
                f"({listing(map(repr, unknown))}); its labels are {listing(map(repr, self.labels))}.",
                "A row and a column for every area, labelled as in the table: text is not a number.",
            )
        return np.array([float(place[value]) for value in column])[:, None]

    def columns(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self.vectors[x[:, 0].astype(int)])


def learn(term: CurveTerm, frame: pd.DataFrame, matrices: Mapping[str, Any]) -> Areas:
    """Return the basis of the areas of a matrix.

    Raises
    ------
    DataError, ModelError
        No matrix, one that is no graph of neighbours, areas that it lacks.
    """
    options = dict(term.options)
    name, kind = str(options["W"]), str(options["type"])
    labels, weights = _neighbours(name, term.predictors[0].text, matrices)
    degrees = weights.sum(axis=1)
    if kind == "escar":
        if (degrees == 0).any():
            alone = listing(repr(labels[k]) for k in np.flatnonzero(degrees == 0))
            raise DataError(
                "area-without-neighbour",
                f"In {name!r} {alone} has no neighbour.",
                "At least one for each area, with type='escar'.",
                "type='bym2' gives areas without neighbours effects of their own.",
            )
        root = 1 / np.sqrt(degrees)
        spectrum, vectors = np.linalg.eigh(weights * np.outer(root, root))
        basis = Areas(term.predictors[0].text, kind, labels, root[:, None] * vectors, spectrum)
    else:
        basis = Areas(term.predictors[0].text, kind, labels, *_intrinsic(np.diag(degrees) - weights, kind))
    basis.read(term, frame)
    return basis


def _intrinsic(precision: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return eigenvectors, and their variances in units in which areas' geometric mean is 1."""
    values, vectors = np.linalg.eigh(precision)
    there = values > ROUNDING * values.max()
    variance = np.where(there, 1 / np.where(there, values, 1.0), 0.0)
    own = (vectors**2) @ variance
    variance = variance / np.exp(np.log(own[own > ROUNDING * own.max()]).mean())
    # What neighbours do not tell is what all areas of a connected part share: an Intercept's, for one.
    return (vectors[:, there], variance[there]) if kind == "icar" else (vectors, variance)


def _neighbours(name: str, area: str, matrices: Mapping[str, Any]) -> tuple[tuple[object, ...], np.ndarray]:
    """Return the labels of areas and the weights of neighbours."""
    if name not in matrices:
        raise ModelError(
            "matrix-not-given",
            f"The formula names the matrix {name!r} of neighbours, which was not given.",
            nearest(name, matrices) if matrices else "No matrices were given.",
            f"Model(..., covariances={{{name!r}: pandas.DataFrame(weights, areas, areas)}}).",
        )
    given = matrices[name]
    if not (hasattr(given, "index") and hasattr(given, "columns")):
        raise DataError(
            "matrix-without-labels",
            f"The matrix {name!r} has no labels: which of its rows belongs to which {area!r} is not known.",
            "A DataFrame with the areas as its index and its columns.",
            f"pandas.DataFrame({name}, areas, areas)",
        )
    labels = given.index.tolist()
    if len(set(labels)) < len(labels) or set(labels) != set(given.columns) or len(labels) < 2:
        raise DataError(
            "matrix-labels",
            f"The labels of {name!r} are not the same in rows and columns, once each.",
            "A DataFrame that has each label once in its index, and the same ones as its columns.",
        )
    try:
        weights = given.loc[labels, labels].to_numpy(float)
    except (TypeError, ValueError) as problem:
        raise DataError(
            "matrix-type", f"The matrix {name!r} holds no numbers.", "Weights: 1 for neighbours, else 0."
        ) from problem
    wrong = (
        ~np.isfinite(weights) | (weights < 0) | (np.abs(weights - weights.T) > 1e-12 * np.abs(weights).max())
    )
    if wrong.any() or np.diagonal(weights).any() or not weights.any():
        i, j = np.argwhere(wrong)[0] if wrong.any() else (0, 0)
        found = f"{labels[i]!r} and {labels[j]!r} have {weights[i, j]:g} and {weights[j, i]:g}"
        raise DataError(
            "not-neighbours",
            f"The matrix {name!r} is no matrix of neighbours"
            + (f": {found}." if wrong.any() else ": its diagonal is not zero, or all of it is."),
            "Weights of neighbours, such as 1, the same both ways round; 0 for others, and on the diagonal.",
        )
    return tuple(labels), weights
