"""Formula and table to arrays: response rows, population columns, grouping factors, merged rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from shoal import design_checks as checks
from shoal.errors import ModelError
from shoal.families import Family, Rows
from shoal.formula import design_matrix, evaluate
from shoal.formula.terms import Expression, Formula, GroupTerm
from shoal.frames import Table

RESERVED = {"chain", "draw", "row"}  # dimensions of every result


@dataclass(frozen=True)
class Group:
    """One grouping factor with its effects.

    Attributes
    ----------
    name : str
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
    """

    name: str
    labels: np.ndarray
    index: np.ndarray
    z: np.ndarray
    effects: tuple[str, ...]
    blocks: tuple[tuple[int, ...], ...]
    zero_sum: bool

    @property
    def counts(self) -> np.ndarray:
        """Rows per level, (G,)."""
        return np.bincount(self.index, minlength=len(self.labels))


@dataclass(frozen=True)
class Design:
    """Everything numeric about a model that does not depend on its parameters.

    Attributes
    ----------
    rows : Rows
        Response, one entry per row of the table.
    offset : (N,) array
    x : (N, P) array
        Population columns.
    terms : tuple of str
        Their names in the formula.
    columns : tuple of str
        Their names in the posterior.
    group : Group or None
    known_se, se_sigma : bool
        The response has known standard errors; and a residual sigma besides.
    """

    rows: Rows
    offset: np.ndarray
    x: np.ndarray
    terms: tuple[str, ...]
    columns: tuple[str, ...]
    group: Group | None
    known_se: bool
    se_sigma: bool

    @property
    def n_rows(self) -> int:
        """Rows of the table."""
        return len(self.rows.y)

    @property
    def row_weight(self) -> np.ndarray:
        """Observations a row stands for, (N,): its weight times its trials."""
        return self.rows.weight * self.rows.trials

    @property
    def averages(self) -> np.ndarray:
        """Average of each population column over the observations, (P,)."""
        return np.average(self.x, axis=0, weights=self.row_weight)

    @property
    def spreads(self) -> np.ndarray:
        """Standard deviation of each population column over the observations, (P,)."""
        return np.sqrt(np.average((self.x - self.averages) ** 2, axis=0, weights=self.row_weight))

    @property
    def effect_spreads(self) -> np.ndarray:
        """Scale of each effect's column, (K,): its standard deviation, or its size if it is constant."""
        z, weight = (self.group.z if self.group else np.zeros((self.n_rows, 0))), self.row_weight
        size = np.sqrt(np.average(z**2, axis=0, weights=weight))
        sd = np.sqrt(np.average((z - np.average(z, axis=0, weights=weight)) ** 2, axis=0, weights=weight))
        return np.where(sd > 1e-12 * size, sd, np.where(size > 0, size, 1.0))

    @property
    def matched(self) -> tuple[int, ...]:
        """For each effect of the group, the population column of the same term, or -1."""
        effects = self.group.effects if self.group else ()
        return tuple(self.terms.index(e) if e in self.terms else -1 for e in effects)

    def with_response(self, y: np.ndarray) -> Design:
        """Return the same design with another response vector, unchecked."""
        return replace(self, rows=self.rows._replace(y=np.asarray(y, float)))


@dataclass(frozen=True)
class MergedRows:
    """Rows that share every predictor, standing for all of them; sorted by level.

    Attributes
    ----------
    rows : Rows
    offset : (M,) array
    x : (M, P) array
    z : (M, K) array
    index : (M,) int array
        Level of each merged row.
    source : (N,) int array
        Merged row of each row of the table.
    """

    rows: Rows
    offset: np.ndarray
    x: np.ndarray
    z: np.ndarray
    index: np.ndarray
    source: np.ndarray


def build(formula: Formula, table: Table, family: Family, quiet: bool = False) -> Design:
    """Return the design of `formula` on `table`, refusing what `family` cannot use.

    Parameters
    ----------
    quiet : bool
        Leave out warnings, for a model that was built before.

    Raises
    ------
    DataError
        Missing or infinite values, values outside the family's support, constant columns, factors
        of one level.
    ModelError
        Additions the family does not take or lacks; several grouping factors.
    """
    table = table.select(formula.columns)
    table.check_complete(formula.columns)
    frame = table.frame
    checks.additions(formula, family)
    rows = _rows(formula, frame, family)
    family.check(rows, formula.response.value.text)
    population = design_matrix(formula.population, frame)
    group = _group(formula.groups, frame, family)
    offset = sum((_numbers(o, frame) for o in formula.offsets), np.zeros(len(frame)))
    design = Design(
        rows=rows,
        offset=offset,
        x=population.values,
        terms=population.names,
        columns=_posterior_names(population.names, formula, family),
        group=group,
        known_se=formula.response.se is not None,
        se_sigma=formula.response.se_sigma,
    )
    checks.columns(design, family)
    if not quiet:
        checks.separation(design, family)
    return design


