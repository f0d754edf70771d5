"""Expression + frame -> dense design matrix, and its replay on new data.

Factors are computed here, from the checked tree; formulaic receives their values under their names, never
text to evaluate. It contributes the coding of categories at full rank, the products of factors, polynomials
and splines.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from shoal.errors import DataError, listing
from shoal.formula.algebra import Sum, expand
from shoal.formula.bases import require_distinct, require_inside, require_size
from shoal.formula.categories import (
    is_category,
    levels_of,
    numeric_column,
    require_category,
    require_level,
    to_categorical,
)
from shoal.formula.evaluate import compute, lookup, require_finite
from shoal.formula.functions import BASES, CONTRASTS, GROUPED, STANDARDISING
from shoal.formula.group_means import group_mean
from shoal.formula.options import bind, category_arguments
from shoal.formula.reader import read_piece
from shoal.formula.terms import Expression
from shoal.formula.tree import Call, Column, Node, columns_of, unparse

if TYPE_CHECKING:
    import pandas as pd

# formulaic names a factor by its text, and a column could be named "1"
_INTERCEPT = "(1)"


@dataclass(frozen=True)
class DesignMatrix:
    """A dense design matrix.

    Parameters
    ----------
    values : numpy.ndarray of shape (N, p), float64
    names : tuple of str, length p
        ``Intercept``, ``x``, ``x:z``, ``C(d)[T.b]``, ...
    columns_of_terms : dict of str to slice
        For each term in order, ``Intercept`` first, its columns in `values`; empty if the term adds none.
    spec : DesignSpec
        Replays the same columns on new data.
    """

    values: np.ndarray
    names: tuple[str, ...]
    columns_of_terms: dict[str, slice]
    spec: DesignSpec


@dataclass(frozen=True)
class DesignSpec:
    """What a design matrix learnt from its data: levels, means, knots, and which columns code which level.

    Parameters
    ----------
    expression : Expression
    levels : dict of str to tuple
        Levels of each factor that is a category, in order.
    states : dict of str to dict
        What each call that learns from all rows, such as ``scale(x)``, has learnt.
    """

    expression: Expression
    levels: dict[str, tuple] = field(default_factory=dict)
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    model_spec: Any = field(default=None, repr=False)

    def apply(self, frame: pd.DataFrame) -> np.ndarray:
        """Compute the same columns for new data.

        Parameters
        ----------
        frame : pandas.DataFrame
            N' rows, with every column the expression names.

        Returns
        -------
        numpy.ndarray of shape (N', p), float64

        Raises
        ------
        DataError
            If a column is missing or of another kind, a level was not seen before, or a result is infinite or
            undefined.
        """
        if self.model_spec is None:
            return np.empty((len(frame), 0))
        factors = {_name(f): _factor(f, frame, self, learn=False) for f in _factors(_terms(self.expression))}
        matrix = _materialise(self.model_spec, factors, len(frame))
        return _checked(matrix, self.model_spec.column_names)


def design_matrix(
    expression: Expression,
    frame: pd.DataFrame,
    states: Mapping[str, dict[str, Any]] | None = None,
    products: Collection[str] = (),
) -> DesignMatrix:
    """Build the dense design matrix of a population part, or of the left of a bar.

    Parameters
    ----------
    expression : Expression
        For example of text ``1 + x + C(d)``, as `shoal.formula.parse` returns it.
    frame : pandas.DataFrame
        N rows without missing values in the columns named.
    states : mapping, optional
        What calls such as ``scale(x)`` have learnt from other rows, by their text.
    products : collection of str
        Numeric terms, such as ``x`` and ``x:z``, that are columns of the frame under these names: rows whose
        products are no products of their columns.

    Returns
    -------
    DesignMatrix
        Categories (strings, pandas categoricals, ``C(...)``) are coded against their first level where the
        intercept or another term spans it, as R does, and by all levels elsewhere; booleans are 0 and 1.

    Raises
    ------
    FormulaError
        If the expression is not a sum of terms over columns and listed functions.
    DataError
        If a column is missing, neither numbers nor a category, or a category of one level; if a result is
        infinite or undefined; if two columns of the matrix would have one name.
    """
    from formulaic import ModelSpec, SimpleFormula
    from formulaic.parser.types import Factor, Term

    terms = _terms(expression)
    spec = DesignSpec(expression, states={text: dict(state) for text, state in (states or {}).items()})
    if not (terms.intercept or terms.terms):
        return DesignMatrix(np.empty((len(frame), 0)), (), {}, spec)
    factors = _factors(terms)
    _require_distinct([_INTERCEPT, *map(_name, factors)])
    # With products given, terms are coded as if their numbers were 1, and multiplied by the product.
    own = {_name(f): np.ones(len(frame)) for f in factors if products and _is_number(f, frame)}
    values = own | {_name(f): _factor(f, frame, spec, learn=True) for f in factors if _name(f) not in own}
    intercept = [Term([Factor(_INTERCEPT, eval_method="literal")])] if terms.intercept else []
    named = [Term([Factor(_name(f), eval_method="lookup") for f in term]) for term in terms.terms]
    recipe = ModelSpec(
        SimpleFormula([*intercept, *named], _ordering="none"), output="numpy", na_action="raise"
    )
    matrix = _materialise(recipe, values, len(frame))
    learnt = matrix.model_spec
    _require_distinct(learnt.column_names)
    labels = ["Intercept"] * terms.intercept + [":".join(map(_name, term)) for term in terms.terms]
    slices = _slices(labels, [len(part.columns) for part in learnt.structure])
    numeric = [tuple(factor for factor in term if _name(factor) in own) for term in terms.terms]
    checked = _checked(matrix, learnt.column_names)
    for label, term in zip(labels[terms.intercept :], numeric, strict=True):
        if term:
            checked[:, slices[label]] *= _product(term, frame, spec, products)[:, None]
    return DesignMatrix(
        checked,
        tuple(learnt.column_names),
        slices,
        DesignSpec(expression, spec.levels, spec.states, learnt),
    )


def _terms(expression: Expression) -> Sum:
    return expand(read_piece(expression.text), expression.text, outermost=False)


def _factors(terms: Sum) -> tuple[Node, ...]:
    return tuple(dict.fromkeys(factor for term in terms.terms for factor in term))


def _name(factor: Node) -> str:
    return factor.name if isinstance(factor, Column) else unparse(factor)


def _is_number(factor: Node, frame: pd.DataFrame) -> bool:
    """Return whether a factor is one column of numbers, which its term is a multiple of."""
    if isinstance(factor, Column):
        return not is_category(lookup(frame, factor.name), factor.name)
    return isinstance(factor, Call) and factor.function != "C" and factor.function not in BASES


def _product(
    factors: Sequence[Node], frame: pd.DataFrame, spec: DesignSpec, products: Collection[str]
) -> np.ndarray:
    """Return the product of a term's numbers, (N,): a column of the frame, or made of its columns."""
    if (name := ":".join(map(_name, factors))) in products:
        return frame[name].to_numpy(float)
    return np.prod([_factor(factor, frame, spec, learn=True) for factor in factors], axis=0)


def _slices(labels: Sequence[str], widths: Sequence[int]) -> dict[str, slice]:
    stops = np.cumsum(widths).tolist()
    return {
        label: slice(stop - width, stop) for label, width, stop in zip(labels, widths, stops, strict=True)
    }


def _require_distinct(names: Sequence[str]) -> None:
    repeated = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else ()
    if repeated:
        raise DataError(
            "columns-alike",
            f"Two columns of the design matrix would be named {listing(sorted(repeated))}.",
            "Distinct names were needed.",
            "Rename the columns of the table that look like other terms.",
        )


def _materialise(spec: Any, factors: dict[str, Any], rows: int) -> Any:
    """Let formulaic code and multiply factors whose values are known."""
    import pandas as pd
    from formulaic.materializers import PandasMaterializer

    frame = pd.DataFrame(index=pd.RangeIndex(rows))
    try:
        return PandasMaterializer(frame, context=factors).get_model_matrix(spec)
    except ValueError as error:
        raise DataError(
            "contrasts-not-levels",
            f"The design matrix cannot be made: {error}",
            "Contrasts whose base, or whose scores, fit the levels of their column.",
            "Check the arguments of C(...).",
        ) from error


def _checked(matrix: Any, names: Sequence[str]) -> np.ndarray:
    values = np.ascontiguousarray(matrix, dtype=np.float64)
    if not np.isfinite(values).all():
        for name, column in zip(names, values.T, strict=True):
            require_finite(column, f"The term {name}")
    return values


def _factor(factor: Node, frame: pd.DataFrame, spec: DesignSpec, *, learn: bool) -> Any:
    """Return a factor's values as formulaic takes them; levels and states are learnt, or those of `spec`."""

    def column(name: str) -> np.ndarray:
        return numeric_column(lookup(frame, name), name)

    def learnt(call: Call, data: np.ndarray) -> np.ndarray:
        if call.function in GROUPED:
            return group_mean(call, _rows(data, frame), frame, spec.states)
        return _stateful(call, _rows(data, frame), STANDARDISING[call.function], spec)

    if isinstance(factor, Column):
        seen_as_category = (
            is_category(lookup(frame, factor.name), factor.name) if learn else unparse(factor) in spec.levels
        )
        return (
            _category(factor, factor, frame, spec, learn=learn) if seen_as_category else column(factor.name)
        )
    assert isinstance(factor, Call)
    if factor.function == "C":
        return _category(factor, factor.arguments[0], frame, spec, learn=learn)
    if factor.function in BASES:
        data = require_finite(
            _rows(compute(factor.arguments[0], column, learnt), frame), unparse(factor.arguments[0])
        )
        return _stateful(factor, data, BASES[factor.function], spec)
    return require_finite(_rows(compute(factor, column, learnt), frame), unparse(factor))


def _rows(values: np.ndarray, frame: pd.DataFrame) -> np.ndarray:
    """Give a constant expression, such as ``I(2)``, one value for each row."""
    return np.broadcast_to(values, (len(frame),))


def _stateful(call: Call, data: np.ndarray, names: tuple[str, ...], spec: DesignSpec) -> Any:
    """Compute a call that learns from all rows; its state is empty the first time, and kept in `spec`."""
    from formulaic.transforms import TRANSFORMS

    options = bind(call, names)
    fresh = unparse(call) not in spec.states  # a raw polynomial is known by nothing else to have been learnt
    state = spec.states.setdefault(unparse(call), {})
    if call.function == "poly" and fresh:
        require_distinct(call, data, options.get("degree", 1))
    if call.function == "bs":
        require_size(call, options)
    if "extrapolation" in names and options.get("extrapolation") in (None, "raise"):
        require_inside(call, data, {**options, **state}, learnt=bool(state))
    try:
        if isinstance(options.get("constraints"), list):
            options["constraints"] = np.asarray(options["constraints"], dtype=np.float64)
        return TRANSFORMS[call.function](data, **options, _state=state)
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:
        raise DataError(
            "function-not-computed",
            f"{unparse(call)} cannot be computed: {error}",
            "",
            "Check its arguments and the range of its data.",
        ) from error


def _category(factor: Node, column: Node, frame: pd.DataFrame, spec: DesignSpec, *, learn: bool) -> Any:
    """Return a category, coded by its contrasts; check that every level was seen."""
    import pandas as pd
    from formulaic.materializers.types import FactorValues
    from formulaic.transforms import TRANSFORMS, ContrastsRegistry

    (name,) = columns_of(column)
    contrasts, wanted = category_arguments(factor) if isinstance(factor, Call) else (None, None)
    series = lookup(frame, name)
    if learn:
        if isinstance(factor, Column):
            require_category(series, name)
        spec.levels[unparse(factor)] = levels_of(series, name, wanted)
    values = pd.Series(to_categorical(series, spec.levels[unparse(factor)], name))
    if contrasts is None:
        return FactorValues(values, kind="categorical", spans_intercept=True)
    make = getattr(ContrastsRegistry, contrasts.function.removeprefix("contr."))
    options = bind(contrasts, CONTRASTS[contrasts.function], skip=0)
    if "base" in options:
        require_level(options["base"], spec.levels[unparse(factor)], name)
    return TRANSFORMS["C"](values, make(**options))
