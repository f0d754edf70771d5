"""Levels that a reader takes for one: they differ in white space, case or accents only."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING

from shoal.errors import counted, listing
from shoal.model.checks.remark import Remark

if TYPE_CHECKING:
    import pandas as pd


def alike(columns: Iterable[str], frame: pd.DataFrame) -> list[Remark]:
    """Remark on columns of text with values that read alike, such as ``"Oslo"`` and ``"oslo "``.

    They stay levels of their own: whether they are one is not for a program to say.
    """
    found = []
    for name in columns:
        if getattr(frame[name].dtype, "kind", "O") in "iufb":
            continue
        labels = frame[name].astype("category").cat.categories
        groups: dict[str, list[str]] = {}
        for label in map(str, labels):
            groups.setdefault(_as_read(label), []).append(label)
        pairs = [same for same in groups.values() if len(same) > 1]
        if pairs:
            shown = listing(" and ".join(map(repr, same)) for same in pairs)
            several = "one value that is" if len(pairs) == 1 else f"{counted(len(pairs), 'value')} that are"
            found.append(
                Remark(
                    "alike-levels",
                    f"Column {name!r} holds {several} written in several ways: {shown}. They differ in white "
                    "space, case or accents only, and are levels of their own.",
                    f"If they are one: data[{name!r}] = data[{name!r}].str.strip().str.casefold(), say.",
                )
            )
    return found


def _as_read(label: str) -> str:
    """Return a label without white space, case and accents."""
    if not label.isascii():
        apart = unicodedata.normalize("NFD", label)
        label = "".join(c for c in apart if not unicodedata.combining(c))
    return "".join(label.casefold().split())
