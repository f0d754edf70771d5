"""Names of the kinds of numbers in the engine's records, and what compiled code takes them for.

A record is a NamedTuple whose fields are annotated by these names. Compiled code is handed a record by one
pointer (`handles`): handed over number by number, each record would cost more to compile than what is done
with it.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numba as nb
import numpy as np
from numpy.typing import NDArray

from shoal.families.row_functions import FUNCTION_TYPE
from shoal.priors.compiled import (
    DERIVED_ADJOINT_FUNCTION_TYPE,
    DERIVED_FUNCTION_TYPE,
    PRIOR_FUNCTION_TYPE,
)

Ints: TypeAlias = NDArray[np.int64]
UInt32s: TypeAlias = NDArray[np.uint32]
Floats: TypeAlias = NDArray[np.float64]
Matrix: TypeAlias = NDArray[np.float64]
RowFunctions: TypeAlias = Any
PriorDensities: TypeAlias = Any
Derivations: TypeAlias = Any
DerivationAdjoints: TypeAlias = Any

INT64S, UINT32S = nb.int64[::1], nb.uint32[::1]
FLOATS, MATRIX = nb.float64[::1], nb.float64[:, ::1]

KINDS: dict[str, Any] = {
    "int": nb.int64,
    "float": nb.float64,
    "bool": nb.boolean,
    "Ints": INT64S,
    "UInt32s": UINT32S,
    "Floats": FLOATS,
    "Matrix": MATRIX,
    "RowFunctions": nb.types.ListType(FUNCTION_TYPE),
    "PriorDensities": nb.types.ListType(PRIOR_FUNCTION_TYPE),
    "Derivations": nb.types.ListType(DERIVED_FUNCTION_TYPE),
    "DerivationAdjoints": nb.types.ListType(DERIVED_ADJOINT_FUNCTION_TYPE),
}


def fields_of(record: type, **records: Any) -> list[tuple[str, Any]]:
    """Return the names and compiled types of a record's fields; `records` are those of other records."""
    kinds = KINDS | records
    named = record.__annotations__.items()
    return [(name, kinds[str(getattr(kind, "__forward_arg__", kind))]) for name, kind in named]


def record_type(record: type) -> Any:
    """Return the compiled type of a record without records in it."""
    kinds = [kind for _, kind in fields_of(record)]
    if len(set(kinds)) == 1:
        return nb.types.NamedUniTuple(kinds[0], len(kinds), record)
    return nb.types.NamedTuple(kinds, record)
