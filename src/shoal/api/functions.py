"""The public functions beside `Model` and `Fit`: thin, they call downwards."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from shoal.api.model import Fit, Model
from shoal.criticism import calibration
from shoal.engine.settings import Settings
from shoal.errors import ModelError
from shoal.fit import files
from shoal.fit.progress import shown
from shoal.scores.loo import Loo
from shoal.scores.loo import kfold as cross_validate


def load(path: str | Path, *, families: files.Families = ()) -> Fit:
    """Read a fit written by `Fit.save`; runs no code from the file, and imports none that it names.

    Parameters
    ----------
    path : path
    families : Family or subclass of it, or sequence of them
        Families of your own, for a model that was fitted with one: ``families=[Own]``, which gets the link of
        the file, or ``families=[Own("log")]``, if there is more to it than a link. They are told by name and
        class; the module may be another one, such as that of a script.

    Returns
    -------
    Fit

    Raises
    ------
    FileError
        A file that is missing, damaged or not written by Shoal, or that needs a family that is not given.
    ModelError
        `families` holds something else.

    Examples
    --------
    >>> path = fit.save("fit.nc")
    >>> sl.load(path)
    <shoal.Fit 'y ~ 1 + x + (1 | g)': 4 chains of 1000 draws>
    """
    return Fit(files.load(path, families))


def kfold(
    model: Model,
    k: int = 10,
    by: str | None = None,
    *,
    stratify: str | None = None,
    draws: int = 1000,
    chains: int = 4,
    seed: int = 1,
    warmup: int = 200,
    target_accept: float | None = None,
    cores: int | None = None,
    progress: bool | None = None,
) -> Loo:
    """Cross-validate a model in k folds, each left out of a fit of its own.

    Parameters
    ----------
    model : Model
    k : int
        Folds; the number of rows (or levels) leaves out one at a time.
    by : str, optional
        A grouping factor, or another column of the model, whose levels are left out whole: scored as new
        ones, as in ``fit.loo(unit=by)``. By default rows.
    stratify : str, optional
        A column: the rows of each of its levels are spread evenly over the folds.
    draws, chains, seed, warmup, target_accept, cores, progress
        As in `Model.fit`; the seed also deals the folds.

    Returns
    -------
    Loo
        ``.pointwise`` has a column ``fold`` too. Scores of several models compare (`compare`) with the same
        k, by, stratify and seed.

    Raises
    ------
    ModelError
        Impossible folds, unknown columns, impossible settings.
    SamplingError
        A fit that could not be made.

    Notes
    -----
    Rows are left out by a weight of 0: all fits share one compilation, run side by side, and have the priors
    of the whole table.
    """
    _check_model(model)
    cores = os.cpu_count() or 1 if cores is None else cores
    settings = Settings(draws, chains, warmup, seed, target_accept, cores)
    with shown(progress, 0, "fits") as bar:
        return cross_validate(model.specification, k, by, stratify, settings, bar)


def sbc(model: Model, simulations: int = 200, **settings: Any) -> calibration.Calibration:
    """Check a model's computation by simulation-based calibration; see `calibration.sbc`."""
    _check_model(model)
    return calibration.sbc(model.specification, simulations, **settings)


def _check_model(given: Any) -> None:
    if not isinstance(given, Model):
        what = "fit.model" if isinstance(given, Fit) else ""
        raise ModelError("not-a-model", f"The model is of type {type(given).__name__}.", "An sl.Model.", what)
