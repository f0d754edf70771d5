"""The five estimators, by name."""

from __future__ import annotations

NAIVE, FIXED, MULTILEVEL = "naive", "fixed effects", "multilevel"
MUNDLAK, LATENT = "Mundlak", "latent Mundlak"
ESTIMATORS = (NAIVE, FIXED, MULTILEVEL, MUNDLAK, LATENT)
WITHIN = (FIXED, MUNDLAK, LATENT)  # which tell the trait's effect from its group's by rows of one group
