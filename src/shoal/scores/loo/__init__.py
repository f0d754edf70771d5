"""Leaving out: how well a model predicts rows, or whole levels, that it has not seen."""

from __future__ import annotations

from shoal.scores.loo.folds import kfold
from shoal.scores.loo.leave_one import loo
from shoal.scores.loo.result import Loo

__all__ = ["Loo", "kfold", "loo"]
