"""The public `Model` and `Fit`."""

from __future__ import annotations

from shoal.api.folds import kfold
from shoal.api.model import Fit, Model, load, sbc

__all__ = ["Fit", "Model", "kfold", "load", "sbc"]
