"""A frozen model: a formula read against a table, each parameter with its prior."""

from shoal.model.model import Response, Specification, designs_of, specify
from shoal.model.terms.variable import ResolvedPrior

__all__ = ["ResolvedPrior", "Response", "Specification", "designs_of", "specify"]
