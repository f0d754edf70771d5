"""Grouping factors of a table: levels, effects, latents, known covariances between levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from shoal import design_checks as checks
from shoal.errors import ModelError, nearest
from shoal.formula import design_matrix
from shoal.formula.matrix import DesignSpec
from shoal.formula.terms import GroupTerm, LatentTerm


@dataclass(frozen=True)
class Group:
    """The effects of one response on the levels of one grouping factor.

    Attributes
    ----------
    name : str
        The grouping factor.
    labels : (G,) array
        Levels as they stand in the table, sorted (in category order for categoricals).
    index : (N,) int array
        Level of each row.
    z : (N, K) array
        Values that multiply the level's K effects.
    effects : tuple of str
        Names of the effects; ``Intercept`` for the constant.
    blocks : tuple of tuple of int
        Effects within a block are correlated, blocks are independent.
    zero_sum : bool
        Effects sum to zero over the levels.
    student : bool
        Effects of a level are multivariate Student-t rather than normal.
    root : (G, G) array or None
        Lower Cholesky factor of a known covariance between levels.
    cov : str or None
        Its name.
    prefix : str
        ``<response>_`` where a model has several responses.
    specs : tuple of DesignSpec
        One a term: replay the columns of `z` on new data.
    columns : tuple of str
        Columns of the table whose combination names the level.
    """

    name: str
    labels: np.ndarray
    index: np.ndarray
    z: np.ndarray
    effects: tuple[str, ...]
    blocks: tuple[tuple[int, ...], ...]
    zero_sum: bool = False
    student: bool = False
    root: np.ndarray | None = None
    cov: str | None = None
    prefix: str = ""
    specs: tuple[DesignSpec, ...] = ()
    columns: tuple[str, ...] = ()

    @property
    def counts(self) -> np.ndarray:
        """Rows per level, (G,)."""
        return np.bincount(self.index, minlength=len(self.labels))

    @property
    def sd(self) -> str:
        """Posterior name of the standard deviations."""
        return f"{self.prefix}sd_{self.name}"

    @property
    def cor(self) -> str:
        """Posterior name of the correlations."""
        return f"{self.prefix}cor_{self.name}"

    @property
    def nu(self) -> str:
        """Posterior name of the degrees of freedom of Student-t effects."""
        return f"{self.prefix}nu_{self.name}"

    @property
    def r(self) -> str:
        """Posterior name of the effects."""
        return f"{self.prefix}r_{self.name}"

    @property
    def dim(self) -> str:
        """Dimension of the effects in the posterior."""
        return f"{self.prefix}{self.name}_effect"

    @property
    def correlated(self) -> bool:
        """Whether any effects are correlated."""
        return any(len(block) > 1 for block in self.blocks)

    def read(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return level numbers (N',), -1 for levels that are new, and z (N', K) of another table."""
        names = level_names(self.columns, frame)
        values = [spec.apply(frame) for spec in self.specs]
        return pd.Index(self.labels).get_indexer(pd.Index(names)), np.concatenate(values, axis=1)


@dataclass(frozen=True)
class Latent:
    """A standard normal level effect, shared between responses, with a loading in each.

    Attributes
    ----------
    name : str
    factor : str
    labels : (G,) array
    index : (N,) int array
    prefix : str
        As in `Group`.
    columns : tuple of str
    """

    name: str
    factor: str
    labels: np.ndarray
    index: np.ndarray
    prefix: str
    columns: tuple[str, ...]

    @property
    def loading(self) -> str:
        """Posterior name of the loading."""
        return f"{self.prefix}loading_{self.name}"


def groups_of(
    terms: tuple[GroupTerm, ...],
    frame: pd.DataFrame,
    reserved: set[str],
    prefix: str,
    covariances: Mapping[str, Any],
) -> tuple[Group, ...]:
    """Return one `Group` per grouping factor, in order of appearance.

    Raises
    ------
    DataError, ModelError
    """
    names = dict.fromkeys(term.name for term in terms)
    checks.nesting([term.factor for term in terms], frame)
    return tuple(
        _group(name, [t for t in terms if t.name == name], frame, reserved, prefix, covariances)
        for name in names
    )


