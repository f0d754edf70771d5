"""The public `Model` and `Fit`."""

from __future__ import annotations

from shoal.api.functions import kfold, load, many_fits, sbc
from shoal.api.model import Fit, Model

__all__ = ["Fit", "Model", "kfold", "load", "many_fits", "sbc"]
