"""Grouping factors as arrays: levels, effects, latents, known covariances between levels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from shoal.errors import DataError, nearest
from shoal.formula.matrix import DesignSpec
from shoal.formula.terms import Membership

INTERCEPT = "Intercept"
ESCAPED = "∕"  # for a slash, which separates paths in netCDF
OWN_DIMS = {"chain", "draw", "row", "cutpoint"}  # dimensions of a posterior that are no factor's


class By(NamedTuple):
    """A column, constant within levels, and the category whose levels a group is about."""

    column: str
    category: Any


@dataclass(frozen=True)
class Group:
    """The effects of one linear predictor on the levels of one grouping factor.

    Where an id joins them with those of other predictors, all of these, the columns of others being zero.

    Attributes
    ----------
    name : str
        The grouping factor.
    labels : (G,) array
        Levels as they stand in the table, sorted (in category order for categoricals).
    index : (N,) or (N, M) int array
        Level of each row; of rows that belong to several, in ascending order.
    z : (N, K) array
        Values that multiply the level's K effects.
    effects : tuple of str
        Names of the effects; ``Intercept`` for the constant.
    terms : tuple of str
        Their names in the formula, where they are others.
    blocks : tuple of tuple of int
        Effects within a block are correlated, blocks are independent.
    averages : (K,) array
        Average of each column of `z` over the observations, learnt once.
    zero_sum : bool
        Effects sum to zero over the levels.
    student : bool
        Effects of a level are multivariate Student-t rather than normal.
    root : (G, G) array or None
        Lower Cholesky factor of a known covariance between levels.
    cov : str or None
        Its name.
    known : DataFrame or None
        The covariance as it was given, if with labels: levels that were not fitted may be among them.
    prefix : str
        ``<response>_`` where a model has several responses.
    specs : tuple of DesignSpec
        One a term: replay the columns of `z` on new data.
    columns : tuple of str
        Columns of the table whose combination names the level, or each of which names one.
    id : str
        What joins the effects with those of other predictors; empty if nothing does.
    sections : tuple of tuple of int
        Effects of each predictor that is joined, and the number of this one's among them.
    section : int
    weight : (N, M) array or None
        How much each of a row's levels counts, where rows belong to several; those that count for nothing
        stand last, at the row's first level.
    membership : Membership or None
        Where these weights come from.
    by : By or None
        The levels are those of one category, and the rows of others have none of them: a weight of 0.
    """

    name: str
    labels: np.ndarray
    index: np.ndarray
    z: np.ndarray
    effects: tuple[str, ...]
    blocks: tuple[tuple[int, ...], ...]
    averages: np.ndarray
    zero_sum: bool = False
    student: bool = False
    root: np.ndarray | None = None
    cov: str | None = None
    known: pd.DataFrame | None = None
    prefix: str = ""
    specs: tuple[DesignSpec, ...] = ()
    columns: tuple[str, ...] = ()
    id: str = ""
    terms: tuple[str, ...] = ()
    sections: tuple[tuple[int, ...], ...] = ()
    section: int = 0
    weight: np.ndarray | None = None
    membership: Membership | None = None
    by: By | None = None

    @property
    def entries(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All pairs of a row and a level that it belongs to: rows, levels, weights, (E,) each."""
        if self.weight is None:
            return np.arange(len(self.index)), self.index, np.ones(len(self.index))
        row, member = np.nonzero(self.weight)
        return row, self.index[row, member], self.weight[row, member]

    @property
    def shared(self) -> bool:
        """Whether a row may belong to several levels."""
        return self.weight is not None and self.weight.shape[1] > 1

    @property
    def inside(self) -> Group:
        """The effects in the rows that belong to some level."""
        return self if self.weight is None else self.at(np.flatnonzero(self.weight.any(axis=1)))

    @property
    def averaging(self) -> bool:
        """Whether the weights of every row sum to one: what all levels share is then the row's as well."""
        return self.membership is None or self.membership.scale or not self.membership.any_sum

    def of_rows(self, effects: np.ndarray) -> np.ndarray:
        """Return what the effects of levels (..., G, K) are in each row, (..., N, K)."""
        if self.weight is None:
            return effects[..., self.index, :]
        members = zip(self.index.T, self.weight.T, strict=True)
        return sum((effects[..., i, :] * w[:, None] for i, w in members), np.zeros(()))

    def at(self, rows: slice | np.ndarray) -> Group:
        """Return the effects in some rows."""
        weight = None if self.weight is None else self.weight[rows]
        return replace(self, index=self.index[rows], z=self.z[rows], weight=weight)

    @property
    def own(self) -> tuple[int, ...]:
        """Positions of the effects on this linear predictor."""
        return self.sections[self.section] if self.sections else tuple(range(len(self.effects)))

    @property
    def own_terms(self) -> tuple[str | None, ...]:
        """Names in the formula of the effects on this linear predictor, None for others."""
        names = self.terms or self.effects
        return tuple(name if k in self.own else None for k, name in enumerate(names))

    @property
    def unjoined(self) -> Group:
        """The effects on this linear predictor alone, called as in its formula."""
        if not self.sections:
            return self
        own = list(self.own)
        return replace(
            self,
            z=self.z[:, own],
            effects=tuple(self.terms[k] for k in own),
            terms=(),
            blocks=(tuple(range(len(own))),),
            averages=self.averages[own],
            sections=(),
        )

    @property
    def counts(self) -> np.ndarray:
        """Rows per level, (G,)."""
        return np.bincount(self.entries[1], minlength=len(self.labels))

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
    def levels_dim(self) -> str:
        """Dimension of the levels in the posterior."""
        return level_dim(self.name)

    @property
    def dim(self) -> str:
        """Dimension of the effects in the posterior."""
        return f"{self.prefix}{self.name}_effect"

    @property
    def correlated(self) -> bool:
        """Whether any effects are correlated."""
        return any(len(block) > 1 for block in self.blocks)

    @property
    def to_average(self) -> np.ndarray:
        """What turns effects into effects at average columns, (K, K).

        The Intercept becomes the effect on the linear predictor where its block's other columns have their
        averages; other effects stay.
        """
        out, names = np.eye(len(self.effects)), self.terms or self.effects
        for block in self.sections or self.blocks:
            for k in block:
                if names[k] == INTERCEPT:
                    out[k, list(block)] = np.where(np.array(block) == k, 1.0, self.averages[list(block)])
        return out

    def level(self, label: Any) -> int:
        """Return the position of a level, given as its label or as the label's text.

        Raises
        ------
        DataError
            If no level was fitted that is called so.
        """
        labels = self.labels.tolist()
        found = [i for i, own in enumerate(labels) if own == label]
        found = found or [i for i, own in enumerate(labels) if str(own) == str(label)]
        if len(found) != 1:
            known = nearest(str(label), labels)
            raise DataError(
                "unknown-level", f"{self.name!r} has no level {label!r}.", "A level that was fitted.", known
            )
        return found[0]

    def values(self, frame: pd.DataFrame) -> np.ndarray:
        """Return z (N', K) of another table."""
        z = np.zeros((len(frame), len(self.effects)))
        z[:, self.own] = np.concatenate([spec.apply(frame) for spec in self.specs], axis=1)
        return z


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


def level_dim(factor: str) -> str:
    """Return the dimension of a factor's levels: its name, unless something else in every result has it."""
    return f"{factor}_" if factor in OWN_DIMS else factor


def safe(name: str) -> str:
    """Return `name` without the sign that separates paths in netCDF: as trees and files have it."""
    return name.replace("/", ESCAPED)


def level_names(factor: tuple[str, ...], frame: pd.DataFrame) -> Any:
    """Return the level of each row, as it is labelled: the value, or values joined by a colon."""
    if len(factor) == 1:
        return frame[factor[0]].to_numpy()
    return frame[list(factor)].astype(str).agg(":".join, axis=1).to_numpy()
