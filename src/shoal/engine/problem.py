"""What the engine is given: arrays and functions, never a model.

    y_i ~ family(eta_i1, ..., eta_iq; phi),   eta = offset + J v,   v = S x + v0,   x ~ N(mean, Q^-1)

All that depends on theta is a number of one vector, the *hyperparameters* h: S and v0 hold places in it,
phi and the precisions of gaussian rows too. Its first two numbers are 0 and 1. `hyper` makes it from theta.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shoal.engine.kinds import (
    DerivationAdjoints,
    Derivations,
    Floats,
    Int32s,
    Ints,
    Matrix,
    PriorDensities,
    RowFunctions,
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
    column: Int32s
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
    effect: Int32s
    place: Int32s
    constant: Ints


class Rows(NamedTuple):
    """Responses by blocks of one family; see `families.row_functions` for what a row function is given.

    Attributes
    ----------
    y, trials, weight, se : (M,) arrays
    start, line : (blocks + 1,) int arrays
        Where the rows and the lines of each block begin; the lines of a block are one predictor after the
        other.
    phi_start, phi : (blocks + 1,), (...) int arrays
        Places in h of each block's parameters.
    """

    y: Floats
    trials: Floats
    weight: Floats
    se: Floats
    start: Ints
    line: Ints
    phi_start: Ints
    phi: Ints


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

    row: Int32s
    column: Int32s
    start: Ints
    place: Int32s


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

    row: Int32s
    column: Int32s
    value: Floats
    standard: Floats
    place: Int32s
    mean: Floats


class Terms(NamedTuple):
    """``S'AS`` as a sum of products ``weight * A[a] * h[left] * h[right]``, each added to ``H[place]``."""

    place: Int32s
    a: Int32s
    left: Int32s
    right: Int32s
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
        0 as it is, 1 exp, 2 unit log(1 + exp), 3 logistic, 4 tanh.
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


class Space(NamedTuple):
    """Room of one thread: nothing in it outlives a call but what the call says."""

    h: Floats
    h_bar: Floats
    slope: Matrix  # (2, T): d value / d theta, d log prior / d theta
    v: Floats
    v_bar: Floats
    x: Floats
    x_bar: Floats
    eta: Floats
    value: Floats
    score: Floats
    curvature: Floats
    a: Floats  # A at some theta
    own_a: Floats  # rows' own A, of a Newton step
    b: Floats
    own_b: Floats
    h_matrix: Floats
    h_matrix_bar: Floats
    factor_bar: Floats
    work: Floats
    step: Floats
    solved: Matrix  # (constraints + 1, nx)
    small: Matrix  # (constraints, constraints)


class Map(NamedTuple):
    """x = mode + L'^-1 z, conditioned on the constraints.

    Attributes
    ----------
    mode : (nx,) array
    factor : (lnz,) array
        L.
    across : (c, nx) array
        Orthonormal directions of z that the constraints fix.
    volume : (1,) array
        Log determinant of the map.
    kind : (1,) int array
        Which of the other coordinates (`coordinates`) this is a map of.
    """

    mode: Floats
    factor: Floats
    across: Matrix
    volume: Floats
    kind: Ints


def new_space(p: Problem) -> Space:
    """Return the room that one thread needs."""
    nv, nx, nnz = len(p.scales.constant), len(p.prior.mean), len(p.gram.row)
    lines, count = len(p.columns.offset), len(p.constraints.start) - 1
    predictors = np.diff(p.rows.line) // np.maximum(np.diff(p.rows.start), 1)
    packed = int((np.diff(p.rows.start) * predictors * (predictors + 1) // 2).sum())
    f = np.zeros
    return Space(
        h=p.h.copy(),
        h_bar=f(len(p.h)),
        slope=f((2, len(p.slots.place))),
        v=f(nv),
        v_bar=f(nv),
        x=f(nx),
        x_bar=f(nx),
        eta=f(lines),
        value=f(len(p.rows.y)),
        score=f(lines),
        curvature=f(packed),
        a=f(nnz),
        own_a=f(nnz),
        b=f(nv),
        own_b=f(nv),
        h_matrix=f(len(p.pattern.row)),
        h_matrix_bar=f(len(p.pattern.row)),
        factor_bar=f(len(p.pattern.l_row)),
        work=f(nx),
        step=f(nx),
        solved=f((count + 1, nx)),
        small=f((count, count)),
    )


def empty_map(p: Problem) -> Map:
    """Return room for a map."""
    nx = len(p.prior.mean)
    return Map(
        np.zeros(nx),
        np.zeros(len(p.pattern.l_row)),
        np.zeros((len(p.constraints.start) - 1, nx)),
        np.zeros(1),
        np.zeros(1, np.int64),
    )
