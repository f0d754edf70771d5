"""What is asked of which columns, and what is refused before any model is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from shoal.errors import DataError, ModelError, listing
from shoal.formula.categories import is_category
from shoal.formula.tree import quote
from shoal.model.build_factors import read_levels
from shoal.studies.confounding.estimators import MUNDLAK, WITHIN
from shoal.tables import Table, read

ROUNDING = 1e-9  # of a column's range: values of one group that are this close are equal
LATENT = "u"


@dataclass(frozen=True, eq=False)
class Question:
    """The columns of a comparison, by their parts in it.

    Attributes
    ----------
    outcome, trait, group : str
    group_trait, trials : str or None
    covariates, trait_covariates : tuple of str
        Further predictors of the outcome, and those of the trait.
    latent : str
        What the groups' unmeasured trait is called: no column of the table.
    frame : pandas.DataFrame
        The columns above, complete.
    index : (N,) int array
        Group of each row.
    labels : (G,) array
    """

    outcome: str
    trait: str
    group: str
    group_trait: str | None
    trials: str | None
    covariates: tuple[str, ...]
    trait_covariates: tuple[str, ...]
    latent: str
    frame: pd.DataFrame
    index: np.ndarray
    labels: np.ndarray

    @property
    def effects(self) -> tuple[str, ...]:
        """The columns whose effects are asked for: the trait, and the group's trait if there is one."""
        return (self.trait,) if self.group_trait is None else (self.trait, self.group_trait)

    @property
    def mean_term(self) -> str:
        """The term of the trait's mean over each group."""
        return f"group_mean({quote(self.trait)}, {quote(self.group)})"


def asked(
    data: Any,
    outcome: str,
    trait: str,
    group: str,
    group_trait: str | None,
    trials: str | None,
    covariates: Sequence[str],
    trait_covariates: Sequence[str] | None,
    estimators: Sequence[str],
) -> Question:
    """Read the columns and refuse what no comparison can be made of.

    Raises
    ------
    DataError
        Unknown or incomplete columns, traits that are no numbers, a group's trait that varies within groups,
        a trait that does not vary within any, groups that are too few or too small.
    ModelError
        Names that are no text, or a column in two parts.
    """
    further = _several("covariates", covariates)
    of_trait = further if trait_covariates is None else _several("trait_covariates", trait_covariates)
    parts = {"outcome": outcome, "trait": trait, "group": group, "trials": trials}
    own = [(part, name) for part, name in parts.items() if name is not None]
    of_outcome = [("group_trait", group_trait)] if group_trait is not None else []
    of_outcome += [("covariates", name) for name in further]
    for others in (of_outcome, [("trait_covariates", name) for name in of_trait]):
        _check_names([*own, *others])
        _check_once([*own, *others])
    names = dict.fromkeys(name for _, name in [*own, *of_outcome])
    table = read(data, columns=list(names | dict.fromkeys(of_trait)))
    table.check_complete()
    index, labels = read_levels((group,), table.frame)
    columns = outcome, trait, group, group_trait, trials, further, of_trait
    question = Question(*columns, _free_name(table), table.frame, index, labels)
    _check_groups(question)
    _check_traits(question, estimators)
    return question


def _several(part: str, given: Any) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else given
    if not isinstance(names, Sequence):
        raise ModelError(
            "not-columns", f"{part}={given!r}.", "A list of names of columns.", f"{part}=['age']."
        )
    return tuple(names)


def _check_names(names: Sequence[tuple[str, Any]]) -> None:
    for part, name in names:
        if not isinstance(name, str) or not name or "`" in name:
            raise ModelError(
                "not-columns",
                f"The {part} is {name!r}.",
                "The name of a column: a text without backticks, which a formula could not write.",
                "Rename the column." if isinstance(name, str) else "",
            )


