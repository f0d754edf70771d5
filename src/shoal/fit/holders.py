"""Who holds the rows of a posterior that is sampled by rounds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shoal.engine.rounds.holders import Holder, LocalRows
from shoal.engine.rounds.parts import divide
from shoal.fit.posterior import Posterior


@contextmanager
def holder_of(posterior: Posterior, cores: int) -> Iterator[Holder]:
    """Give the holder of a posterior's rows: this process, or a cluster's workers."""
    parts = divide(posterior.by_unit, posterior.assembled.functions)
    if posterior.client is None:
        yield LocalRows(parts, cores)
        return
    from shoal.engine.rounds.dask_rows import DaskRows, Sent

    yield DaskRows(Sent(parts), posterior.client)
