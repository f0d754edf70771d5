"""Differences between levels, and between settings of predictors; each says its scale and population."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from shoal import estimands
from shoal.errors import DataError, ModelError
from shoal.estimands.comparisons import Answer, Contrast, compared
from shoal.estimands.counterfactuals import settings_answer
from shoal.fit.results import Results

__all__ = ["Contrast", "contrast"]


def contrast(
    results: Results,
    settings: Mapping[str, Any] | None = None,
    *,
    hypothesis: str | Sequence[str] = "pairwise",
    by: Any = None,
    group: str | None = None,
    levels: Any = None,
    effect: str | None = None,
    at: Mapping[str, Any] | str | None = None,
    scale: str | None = None,
    response: str | None = None,
    draws: int | None = None,
    seed: int = 0,
    prob: float = estimands.INTERVAL,
) -> Contrast:
    """Return differences between levels, or between settings; see `Fit.contrast`.

    Raises
    ------
    DataError, FormulaError, ModelError
    """
    estimands.interval_names(prob)
    if settings is not None:
        listed = levels is not None and not isinstance(levels, str)
        given = [
            name
            for name, there in (("group", group), ("levels", levels if listed else None), ("effect", effect))
            if there is not None
        ]
        if given:
            raise ModelError(
                "contrast-arguments",
                f"settings and {' and '.join(given)} are given.",
                "Either settings of columns, or a group and its levels.",
                "A level of a group is a setting too: settings={'district': ['1', '3']}.",
            )
        answers = settings_answer(results, settings, by, at, levels, scale, response, draws, seed, prob)
        return _joined([(words, compared(answer, hypothesis, prob)) for words, answer in answers])
    if at is not None or response is not None or by is not None or scale not in (None, "linear", "link"):
        raise ModelError(
            "contrast-arguments",
            "Levels of a group are contrasted by their coefficients, on the linear predictor's scale; "
            "at, by, response and other scales are for settings.",
            "Settings of columns, to contrast predictions.",
            "contrast({'district': ['1', '3']}) sets every row's district.",
        )
    return compared(_levels(results, group, levels, effect, prob), hypothesis, prob)


def _joined(parts: Sequence[tuple[str, Contrast]]) -> Contrast:
    """Return the contrasts of all values of `by`, each with its words, one after the other."""
    words, first = parts[0]
    if not words:
        return first
    draws = xr.concat([_named(part.draws, words) for words, part in parts], "contrast")
    sides = xr.concat([_named(part.sides, words) for words, part in parts], "side")
    return Contrast(draws, first.scale, first.population, first.prob, sides)


def _named(draws: xr.DataArray, words: str) -> xr.DataArray:
    """Return draws of rows whose labels end in `words`."""
    name = str(draws.dims[2])
    return draws.assign_coords({name: [f"{label} ({words})" for label in draws[name].values]})


def _levels(
    results: Results, name: str | None, chosen: Sequence[Any] | None, effect: str | None, prob: float
) -> Answer:
    """Return draws of one coefficient of some levels."""
    design, group = estimands.group_of(results, name)
    k = estimands.effect_of(group, effect)
    listed = isinstance(chosen, Sequence | np.ndarray) and not isinstance(chosen, str)
    if chosen is not None and (not listed or len(chosen) < 2):
        raise ModelError(
            "contrast-levels", f"levels={chosen!r}.", "Two levels or more, as a list or a tuple."
        )
    where = np.arange(len(group.labels)) if chosen is None else np.array([group.level(c) for c in chosen])
    if len(set(where.tolist())) < len(where):
        raise DataError("level-twice", f"levels={chosen!r} names a level twice.", "Levels that differ.")
    values = estimands.levels(results, name).values[:, :, where, k]
    return Answer(
        xr.DataArray(
            values,
            {
                "chain": results.posterior.chain.values,
                "draw": results.posterior.draw.values,
                "side": [str(label) for label in group.labels[where]],
            },
            ("chain", "draw", "side"),
        ),
        f"{group.effects[k]} on the {estimands.linear_scale(design)}",
        estimands.these_levels(group),
        prob,
    )
