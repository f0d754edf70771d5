"""The density of a unit's rows with group effects integrated out, at draws of everything else.

With v the standardised effects (d of them) of the levels inside a unit and A their columns in its rows, the
integral is

``int p(y | eta = base + A v) p(v) dv``.

Newton's method, each step as long as raises the density most, gives the mode and the Cholesky factor L of the
negative Hessian there. For gaussian rows and effects the integrand is a normal density in v, and the integral
is exact. Otherwise, with ``v = mode + L'^-1 x``:

* one effect: the trapezoidal rule in t, ``x = sinh(t)``, which converges exponentially for smooth integrands
  with tails of any weight (Trefethen and Weideman 2014, SIAM Review 56, 385-458). Its error is judged by the
  rule on every other node.
* several: importance sampling from a multivariate t with randomised quasi-random points, its relative
  standard error known from its weights (Owen 2013, Monte Carlo theory, methods and examples, chapter 9).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, gammaln

from shoal.engine.rules import quasi_random
from shoal.families import Family, Rows
from shoal.families.predicted_parameters import COMMON
from shoal.families.row_functions import row_list
from shoal.scores.loo import kernel

INTEGRALS = NONE, EXACT, QUADRATURE, SAMPLING = "none", "exact", "quadrature", "importance sampling"
METHODS = {
    NONE: kernel.NONE,
    EXACT: kernel.EXACT,
    QUADRATURE: kernel.QUADRATURE,
    SAMPLING: kernel.SAMPLING,
}
FEW, MANY = 64, 256  # points of importance sampling: of up to four effects, and of more
TOGETHER = 1024  # rows that are evaluated in one call, at several places: few rows a call cost the call


@dataclass(frozen=True)
class Integral:
    """What is integrated over in a unit.

    Attributes
    ----------
    families : tuple of Family
        One a response.
    links : tuple of tuple of int
        Of each response's parameters: `Design.links`, longer by its cutpoints.
    predictors : tuple of int
        Linear predictors of each response's rows.
    levels : tuple of int
        For each factor, how many of its levels a unit has.
    effects : tuple of int
        Its effects of a level.
    student : tuple of tuple of tuple of int
        Its sets of effects that are multivariate Student-t.
    """

    families: tuple[Family, ...]
    links: tuple[tuple[int, ...], ...]
    predictors: tuple[int, ...]
    levels: tuple[int, ...]
    effects: tuple[int, ...]
    student: tuple[tuple[tuple[int, ...], ...], ...]

    @property
    def dimension(self) -> int:
        """Effects of a unit, d."""
        return sum(count * k for count, k in zip(self.levels, self.effects, strict=True))

    @property
    def method(self) -> str:
        """One of `INTEGRALS`."""
        if not self.dimension:
            return NONE
        gaussian = all(family.linear_gaussian for family in self.families) and not self.predicted
        if gaussian and not any(self.student):
            return EXACT
        return QUADRATURE if self.dimension == 1 else SAMPLING

    @property
    def log_concave(self) -> bool:
        """Whether what is integrated is log-concave in the effects."""
        concave = all(family.log_concave for family in self.families) and not self.predicted
        return concave and not any(self.student)

    @property
    def predicted(self) -> bool:
        """Whether any parameter has a linear predictor."""
        return any(code != COMMON for own in self.links for code in own)


def log_integrals(
    kind: Integral,
    rows: Sequence[Rows],
    base: np.ndarray,
    phi: Sequence[np.ndarray],
    z: Sequence[np.ndarray],
    level: Sequence[np.ndarray],
    lam: Sequence[np.ndarray],
    nu: Sequence[np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the log integrals of one unit at S draws (S,), and their errors (S,).

    Parameters
    ----------
    rows : sequence of Rows
        The unit's rows of each response.
    base : (S, lines) array
        Their linear predictors without the effects that are integrated: of each response, one predictor after
        the other.
    phi : sequence of (S, k) arrays
        The families' parameters, as `Family.pack` orders them; those that have predictors are not read.
    z, level : sequences of (lines, M, J) and (lines, M) arrays
        One a factor: the columns of each of the M levels that a line has, and these among the unit's own.
    lam : sequence of (S, J, K) arrays
        From standardised effects to what multiplies z.
    nu : sequence of (S, number of sets) arrays
        Degrees of freedom of Student-t effects.

    Returns
    -------
    tuple
        The error is the absolute one of the log integral for quadrature, the relative standard error of the
        integral for importance sampling, else 0.
    """
    draws, n = base.shape
    lines = [len(own.y) * count for own, count in zip(rows, kind.predictors, strict=True)]
    factor_starts = _starts(np.array(kind.effects, np.int64) * np.array(kind.levels, np.int64))
    of = [f for f, own in enumerate(level) for _ in own.T]  # the factor of each level that a line has
    effects = np.array(kind.effects, np.int64)[of]
    parts = zip(factor_starts[of], (member for own in level for member in own.T), effects, strict=True)
    where = _joined([first + own[:, None] * k + np.arange(k) for first, own, k in parts], n).astype(np.int64)
    columns = [member for own in z for member in own.transpose(1, 0, 2)]
    sets = _student_sets(kind, factor_starts)
    normal = np.ones(kind.dimension, np.int64)
    for _, members in sets:
        normal[members] = 0
    value, error = np.empty(draws), np.empty(draws)
    several = {QUADRATURE: kernel.NODES, SAMPLING: n_points(kind.dimension)}.get(kind.method, 1)
    copies = min(several, max(1, TOGETHER // max(n, 1)))
    intervals = [np.tile(own.intervals, (1, copies)) for own in rows]
    read = [[np.tile(column, copies) for column in own.read(len(own.y))] for own in rows]
    y, *others = (np.concatenate(own) for own in zip(*read, strict=True))
    kernel.log_integrals.compiled(
        row_list(f for own in kind.families for f in (own.row_function, own.interval_function)),
        _starts([len(own.y) for own in rows]),
        _starts(lines),
        _starts([own.shape[1] for own in phi]),
        np.array([code for own in kind.links for code in own], np.int64),
        copies,
        _starts([len(own[0]) for own in read]),
        *(y, np.array(others)),
        _starts([own.size for own in intervals]),
        np.concatenate([np.zeros(0), *map(np.ravel, intervals)]),
        where,
        first_beside(kind.dimension, where),
        normal,
        _starts([len(members) for _, members in sets]),
        np.array([e for _, members in sets for e in members], np.int64),
        np.array([column for column, _ in sets], np.int64),
        np.array([own.shape[1] for own in columns], np.int64),
        effects,
        _joined(columns, n),
        np.require(base, float, ["C", "W"]),
        _joined(phi, draws),
        _joined([lam[f].reshape(draws, -1) for f in of], draws),
        _joined(nu, draws),
        _joined([_constants(*pair) for pair in zip(nu, kind.student, strict=True)], draws),
        points(kind.dimension if kind.method == SAMPLING else 0),
        METHODS[kind.method],
        kind.log_concave,
        value,
        error,
    )
    return value, error


def _starts(counts: Sequence[int] | np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _joined(parts: Sequence[np.ndarray], n: int) -> np.ndarray:
    """Return parts (n, …) side by side."""
    return np.ascontiguousarray(np.concatenate([np.zeros((n, 0)), *parts], axis=1))


def _student_sets(kind: Integral, factor_starts: np.ndarray) -> list[tuple[int, list[int]]]:
    """Return the column of degrees of freedom, and the effects, of each Student-t variable of each level."""
    out, before = list[tuple[int, list[int]]](), 0
    for f, sets in enumerate(kind.student):
        for number, members in enumerate(sets):
            for one in range(kind.levels[f]):
                start = int(factor_starts[f]) + one * kind.effects[f]
                out.append((before + number, [start + k for k in members]))
        before += len(sets)
    return out


def _constants(nu: np.ndarray, sets: Sequence[tuple[int, ...]]) -> np.ndarray:
    """Return what Student-t variables of nu degrees of freedom add to their log density, (S, sets).

    For k effects, ``log Γ((nu + k) / 2) - log Γ(nu / 2) - k / 2 log(nu / 2)``, beside the normal's constant.
    """
    half_size = np.array([len(members) for members in sets]) / 2
    return gammaln(half_size) - betaln(half_size, nu / 2) - half_size * np.log(nu / 2)


def first_beside(d: int, where: np.ndarray) -> np.ndarray:
    """Return the first effect that shares a line with each, (d,), as `unit_density.Unit` has it."""
    first = np.arange(d)
    if where.size:
        least = where.min(axis=1)
        for column in where.T:
            np.minimum.at(first, column, least)
    return first


def n_points(d: int) -> int:
    """Return how many points of importance sampling d effects take; a power of two, as Sobol points want."""
    return FEW if d <= 4 else MANY


def points(d: int) -> np.ndarray:
    """Return sets of points of importance sampling, (SETS, P, d + 1); see `rules.quasi_random`."""
    return quasi_random(d, n_points(d))
