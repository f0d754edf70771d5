"""A table that is not in memory becomes a `Table` of few rows that stand for all of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from shoal.errors import ModelError, listing
from shoal.formula.categories import is_category
from shoal.model import Response, checks
from shoal.reduction.apart import in_the_way
from shoal.reduction.facts import complete
from shoal.reduction.passes import Passes
from shoal.reduction.roles import Roles, roles_of, summable
from shoal.reduction.spread import Population, scatter_of
from shoal.reduction.stay import Found, stay
from shoal.reduction.sums import check_numbers, grouped, measured_of, states_of
from shoal.reduction.support import check_supported
from shoal.tables import Reduction, Table
from shoal.tables.columns import convert
from shoal.tables.table import check_names, known

if TYPE_CHECKING:
    from shoal.reduction.sources import Source

SAMPLE = 20  # rows that say what kinds of values columns hold
MOST_GROUPS = 5_000_000
MOST_BYTES = 2**30  # of what comes to this process
MOST_MERGED = 1_000_000  # different rows, beyond which they stay where they are if they can


def reduced(
    responses: Sequence[Response],
    source: Source,
    missing: str = "refuse",
    covariances: Mapping[str, Any] | None = None,
    rescor: bool = False,
) -> Table:
    """Return few rows that stand for those of a source, by passes where these are.

    Where sums are all that a model needs of its rows, they are grouped by levels and categories, and each
    group becomes points of the same sums (`points`). Of other models equal rows become one, with their
    number; where these are too many, and levels can be integrated one by one, rows stay where they are
    (`stay`).

    Raises
    ------
    FormulaError, DataError, ModelError
        Models that need each row, missing or infinite values, more groups than this process should take.
    """
    check_supported(responses, covariances or {}, rescor)
    passes = Passes(source.frame, source.engine)
    names = check_names(passes.frame.collect_schema().names())
    columns = known((c for response in responses for c in response.columns), names)
    formulas = [(own, *others.values()) for own, others in (response.formulas for response in responses)]
    checks.not_columns([own for each in formulas for own in each], columns)
    rows, dropped = complete(passes, columns, missing)
    kinds = passes.first(columns, SAMPLE)
    sample = pd.DataFrame({name: convert(name, kinds[name]) for name in columns})
    roles = roles_of(responses, {name: is_category(sample[name], name) for name in columns})
    groups = passes.distinct(tuple(roles.keys)) if roles.keys else 1
    if groups > MOST_MERGED and not summable(responses):
        if not (reason := in_the_way(responses)):
            stayed = stay(responses[0], passes, Found(source, tuple(names), sample, rows, dropped))
            if isinstance(stayed, Table):
                return stayed
            reason = stayed
        _check_size(groups, roles, columns, reason)
    check_numbers(roles, sample)
    states = states_of(passes, roles)
    measured = measured_of(passes, roles, states)
    _check_size(groups, roles, columns)
    whole, points, _ = grouped(passes, roles, measured)
    response = responses[0].formulas[0].response
    if roles.weights is not None and response.weights is not None:
        whole[response.weights.text] = points.weight / points.rows
    for name in (name for name in columns if name not in whole):
        # Of a column that stands in products alone, new tables need the kind.
        whole[name] = sample[name].iloc[0]
    reduction = Reduction(
        engine=passes.engine,
        rows=rows,
        groups=groups,
        passes=passes.made,
        received=passes.received,
        keys=tuple(roles.keys),
        numbers=tuple(roles.numbers),
        counts=points.rows,
        states=states,
    )
    if roles.numbers:
        population = Population(responses[0].formulas[0], whole, reduction, points.weight, covariances or {})
        spread = scatter_of(population, passes, measured.values, measured.center)
        reduction = replace(reduction, scatter={"": spread}, passes=passes.made, received=passes.received)
    return Table(whole, tuple(names), dropped, reduction)


def _check_size(groups: int, roles: Roles, columns: Sequence[str], reason: str = "") -> None:
    """Raise if there are more groups than this process should take.

    Parameters
    ----------
    reason : str
        What keeps rows of many different values from staying where they are.

    Raises
    ------
    ModelError
    """
    numbers = len(roles.numbers)
    sums = numbers * (numbers + 3) // 2
    size = 8 * groups * (len(roles.keys) + sums + (numbers + 1) * (len(columns) + numbers))
    if groups > MOST_GROUPS or size > MOST_BYTES:
        raise too_many(groups, roles.keys, size, reason)


def too_many(groups: int, keys: Iterable[str], size: float, reason: str = "") -> ModelError:
    """Return the error for more groups than this process should take."""
    stay = f" What keeps the rows from staying where they are: {reason}." if reason else ""
    return ModelError(
        "too-many-groups",
        f"The rows make {groups:,} groups by {listing(keys, 12)}: {size / 1e9:,.1f} GB here.",
        f"At most {MOST_GROUPS:,} groups and {MOST_BYTES / 1e9:.1f} GB, for a table that is not in memory."
        f"{stay}",
        "Round or cut columns of many values in the engine that holds the rows, or leave terms out; or take "
        "the columns of the formula, or a sample of the rows, into memory and pass that table.",
    )