def _numbers(expression: Expression, frame: pd.DataFrame) -> np.ndarray:
    columns = {name: frame[name].to_numpy() for name in expression.columns}
    values = np.asarray(evaluate(expression, columns))
    checks.numeric(expression.text, values)
    return np.broadcast_to(values.astype(float), (len(frame),)).copy()


def _rows(formula: Formula, frame: pd.DataFrame, family: Family) -> Rows:
    r, n = formula.response, len(frame)
    trials = _numbers(r.trials, frame) if r.trials else np.ones(n)
    weight = _numbers(r.weights, frame) if r.weights else np.ones(n)
    se = _numbers(r.se, frame) if r.se else np.zeros(n)
    if r.se:
        checks.positive("Standard errors", r.se.text, se)
    if r.weights:
        checks.positive("Weights", r.weights.text, weight)
    return Rows(_numbers(r.value, frame), trials, weight, se)


def _posterior_names(names: tuple[str, ...], formula: Formula, family: Family) -> tuple[str, ...]:
    """Escape ``/`` (a path in netCDF) and prefix columns named like another variable with ``b_``."""
    groups = {g.name for g in formula.groups}
    taken = groups | {f"{kind}_{g}" for kind in ("sd", "cor", "r") for g in groups}
    taken |= {f"{g}_effect" for g in groups} | set(family.parameters(False, False))
    taken |= RESERVED | {"b", "sd", "cor"}
    safe = [name.replace("/", "∕") for name in names]
    return tuple(f"b_{name}" if name in taken else name for name in safe)


def _group(terms: tuple[GroupTerm, ...], frame: pd.DataFrame, family: Family) -> Group | None:
    """Join all terms of the one grouping factor, each term a block (each effect, where uncorrelated)."""
    if not terms:
        return None
    names = tuple(dict.fromkeys(t.name for t in terms))
    if len(names) > 1:
        raise ModelError(
            f"The formula has {len(names)} grouping factors ({', '.join(names)}).",
            "This version fits one grouping factor.",
            "Crossed and nested factors are planned; keep the one that matters most for now.",
        )
    if len({t.zero_sum for t in terms}) > 1:
        raise ModelError(
            f"Terms of the grouping factor {names[0]!r} differ in zero_sum.",
            "The effects of one factor are all zero-sum or all free.",
        )
    checks.group_name(names[0], RESERVED | {"Intercept"} | set(family.parameters(False, False)))
    index, labels = _levels(terms[0].factor, frame)
    checks.levels(names[0], labels)
    columns, effects, blocks = [], list[str](), list[tuple[int, ...]]()
    for term in terms:
        matrix = design_matrix(term.effects, frame)
        where = range(len(effects), len(effects) + len(matrix.names))
        blocks += [tuple(where)] if term.correlated else [(i,) for i in where]
        effects += matrix.names
        columns.append(matrix.values)
    checks.effects(names[0], effects)
    return Group(
        name=names[0].replace("/", "∕"),
        labels=labels,
        index=index,
        z=np.concatenate(columns, axis=1),
        effects=tuple(effects),
        blocks=tuple(b for b in blocks if b),
        zero_sum=terms[0].zero_sum,
    )


def _levels(factor: tuple[str, ...], frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's level number and the level labels; categories nobody has are left out."""
    if len(factor) > 1:
        joined = frame[list(factor)].astype(str).agg(":".join, axis=1)
        codes, labels = pd.factorize(joined, sort=True)
        checks.distinct(frame[list(factor)], codes, labels)
        return codes, np.asarray(labels, dtype=object)
    column = frame[factor[0]]
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.cat.remove_unused_categories()
        return column.cat.codes.to_numpy().astype(np.int64), column.cat.categories.to_numpy()
    codes, labels = pd.factorize(column, sort=True)
    return codes, np.asarray(labels)


def merge(design: Design, family: Family) -> MergedRows:
    """Merge rows equal in every predictor (never in the response), where the family allows it.

    The shapes of the result do not depend on the responses, so simulated responses reuse a compiled
    program. Families without sufficient statistics keep every row, sorted by level.
    """
    group = design.group
    index = group.index if group else np.zeros(design.n_rows, np.int64)
    z = group.z if group else np.zeros((design.n_rows, 0))
    keys = [design.offset, *design.x.T, *z.T, index]
    order = np.lexsort(keys)
    fresh = np.zeros(design.n_rows, bool)
    fresh[0] = True
    for key in keys:
        fresh[1:] |= np.diff(key[order]) != 0
    first, source = order[fresh], np.empty(design.n_rows, np.int64)
    source[order] = np.cumsum(fresh) - 1
    rows = family.merge(design.rows, source, len(first))
    if rows is None:
        first, source = order, np.argsort(order)
        rows = Rows(*(np.asarray(part)[order] for part in design.rows))
    return MergedRows(rows, design.offset[first], design.x[first], z[first], index[first], source)
