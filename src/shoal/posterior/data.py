"""The arrays that a compiled program is given: rows or their sums, and hyperparameters at a point."""

from __future__ import annotations

from typing import Any, NamedTuple

from shoal.families import Rows


class Pattern(NamedTuple):
    """Which levels of the main factor meet which border columns.

    An entry is a pair (level of the main factor, column of a sparse factor) that some row has. The entries
    are numbered factor by factor; all arrays are integer.

    Attributes
    ----------
    level, column : (E,) arrays
        Of each entry; columns count over all sparse factors' columns (of z) and levels.
    first, second, cell : (Q,) arrays
        Pairs of entries at one level, and the position ``row * n_sparse + column`` of their
        product in the lower triangle of the border's matrix, ascending.
    """

    level: Any
    column: Any
    first: Any
    second: Any
    cell: Any


class RowData(NamedTuple):
    """Merged rows of all responses, one after the other; M in all.

    Attributes
    ----------
    rows : tuple of Rows
        One a response.
    offset : (M,) array
    x : (M, p) array
        Columns of the normal coefficients, standardised.
    xc : (M, q) array
        Columns of the coefficients in theta.
    z : tuple of (M, J) arrays
        One a factor, the main one first.
    index : tuple of (M,) int arrays
        Level in each factor.
    entry : tuple of (M,) int arrays
        For each sparse factor, the entry of the row's levels in the factor's first column of z.
    """

    rows: tuple[Rows, ...]
    offset: Any
    x: Any
    xc: Any
    z: tuple[Any, ...]
    index: Any
    entry: tuple[Any, ...]


class Sums(NamedTuple):
    """Weighted cross-products of rows, with A = [sparse factors | dense factors | x | xc | y - x reference].

    Attributes
    ----------
    zz : (J, J, G) array
        Of the main factor's columns, level by level.
    ze : (J, E) array
        With the sparse factors' columns, entry by entry.
    za : (J, D + p + q + 1, G) array
        With the rest of A, level by level.
    aa : (S + D + p + q + 1, S + D + p + q + 1) array
        Of A.
    weight : float
        Sum of the weights.
    """

    zz: Any
    ze: Any
    za: Any
    aa: Any
    weight: Any


class Quadratic(NamedTuple):
    """A log density quadratic in the effects: rows as gaussian ones, and the effects' prior precision.

    Attributes
    ----------
    sums : tuple of Sums
        One for each response that is `ResponseShape.live`, in units of its sigma, then one for all others
        together, if there are any: their score and curvature at one point.
    tight_u : (K, G) array
        Prior precision of the standardised effects of the main factor: 1, but for Student-t effects.
    tight_b : (R,) array
        Of the border.
    reference : (p,) array
        Normal coefficients, in the scales of `Data`, from which the sums are measured.
    """

    sums: tuple[Sums, ...]
    tight_u: Any
    tight_b: Any
    reference: Any


class Data(NamedTuple):
    """Numbers of a posterior, arguments of every compiled program.

    `prior` (n_theta, 3) holds the arguments of each slot's prior; `fixed` the known hyperparameters.
    Coefficients on their own scale are ``mean + scale @ b + direct @ c``, b standardised and c the
    coefficients in theta. `rows` is None where everything is quadratic. `roots` are the Cholesky factors of
    known covariances, one a factor (an empty array where there is none). `size` is the root mean square of
    each column, (J,) a factor and (p,) for the population: it turns steps of effects into steps of the
    linear predictor. `constant` is the log density's constant. `frozen` is a
    `laplace.Frozen`, if one is used.
    """

    prior: Any
    fixed: Any
    mean: Any
    scale: Any
    direct: Any
    constant: Any
    rows: RowData | None
    anchor: Quadratic
    pattern: Pattern
    roots: tuple[Any, ...]
    size: tuple[Any, ...]
    frozen: Any = None


class Hyper(NamedTuple):
    """Hyperparameters at one theta.

    Attributes
    ----------
    values : (V,) array
        In the order of `Structure.names`.
    lam : tuple of (J, K) arrays
        One a factor: from standardised effects to what multiplies z.
    out : tuple of (K, K) arrays
        One a factor: from standardised effects to those that are reported.
    phi : tuple of dicts
        The families' parameters, one a response.
    coefficients : (q,) array
    scale_b : (p,) array
        Scales of the normal coefficients relative to those in `Data`: 1, but for shrinkage priors.
    log_prior : scalar
        Log prior density of theta, Jacobian included.
    """

    values: Any
    lam: tuple[Any, ...]
    out: tuple[Any, ...]
    phi: tuple[dict[str, Any], ...]
    coefficients: Any
    scale_b: Any
    log_prior: Any


def coefficients(data: Data, hyper: Hyper, b: Any) -> Any:
    """Return all population coefficients on their own scale, (P,)."""
    return data.mean + data.scale @ (hyper.scale_b * b) + data.direct @ hyper.coefficients
