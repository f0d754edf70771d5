"""Quantities people ask of a multilevel fit; each says its scale and its population."""

from __future__ import annotations

from shoal.estimands.common import (
    INTERVAL,
    describe,
    effect_of,
    group_of,
    interval_names,
    label_column,
    linear_scale,
    one_level,
    these_levels,
)
from shoal.estimands.effects import effects
from shoal.estimands.levels import effects_draws, finite_population, levels
from shoal.estimands.parameters import free_variables, known_variables, summary, to_frame
from shoal.estimands.ranks import rank_draws, ranks
from shoal.estimands.table import Estimates, statements
from shoal.estimands.variance import variance_partition

__all__ = [
    "INTERVAL",
    "Estimates",
    "describe",
    "effect_of",
    "effects",
    "effects_draws",
    "finite_population",
    "free_variables",
    "group_of",
    "one_level",
    "interval_names",
    "known_variables",
    "label_column",
    "levels",
    "linear_scale",
    "rank_draws",
    "ranks",
    "statements",
    "summary",
    "these_levels",
    "to_frame",
    "variance_partition",
]
