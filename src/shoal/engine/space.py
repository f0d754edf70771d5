"""What one thread writes to: its room, and the map of the effects at some theta."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shoal.engine.kinds import Floats, Ints, Matrix
from shoal.engine.problem import Problem


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
        value=f(len(p.rows.weight)),
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
