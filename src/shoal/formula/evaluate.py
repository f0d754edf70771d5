"""Expression + columns -> numbers, by walking the checked tree; Python's ``eval`` is never used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np

from shoal.errors import DataError, listing, nearest
from shoal.formula.functions import registered
from shoal.formula.reader import read_piece
from shoal.formula.safety import Place, check
from shoal.formula.terms import Expression
from shoal.formula.text_values import measured
from shoal.formula.tree import Call, Chain, Column, Node, Number, Power, Signed, columns_of, unparse

_FUNCTIONS: dict[str, Callable] = {
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "exp": np.exp,
    "expm1": np.expm1,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "tanh": np.tanh,
    "I": np.asarray,
}
_OPERATORS: dict[str, Callable] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "**": np.power,
}


def evaluate(expression: Expression, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Compute an expression row by row.

    Parameters
    ----------
    expression : Expression
        A response, trials, standard error, weight or offset.
    columns : mapping of str to numpy.ndarray, each of shape (N,)
        At least the columns that `expression` names; where it names none, as ``10``, N is that of any column.

    Returns
    -------
    numpy.ndarray of shape (N,)
        float64; but a column named alone is returned as it is, whatever its type.

    Raises
    ------
    FormulaError
        If the expression is not elementwise arithmetic over columns.
    DataError
        If a column is missing or not numeric, or a result is infinite or undefined.
    """
    tree = _elementwise_tree(expression.text)
    if isinstance(tree, Column):
        return np.asarray(lookup(columns, tree.name))
    rows = {len(lookup(columns, name)) for name in columns_of(tree) or list(columns)[:1]}
    if len(rows) != 1:
        raise DataError(
            "column-lengths",
            f"The columns of {expression.text} have {sorted(rows) or 'no'} rows.",
            "One length was needed.",
        )
    value = compute(tree, lambda name: as_numbers(lookup(columns, name), name))
    return require_finite(np.broadcast_to(value, (rows.pop(),)), expression.text).copy()


@lru_cache(maxsize=256)
def _read(text: str) -> Node:
    return read_piece(text)


def _elementwise_tree(text: str) -> Node:
    tree = _read(text)
    check(tree, Place.ELEMENTWISE, text)
    return tree


def lookup(columns: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """Return a column, or raise a DataError that offers the nearest names."""
    if name not in columns:
        raise DataError(
            "unknown-column",
            f"There is no column {name!r}.",
            "The formula names it.",
            nearest(name, [str(c) for c in columns]),
        )
    return columns[name]


def as_numbers(values: np.ndarray, name: str) -> np.ndarray:
    """Return a column as float64.

    Raises
    ------
    DataError
        If it holds anything but numbers, True and False.
    """
    values = np.asarray(values)
    if values.dtype.kind not in "biuf":
        raise DataError(
            "not-numbers",
            f"Column {name!r} holds {listing(map(repr, dict.fromkeys(values.tolist())), 3)}, not numbers.",
            "Arithmetic and functions such as log need numbers.",
            measured(name, values.tolist()),
        )
    return values.astype(np.float64)


def require_finite(values: np.ndarray, what: str) -> np.ndarray:
    """Return `values`, or raise a DataError that counts the infinite and undefined ones."""
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise DataError(
            "values-not-finite",
            f"{what} is infinite or undefined in {bad.size:,} of {len(values):,} rows; "
            f"the first is row {bad[0]} (counted from 0), with {values[bad[0]]}.",
            "Finite numbers were needed.",
            "Correct or remove these rows; check for missing values, logarithms of 0 and divisions by 0.",
        )
    return values


def compute(
    node: Node,
    column: Callable[[str], np.ndarray],
    learnt: Callable[[Call, np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """Compute a checked tree.

    Parameters
    ----------
    node : Node
        As `shoal.formula.safety.check` lets through.
    column : callable
        Name of a column -> float64 array of shape (N,).
    learnt : callable, optional
        Computes the calls that learn from all rows, such as ``scale``, from the call and its data.

    Returns
    -------
    numpy.ndarray of shape (N,), or () if no column is named
        Infinite and undefined results are kept, without a warning: see `require_finite`.
    """

    def value(part: Node) -> np.ndarray:
        match part:
            case Number():
                # never a Python integer: 9 ** 9 ** 9 ** 9 must be infinite, not endless
                return np.asarray(part.value, dtype=np.float64)
            case Column():
                return column(part.name)
            case Signed():
                return -value(part.operand) if part.sign == "-" else value(part.operand)
            case Power():
                return np.power(value(part.base), value(part.exponent))
            case Chain():
                result = value(part.operands[0])
                for sign, operand in zip(part.signs, part.operands[1:], strict=True):
                    result = _OPERATORS[sign](result, value(operand))
                return result
            case Call() if part.function in _FUNCTIONS:
                return _FUNCTIONS[part.function](value(part.arguments[0]))
            case Call() if (function := registered(part.function)) is not None:
                return _call_registered(part, function, [value(argument) for argument in part.arguments])
            case Call() if learnt is not None:
                return learnt(part, value(part.arguments[0]))
        raise TypeError(f"unchecked tree: {part!r}")

    with np.errstate(all="ignore"):
        return value(node)


def _call_registered(call: Call, function: Callable, arguments: list[np.ndarray]) -> np.ndarray:
    shape = np.broadcast_shapes(*(np.shape(a) for a in arguments))
    result = np.asarray(function(*arguments))
    if result.shape != shape:
        raise DataError(
            "function-shape",
            f"{unparse(call)} returned shape {result.shape}.",
            f"An elementwise function returns the shape of its arguments, {shape}.",
        )
    return as_numbers(result, unparse(call))
