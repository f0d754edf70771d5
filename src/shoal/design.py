"""Formula and table to arrays: response rows, population columns, grouping factors, merged rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from shoal import design_checks as checks
from shoal.design_groups import Group, Latent, groups_of, latents_of, safe
from shoal.errors import ModelError
from shoal.families import Family, Rows
from shoal.formula import design_matrix, evaluate
from shoal.formula.matrix import DesignSpec
from shoal.formula.terms import Expression, Formula
from shoal.tables import Table

__all__ = ["Design", "Group", "Latent", "MergedRows", "build", "merge"]

RESERVED = {"chain", "draw", "row", "category", "cutpoint"}  # dimensions of a result


@dataclass(frozen=True)
class Design:
    """Everything numeric about one response that does not depend on parameters.

    Attributes
    ----------
    formula : Formula
    family : Family
        Knows the number of categories of an ordered response.
    rows : Rows
        Response, one entry per row of the table.
    offset : (N,) array
    x : (N, P) array
        Population columns.
    terms : tuple of str
        Their names in the formula.
    columns : tuple of str
        Their names in the posterior.
    groups : tuple of Group
    latents : tuple of Latent
    spec : DesignSpec
        Replays the columns of `x` (and, for an ordered response, the Intercept before them) on new data.
    averages : (P,) array
        Average of each population column over the observations. Default priors of an Intercept speak of it,
        so it stays as it was learnt when rows are left out or others are read.
    prefix : str
        ``<response>_`` where a model has several responses.
    categories : tuple
        Labels of an ordered response, lowest first; empty for others.
    """

    formula: Formula
    family: Family
    rows: Rows
    offset: np.ndarray
    x: np.ndarray
    terms: tuple[str, ...]
    columns: tuple[str, ...]
    groups: tuple[Group, ...]
    latents: tuple[Latent, ...]
    spec: DesignSpec
    averages: np.ndarray
    prefix: str = ""
    categories: tuple[Any, ...] = ()

    @property
    def n_rows(self) -> int:
        """Rows of the table."""
        return len(self.rows.y)

    @property
    def known_se(self) -> bool:
        """The response has known standard errors."""
        return self.formula.response.se is not None

    @property
    def se_sigma(self) -> bool:
        """There is a residual sigma besides known standard errors."""
        return self.formula.response.se_sigma

    @property
    def parameters(self) -> tuple[str, ...]:
        """The family's own scalar parameters, without prefix."""
        return self.family.parameters(self.known_se, self.se_sigma)

    @property
    def cutpoints(self) -> str:
        """Posterior name of the cutpoints of an ordered response."""
        return f"{self.prefix}cutpoints"

    @property
    def category_numbers(self) -> np.ndarray:
        """The number of each category of an ordered response: its label, or its place from 1."""
        labels = np.asarray(self.categories)
        return labels.astype(float) if labels.dtype.kind in "biuf" else np.arange(1.0, len(labels) + 1)

    @property
    def observed(self) -> np.ndarray:
        """The responses, (N,): of an ordered one the numbers of its categories."""
        y = np.asarray(self.rows.y, float)
        return self.category_numbers[y.astype(int)] if self.family.ordinal else y

    @property
    def row_weight(self) -> np.ndarray:
        """Observations a row stands for, (N,): its weight times its trials."""
        return self.rows.weight * self.rows.trials

    @property
    def spreads(self) -> np.ndarray:
        """Standard deviation of each population column over the observations, (P,)."""
        return np.sqrt(np.average((self.x - self.averages) ** 2, axis=0, weights=self.row_weight))

    def effect_spreads(self, group: Group) -> np.ndarray:
        """Scale of each effect's column, (K,): its standard deviation, or its size if it is constant."""
        z, weight = group.z, self.row_weight
        size = np.sqrt(np.average(z**2, axis=0, weights=weight))
        sd = np.sqrt(np.average((z - np.average(z, axis=0, weights=weight)) ** 2, axis=0, weights=weight))
        return np.where(sd > 1e-12 * size, sd, np.where(size > 0, size, 1.0))

    def matched(self, group: Group) -> tuple[int, ...]:
        """For each effect of `group`, the population column of the same term, or -1."""
        return tuple(self.terms.index(e) if e in self.terms else -1 for e in group.effects)

    def with_response(self, y: np.ndarray) -> Design:
        """Return the same design with another response vector, unchecked."""
        return replace(self, rows=self.rows._replace(y=np.asarray(y, float)))

    def without(self, rows: np.ndarray) -> Design:
        """Return the same design with the weight of some rows, an (N,) bool array, at zero.

        Shapes, levels and averages stay, so that priors do and no program is compiled anew.
        """
        return replace(self, rows=self.rows._replace(weight=np.where(rows, 0.0, self.rows.weight)))


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


