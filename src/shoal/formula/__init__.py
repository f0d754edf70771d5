"""Formulas: text -> terms -> columns of numbers. A formula is data, never code."""

from shoal.formula.evaluate import evaluate
from shoal.formula.formula import Formula
from shoal.formula.functions import register_function
from shoal.formula.matrix import DesignMatrix, DesignSpec, design_matrix
from shoal.formula.parser import parse, parse_predictor
from shoal.formula.terms import CurveTerm, Expression, GroupTerm, LatentTerm, ResponseTerm

__all__ = [
    "CurveTerm",
    "DesignMatrix",
    "DesignSpec",
    "Expression",
    "Formula",
    "GroupTerm",
    "LatentTerm",
    "ResponseTerm",
    "design_matrix",
    "evaluate",
    "parse",
    "parse_predictor",
    "register_function",
]
