"""What the priors say before any data: of parameters, and of the outcome on its own scale."""

from shoal.criticism.implied.outcome import Outcome, outcome_of
from shoal.criticism.implied.parameters import prior_dataset
from shoal.criticism.implied.statistics import pairs
from shoal.criticism.implied.table import prior_summary

__all__ = ["Outcome", "outcome_of", "pairs", "prior_dataset", "prior_summary"]
