"""What is asked of all rows before they are grouped: how many there are, and what they lack."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from shoal.errors import DataError
from shoal.reduction.passes import Passes
from shoal.tables import Dropped
from shoal.tables.table import LARGEST

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw


def complete(passes: Passes, columns: Sequence[str], missing: str) -> tuple[int, Dropped | None]:
    """Return the number of rows without missing values, and what was dropped; others are filtered out.

    Raises
    ------
    DataError
        Missing values, unless they are to be dropped; infinite or very large ones; no row.
    """
    kinds = passes.frame.collect_schema()
    lacking = {name: _lacking(name, kinds[name]) for name in columns}
    floats = [name for name in columns if kinds[name].is_float() or kinds[name].is_decimal()]
    incomplete = reduce(or_, lacking.values())
    counts = {("missing", name): _one(where) for name, where in lacking.items()}
    counts |= {("infinite", name): _one(~lacking[name] & _infinite(name)) for name in floats}
    found = passes.total({**counts, "incomplete": _one(incomplete)})
    rows, without = found.rows, {name: int(found.sums["missing", name]) for name in columns}
    if not rows:
        raise DataError(
            "empty-table",
            "The table has 0 rows.",
            "A model needs at least one.",
            "Check what was filtered before.",
        )
    endless = {name: int(found.sums["infinite", name]) for name in floats}
    _refuse(rows, without if missing != "drop" else {}, endless)
    lost = int(found.sums["incomplete"])
    if not lost:
        return rows, None
    dropped = Dropped((), rows, tuple((name, n) for name, n in without.items() if n), lost)
    if lost == rows:
        raise DataError("no-row-left", f"No row is left: {dropped}.", "Rows without missing values.")
    passes.frame = passes.frame.filter(~incomplete)
    return rows - lost, dropped


def _refuse(rows: int, missing: dict[str, int], infinite: dict[str, int]) -> None:
    """Raise if any column has missing or infinite values, with their counts."""
    found = [f"Column {name!r}: {n:,} missing of {rows:,}." for name, n in missing.items() if n]
    if found:
        raise DataError(
            "missing-values",
            "\n".join(found),
            "Every value that the model uses must be present and finite.",
            "Impute them first, or leave these rows out by missing='drop' (no row is dropped unasked).",
        )
    large = [f"Column {name!r}: {n:,} of {rows:,}." for name, n in infinite.items() if n]
    if large:
        raise DataError(
            "numbers-too-large",
            f"Numbers are infinite, or beyond {LARGEST:g}.\n" + "\n".join(large),
            "Numbers whose squares and products are numbers too.",
            "Correct or remove these rows; or measure the column in another unit.",
        )


def _lacking(name: str, kind: Any) -> nw.Expr:
    import narwhals.stable.v2 as nw

    return nw.col(name).is_null() | nw.col(name).is_nan() if kind.is_float() else nw.col(name).is_null()


def _infinite(name: str) -> nw.Expr:
    import narwhals.stable.v2 as nw

    return nw.col(name).cast(nw.Float64).abs() > LARGEST


def _one(where: nw.Expr) -> nw.Expr:
    """Return 1 where a condition holds, else 0: floats, for sums of integers are decimals in some engines."""
    import narwhals.stable.v2 as nw

    return nw.when(where).then(nw.lit(1.0)).otherwise(nw.lit(0.0))
