"""What the priors say before any data: of parameters, and of the outcome on its own scale."""

from shoal.implied.outcome import Outcome, outcome_of
from shoal.implied.parameters import prior_dataset, scalars
from shoal.implied.statistics import pairs
from shoal.implied.table import prior_summary

__all__ = ["Outcome", "outcome_of", "pairs", "prior_dataset", "prior_summary", "scalars"]
