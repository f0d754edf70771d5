"""Which models and scores can be compared: those of the same data, with the same units left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from shoal.errors import ModelError, listing
from shoal.model import Specification
from shoal.model.design import Design
from shoal.scores.loo import Loo


def aligned(scores: Mapping[str, Loo]) -> dict[str, Loo]:
    """Return the scores with their units in the order of the first one's.

    The levels of a grouping factor may stand in another order than those of a column that is none.
    """
    order = next(iter(scores.values())).pointwise.index
    out = {}
    for name, score in scores.items():
        own = score.pointwise.index
        alike = len(own) == len(order) and own.is_unique and own.isin(order).all()
        # By place: to pandas, labels that are True and False are a mask.
        out[name] = replace(score, pointwise=score.pointwise.iloc[own.get_indexer(order)]) if alike else score
    return out


def check_units(scores: Mapping[str, Loo]) -> None:
    """Refuse scores of other data, other units, or other folds."""
    (name, first), *others = scores.items()
    for other, score in others:
        if (score.unit, score.folds) != (first.unit, first.folds):
            raise ModelError(
                "scores-of-other-units",
                f"{name!r} leaves out {first.described}, {other!r} {score.described}.",
                "Scores of the same units, left out in the same way.",
                "Fits among them are scored by unit=..., by default 'row'.",
            )
        if score.data != first.data:
            raise ModelError(
                "scores-of-other-rows",
                f"{name!r} and {other!r} are scores of other responses, trials or weights, or of other rows.",
                "Models of the same rows, in the same order.",
                "Fit both to one table.",
            )
        same = score.pointwise.index.equals(first.pointwise.index)
        if not (same and np.array_equal(score.pointwise["n"], first.pointwise["n"])):
            raise ModelError(
                "scores-of-other-units",
                f"{name!r} and {other!r} leave out different {first.unit}s "
                f"({first.counted} and {score.counted}).",
                "Models of the same data.",
            )
        if first.folds and not np.array_equal(score.pointwise["fold"], first.pointwise["fold"]):
            raise ModelError(
                "scores-of-other-folds",
                f"The {first.folds} folds of {name!r} and {other!r} hold different {first.unit}s.",
                "Scores of the same folds.",
                "kfold(...) with the same k, by, stratify and seed.",
            )


def check_data(models: Mapping[str, Specification]) -> None:
    """Refuse models of different responses."""
    pairs = list(models.items())
    for (name, first), (other, model) in zip(pairs, pairs[1:], strict=False):
        texts = [[d.formula.response.value.text for d in m.designs] for m in (first, model)]
        if texts[0] != texts[1]:
            raise ModelError(
                "scores-of-other-responses",
                f"{name!r} predicts {listing(texts[0])}, {other!r} {listing(texts[1])}.",
                "The same responses: densities of different quantities cannot be compared.",
                "A transformed response has another scale: log(y) ~ … and y ~ …, family lognormal, differ.",
            )
        for a, b in zip(first.designs, model.designs, strict=True):
            if a.family.discrete != b.family.discrete:
                raise ModelError(
                    "scores-of-other-responses",
                    f"{name!r} gives {texts[0][0]} a {_kind(a.family.discrete)}, {other!r} a "
                    f"{_kind(b.family.discrete)} (family {a.family} and {b.family}).",
                    "Either of both: a density depends on the response's unit, a probability does not.",
                )
            if what := _differing(a, b):
                counted = [f"{text!r}" for text, d in ((name, a), (other, b)) if (d.rows.weight > 1).any()]
                raise ModelError(
                    "scores-of-other-rows",
                    f"{name!r} and {other!r} have other {what}.",
                    "Models of the same rows, in the same order."
                    + (
                        f" A row of {listing(counted)} stands for as many observations as its weight "
                        "says, and they are left out at once."
                        if len(counted) == 1
                        else ""
                    ),
                    "Fit both to one table."
                    + (" With frequencies, unit='observation' leaves out single ones." if counted else ""),
                )


def _kind(discrete: bool) -> str:
    return "probability" if discrete else "density"


def _differing(a: Design, b: Design) -> str:
    """Return what the rows of two designs do not share."""
    if a.n_rows != b.n_rows:
        return f"numbers of rows ({a.n_rows:,} and {b.n_rows:,})"
    y, other = a.observed, b.observed
    if a.categories and b.categories and a.categories != b.categories:
        return f"categories ({listing(a.categories)}; {listing(b.categories)})"
    if not np.array_equal(y, other):
        same = np.array_equal(np.sort(y), np.sort(other))
        return f"responses ({'in another order' if same else 'of other values'})"
    if not np.array_equal(a.rows.trials, b.rows.trials):
        return "trials"
    if not np.array_equal(a.rows.weight, b.rows.weight):
        return "weights"
    known, also = (d.rows.known if d.rows.known is not None else np.array([d.rows.y] * 2) for d in (a, b))
    return "" if np.array_equal(known, also) else "censoring"
