"""Which columns of a table are categories where a model reads them, and which these are."""

from __future__ import annotations

from typing import Any

import pandas as pd

from shoal.estimands.level_rules import names_levels
from shoal.formula.categories import is_category
from shoal.formula.functions import GROUPED
from shoal.formula.reader import read_piece
from shoal.formula.tree import Call, Node, children, columns_of
from shoal.model.design import Design


def categories_of(design: Design, frame: pd.DataFrame) -> dict[str, list[Any]]:
    """Return the columns that are categories where they predict, or name levels, with all of these.

    Columns of text, pandas categoricals and truth values; numbers in ``C(d)``, ``mo(d)``, ``car(W, gr=d)``
    or the second place of ``group_mean``, after ``by=``, and those that only name levels.
    """
    found: dict[str, list[Any]] = {}
    found |= {item: _in_order(frame[item]) for item in design.items}
    for part in design.parts:
        for group in part.groups:
            if group.by is not None:
                sections = found.setdefault(group.by.column, [])
                if group.by.category not in sections:  # factors may have them in common
                    sections.append(group.by.category)
        for curve in part.curves:
            if curve.levels and curve.term.by is not None:
                found[curve.term.by] = list(curve.levels)
            if curve.term.function in ("mo", "car"):
                found[curve.term.columns[0]] = _in_order(frame[curve.term.columns[0]])
        for spec in (part.spec, *(spec for group in part.groups for spec in group.specs)):
            for text, levels in spec.levels.items():
                column, *_ = columns_of(read_piece(text))
                found[column] = list(levels)
            found |= {c: _in_order(frame[c]) for c in _averaged_by(read_piece(spec.expression.text))}
    for name in map(str, frame):
        only = names_levels(design, name)
        if name not in found and (only or is_category(frame[name], name) or frame[name].dtype == bool):
            found[name] = _in_order(frame[name])
    return found


def _averaged_by(tree: Node) -> list[str]:
    """Return the columns whose levels ``group_mean`` averages over."""
    own = list(columns_of(tree.arguments[1])) if isinstance(tree, Call) and tree.function in GROUPED else []
    return own + [name for child in children(tree) for name in _averaged_by(child)]


def _in_order(column: pd.Series) -> list[Any]:
    """Return the values that occur, in their order."""
    return list(pd.Categorical(column.dropna()).remove_unused_categories().categories.tolist())
