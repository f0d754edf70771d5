"""Hypotheses about parameters: read from text, and what the draws say of them."""

from shoal.estimands.hypotheses.asked import ask
from shoal.estimands.hypotheses.result import Hypotheses

__all__ = ["Hypotheses", "ask"]
