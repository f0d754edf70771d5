"""A frozen model: a formula read against a table, each parameter with its prior."""

from shoal.model.default_priors import ResolvedPrior
from shoal.model.model import Response, Specification, designs_of, is_foldable, specify

__all__ = ["ResolvedPrior", "Response", "Specification", "designs_of", "is_foldable", "specify"]
