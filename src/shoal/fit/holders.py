"""Who holds the rows of a posterior that is sampled by rounds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from shoal.engine.rounds.holders import Holder, LocalRows
from shoal.engine.rounds.mapped import mapped
from shoal.engine.rounds.parts import Part, divide
from shoal.fit.posterior import Posterior
from shoal.fit.whole_files import refused
from shoal.model.other_rows import recipes_of
from shoal.reduction.far_rows import FarRows


@contextmanager
def holder_of(posterior: Posterior, cores: int) -> Iterator[Holder]:
    """Give the holder of a posterior's rows: this process, or a cluster's workers.

    Rows that are not in memory become parts in files here, or where workers read them.

    Raises
    ------
    ModelError
        Rows that stay where they are, of a model that was loaded; or that no worker can read.
    FileError
        No room for the files.
    """
    reduction = posterior.model.table.reduction
    if reduction is not None and reduction.stays:
        far = reduction.rows_there
        if far is None:
            raise reduction.refuse("A fit", "Write the model over its source again: sl.Model(formula, data).")
        with _elsewhere(posterior, far, cores) as holder:
            yield holder
        return
    parts = divide(posterior.by_unit, posterior.assembled.functions)
    if posterior.client is None:
        yield LocalRows(parts, cores)
        return
    from shoal.engine.rounds.dask_rows import DaskRows, Sent

    yield DaskRows(Sent(parts), posterior.client)


@contextmanager
def _elsewhere(posterior: Posterior, far: FarRows, cores: int) -> Iterator[Holder]:
    recipes = recipes_of(posterior.assembled, far.levels, far.part)
    if posterior.client is None:
        with TemporaryDirectory(prefix="shoal-rows-", ignore_cleanup_errors=True) as folder:
            parts = [_in_file(recipes[k].part(frame), Path(folder) / f"{k}.part") for k, frame in far.read()]
            yield LocalRows(parts, cores)
        return
    from shoal.engine.rounds.dask_rows import DaskRows
    from shoal.reduction.on_workers import MadeThere

    yield DaskRows(MadeThere(far, [own.part for own in recipes]), posterior.client)


def _in_file(part: Part, path: Path) -> Part:
    """Return `mapped`; a folder without room for it is named."""
    try:
        return mapped(part, path)
    except OSError as problem:
        raise refused(path, problem) from problem
