"""Remarks on effects that no level shows: slopes of what is constant in levels, effects that never meet."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from shoal.errors import listing
from shoal.formula.algebra import expand
from shoal.formula.reader import read_piece
from shoal.formula.suggestions import write
from shoal.formula.terms import GroupTerm
from shoal.formula.tree import quote, unparse
from shoal.model.checks.remark import Remark

if TYPE_CHECKING:
    from shoal.model.design import Design
    from shoal.model.grouping_factors import Group

SPREAD = 1e-9  # share of a column that others leave in a level, from which on the level shows its slope


def slopes(design: Design) -> list[Remark]:
    """Return remarks on effects that are told from others by how levels scatter, and by no level itself.

    Such a model is not refused: the spread of the levels then depends on the column, which may be meant.
    """
    found = []
    for group in design.groups:
        if hidden := _hidden(group):
            names = [group.effects[k] for k in hidden]
            what = listing(map(repr, names))
            found.append(
                Remark(
                    "hidden-slope",
                    f"No level of {group.name!r} shows the effect of {what}: within each of its "
                    f"{len(group.labels)} levels the column is constant, or a combination of others. "
                    f"{listing(f'{group.sd}[{name}]' for name in names)} then says how the spread of the "
                    f"levels differs with {what}, and no slope; if that is not meant, leave it out.",
                    _without(design, group, hidden),
                )
            )
        elif group.correlated and _never_meet(group):
            found.append(
                Remark(
                    "unknown-correlation",
                    f"No level of {group.name!r} has two of the effects {listing(map(repr, group.effects))}: "
                    f"{group.cor} is known from its prior alone.",
                    _uncorrelated(design, group),
                )
            )
    return found


def _hidden(group: Group) -> list[int]:
    """Return the effects whose column is, within every level, a combination of the columns before it."""
    left = list(range(1, len(group.effects)))
    z = group.z / np.abs(group.z).max(axis=0)
    row, level, _ = group.entries
    by_level = np.split(row[np.argsort(level, kind="stable")], np.cumsum(group.counts)[:-1])
    # The largest levels show most: few need a look, unless something is hidden.
    for rows in sorted(by_level, key=len, reverse=True):
        if not left:
            break
        left = [k for k in left if not _shown(z[rows], k)]
    return left


def _shown(z: np.ndarray, k: int) -> bool:
    """Return True if column `k` of one level's rows is no combination of the columns before it."""
    column, before = z[:, k], z[:, :k]
    rest = column - before @ np.linalg.lstsq(before, column)[0]
    return bool(np.linalg.norm(rest) > SPREAD * np.linalg.norm(column))


def _never_meet(group: Group) -> bool:
    """Return True if no level has rows for two correlated effects."""
    present = np.zeros((len(group.labels), len(group.effects)))
    row, level, _ = group.entries
    np.maximum.at(present, level, group.z[row] != 0)
    pairs = [pair for block in group.blocks for pair in combinations(block, 2)]
    return not any((present[:, i] * present[:, j]).any() for i, j in pairs)


def _without(design: Design, group: Group, hidden: list[int]) -> str:
    """Return the remedy that leaves out terms all of whose columns are hidden."""
    start, kept = 0, {}
    for term, spec in zip(_terms(design, group), group.specs, strict=True):
        tree = expand(read_piece(term.effects.text), term.effects.text, outermost=False)
        texts = ["1"] * tree.intercept + [":".join(map(unparse, factors)) for factors in tree.terms]
        parts = ["1" if tree.intercept else "0"]
        for text, part in zip(texts, spec.model_spec.structure, strict=True):
            columns = range(start, start := start + len(part.columns))
            if text != "1" and not (columns and set(columns) <= set(hidden)):
                parts.append(text)
        kept[term] = " + ".join(parts)
    return _rewritten(design, kept)


def _uncorrelated(design: Design, group: Group) -> str:
    """Return the remedy with two bars."""
    return _rewritten(design, {term: term.effects.text for term in _terms(design, group)}, "||")


def _terms(design: Design, group: Group) -> list[GroupTerm]:
    by = group.by.column if group.by else None
    of = group.columns, group.membership, by
    return [term for term in design.formula.groups if (term.factor, term.membership, term.by) == of]


def _rewritten(design: Design, effects: dict[GroupTerm, str], bar: str = "") -> str:
    """Return the formula with other effects left of some bars; ``(x | a/b)`` becomes two terms."""
    text = design.formula.text
    for span in sorted({term.span for term in effects}, reverse=True):
        before, piece = text[: span[0]], _at(span, design.formula.groups, effects, bar)
        if not piece:
            before = before.rstrip().removesuffix("+").rstrip()
            piece = " 1" if before.endswith("~") else ""
        text = before + piece + text[span[1] :]
    return write(text)


def _at(span: tuple[int, int], terms: tuple[GroupTerm, ...], effects: dict[GroupTerm, str], bar: str) -> str:
    """Return the terms that stand at `span`; those left without an effect are gone."""
    written = [(term, effects.get(term, term.effects.text)) for term in terms if term.span == span]
    return " + ".join(_written(term, text, bar) for term, text in written if text != "0")


def _written(term: GroupTerm, effects: str, bar: str) -> str:
    bar = "|" if effects == "1" else bar or ("|" if term.correlated else "||")
    return f"({effects} {bar} {_factor(term)})"


def _factor(term: GroupTerm) -> str:
    if term.membership is not None:
        return f"mm({', '.join(map(quote, term.factor))}{term.membership.options})"
    factor = ":".join(map(quote, term.factor))
    options = [f"dist={term.dist!r}"] if term.dist != "normal" else []
    options += ["zero_sum=True"] if term.zero_sum else []
    options += [f"cov={quote(term.cov)}"] if term.cov else []
    options += [f"by={quote(term.by)}"] if term.by else []
    return f"gr({', '.join([factor, *options])})" if options else factor
