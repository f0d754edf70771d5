"""The public functions beside `Model` and `Fit`: thin, they call downwards."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.api.model import Fit, Model
from shoal.criticism import calibration
from shoal.engine.settings import Settings
from shoal.errors import ModelError
from shoal.fit import files
from shoal.fit.many import many, where
from shoal.fit.progress import shown
from shoal.scores.loo import Loo
from shoal.scores.loo import kfold as cross_validate

if TYPE_CHECKING:
    import pandas as pd


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
    workers: int | None = None,
    client: Any = None,
    checkpoint: str | Path | None = None,
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
    workers : int, optional
        Fit in so many processes in place of threads. A script that asks for them does so under
        ``if __name__ == "__main__":``, as Python needs it to start processes.
    client : distributed.Client, optional
        Fit on a Dask cluster: ``pip install 'shoal[dask]'``.
    checkpoint : path, optional
        A folder in which each fit is kept as soon as it is made: the same call makes those that it lacks.

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
    at = where(cores, workers, client, checkpoint)
    with shown(progress, 0, "fits") as bar:
        return cross_validate(model.specification, k, by, stratify, settings, bar, at)


def sbc(model: Model, simulations: int = 200, **settings: Any) -> calibration.Calibration:
    """Check a model's computation by simulation-based calibration; see `calibration.sbc`."""
    _check_model(model)
    return calibration.sbc(model.specification, simulations, **settings)


def many_fits(
    fit: Callable[[int], pd.DataFrame],
    count: int,
    *,
    about: Mapping[str, Any] | None = None,
    cores: int | None = None,
    workers: int | None = None,
    client: Any = None,
    checkpoint: str | Path | None = None,
    progress: bool | None = None,
) -> list[pd.DataFrame]:
    """Make many fits side by side, as in a simulation study, and return what each leaves.

    Parameters
    ----------
    fit : callable
        Takes a number from 0 to ``count - 1``, fits what belongs to it with a seed of its own, such as the
        number, and returns a table of what is wanted, such as ``fit.summary()``. For processes and clusters
        it stands at the top level of a module.
    count : int
    about : mapping, optional
        What the fits depend on, in numbers and texts: a `checkpoint` of others is refused.
    cores, workers, client, checkpoint, progress
        As in `kfold`.

    Returns
    -------
    list of pandas.DataFrame
        In the order of their numbers, whatever finished first.

    Raises
    ------
    ModelError
        A count below 1, or a place where nothing can be fitted.
    FileError
        A checkpoint of other fits.

    Examples
    --------
    >>> import numpy as np
    >>> def study(number):
    ...     rng = np.random.default_rng(number)
    ...     table = df.assign(y=rng.normal(size=len(df)))
    ...     return sl.Model("y ~ x + (1 | g)", table).fit(draws=200, seed=number, cores=1).summary()
    >>> len(sl.many_fits(study, 3, cores=2))
    3
    """
    given: Any = count  # by callers without types
    if isinstance(given, bool) or not isinstance(given, Integral) or given < 1:
        raise ModelError("number-out-of-range", f"count={count!r}.", "count is an integer of at least 1.")
    at = where(cores, workers, client, checkpoint)
    with shown(progress, count, "fits") as bar:
        return many(fit, count, at, dict(about or {}), bar)


def _check_model(given: Any) -> None:
    if not isinstance(given, Model):
        what = "fit.model" if isinstance(given, Fit) else ""
        raise ModelError("not-a-model", f"The model is of type {type(given).__name__}.", "An sl.Model.", what)