def _group(
    name: str,
    terms: list[GroupTerm],
    frame: pd.DataFrame,
    reserved: set[str],
    prefix: str,
    covariances: Mapping[str, Any],
) -> Group:
    """Join all terms of a grouping factor, each term a block (each effect, where uncorrelated)."""
    for option in ("zero_sum", "dist", "cov"):
        if len({getattr(t, option) for t in terms}) > 1:
            raise ModelError(
                f"Terms of the grouping factor {name!r} differ in {option}.",
                "One choice for all effects of a factor.",
                f"Copy the column {name!r} under another name for the other term.",
            )
    checks.group_name(name, reserved)
    index, labels = read_levels(terms[0].factor, frame)
    checks.levels(name, labels)
    columns, effects, blocks, specs = [], list[str](), list[tuple[int, ...]](), []
    for term in terms:
        matrix = design_matrix(term.effects, frame)
        where = range(len(effects), len(effects) + len(matrix.names))
        blocks += [tuple(where)] if term.correlated else [(i,) for i in where]
        effects += matrix.names
        columns.append(matrix.values)
        specs.append(matrix.spec)
    checks.effects(name, effects)
    first = terms[0]
    student = first.dist == "student"
    if student and first.zero_sum:
        raise ModelError(
            f"The term of {name!r} has dist='student' and zero_sum=True.",
            "One of the two: Student-t effects given their sum have no closed form.",
        )
    return Group(
        name=safe(name),
        labels=labels,
        index=index,
        z=np.concatenate(columns, axis=1),
        effects=tuple(effects),
        blocks=tuple(b for b in blocks if b),
        zero_sum=first.zero_sum,
        student=student,
        root=_root(first.cov, name, labels, covariances) if first.cov else None,
        cov=first.cov,
        prefix=prefix,
        specs=tuple(specs),
        columns=first.factor,
    )


def latents_of(terms: tuple[LatentTerm, ...], frame: pd.DataFrame, prefix: str) -> tuple[Latent, ...]:
    """Return the latent level effects of one response."""
    out = []
    for term in terms:
        index, labels = read_levels(term.factor, frame)
        checks.levels(":".join(term.factor), labels)
        out.append(Latent(term.name, safe(":".join(term.factor)), labels, index, prefix, term.factor))
    return tuple(out)


def safe(name: str) -> str:
    """Return `name` without the sign that separates paths in netCDF."""
    return name.replace("/", "∕")


def level_names(factor: tuple[str, ...], frame: pd.DataFrame) -> Any:
    """Return the level of each row, as it is labelled: the value, or values joined by a colon."""
    if len(factor) == 1:
        return frame[factor[0]].to_numpy()
    return frame[list(factor)].astype(str).agg(":".join, axis=1).to_numpy()


def read_levels(factor: tuple[str, ...], frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's level number and the level labels; categories nobody has are left out."""
    if len(factor) > 1:
        codes, labels = pd.factorize(level_names(factor, frame), sort=True)
        checks.distinct(frame[list(factor)], codes, labels)
        return codes, np.asarray(labels, dtype=object)
    column = frame[factor[0]]
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.cat.remove_unused_categories()
        return column.cat.codes.to_numpy().astype(np.int64), column.cat.categories.to_numpy()
    codes, labels = pd.factorize(column, sort=True)
    return codes, np.asarray(labels)


def _root(name: str, factor: str, labels: np.ndarray, covariances: Mapping[str, Any]) -> np.ndarray:
    """Return the Cholesky factor of the known covariance `name`, its rows in the order of `labels`."""
    if name not in covariances:
        raise ModelError(
            f"The formula names the covariance {name!r} of {factor!r}, which was not given.",
            nearest(name, covariances) if covariances else "No covariances were given.",
            f"Model(..., covariances={{{name!r}: matrix}}).",
        )
    return checks.covariance(name, factor, covariances[name], labels)
