"""Refusals of tables that would give a meaningless posterior, made before anything is compiled."""

from shoal.model.checks.covariance import covariance, order_of_rows
from shoal.model.checks.identified import columns
from shoal.model.checks.levels import distinct, effects, group_name, levels, nesting
from shoal.model.checks.response import additions, numeric, positive, unobserved
from shoal.model.checks.separation import separation

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
    "order_of_rows",
    "positive",
    "separation",
    "unobserved",
]
