"""Rows that become parts where a Dask cluster's workers read them; none passes through the client."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import pandas as pd

from shoal.engine.rounds.dask_rows import Makes
from shoal.engine.rounds.parts import Part
from shoal.errors import ModelError
from shoal.reduction.far_rows import FarRows, Lookup, converted

Make = Callable[[pd.DataFrame], Part]


class MadeThere(Makes):
    """Parts that workers make of the partitions that they read.

    Each partition is split by the levels of its rows, and each part is made of its pieces of all partitions.
    Of a part that is lost the cluster reads the rows again.

    Parameters
    ----------
    far : FarRows
    makes : sequence of function
        Of each part: from a table of its rows.

    Raises
    ------
    ModelError
        If the workers cannot read the rows.
    """

    def __init__(self, far: FarRows, makes: Sequence[Make]):
        from dask import delayed

        lookup = delayed(Lookup(far.levels, far.part), pure=False)
        self.makes = makes
        self.splits = [delayed(_split)(own, far.columns, lookup) for own in _frame(far).to_delayed()]

    def __len__(self) -> int:
        return len(self.makes)

    def put(self, where: Mapping[int, str], client: Any) -> dict[int, Any]:
        """Return what `Makes.put` does.

        Any worker reads a partition and splits it: nothing but the parts is bound to one. What partitions
        were split into is let go once the parts are made.
        """
        splits = client.compute(self.splits)
        own = {k: [client.submit(_piece, split, k, pure=False) for split in splits] for k in where}
        return {
            k: client.submit(_made, self.makes[k], own[k], workers=[worker], pure=False)
            for k, worker in where.items()
        }


def _frame(far: FarRows) -> Any:
    """Return the rows as a Dask DataFrame that workers can read."""
    if far.files:
        import dask.dataframe

        return dask.dataframe.read_parquet(list(far.files), columns=list(far.columns))
    native = far.frame.select(*far.columns).to_native()
    if not hasattr(native, "to_delayed"):
        raise ModelError(
            "rows-out-of-reach",
            f"The rows are in {far.engine}, where the workers of a cluster cannot read them.",
            "Parquet files that all of them reach, or a Dask DataFrame.",
            "Model(formula, 'rows/*.parquet'); or fit without a client.",
        )
    return native


def _split(partition: pd.DataFrame, columns: tuple[str, ...], lookup: Lookup) -> Mapping[int, pd.DataFrame]:
    """Return a partition's rows of each part, without those with missing values, which were counted."""
    frame = converted(nw.from_native(partition, eager_only=True), columns)
    return lookup.split(frame[~frame.isna().any(axis=1)])


def _piece(pieces: Mapping[int, pd.DataFrame], part: int) -> pd.DataFrame | None:
    return pieces.get(part)


def _made(make: Make, pieces: Sequence[pd.DataFrame | None]) -> Part:
    return make(pd.concat([own for own in pieces if own is not None], ignore_index=True))
