"""What is known of a table that is not in memory: how its rows were reduced to few."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from shoal.errors import ModelError, counted

SAMPLE = "Make the same model of a sample of the rows in memory, with the priors of this one: model.priors."

NOT_IN_FILES = {"counts", "rows_there"}  # as text and numbers


@dataclass(frozen=True, eq=False)
class Reduction:
    """Rows that stand for all of a table that is not in memory.

    Attributes
    ----------
    engine : str
        What holds the rows and made the passes, such as ``DuckDB``.
    rows : int
        Rows of the source that were read; those that were dropped are not among them.
    groups : int
        Combinations of the columns that rows were grouped by.
    passes : int
        How often the source was read.
    received : int
        Bytes that came to this process.
    keys : tuple of str
        Columns that rows were grouped by.
    numbers : tuple of str
        Columns of the table's frame of which only sums of squares and products are right: numeric terms
        of the formula, by their names, products of columns too. Without them, rows of a group are equal.
    counts : (M,) array
        Rows of the source that each row of the frame stands for; not whole numbers where there are `numbers`.
    states : mapping
        What calls such as ``scale(x)`` have learnt from all rows, by their text.
    scatter : mapping of str to (P, P) array
        `model.scatter` of the population columns over all rows, where the frame's rows do not tell it, by
        the prefix of the linear predictor.
    stays : bool
        The rows stay where they are and are asked there. The frame's have the levels, with their numbers of
        rows, and apart from these all else: which values stand in which level's rows is not theirs to tell.
    rows_there : FarRows, optional
        Where they are, if they stay and this process can read them.
    """

    engine: str
    rows: int
    groups: int
    passes: int
    received: int
    keys: tuple[str, ...]
    numbers: tuple[str, ...]
    counts: np.ndarray
    states: Mapping[str, Any] = field(default_factory=dict)
    scatter: Mapping[str, np.ndarray] = field(default_factory=dict)
    stays: bool = False
    rows_there: Any = None

    def record(self) -> dict[str, Any]:
        """Return all but `counts` and `rows_there` as text and numbers, for a file."""
        out = {own.name: getattr(self, own.name) for own in fields(self) if own.name not in NOT_IN_FILES}
        return out | {"scatter": {prefix: own.tolist() for prefix, own in self.scatter.items()}}

    @classmethod
    def of(cls, record: Mapping[str, Any], counts: np.ndarray) -> Reduction:
        """Return what `record` has said."""
        known: dict[str, Any] = {name: record[name] for name in cls.__annotations__ if name in record}
        known |= {name: tuple(known[name]) for name in ("keys", "numbers")}
        scatter = known["scatter"]
        if not isinstance(scatter, dict):  # of files from before 2026-12, which have one linear predictor
            scatter = {} if scatter is None else {"": scatter}
        known["scatter"] = {prefix: np.array(own) for prefix, own in scatter.items()}
        return cls(counts=counts, **known)

    @property
    def sums(self) -> bool:
        """Whether sums were made of some columns, so that no row of the frame is one of the source."""
        return bool(self.numbers) or self.stays

    def __str__(self) -> str:
        """Return how the rows were read, as a sentence without its full stop."""
        size = f"{self.received / 1e6:,.1f} MB" if self.received > 1e5 else f"{self.received / 1e3:,.1f} kB"
        passes = "1 pass" if self.passes == 1 else f"{self.passes} passes"
        if self.stays:
            return (
                f"{counted(self.rows, 'row')} in {self.engine}, which stay there: {passes} told of their "
                f"{self.groups:,} levels, and what priors are scaled by; {size} came here, in place of the "
                "rows"
            )
        by = f" by {', '.join(self.keys)}" if self.keys else ""
        what = (
            f"sums of squares and products of {', '.join(self.numbers)}"
            if self.sums
            else "equal rows with their counts"
        )
        return (
            f"{counted(self.rows, 'row')} in {self.engine}, read there in {passes}: {what}{by}, "
            f"{counted(self.groups, 'group')}; {size} came here, in place of the rows"
        )

    def refuse(self, what: str, instead: str) -> ModelError:
        """Return the error for a question that needs the rows themselves.

        Parameters
        ----------
        what : str
            What needs them, as the beginning of a sentence: ``Leaving out single rows``.
        instead : str
            What to do.
        """
        return ModelError(
            "rows-not-in-memory",
            f"{what} needs the rows of the table, and they are not in memory: {self}.",
            "A table in memory, or a question that is about parameters, levels or other rows.",
            instead,
        )
