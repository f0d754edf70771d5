"""What the engine is given: arrays and functions, never a model.

    y_i ~ family(eta_i1, ..., eta_iq; phi),   eta = offset + J v,   v = S x + v0,   x ~ N(mean, Q^-1)

All that depends on theta is a number of one vector, the *hyperparameters* h: S and v0 hold places in it, phi and
the precisions of gaussian rows too. Its first two numbers are 0 and 1. `hyper` makes it from theta.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

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

    start: np.ndarray
    column: np.ndarray
    value: np.ndarray
    offset: np.ndarray


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

    start: np.ndarray
    effect: np.ndarray
    place: np.ndarray
    constant: np.ndarray


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

    y: np.ndarray
    trials: np.ndarray
    weight: np.ndarray
    se: np.ndarray
    start: np.ndarray
    line: np.ndarray
    phi_start: np.ndarray
    phi: np.ndarray


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

    row: np.ndarray
    column: np.ndarray
    start: np.ndarray
    place: np.ndarray


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

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    n: np.ndarray
    tau: np.ndarray


class Prior(NamedTuple):
    """Q and the mean of x.

    Attributes
    ----------
    row, column, value : (nq,) arrays
        Upper triangle of Q.
    place : (nq,) int array
        Its places in the pattern of H.
    mean : (nx,) array
    """

    row: np.ndarray
    column: np.ndarray
    value: np.ndarray
    place: np.ndarray
    mean: np.ndarray


class Terms(NamedTuple):
    """``S'AS`` as a sum of products ``weight * A[a] * h[left] * h[right]``, each added to ``H[place]``."""

    place: np.ndarray
    a: np.ndarray
    left: np.ndarray
    right: np.ndarray
    weight: np.ndarray


class Constraints(NamedTuple):
    """Sums of effects that are zero: effects ``effect[start[c]:start[c + 1]]`` of each."""

    start: np.ndarray
    effect: np.ndarray


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

    transform: np.ndarray
    unit: np.ndarray
    params: np.ndarray
    place: np.ndarray


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

    in_start: np.ndarray
    inputs: np.ndarray
    const_start: np.ndarray
    constants: np.ndarray
    out_start: np.ndarray
    outputs: np.ndarray


class Problem(NamedTuple):
    """All numbers of a posterior.

    `h` holds the known hyperparameters, `constant` the density's constant; `shifted` says that v0 is not zero.
    """

    columns: Columns
    scales: Scales
    rows: Rows
    gram: Gram
    quadratics: Quadratics
    prior: Prior
    terms: Terms
    constraints: Constraints
    pattern: Pattern
    slots: Slots
    derived: Derived
    h: np.ndarray
    constant: float
    shifted: bool


class Functions(NamedTuple):
    """Compiled functions as typed lists: of blocks of rows, of slots' priors, derived ones and their adjoints."""

    rows: Any
    priors: Any
    derived: Any
    adjoints: Any


class Space(NamedTuple):
    """Room of one thread: nothing in it outlives a call but what the call says."""

    h: np.ndarray
    h_bar: np.ndarray
    slope: np.ndarray  # (2, T): d value / d theta, d log prior / d theta
    v: np.ndarray
    v_bar: np.ndarray
    x: np.ndarray
    x_bar: np.ndarray
    eta: np.ndarray
    value: np.ndarray
    score: np.ndarray
    curvature: np.ndarray
    a: np.ndarray  # A at some theta
    own_a: np.ndarray  # rows' own A, of a Newton step
    b: np.ndarray
    own_b: np.ndarray
    h_matrix: np.ndarray
    h_matrix_bar: np.ndarray
    factor_bar: np.ndarray
    work: np.ndarray
    step: np.ndarray
    solved: np.ndarray  # (constraints + 1, nx)
    small: np.ndarray  # (constraints, constraints)


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
    """

    mode: np.ndarray
    factor: np.ndarray
    across: np.ndarray
    volume: np.ndarray


def space(p: Problem) -> Space:
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
        np.zeros(nx), np.zeros(len(p.pattern.l_row)), np.zeros((len(p.constraints.start) - 1, nx)), np.zeros(1)
    )
