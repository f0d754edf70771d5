"""Refusals of tables that would give a meaningless posterior, and remarks on others."""

from shoal.model.checks.covariance import covariance, order_of_rows
from shoal.model.checks.identified import columns
from shoal.model.checks.levels import constant_within, distinct, effects, group_name, levels
from shoal.model.checks.remark import Remark
from shoal.model.checks.remarks import remarks
from shoal.model.checks.response import (
    additions,
    correlated_residuals,
    not_columns,
    numeric,
    positive,
    predictors,
    specific,
    standard_errors,
    weights,
    whole,
)
from shoal.model.checks.response_columns import columns_of_response

__all__ = [
    "Remark",
    "additions",
    "columns",
    "columns_of_response",
    "constant_within",
    "correlated_residuals",
    "covariance",
    "distinct",
    "effects",
    "group_name",
    "levels",
    "not_columns",
    "numeric",
    "order_of_rows",
    "positive",
    "predictors",
    "remarks",
    "specific",
    "standard_errors",
    "weights",
    "whole",
]
