"""What is left out: rows, single trials, or all rows of a level; and which effects only those tell of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np

from shoal.errors import ModelError, nearest
from shoal.model import Specification
from shoal.model.build_factors import read_levels
from shoal.scores.loo.factors import Factor, factors_of

ROW, TRIAL = "row", "trial"


class Trials(NamedTuple):
    """Single trials of binomial rows; the successes of a row are alike, and so are its failures.

    Attributes
    ----------
    row : (U,) int array
    outcome : (U,) array
        1 for successes, 0 for failures.
    number : (U,) array
        How many there are.
    """

    row: np.ndarray
    outcome: np.ndarray
    number: np.ndarray


@dataclass(frozen=True)
class Units:
    """What is left out one by one.

    Attributes
    ----------
    name : str
        "row", "trial", or the column (or columns, ``a:b``) whose levels are the units.
    labels : (U,) array
    of_row : (N,) int array
        Unit of each row of the table; of no use for trials.
    trials : Trials or None
    """

    name: str
    labels: np.ndarray
    of_row: np.ndarray
    trials: Trials | None = None

    @property
    def sizes(self) -> np.ndarray:
        """Rows of each unit, or trials that are alike, (U,)."""
        if self.trials is not None:
            return self.trials.number
        return np.bincount(self.of_row, minlength=len(self.labels))

    def without(self, model: Specification, which: np.ndarray) -> Specification:
        """Return the model without some units; of trials that are alike, without one."""
        if self.trials is None:
            return model.without(np.isin(self.of_row, which))
        design = model.designs[0]
        rows = self.trials.row[which]
        y, trials = design.rows.y.copy(), design.rows.trials.copy()
        np.subtract.at(y, rows, self.trials.outcome[which])
        np.subtract.at(trials, rows, 1.0)
        return replace(model, designs=(replace(design, rows=design.rows._replace(y=y, trials=trials)),))


@dataclass(frozen=True)
class Inside:
    """One grouping factor, as seen from the units.

    Attributes
    ----------
    factor : Factor
    level : (N,) int array
        Level of each row.
    home : (G,) int array
        The unit that has all rows of a level, -1 where several share them: with that unit left out, nothing
        is known of the level but its population.
    """

    factor: Factor
    level: np.ndarray
    home: np.ndarray


def units_of(model: Specification, unit: Any) -> Units:
    """Return the units called `unit`: rows, a grouping factor's levels, or those of any column of the model.

    Raises
    ------
    ModelError
        If there is no such column, or it has one level.
    """
    frame = model.table.frame
    if isinstance(unit, str) and unit == ROW:
        return Units(ROW, np.arange(len(frame)), np.arange(len(frame)))
    for factor in factors_of(model):
        if factor.name == unit:
            return _checked(Units(unit, model.factors[unit], level_of_row(factor)))
    if unit == TRIAL and TRIAL not in frame:
        return _trials(model)
    columns = tuple(str(unit).split(":"))
    if not isinstance(unit, str) or not all(column in frame for column in columns):
        known = dict.fromkeys([ROW, TRIAL, *model.factors, *map(str, frame.columns)])
        raise ModelError(
            f"There is no unit {unit!r} to leave out.",
            "'row', 'trial' (of binomial rows), or a grouping factor or another column of the model.",
            nearest(str(unit), known) + " A model keeps the columns of its formula alone.",
        )
    index, labels = read_levels(columns, frame)
    return _checked(Units(unit, labels, index))


def _trials(model: Specification) -> Units:
    design = model.designs[0]
    if len(model.designs) > 1 or not design.family.independent_trials:
        raise ModelError(
            f"unit={TRIAL!r}, and the response is {model.text.split('~')[0].strip()!r}.",
            "One response of rows with trials that are independent, as those of family 'binomial' are.",
            f"unit={ROW!r} leaves out rows.",
        )
    y, n = design.rows.y, design.rows.trials
    row, outcome = np.repeat(np.arange(len(y)), 2), np.tile([1.0, 0.0], len(y))
    count = np.where(outcome == 1, y[row], (n - y)[row]).astype(int)
    there = count > 0
    trials = Trials(row[there], outcome[there], count[there])
    words = np.where(trials.outcome == 1, "success", "failure")
    labels = np.array([f"{i} {word}" for i, word in zip(trials.row, words, strict=True)], dtype=object)
    return Units(TRIAL, labels, np.arange(len(y)), trials)


def _checked(units: Units) -> Units:
    if len(units.labels) < 2:
        raise ModelError(f"{units.name!r} has one level.", "Two or more: one is left out, others stay.")
    return units


def level_of_row(factor: Factor) -> np.ndarray:
    """Return the level of each row of the table in a factor, (N,)."""
    design = (*factor.groups, *factor.loadings)[0][0]
    return factor.columns(design, np.arange(design.n_rows))[1]


def inside(model: Specification, units: Units) -> tuple[Inside, ...]:
    """Return where the levels of each factor lie among the units.

    Levels that have no population to fall back on, those of zero-sum effects or of a known covariance, are at
    home nowhere.
    """
    out = []
    for factor in factors_of(model):
        level = level_of_row(factor)
        least, most = np.full(factor.levels, len(units.labels)), np.full(factor.levels, -1)
        np.minimum.at(least, level, units.of_row)
        np.maximum.at(most, level, units.of_row)
        alone = (least == most) & has_population(factor)
        out.append(Inside(factor, level, np.where(alone, least, -1)))
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
    of_row = units.of_row if units.trials is not None else codes[units.of_row]
    digest.update("\0".join(names).encode() + of_row.astype(np.int64).tobytes())
    return digest.hexdigest()


def alone(model: Specification, units: Units) -> np.ndarray:
    """Return which units have all rows of some level, (U,)."""
    homes = [place.home[place.home >= 0] for place in inside(model, units)]
    found = np.zeros(len(units.labels), bool)
    found[np.concatenate([np.zeros(0, np.int64), *homes])] = True
    return found


def has_population(factor: Factor) -> bool:
    """Whether the effects of a level are independent of those of other levels, given the hyperparameters."""
    return factor.root is None and not any(group.zero_sum for _, group in factor.groups)
