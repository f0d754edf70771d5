"""Refusals of tables that would give a meaningless posterior, made before anything is compiled."""

from shoal.design_checks.covariance import covariance
from shoal.design_checks.identified import columns
from shoal.design_checks.levels import distinct, effects, group_name, levels, nesting
from shoal.design_checks.response import additions, numeric, positive
from shoal.design_checks.separation import separation

__all__ = [
    "additions",
    "columns",
    "covariance",
    "distinct",
    "effects",
    "group_name",
    "levels",
    "nesting",
    "numeric",
    "positive",
    "separation",
]
