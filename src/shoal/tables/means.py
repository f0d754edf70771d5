"""From raw rows to the mean, standard error and size of each group."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from shoal.errors import DataError, ShoalWarning, listing, nearest

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw


def group_means(frame: Any, value: str, by: str | Sequence[str], *, pooled: bool = False) -> Any:
    r"""Return the mean, standard error and number of rows of each combination of some columns.

    What a model with known standard errors, ``mean | se(se) ~ 1 + (1 | g)``, is fitted to.

    Parameters
    ----------
    frame : data frame
        pandas, polars, Arrow or any other eager frame that narwhals knows.
    value : str
        A numeric column.
    by : str or sequence of str
        Columns whose combinations are the groups. Combinations without a row are left out.
    pooled : bool
        Take one standard deviation within groups, from all groups of two rows or more.

    Returns
    -------
    data frame
        Of the kind of `frame`, sorted by `by`: these columns, ``n``, ``mean``, and the standard error. That
        is ``se``, :math:`s_g / \sqrt{n_g}` with the group's own standard deviation; or, with `pooled`,
        ``se_pooled``, :math:`s / \sqrt{n_g}` with :math:`s^2 = \sum_g (n_g - 1) s_g^2 / \sum_g (n_g - 1)`.

    Raises
    ------
    DataError
        Lazy or unknown frames, columns that are not there, missing or infinite values, a `value` that is no
        number, columns called like one of the result, no group of two rows to pool from.

    Warns
    -----
    ShoalWarning
        Groups of one row, whose ``se`` is undefined and missing, and groups of equal values, whose ``se`` of
        0 would make them certain. No group is left out, and `shoal.Model` refuses such standard errors: the
        remedy is ``pooled=True``, which assumes that values scatter alike in all groups.

    Notes
    -----
    The standard error of a small group is itself poorly known: that of two normal rows lies between 0.06 and
    1.96 times the true one in 90 of 100 samples, and a model would trust some groups by chance. The pooled
    one serves wherever groups have few rows, not only where there is one. It is the variance within groups
    of a one-way analysis of variance (Fisher 1925, Statistical Methods for Research Workers, chapter 7).

    Examples
    --------
    >>> sentences = sl.simulate.restaurants()
    >>> food = sentences[sentences["aspect"] == "food"]
    >>> reviews = sl.group_means(food, "sentiment", ["restaurant", "review"], pooled=True)
    >>> print(reviews.head(2).round(2))
       restaurant  review  n  mean  se_pooled
    0           0       0  5  0.33       0.22
    1           0       1  2  1.47       0.35
    >>> formula = "mean | se(se_pooled) ~ 1 + (1 | restaurant) + (1 | restaurant:review)"
    >>> sl.Model(formula, reviews).design.n_rows == len(reviews)
    True
    """
    import narwhals.stable.v2 as nw

    given: Any = [by] if isinstance(by, str) else by
    if not isinstance(given, Sequence) or not all(isinstance(name, str) for name in [value, *given]):
        raise DataError("means-columns", f"value={value!r}, by={by!r}.", "Names of columns, which are text.")
    names = list(given)
    table = _read(frame, value, names)
    moments = [nw.len().alias("n"), nw.col(value).mean().alias("mean"), nw.col(value).var(ddof=1).alias("_v")]
    grouped = nw.maybe_reset_index(table.group_by(names).agg(*moments).sort(names))
    n, variance = grouped["n"].to_numpy(), grouped["_v"].to_numpy().astype(float)
    # Equal values have no variance, whatever rounding leaves of it.
    rounding = (8 * np.finfo(float).eps * grouped["mean"].to_numpy()) ** 2
    variance = np.where(n > 1, np.where(variance <= rounding, 0.0, variance), np.nan)
    if pooled:
        variance = np.full(len(n), _within(value, n, variance))
    else:
        _warn(value, n, variance)
    se = nw.new_series("se", np.sqrt(variance / n), backend=grouped.implementation)
    out = grouped.with_columns(n=nw.col("n").cast(nw.Int64), **{"se_pooled" if pooled else "se": se})
    return out.drop("_v").to_native()


def _read(frame: Any, value: str, by: list[str]) -> nw.DataFrame[Any]:
    """Return the columns needed, the value as float, everything that could go wrong refused."""
    import narwhals.stable.v2 as nw

    table = nw.from_native(frame, pass_through=True)
    if not isinstance(table, nw.DataFrame):
        raise DataError(
            "not-a-table",
            f"The data are of type {type(frame).__module__}.{type(frame).__qualname__}.",
            "A pandas, polars or Arrow table in memory.",
            "Collect a lazy frame first; pandas.DataFrame(data) makes a table of most things.",
        )
    if not len(table) or not by:
        raise DataError(
            "empty-table", f"{len(table)} rows, {len(by)} columns to group by.", "At least one of each."
        )
    for name in [value, *by]:
        if name not in table.columns:
            raise DataError(
                "unknown-column", f"The table has no column {name!r}.", nearest(str(name), table.columns)
            )
    if taken := [name for name in by if name in ("n", "mean", "se", "se_pooled", "_v")]:
        raise DataError(
            "column-name-taken",
            f"Column {taken[0]!r} is called like a column of the result.",
            remedy="Rename it first.",
        )
    if value in by or len(set(by)) < len(by):
        raise DataError(
            "means-columns", f"Columns named twice: {listing(map(repr, [value, *by]))}.", "Each once."
        )
    dtype = table[value].dtype
    if not (dtype.is_numeric() or dtype == nw.Boolean):
        raise DataError("not-numbers", f"Column {value!r} holds {dtype}.", "Numbers, to take their mean.")
    table = table.select(*by, nw.col(value).cast(nw.Float64))
    _check_complete(table, value)
    return table


def _check_complete(table: nw.DataFrame[Any], value: str) -> None:
    found = []
    for name in table.columns:
        column = table[name]
        missing = int((column.is_null() | column.is_nan()).sum() if name == value else column.is_null().sum())
        found += [f"Column {name!r}: {missing} missing of {len(column)}."] if missing else []
    if infinite := int(np.isinf(table[value].to_numpy()).sum()):
        found.append(f"Column {value!r}: {infinite} infinite of {len(table)}.")
    if found:
        raise DataError(
            "missing-values",
            "\n".join(found),
            "Every value must be present and finite.",
            "Drop or impute these rows first (no row is dropped for you).",
        )


def _within(value: str, n: np.ndarray, variance: np.ndarray) -> float:
    """Return the pooled variance within groups."""
    many = n > 1
    if not many.any():
        raise DataError(
            "one-row-a-level",
            f"Every group has one row of {value!r}.",
            "Groups of two rows or more say how values scatter within a group.",
            "Fit the rows themselves; their sd between groups and within cannot be told apart.",
        )
    within = float(((n - 1)[many] * variance[many]).sum() / (n - 1)[many].sum())
    if not within > 0:
        raise DataError(
            "constant-within-levels",
            f"{value!r} is constant within every group.",
            "Values that differ within a group.",
        )
    return within


def _warn(value: str, n: np.ndarray, variance: np.ndarray) -> None:
    single, equal = int((n == 1).sum()), int((variance == 0).sum())
    found = [f"{single} have one row, so that their standard error is undefined (missing)"] if single else []
    found += [f"{equal} have equal values, and a standard error of 0"] if equal else []
    if found:
        warnings.warn(
            f"Of {len(n)} groups, {'; '.join(found)}. No group is left out. pooled=True takes one standard "
            f"deviation of {value!r} within groups for all of them.",
            ShoalWarning,
            stacklevel=3,
        )
