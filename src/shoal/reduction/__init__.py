"""Tables that are not in memory: reduced to few rows in the engine that holds them."""

from shoal.reduction.reduce import reduced
from shoal.reduction.roles import summable
from shoal.reduction.sources import source_of

__all__ = ["reduced", "source_of", "summable"]
