"""Exponentials that stay finite."""

from __future__ import annotations

import numpy as np

from shoal.families.special import LARGEST


def exp(x: np.ndarray | float) -> np.ndarray:
    """Return ``exp(x)``, kept between ``exp(-700)`` and ``exp(700)``."""
    return np.exp(np.clip(x, -LARGEST, LARGEST))
