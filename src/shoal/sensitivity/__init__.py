"""Which prior moves which conclusion."""

from __future__ import annotations

from shoal.sensitivity.log_prior import LogPriors, log_priors
from shoal.sensitivity.movement import Movement, movements
from shoal.sensitivity.quantities import quantities
from shoal.sensitivity.table import THRESHOLD, Sensitivity, sensitivity

__all__ = [
    "THRESHOLD",
    "LogPriors",
    "Movement",
    "Sensitivity",
    "log_priors",
    "movements",
    "quantities",
    "sensitivity",
]
