"""Leaving out: how well a model predicts rows, or whole levels, that it has not seen."""

from __future__ import annotations

from shoal.loo.folds import kfold
from shoal.loo.leave_one import loo
from shoal.loo.result import Loo

__all__ = ["Loo", "kfold", "loo"]
