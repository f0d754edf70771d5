"""Levels of another table: the fitted ones by their numbers, new ones behind them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from shoal.errors import DataError, ModelError, counted, listing
from shoal.model import checks
from shoal.model.design import Design, Group, Latent
from shoal.model.grouping_factors import level_names
from shoal.model.memberships import of_category, read_members, settled
from shoal.tables import assigned


def factors_of(design: Design) -> list[Group | Latent]:
    """Return the groups and latents of all linear predictors."""
    groups = [group for part in design.parts for group in part.groups]
    return [*groups, *(latent for part in design.parts for latent in part.latents)]


def replayed_levels(part: Design, frame: pd.DataFrame) -> Design:
    """Return one linear predictor with the levels of the rows of another table.

    Raises
    ------
    DataError
        Categories whose levels have no spread that was learnt, wrong weights of memberships.
    """
    _check_categories(part, frame)
    return replace(
        part,
        groups=tuple(_group(group, frame) for group in part.groups),
        latents=tuple(_latent(latent, frame) for latent in part.latents),
    )


def with_new_levels(design: Design, there: Design, new_levels: str) -> Design:
    """Return `there` with what draws of its new levels need.

    Parameters
    ----------
    design, there : Design
        As fitted, and on the rows of another table.
    new_levels : {"error", "population", "average", "zero"}

    Raises
    ------
    DataError
        New levels where there are to be none.
    ModelError
        New levels whose distribution is not known.
    """
    _check_levels(design, there, new_levels)
    if new_levels != "population":
        return there
    return there.changed(lambda part: replace(part, groups=tuple(map(_of_all_levels, part.groups))))


def _check_categories(part: Design, frame: pd.DataFrame) -> None:
    """Refuse categories whose levels have no spread that was learnt."""
    known: dict[str, list[Any]] = {}
    for by in (group.by for group in part.groups if group.by):
        known.setdefault(by.column, []).append(by.category)
    for column, categories in known.items():
        values = frame[column].drop_duplicates()
        if unknown := values[~values.isin(categories)].tolist():
            raise DataError(
                "unknown-category",
                f"{column!r} has categories that were not fitted: {listing(map(repr, unknown))}.",
                f"One of {listing(map(repr, categories))}: the levels of each have their own spread.",
            )


def _names(columns: tuple[str, ...], frame: pd.DataFrame, fitted: np.ndarray) -> np.ndarray:
    """Return the level of each row; a whole number is labelled alike beside others that are not whole."""
    names, known = np.asarray(level_names(columns, frame)), pd.Index(fitted)
    mixed = [name for name in columns if frame[name].dtype.kind in "fO"]
    new = known.get_indexer(names) < 0
    if len(columns) == 1 or not mixed or not new.any():
        return names
    whole = {name: pd.Series(list(map(_whole, frame[name].tolist())), frame.index, object) for name in mixed}
    other = np.asarray(level_names(columns, assigned(frame, whole)))
    return np.where(new & (known.get_indexer(other) >= 0), other, names)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _group(group: Group, frame: pd.DataFrame) -> Group:
    if group.weight is None:
        index, labels = _numbered(group.labels, _names(group.columns, frame, group.labels))
        return replace(group, index=index, labels=labels, z=group.values(frame))
    if group.by is not None:
        names = np.asarray(_names(group.columns, frame, group.labels), dtype=object)
        members = of_category(group.by, names, frame)
    else:
        assert group.membership is not None
        members = read_members(group.columns, group.membership, frame)
    numbers, labels = _numbered(group.labels, members.levels)
    index, weight = settled(numbers, members)
    return replace(group, index=index, weight=weight, labels=labels, z=group.values(frame))


def _latent(latent: Latent, frame: pd.DataFrame) -> Latent:
    index, labels = _numbered(latent.labels, _names(latent.columns, frame, latent.labels))
    return replace(latent, index=index, labels=labels)


def _numbered(fitted: np.ndarray, names: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return level numbers and labels, the new levels behind the fitted ones in order of appearance."""
    index = pd.Index(fitted).get_indexer(pd.Index(names))
    new = index < 0
    if not new.any():
        return index, fitted
    codes, labels = pd.factorize(np.asarray(names, dtype=object)[new])
    index = index.copy()
    index[new] = len(fitted) + codes
    return index, np.concatenate([fitted.astype(object), labels])


def _check_levels(design: Design, there: Design, new_levels: str) -> None:
    pairs = zip(factors_of(design), factors_of(there), strict=True)
    grown = [(a, b) for a, b in pairs if len(b.labels) > len(a.labels)]
    if new_levels == "error":
        # A factor of group effects and of latents is named once.
        unknown = {_name(a): _count(a, b) for a, b in grown}
        if unknown:
            raise DataError(
                "unknown-level",
                f"Levels that were not fitted: {'; '.join(unknown.values())}.",
                "new_levels='error' predicts for fitted levels only.",
                "new_levels='population' draws their effects from the population, 'zero' sets them to zero.",
            )
    if new_levels in ("population", "average"):
        _check_population(b for _, b in grown)


def _name(factor: Group | Latent) -> str:
    return factor.name if isinstance(factor, Group) else factor.factor


def _count(before: Group | Latent, after: Group | Latent) -> str:
    labels = after.labels[len(before.labels) :].tolist()
    new = after.index >= len(before.labels)
    rows = int(new.reshape(len(new), -1).any(axis=1).sum())
    return f"{len(labels)} of {_name(before)!r} in {counted(rows, 'row')} ({listing(map(repr, labels))})"


def _check_population(factors: Iterable[Group | Latent]) -> None:
    """Refuse levels from a population that the model does not have."""
    for group in factors:
        if isinstance(group, Latent):
            continue
        if group.zero_sum:
            raise ModelError(
                "new-level-of-zero-sum",
                f"{group.name!r} has new levels, and its effects sum to zero over the fitted ones.",
                "A zero-sum term is about these levels only: there is no population beyond them.",
                "Fit `(… | g)` without zero_sum, or predict with new_levels='zero' (the mean of the levels).",
            )
        if group.root is not None and (unknown := _without_covariance(group)):
            raise ModelError(
                "new-level-of-covariance",
                f"{group.name!r} has new levels that its known covariance {group.cov!r} lacks: "
                f"{listing(map(repr, unknown))}.",
                "What is needed is their covariance with the fitted levels.",
                "Fit with a DataFrame of all levels, the new ones too, or predict with new_levels='zero'.",
            )


def _without_covariance(group: Group) -> list[Any]:
    """Return the levels whose covariance with others was not given."""
    labels = group.labels.tolist()
    if group.known is None:
        return labels[0 if group.root is None else len(group.root) :]
    return [label for label in labels if label not in group.known.index or label not in group.known.columns]


def _of_all_levels(group: Group) -> Group:
    """Return the group with the Cholesky factor of the covariance of all levels, the fitted ones first."""
    if group.root is None or len(group.root) == len(group.labels):
        return group
    assert group.cov is not None
    return replace(group, root=checks.covariance(group.cov, group.name, group.known, group.labels))