def _check_once(names: Sequence[tuple[str, str]]) -> None:
    """Raise if a column has two parts: of trait and outcome, say, nothing would be left to estimate."""
    seen: dict[str, str] = {}
    for part, name in names:
        if name in seen:
            raise ModelError(
                "column-in-two-places",
                f"Column {name!r} is given twice, as {seen[name]} and as {part}.",
                "A column of its own for each part.",
                "Leave it out of one of the two.",
            )
        seen[name] = part


def _free_name(table: Table) -> str:
    """Return a name for the latent that no column has."""
    return next(
        name
        for name in (LATENT, *(f"{LATENT}{i}" for i in range(len(table.column_names) + 1)))
        if name not in table.column_names
    )


def _check_groups(question: Question) -> None:
    rows, groups = len(question.index), len(question.labels)
    if groups < 2:
        raise DataError(
            "one-level",
            f"Column {question.group!r} has one group, {question.labels.tolist()[0]!r}.",
            "Two groups or more, which may differ in what was not measured.",
            "Name the column that tells the groups apart.",
        )
    if groups == rows:
        raise DataError(
            "one-row-a-level",
            f"Every one of the {rows} rows is its own group of {question.group!r}.",
            "Groups of several rows: the effect of a trait apart from its group's shows within groups.",
            "Name a column of larger groups.",
        )


def _check_traits(question: Question, estimators: Sequence[str]) -> None:
    for part, name in zip(("trait", "group_trait"), question.effects, strict=False):
        if is_category(question.frame[name], name):
            raise DataError(
                "not-numbers",
                f"The {part} {name!r} holds categories.",
                "Numbers: one effect, of one unit of the trait.",
                "Make it a column of 0 and 1 for one of the categories.",
            )
    if question.group_trait is not None:
        _check_constant(question, question.group_trait)
    within = [name for name in estimators if name in WITHIN]
    if within and not varies(question, question.trait).any():
        raise DataError(
            "constant-within-levels",
            f"The trait {question.trait!r} is constant within each of the {len(question.labels)} groups of "
            f"{question.group!r}.",
            f"A trait that varies within groups: {listing(within)} learn its effect there.",
            "If it is a trait of the groups, give it as group_trait beside a trait of the rows; or take "
            "estimators=['naive', 'multilevel'], which do not see a confound.",
        )
    if question.group_trait is not None and MUNDLAK in estimators:
        _check_apart(question, question.group_trait)


def _check_constant(question: Question, name: str) -> None:
    varying = varies(question, name)
    if varying.any():
        which = listing(question.labels[varying])
        raise DataError(
            "varies-within-levels",
            f"The group_trait {name!r} varies within {varying.sum()} of {len(varying)} groups of "
            f"{question.group!r}: {which}.",
            "One value in all rows of a group.",
            f"If it is a trait of the rows, give it as a covariate, covariates=[{name!r}], or as the trait.",
        )


def _check_apart(question: Question, name: str) -> None:
    """Raise if the groups' means of the trait, which Mundlak's model has, are linear in the group's trait."""
    columns = question.frame[[question.trait, name]].astype(float).groupby(question.index).mean().to_numpy()
    means, trait = (columns - columns.mean(0)).T
    scale = np.sqrt((means @ means) * (trait @ trait))
    if scale > 0 and abs(means @ trait) > (1 - ROUNDING) * scale:
        raise DataError(
            "columns-dependent",
            f"The group_trait {name!r} and the mean of {question.trait!r} over each group are the same but "
            f"for their units, in all {len(columns)} groups of {question.group!r}.",
            "A trait that differs from that mean, which is a predictor of Mundlak's model already; of two "
            "groups any two traits are the same.",
            f"Leave group_trait out, or {MUNDLAK!r} out of the estimators.",
        )


def varies(question: Question, name: str) -> np.ndarray:
    """Return which groups hold different values of a column of numbers, (G,) bool."""
    values = question.frame[name].to_numpy(dtype=float)
    groups = pd.Series(values).groupby(question.index)
    return (groups.max() - groups.min()).to_numpy() > ROUNDING * np.ptp(values)
