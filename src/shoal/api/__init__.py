"""The public `Model` and `Fit`."""

from __future__ import annotations

from shoal.api.fit import Fit, load
from shoal.api.model import Model, kfold, sbc

__all__ = ["Fit", "Model", "kfold", "load", "sbc"]
