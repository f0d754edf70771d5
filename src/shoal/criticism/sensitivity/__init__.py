"""Which prior moves which conclusion."""

from __future__ import annotations

from shoal.criticism.sensitivity.log_prior import LogPriors, log_priors
from shoal.criticism.sensitivity.movement import Movement, movements
from shoal.criticism.sensitivity.quantities import quantities
from shoal.criticism.sensitivity.table import THRESHOLD, Sensitivity, sensitivity

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
