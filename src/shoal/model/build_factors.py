"""The grouping factors of a formula, read from a table: levels, effects, latents, known covariances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from shoal.errors import ModelError, nearest
from shoal.formula import design_matrix
from shoal.formula.matrix import DesignMatrix
from shoal.formula.terms import Expression, GroupTerm, LatentTerm
from shoal.model import checks
from shoal.model.grouping_factors import Group, Latent, level_names
from shoal.model.memberships import read_members, settled, split
from shoal.tables import Reduction


def groups_of(
    terms: tuple[GroupTerm, ...],
    frame: pd.DataFrame,
    reserved: set[str],
    prefix: str,
    covariances: Mapping[str, Any],
    weight: np.ndarray,
    quiet: bool = False,
    reduction: Reduction | None = None,
    inside: np.ndarray | None = None,
) -> tuple[Group, ...]:
    """Return one `Group` per grouping factor, in order of appearance.

    Parameters
    ----------
    reserved : set of str
        Names that a factor may not have.
    weight : (N,) array
        Observations that a row stands for.
    quiet : bool
        The model was built before: the order of covariances without labels was settled then.
    reduction : Reduction, optional
        What the rows stand for, of a table that is not in memory.
    inside : (N,) bool array, optional
        As of `matrix_of`.

    Raises
    ------
    DataError, ModelError
    """
    keys = dict.fromkeys((term.name, term.by) for term in terms)
    groups = list[Group]()
    for name, by in keys:
        own = [term for term in terms if (term.name, term.by) == (name, by)]
        group = _group(name, own, frame, reserved, prefix, covariances, weight, reduction, inside)
        groups += split(group, by, *read_levels((by,), frame), weight) if by else [group]
    for group in groups:
        category = isinstance(frame[group.columns[0]].dtype, pd.CategoricalDtype) and len(group.columns) == 1
        if group.cov and not (quiet or category):
            checks.order_of_rows(group.cov, group.columns, covariances[group.cov], group.index, group.labels)
    return tuple(groups)


def _group(
    name: str,
    terms: list[GroupTerm],
    frame: pd.DataFrame,
    reserved: set[str],
    prefix: str,
    covariances: Mapping[str, Any],
    weight: np.ndarray,
    reduction: Reduction | None,
    inside: np.ndarray | None,
) -> Group:
    """Join all terms of a grouping factor, each term a block (each effect, where uncorrelated)."""
    for option in ("zero_sum", "dist", "cov", "id", "membership"):
        if len({getattr(t, option) for t in terms}) > 1:
            raise ModelError(
                "factor-terms-differ",
                f"Terms of the grouping factor {name!r} differ in "
                f"{'their weights' if option == 'membership' else option}.",
                "One choice for all effects of a factor.",
                f"Copy the column {name!r} under another name for the other term.",
            )
    checks.group_name(name, reserved)
    index, labels, belonging = _levels(terms[0], frame)
    checks.levels(name, labels)
    columns, effects, blocks, specs = [], list[str](), list[tuple[int, ...]](), []
    for term in terms:
        matrix = matrix_of(term.effects, frame, reduction, inside)
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
            "student-with-zero-sum",
            f"The term of {name!r} has dist='student' and zero_sum=True.",
            "One of the two: Student-t effects given their sum have no closed form.",
        )
    z = np.concatenate(columns, axis=1)
    if first.id:
        blocks = [tuple(range(len(effects)))]
    return Group(
        name=name,
        labels=labels,
        index=index,
        z=z,
        effects=tuple(effects),
        blocks=tuple(b for b in blocks if b),
        averages=np.average(z, axis=0, weights=weight),
        zero_sum=first.zero_sum,
        student=student,
        root=_root(first.cov, name, labels, covariances) if first.cov else None,
        cov=first.cov,
        known=_labelled(covariances[first.cov]) if first.cov else None,
        prefix=prefix,
        specs=tuple(specs),
        columns=first.factor,
        id=first.id,
        weight=belonging,
        membership=first.membership,
    )


def matrix_of(
    expression: Expression,
    frame: pd.DataFrame,
    reduction: Reduction | None = None,
    inside: np.ndarray | None = None,
) -> DesignMatrix:
    """Return the columns of a sum of terms; of a table that is not in memory, from what it was reduced to.

    Parameters
    ----------
    inside : (N,) bool array, optional
        The rows that all is learnt from. Others count for nothing, and have the columns of the first.
    """
    if inside is not None:
        own = matrix_of(expression, frame[inside].reset_index(drop=True))
        row = np.zeros(len(frame), np.int64)
        row[inside] = np.arange(inside.sum())
        return replace(own, values=own.values[row])
    if reduction is None:
        return design_matrix(expression, frame)
    return design_matrix(expression, frame, reduction.states, reduction.numbers)


def _levels(term: GroupTerm, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return level numbers, labels, and the weights of memberships in several levels."""
    if term.membership is None:
        index, labels = read_levels(term.factor, frame)
        return index, labels, None
    members = read_members(term.factor, term.membership, frame)
    numbers, labels = read_levels((term.name,), pd.DataFrame({term.name: members.levels}))
    index, weight = settled(numbers, members)
    return index, labels, weight


def latents_of(terms: tuple[LatentTerm, ...], frame: pd.DataFrame, prefix: str) -> tuple[Latent, ...]:
    """Return the latent level effects of one response."""
    out = []
    for term in terms:
        index, labels = read_levels(term.factor, frame)
        checks.levels(":".join(term.factor), labels)
        out.append(Latent(term.name, ":".join(term.factor), labels, index, prefix, term.factor))
    return tuple(out)


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


def _labelled(given: Any) -> pd.DataFrame | None:
    return given if isinstance(given, pd.DataFrame) else None


def _root(name: str, factor: str, labels: np.ndarray, covariances: Mapping[str, Any]) -> np.ndarray:
    """Return the Cholesky factor of the known covariance `name`, its rows in the order of `labels`."""
    if name not in covariances:
        raise ModelError(
            "matrix-not-given",
            f"The formula names the covariance {name!r} of {factor!r}, which was not given.",
            nearest(name, covariances) if covariances else "No covariances were given.",
            f"Model(..., covariances={{{name!r}: matrix}}).",
        )
    return checks.covariance(name, factor, covariances[name], labels)