def build(
    formula: Formula,
    table: Table,
    family: Family,
    *,
    prefix: str = "",
    covariances: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> Design:
    """Return the design of `formula` on `table`, refusing what `family` cannot use.

    Parameters
    ----------
    prefix : str
        In front of every posterior name of this response.
    covariances : mapping of str to (G, G) matrices
        Known covariances between levels that the formula names.
    quiet : bool
        Leave out warnings, for a model that was built before.

    Raises
    ------
    DataError
        Missing or infinite values, values outside the family's support, constant or dependent columns,
        factors of one level.
    ModelError
        Additions the family does not take or lacks.
    """
    table = table.select(formula.columns)
    table.check_complete(formula.columns)
    frame = table.frame
    checks.additions(formula, family)
    family, rows, categories = _response(formula, frame, family)
    family.check(rows, formula.response.value.text)
    population = design_matrix(formula.population, frame)
    keep = np.array([not (family.ordinal and name == "Intercept") for name in population.names], bool)
    if family.ordinal and keep.all():
        raise ModelError(
            f"The formula has no intercept (`0 +`), and family {family.name!r} has cutpoints.",
            "A formula with its intercept: the cutpoints take its place.",
            "Remove `0 +` (or `- 1`).",
        )
    terms = tuple(name for name, k in zip(population.names, keep, strict=True) if k)
    reserved = RESERVED | {"Intercept", "cutpoints"} | set(family.parameters(False, False))
    offset = sum((_numbers(o, frame) for o in formula.offsets), np.zeros(len(frame)))
    x = population.values[:, keep]
    design = Design(
        formula=formula,
        family=family,
        rows=rows,
        offset=offset,
        x=x,
        terms=terms,
        columns=_posterior_names(terms, formula, family, prefix),
        groups=groups_of(formula.groups, frame, reserved, prefix, covariances or {}),
        latents=latents_of(formula.latents, frame, prefix),
        spec=population.spec,
        averages=np.average(x, axis=0, weights=rows.weight * rows.trials),
        prefix=prefix,
        categories=categories,
    )
    checks.columns(design, quiet)
    return design


def _numbers(expression: Expression, frame: pd.DataFrame) -> np.ndarray:
    # Any column says how many rows there are, for an expression that names none: trials(10).
    columns = {name: frame[name].to_numpy() for name in expression.columns or frame.columns[:1]}
    values = np.asarray(evaluate(expression, columns))
    checks.numeric(expression.text, values)
    return np.broadcast_to(values.astype(float), (len(frame),)).copy()


def _response(formula: Formula, frame: pd.DataFrame, family: Family) -> tuple[Family, Rows, tuple[Any, ...]]:
    r, n = formula.response, len(frame)
    trials, weight, se = additions(formula, frame)
    if not family.ordinal:
        return family, Rows(_numbers(r.value, frame), trials, weight, se), ()
    alone = len(r.value.columns) == 1 and r.value.text.strip("`") == r.value.columns[0]
    values = frame[r.value.columns[0]] if alone else _numbers(r.value, frame)
    codes, labels = family.encode(values, r.value.text)
    return family.with_categories(len(labels)), Rows(codes, np.ones(n), weight, se), labels


def additions(formula: Formula, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return trials, weights and standard errors of each row, checked; 1, 1 and 0 where there are none."""
    r, n = formula.response, len(frame)
    trials = _numbers(r.trials, frame) if r.trials else np.ones(n)
    weight = _numbers(r.weights, frame) if r.weights else np.ones(n)
    se = _numbers(r.se, frame) if r.se else np.zeros(n)
    if r.se:
        checks.positive("Standard errors", r.se.text, se)
    if r.weights:
        checks.positive("Weights", r.weights.text, weight)
    return trials, weight, se


def _posterior_names(
    names: tuple[str, ...], formula: Formula, family: Family, prefix: str
) -> tuple[str, ...]:
    """Escape ``/`` (a path in netCDF) and prefix columns named like another variable with ``b_``."""
    groups = {g.name for g in formula.groups} | {":".join(t.factor) for t in formula.latents}
    taken = groups | {f"{kind}_{g}" for kind in ("sd", "cor", "r", "nu") for g in groups}
    taken |= {f"{g}_effect" for g in groups} | set(family.parameters(False, False))
    taken |= {f"{kind}_{t.name}" for kind in ("loading", "latent") for t in formula.latents}
    taken |= RESERVED | {"b", "sd", "cor", "cutpoints"}
    return tuple(prefix + (f"b_{name}" if name in taken else name) for name in map(safe, names))


def merge(design: Design, apart: np.ndarray | None = None) -> MergedRows:
    """Merge rows equal in every predictor (never in the response), where the family allows it.

    The shapes of the result do not depend on the responses, so simulated responses reuse a compiled
    program. Families without sufficient statistics keep every row, sorted by level.

    Parameters
    ----------
    apart : (N,) array, optional
        Rows that differ in it are not merged.
    """
    factors: list[Group | Latent] = sorted([*design.groups, *design.latents], key=_levels)
    indexes = [f.index for f in factors] or [np.zeros(design.n_rows, np.int64)]
    keys = [design.offset, *design.x.T, *(column for g in design.groups for column in g.z.T), *indexes]
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
        rows = Rows(*(np.asarray(part)[order] for part in design.rows))
    return MergedRows(rows, first, source)


def _levels(factor: Group | Latent) -> int:
    return len(factor.labels)
