"""Cross-validation in folds: several rows, or several levels, left out at a time."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from shoal.engine.progress import Progress
from shoal.engine.settings import Settings
from shoal.errors import ModelError
from shoal.fit.many import Where
from shoal.fit.posterior import posterior_of
from shoal.fit.run import check_settings
from shoal.model import Specification
from shoal.scores.loo.leave_one import leave_out
from shoal.scores.loo.questions import question
from shoal.scores.loo.result import Loo
from shoal.scores.loo.smoothing import good_k
from shoal.scores.loo.units import ROW, Units, data_key, units_of


def kfold(
    model: Specification,
    k: Any,
    by: str | None,
    stratify: str | None,
    settings: Settings,
    progress: Progress | None = None,
    at: Where | None = None,
) -> Loo:
    """Return the score of leaving out a fold at a time; see `shoal.kfold`.

    Raises
    ------
    ModelError
        Impossible folds, unknown columns.
    """
    check_settings(settings, "auto")
    units = units_of(model, ROW if by is None else by)
    strata = None if stratify is None else units_of(model, stratify, left_out=False)
    if any(u is not None and u.singles is not None and u.name != ROW for u in (units, strata)):
        raise ModelError(
            "folds-of-parts",
            "Folds of single trials or observations.",
            "Rows, or the levels of a column.",
            "fit.loo(unit='trial') and fit.loo(unit='observation') leave out one at a time.",
        )
    count = len(units.labels)
    if isinstance(k, bool) or not isinstance(k, Integral) or not 2 <= int(k) <= count:
        what = "rows" if by is None else f"levels of {units.name}"
        raise ModelError(
            "number-out-of-range", f"k={k!r}.", f"An integer from 2 to the number of {what}, {count:,}."
        )
    if by is not None and stratify is not None:
        raise ModelError(
            "by-and-stratify",
            f"by={by!r} and stratify={stratify!r} are given.",
            "Levels left out whole (by), or the rows of each level spread over the folds (stratify).",
        )
    number = int(k)
    fold = _folds(units, number, strata, settings.seed)
    sets = [np.flatnonzero(fold == i) for i in range(number)]
    table = leave_out(posterior_of(model), units, sets, settings, at or Where(settings.cores), progress)
    draws = settings.draws * settings.chains
    return Loo(
        units.name,
        question(model, units),
        table.assign(fold=fold),
        draws,
        good_k(draws),
        folds=number,
        data=data_key(model, units),
    )


def _folds(units: Units, k: int, strata: Units | None, seed: int) -> np.ndarray:
    """Return the fold of each unit, (U,): at random, sizes as equal as can be, and so within each stratum."""
    order = np.random.default_rng(seed).permutation(len(units.labels))
    if strata is not None:
        row = order if units.singles is None else units.singles.row[order]  # a unit is a row here
        order = order[np.argsort(strata.of_row[row], kind="stable")]
    fold = np.empty(len(order), np.int64)
    fold[order] = np.arange(len(order)) % k
    return fold
