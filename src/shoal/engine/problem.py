"""What the engine is given: arrays and functions, never a model.

    y_i ~ family(eta_i1, ..., eta_iq; phi),   eta = offset + J v,   v = S x + v0,   x ~ N(mean, Q^-1)

All that depends on theta is a number of one vector, the *hyperparameters* h: S and v0 hold places in it,
phi and the precisions of gaussian rows too. Its first two numbers are 0 and 1. `hyper` makes it from theta.
"""

from __future__ import annotations

from typing import NamedTuple

from shoal.engine.kinds import (
    DerivationAdjoints,
    Derivations,
    Floats,
    Ints,
    Matrix,
    PriorDensities,
    RowFunctions,
    UInt32s,
)
from shoal.engine.levels import Levels
from shoal.engine.sparse import Pattern

ZERO, ONE = 0, 1  # places of these numbers in h


class Columns(NamedTuple):
    """J by lines, a line being one linear predictor of one row.

    Attributes
    ----------
    start : (lines + 1,) int array
    column : (entries,) int array
        Places in v.
    value : (entries,) array
    offset : (lines,) array
    """

    start: Ints
    column: UInt32s
    value: Floats
    offset: Floats


class Scales(NamedTuple):
    """S by rows: places in h of the entries of each element of v.

    Attributes
    ----------
    start : (nv + 1,) int array
    effect : (entries,) int array
        Places in x.
    place : (entries,) int array
        Places in h.
    constant : (nv,) int array
        Places in h of v0.
    """

    start: Ints
    effect: UInt32s
    place: UInt32s
    constant: Ints


class Rows(NamedTuple):
    """Responses by blocks of one family; see `families.row_functions` for what a row function is given.

    Attributes
    ----------
    y : (...) array
        With further columns of a row behind the first one.
    y_start : (blocks + 1,) int array
        Where those of each block begin.
    trials, weight, se : (M,) arrays
    start, line : (blocks + 1,) int arrays
        Where the rows and the lines of each block begin; the lines of a block are one predictor after the
        other.
    phi_start, phi : (blocks + 1,), (...) int arrays
        Places in h of each block's parameters; not read where one is predicted.
    link : (...) int array
        How each of these parameters comes from its linear predictor, or that it has none
        (`families.predicted_parameters`).
    interval_start, interval : (blocks + 1,) int, (...) arrays
        What intervals add to each block (`families.base.Rows.intervals`), flattened; nothing where all rows
        are observed.
    """

    y: Floats
    y_start: Ints
    trials: Floats
    weight: Floats
    se: Floats
    start: Ints
    line: Ints
    phi_start: Ints
    phi: Ints
    link: Ints
    interval_start: Ints
    interval: Floats


class Gram(NamedTuple):
    """Where products of the columns that meet in a row stand in A = J'WJ, (nnz,) numbers.

    Attributes
    ----------
    row, column : (nnz,) int arrays
        Places in v of each number, row <= column.
    start, place : (row by pair of predictors + 1,), (...) int arrays
        For each row, and each pair of its predictors, the places of the products in the order in which the
        loops of `rows.gram` go through them.
    """

    row: UInt32s
    column: UInt32s
    start: Ints
    place: UInt32s


class Quadratics(NamedTuple):
    """Gaussian rows as sums: ``n/2 log tau - tau/2 (c - 2 b'v + v'Av)``, one a response.

    Attributes
    ----------
    a : (P, nnz) array
    b : (P, nv) array
    c, n : (P,) arrays
    tau : (P,) int array
        Places in h of the precisions.
    """

    a: Matrix
    b: Matrix
    c: Floats
    n: Floats
    tau: Ints


class Prior(NamedTuple):
    """Q and the mean of x.

    Attributes
    ----------
    row, column, value : (nq,) arrays
        Upper triangle of Q.
    standard : (nq,) array
        The same entries of the precision that standardises x: Q, but for effects whose density is that of
        rows the precision they would have if they were normal.
    place : (nq,) int array
        Its places in the pattern of H.
    mean : (nx,) array
    """

    row: UInt32s
    column: UInt32s
    value: Floats
    standard: Floats
    place: UInt32s
    mean: Floats


class Terms(NamedTuple):
    """``S'AS`` as a sum of products ``weight * A[a] * h[left] * h[right]``, each added to ``H[place]``."""

    place: UInt32s
    a: UInt32s
    left: UInt32s
    right: UInt32s
    weight: Floats


class Constraints(NamedTuple):
    """Sums of effects that are zero: effects ``effect[start[c]:start[c + 1]]`` of each."""

    start: Ints
    effect: Ints


class Slots(NamedTuple):
    """Coordinates of theta.

    Attributes
    ----------
    transform : (T,) int array
        0 as it is, 1 exp, 2 unit times a ramp, 3 logistic, 4 tanh (`hyper`).
    unit : (T,) array
    params : (T, 3) array
        Of the prior.
    place : (T,) int array
        In h.
    """

    transform: Ints
    unit: Floats
    params: Matrix
    place: Ints


class Derived(NamedTuple):
    """Functions of hyperparameters whose outputs are hyperparameters.

    Attributes
    ----------
    in_start, inputs : (F + 1,), (...) int arrays
        Places in h.
    const_start, constants : (F + 1,) int array, (...) array
    out_start, outputs : (F + 1,), (...) int arrays
        Places in h.
    """

    in_start: Ints
    inputs: Ints
    const_start: Ints
    constants: Floats
    out_start: Ints
    outputs: Ints


class Expansion(NamedTuple):
    """The rows' quadratic at one point, ``-1/2 v'Av + b'v``, and the effects there: where a search begins.

    Moved in place.

    Attributes
    ----------
    a : (nnz,) array
    b : (nv,) array
    x : (nx,) array
    """

    a: Floats
    b: Floats
    x: Floats


class Functions(NamedTuple):
    """Compiled functions as typed lists: of blocks of rows, of priors, derived ones and adjoints."""

    rows: RowFunctions
    priors: PriorDensities
    derived: Derivations
    adjoints: DerivationAdjoints


class Problem(NamedTuple):
    """All numbers of a posterior.

    `h` holds the known hyperparameters, `constant` the density's constant; `shifted` says that v0 is not
    zero.
    """

    columns: Columns
    scales: Scales
    rows: Rows
    gram: Gram
    quadratics: Quadratics
    prior: Prior
    terms: Terms
    constraints: Constraints
    levels: Levels
    pattern: Pattern
    slots: Slots
    derived: Derived
    expansion: Expansion
    functions: Functions
    h: Floats
    constant: float
    shifted: bool
