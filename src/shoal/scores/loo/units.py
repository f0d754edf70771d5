"""What is left out: rows, parts of rows, or all rows of a level; and which effects only those tell of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np

from shoal.errors import ModelError, listing, nearest
from shoal.families import Rows
from shoal.model import Specification
from shoal.model.build_factors import read_levels
from shoal.scores.loo.factors import Factor, factors_of

ROW, TRIAL, OBSERVATION = "row", "trial", "observation"
SINGLE = (ROW, TRIAL, OBSERVATION)  # units that are no levels
ROW_LEVELS = "row_"  # the unit that is the levels of a factor called row


class Singles(NamedTuple):
    """Parts of rows that are left out one by one, those that are alike as one: trials, or observations.

    The successes of a binomial row are alike, and so are its failures, and the observations of a row whose
    weight counts them.

    Attributes
    ----------
    row : (U,) int array
    number : (U,) int array
        How many there are.
    each : Rows
        What one of them is.
    less : Rows
        What its row loses with it.
    """

    row: np.ndarray
    number: np.ndarray
    each: Rows
    less: Rows


@dataclass(frozen=True)
class Units:
    """What is left out one by one.

    Attributes
    ----------
    name : str
        One of `SINGLE`, or the column (or columns, ``a:b``) whose levels are the units.
    labels : (U,) array
    of_row : (N,) int array
        Unit of each row of the table; of no use for single ones.
    singles : Singles or None
    counts : (N,) array, optional
        Rows of a table that is not in memory, which each row stands for.
    """

    name: str
    labels: np.ndarray
    of_row: np.ndarray
    singles: Singles | None = None
    counts: np.ndarray | None = None

    @property
    def sizes(self) -> np.ndarray:
        """Rows of each unit, or single ones that are alike, (U,)."""
        if self.singles is not None:
            return self.singles.number
        sizes = np.bincount(self.of_row, self.counts, minlength=len(self.labels))
        return np.rint(sizes).astype(int)

    def without(self, model: Specification, which: np.ndarray) -> Specification:
        """Return the model without some units; of those that are alike, without one."""
        if self.singles is None:
            return model.without(np.isin(self.of_row, which))
        (design,), row = model.designs, self.singles.row[which]
        y, trials, weight, se = (np.array(column, float) for column in design.rows[:4])
        for column, less in zip((y, trials, weight, se), self.singles.less[:4], strict=True):
            np.subtract.at(column, row, less[which])
        left = design.rows._replace(y=y, trials=trials, weight=weight, se=se)
        return replace(model, designs=(replace(design, rows=left),))


@dataclass(frozen=True)
class Inside:
    """One grouping factor, as seen from the units.

    Attributes
    ----------
    factor : Factor
    home : (G,) int array
        The unit that has all rows of a level, -1 where several share them: with that unit left out, nothing
        is known of the level but its population.
    """

    factor: Factor
    home: np.ndarray


def units_of(model: Specification, unit: Any, left_out: bool = True) -> Units:
    """Return the units called `unit`: rows, a grouping factor's levels, or those of any column of the model.

    Raises
    ------
    ModelError
        If there is no such column, or it has one level.
    """
    frame = model.table.frame
    if model.stays:
        model.require_rows("Leaving out levels or rows", "Take a sample of the rows into memory.")
    if isinstance(unit, str) and unit in (ROW, TRIAL):
        model.require_rows(f"To leave out {unit}s", _instead(model))
    if isinstance(unit, str) and unit == OBSERVATION:
        model.require_rows("To leave out observations", _instead(model), equal=True)
    if isinstance(unit, str) and unit == ROW:
        return _rows(model)
    for design in model.designs:
        if left_out and design.correlated:
            raise ModelError(
                "units-correlate",
                f"Whole units {unit!r} are to be left out, and residuals correlate.",
                "Rows, each of which is predicted from the others: loo().",
            )
    for factor in factors_of(model):
        if unit == (ROW_LEVELS if factor.name == ROW else factor.name):
            _one_level(factor)
            labels, counts = model.factors[factor.name], model.designs[0].counts
            return _checked(Units(unit, labels, level_of_row(factor), counts=counts), model)
    if unit == TRIAL and TRIAL not in frame:
        return _trials(model)
    if unit == OBSERVATION and OBSERVATION not in frame:
        return _observations(model)
    columns = tuple(str(unit).split(":"))
    if not isinstance(unit, str) or not all(column in frame for column in columns):
        own = [ROW_LEVELS] if ROW in model.factors else []
        known = dict.fromkeys([*SINGLE, *own, *model.factors, *map(str, frame.columns)])
        raise ModelError(
            "unknown-unit",
            f"There is no unit {unit!r} to leave out.",
            "'row', 'trial' (of binomial rows), 'observation' (of rows whose weights count them), or a "
            "grouping factor or another column of the model.",
            nearest(str(unit), known) + " A model keeps the columns of its formula alone.",
        )
    index, labels = read_levels(columns, frame)
    return _checked(Units(unit, labels, index, counts=model.designs[0].counts), model)


def _instead(model: Specification) -> str:
    """Return what can be left out of a table that is not in memory."""
    reduction = model.table.reduction
    single = (
        ["observation"] if reduction is not None and not reduction.sums and len(model.designs) == 1 else []
    )
    units = " or ".join(f"fit.loo({unit!r})" for unit in [*single, *model.factors])
    return f"Ask for {units}." if units else "Take a sample of the rows into memory."


def _rows(model: Specification) -> Units:
    """Return the rows, without those of weight 0: they say nothing, and nothing is said of them."""
    every, weight = np.arange(model.designs[0].n_rows), np.asarray(model.designs[0].rows.weight)
    if len(model.designs) > 1 or weight.all():
        return Units(ROW, every, every)
    kept = np.flatnonzero(weight)
    each = model.designs[0].rows.at(kept)
    nothing = np.zeros(len(kept))
    return Units(
        ROW,
        kept,
        every,
        Singles(kept, np.ones(len(kept), int), each, Rows(nothing, nothing, each.weight, nothing)),
    )


def counted_by_weights(model: Specification) -> bool:
    """Return whether weights of the only response are whole numbers of observations, not all 0 or 1."""
    if len(model.designs) > 1:
        return False
    weight = np.asarray(model.designs[0].rows.weight, float)
    return bool((weight == np.round(weight)).all() and (weight > 1).any())


def _observations(model: Specification) -> Units:
    if not counted_by_weights(model):
        raise ModelError(
            "unit-not-counted",
            f"unit={OBSERVATION!r}, and the rows have no weights that count observations.",
            "One response, weights(w) with whole numbers, some above 1.",
            f"unit={ROW!r} leaves out rows, with all that their weights stand for.",
        )
    (design,) = model.designs
    row = np.flatnonzero(design.rows.weight)
    number = design.rows.weight[row].astype(int)
    ones, nothing = np.ones(len(row)), np.zeros(len(row))
    each = design.rows.at(row)._replace(weight=ones)
    singles = Singles(row, number, each, Rows(nothing, nothing, ones, nothing))
    return Units(OBSERVATION, row, np.arange(design.n_rows), singles)


def _trials(model: Specification) -> Units:
    design = model.designs[0]
    if len(model.designs) > 1 or not design.family.independent_trials:
        raise ModelError(
            "unit-not-counted",
            f"unit={TRIAL!r}, and the response is {model.text.split('~')[0].strip()!r}.",
            "One response of rows with trials that are independent, as those of family 'binomial' are.",
            f"unit={ROW!r} leaves out rows.",
        )
    y, n = design.rows.y, design.rows.trials
    row, outcome = np.repeat(np.arange(len(y)), 2), np.tile([1.0, 0.0], len(y))
    count = np.where(outcome == 1, y[row], (n - y)[row]).astype(int)
    there = (count > 0) & (design.rows.weight[row] > 0)
    row, outcome = row[there], outcome[there]
    ones, nothing = np.ones(len(row)), np.zeros(len(row))
    each = Rows(outcome, ones, np.asarray(design.rows.weight, float)[row], nothing)
    words = np.where(outcome == 1, "success", "failure")
    labels = np.array([f"{i} {word}" for i, word in zip(row, words, strict=True)], dtype=object)
    singles = Singles(row, count[there], each, Rows(outcome, ones, nothing, nothing))
    return Units(TRIAL, labels, np.arange(len(y)), singles)


def _checked(units: Units, model: Specification) -> Units:
    if len(units.labels) < 2:
        raise ModelError(
            "one-unit", f"{units.name!r} has one level.", "Two or more: one is left out, others stay."
        )
    weight = sum((np.asarray(d.rows.weight) for d in model.designs), np.zeros(len(units.of_row)))
    empty = np.flatnonzero(np.bincount(units.of_row, weight, len(units.labels)) == 0)
    if empty.size:
        raise ModelError(
            "units-without-weight",
            f"All rows of {listing(units.labels[empty])} ({units.name}) have the weight 0.",
            "Levels with rows that count: of others nothing can be predicted wrongly.",
            "Leave these rows out of the table, and fit again.",
        )
    return units


def _one_level(factor: Factor) -> None:
    """Refuse levels that share rows, or do not have all: they divide no table."""
    if factor.several:
        group = factor.groups[0][1]
        named = group.columns[0] if group.shared else ":".join(group.columns)
        raise ModelError(
            "several-levels-a-row",
            f"unit={factor.name!r}, and a row belongs to several of its levels, or to none.",
            "Units that divide the rows.",
            f"unit={ROW!r} leaves out rows; unit={named!r} those that name the same level there.",
        )


def level_of_row(factor: Factor) -> np.ndarray:
    """Return the level of each row of the table, (N,), in a factor of which a row has one."""
    return factor.belonging(factor.owners[0])[0][:, 0]


def inside(model: Specification, units: Units) -> tuple[Inside, ...]:
    """Return where the levels of each factor lie among the units.

    Levels that have no population to fall back on, those of zero-sum effects or of a known covariance, are at
    home nowhere.
    """
    out = []
    for factor in factors_of(model):
        least, most = np.full(factor.levels, len(units.labels)), np.full(factor.levels, -1)
        for design in factor.owners:
            level, weight = factor.belonging(design)
            row, member = np.nonzero(weight)
            np.minimum.at(least, level[row, member], units.of_row[row])
            np.maximum.at(most, level[row, member], units.of_row[row])
        alone = (least == most) & has_population(factor)
        out.append(Inside(factor, np.where(alone, least, -1)))
    return tuple(out)


def data_key(model: Specification, units: Units) -> str:
    """Return a digest of the responses with their trials and weights, and of the rows of each unit."""
    digest = blake2b(digest_size=16)
    for design in model.designs:
        kind = "probability" if design.family.discrete else "density"
        digest.update(f"{kind} of {design.formula.response.value.text}".encode())
        for column in (design.observed, design.rows.trials, design.rows.weight):
            digest.update(np.ascontiguousarray(column, float).tobytes())
    # Whatever the order and the type of the labels.
    names, codes = np.unique(units.labels.astype(str), return_inverse=True)
    of_row = units.of_row if units.singles is not None else codes[units.of_row]
    digest.update("\0".join(names).encode() + of_row.astype(np.int64).tobytes())
    return digest.hexdigest()


def alone(model: Specification, units: Units) -> np.ndarray:
    """Return which units have all rows of some level, (U,)."""
    if any(design.correlated for design in model.designs):
        return np.zeros(len(units.labels), bool)  # rows are asked about given those they correlate with
    homes = [place.home[place.home >= 0] for place in inside(model, units)]
    found = np.zeros(len(units.labels), bool)
    found[np.concatenate([np.zeros(0, np.int64), *homes])] = True
    return found


def has_population(factor: Factor) -> bool:
    """Whether the effects of a level are independent of those of other levels, given the hyperparameters."""
    return factor.root is None and not any(group.zero_sum for _, group in factor.groups)
