"""Compiled functions as compiled code takes several: typed lists of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numba as nb

from shoal.engine.problem import Functions
from shoal.families.row_functions import RowFunction, row_list
from shoal.priors import Prior
from shoal.priors.compiled import (
    DERIVED_ADJOINT_FUNCTION_TYPE,
    DERIVED_FUNCTION_TYPE,
    PRIOR_FUNCTION_TYPE,
    compiled_as,
)


def functions_of(
    rows: Sequence[RowFunction], priors: Iterable[Prior], derived: Iterable[tuple[Any, Any]]
) -> Functions:
    """Return the functions of a problem: of blocks of rows, two each; of priors; derived; adjoints."""
    out = Functions(row_list(rows), _prior_list(), _derived_list(), _adjoint_list())
    for prior in priors:
        _append_prior(out.priors, prior.density.compiled)
    for forward, adjoint in derived:
        _append_derived(out.derived, forward.compiled)
        _append_adjoint(out.adjoints, adjoint.compiled)
    return out


def with_priors(functions: Functions, priors: Iterable[Prior]) -> Functions:
    """Return functions with more priors after their own."""
    out = _copied_priors(functions.priors)
    for prior in priors:
        _append_prior(out, prior.density.compiled)
    return functions._replace(priors=out)


# Typed lists are made in compiled code: made in Python, each would compile its methods in every process.
@compiled_as(nb.types.ListType(PRIOR_FUNCTION_TYPE)())
def _prior_list():
    return nb.typed.List.empty_list(PRIOR_FUNCTION_TYPE)


@compiled_as(nb.types.ListType(PRIOR_FUNCTION_TYPE)(nb.types.ListType(PRIOR_FUNCTION_TYPE)))
def _copied_priors(functions):
    return functions.copy()


@compiled_as(nb.void(nb.types.ListType(PRIOR_FUNCTION_TYPE), PRIOR_FUNCTION_TYPE))
def _append_prior(functions, function):
    functions.append(function)


@compiled_as(nb.types.ListType(DERIVED_FUNCTION_TYPE)())
def _derived_list():
    return nb.typed.List.empty_list(DERIVED_FUNCTION_TYPE)


@compiled_as(nb.void(nb.types.ListType(DERIVED_FUNCTION_TYPE), DERIVED_FUNCTION_TYPE))
def _append_derived(functions, function):
    functions.append(function)


@compiled_as(nb.types.ListType(DERIVED_ADJOINT_FUNCTION_TYPE)())
def _adjoint_list():
    return nb.typed.List.empty_list(DERIVED_ADJOINT_FUNCTION_TYPE)


@compiled_as(nb.void(nb.types.ListType(DERIVED_ADJOINT_FUNCTION_TYPE), DERIVED_ADJOINT_FUNCTION_TYPE))
def _append_adjoint(functions, function):
    functions.append(function)
