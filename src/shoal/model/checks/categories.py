"""Remarks on categories of an ordered response that no row has: of their cutpoints a prior knows most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shoal.errors import listing
from shoal.model.checks.remark import Remark

if TYPE_CHECKING:
    from shoal.model.design import Design


def unobserved(design: Design) -> list[Remark]:
    """Return remarks on categories that no row has, or none of an item."""
    if design.thresholds is None:
        return []
    return _of_all(design) if design.thresholds.labels is None else _of_items(design)


def _of_all(design: Design) -> list[Remark]:
    name, codes = design.formula.response.value.text, design.rows.y
    never = [label for code, label in enumerate(design.categories) if not (codes == code).any()]
    if not never:
        return []
    column = f"data[{name.strip('`')!r}]"
    return [
        Remark(
            "unobserved-category",
            f"No row of {name!r} has the category {listing(map(repr, never))}, which is kept as part of the "
            "scale: little is known of the cutpoints beside it but their prior.",
            f"Without it, write this:\n    {column} = {column}.cat.remove_unused_categories()",
            "note",
        )
    ]


def _of_items(design: Design) -> list[Remark]:
    """Return a remark on items of fewer categories than others, and one on categories that an item lacks."""
    sets, categories, remarks = design.thresholds, design.categories, list[Remark]()
    assert sets is not None and sets.labels is not None
    items, top = [repr(label) for label in sets.labels.tolist()], max(sets.counts)
    short = [item for item, count in zip(items, sets.counts, strict=True) if count < top]
    if short and design.formula.response.thres is None:
        remarks.append(
            Remark(
                "items-of-fewer-categories",
                f"No row of {sets.column!r} {listing(short)} has the category {categories[top]!r}: no "
                "category above the highest of an item's rows is taken to be one of the item.",
                "If they could have it, say how many cutpoints each item has, by a number or a column: "
                f"thres({top}, gr={sets.column}).",
                "note",
            )
        )
    never = list[str]()
    for number, (item, count) in enumerate(zip(items, sets.counts, strict=True)):
        seen = np.bincount(design.rows.y[sets.index == number].astype(int), minlength=count + 1)
        never += [f"{categories[code]!r} of {item}" for code in np.flatnonzero(seen == 0)]
    if never:
        remarks.append(
            Remark(
                "unobserved-category",
                f"No row has the category {listing(never)}: little is known of the cutpoints beside it but "
                "their prior.",
                "Join categories that hardly any row has, or give `cutpoints` a prior that you can defend.",
                "note",
            )
        )
    return remarks
