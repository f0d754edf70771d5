"""A table that says what its numbers are about."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import pandas as pd

# Of a table of estimates no column is dispensable; rows are cut as pandas' options say.
WHOLE = ("display.max_columns", None, "display.expand_frame_repr", False, "display.max_colwidth", None)


class Estimates(pd.DataFrame):
    """A pandas table that prints its scale, its population, what has no mean and notes, all in ``attrs``.

    What a reader must know before the numbers, ``attrs["first"]``, is printed above them.

    All columns are printed, however wide the table; rows are cut as pandas' options say.
    Everything else is as in pandas; tables cut or rounded from it keep these sentences.
    """

    @property
    def _constructor(self) -> type[Estimates]:
        return Estimates

    def __repr__(self) -> str:
        with pd.option_context(*WHOLE):
            parts = [self.attrs.get("first", ""), super().__repr__(), *statements(self.attrs)]
            return "\n".join(part for part in parts if part)

    def _repr_html_(self) -> str | None:
        with pd.option_context(*WHOLE):
            table = super()._repr_html_()
        below = "<br>".join(html.escape(text) for text in statements(self.attrs))
        above = f"<p>{html.escape(self.attrs['first'])}</p>" if "first" in self.attrs else ""
        return table and f"{above}{table}<p>{below}</p>"


def statements(attrs: Mapping[Any, Any]) -> list[str]:
    """Return the sentences printed below a table."""
    named = ("scale", "population", "mean", "fixed")
    return [
        *(f"{name.capitalize()}: {attrs[name]}." for name in named if name in attrs),
        *attrs.get("notes", ()),
    ]
