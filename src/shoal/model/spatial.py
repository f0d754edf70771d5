"""Rows that depend on their neighbours, ``sar(W)``: draws, and what others say of a row.

With W the weights of neighbours, as they are given, and ``A = I - rho W``,

    lag      y = rho W y + eta + e,     so that ``A y - eta`` is Normal(0, sigma^2 I)
    error    y = eta + u, u = rho W u + e,     so that ``A (y - eta)`` is

(Anselin 1988, Spatial Econometrics: Methods and Models, chapter 6). Either way y has the precision matrix
``A'A / sigma^2``, whose determinant is ``|A|^2 / sigma^2N``, from the eigenvalues of W (Ord 1975, J. American
Statistical Association 70, 120-126). rho lies between -1/r and 1/r, r being the largest size of an
eigenvalue: there A has an inverse, whatever W is (Kelejian and Prucha 2010, J. Econometrics 157, 53-67). Rows
of W that sum to one make r = 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from shoal.formula.terms import ResidualTerm

Draws = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Spatial:
    """How N rows depend on their neighbours.

    Attributes
    ----------
    term : ResidualTerm
    name : str
        Posterior name of rho.
    matrix : (A, A) sparse array
        Weights W of neighbours.
    labels : tuple
        Their names, where `term` has a column of these.
    place : (N,) int array
        The row of W of each row of the table. What is asked of rows together needs all of them, N = A.
    spectrum : (A,) complex array
        Eigenvalues of W.
    """

    term: ResidualTerm
    name: str
    matrix: sp.csr_array
    labels: tuple[object, ...]
    place: np.ndarray
    spectrum: np.ndarray

    @property
    def kind(self) -> str:
        """``sar``."""
        return self.term.function

    @property
    def lag(self) -> bool:
        """Rows depend on those of neighbours, not only their residuals: means depend on all predictors."""
        return self.term.type == "lag"

    @property
    def joined(self) -> bool:
        """Whether a row depends on all others: what is computed of one is computed of all."""
        return True

    @cached_property
    def radius(self) -> float:
        """The largest size of an eigenvalue."""
        return float(np.abs(self.spectrum).max())

    @cached_property
    def weights(self) -> sp.csr_array:
        """W with its rows and columns as the table has them, (N, N)."""
        return sp.csr_array(self.matrix[self.place][:, self.place])

    def at(self, rows: slice | np.ndarray) -> Spatial:
        """Return that of some rows."""
        return replace(self, place=self.place[rows])

    def together(self, rows: slice | np.ndarray, there: np.ndarray) -> np.ndarray:
        """Return some rows and those that tell of them: all."""
        return np.arange(len(self.place))

    def mean(self, eta: np.ndarray, draws: Draws) -> np.ndarray:
        """Return expected responses (..., N) at linear predictors."""
        return self._solved(eta, draws) if self.lag else eta

    def draw(self, rng: np.random.Generator, eta: np.ndarray, sigma: np.ndarray, draws: Draws) -> np.ndarray:
        """Return responses (..., N); `sigma` broadcasts against `eta`."""
        noise = sigma * rng.normal(size=np.shape(eta))
        return self._solved(eta + noise, draws) if self.lag else eta + self._solved(noise, draws)

    def _solved(self, values: np.ndarray, draws: Draws) -> np.ndarray:
        """Return ``A^-1`` times values (..., N), draw by draw."""
        lead, n = values.shape[:-1], values.shape[-1]
        flat, one = values.reshape(-1, n), sp.eye_array(n, format="csc")
        rho, own = np.broadcast_to(draws[self.name], lead).ravel(), sp.csc_array(self.weights)
        out = [splu(one - r * own).solve(row) for r, row in zip(rho, flat, strict=True)]
        return np.array(out).reshape(values.shape)

    def given_others(
        self, y: np.ndarray, eta: np.ndarray, sigma: np.ndarray, there: np.ndarray, draws: Draws
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and variance of each row's response given those of others, as `Residuals` does.

        With P = A'A and g = ``A'(A y - m)``, of which a row's own part is ``P_ii``, the mean is ``y_i - g_i /
        P_ii`` and the variance ``sigma^2 / P_ii``. Rows that are not known have the value at which their g is
        zero, and P is what it is without them.
        """
        rho = draws[self.name]
        w, unknown = self.weights, np.flatnonzero(~there)
        filled = np.where(there, y, np.zeros(eta.shape))
        gradient = self._gradient(filled, eta, rho)
        own = 1 + rho[:, None] ** 2 * np.asarray((w * w).sum(axis=0)).ravel()
        if not len(unknown):
            return y - gradient / own, sigma**2 / own
        variance = 1 / own
        for s, precision in self._blocks(rho, unknown):
            inverse = np.linalg.inv(precision[unknown])
            step = inverse @ gradient[s, unknown]
            filled[s, unknown] -= step
            gradient[s] -= precision @ step
            across = precision[there]
            variance[s, there] = 1 / (own[s, there] - np.einsum("ku,uv,kv->k", across, inverse, across))
            variance[s, unknown] = np.diagonal(inverse)
        mean = filled - np.where(there, gradient * variance, 0.0)
        return mean, sigma**2 * variance

    def log_density(
        self, y: np.ndarray, eta: np.ndarray, sigma: np.ndarray, there: np.ndarray, draws: Draws
    ) -> np.ndarray:
        """Return the joint log density of the rows that are known, (S,), as `Residuals` does."""
        rho, unknown = draws[self.name], np.flatnonzero(~there)
        sigma = np.broadcast_to(sigma, eta.shape)[:, 0]
        filled = np.where(there, y, np.zeros(eta.shape))
        total = np.log(np.abs(1 - rho[:, None] * self.spectrum)).sum(-1)
        if len(unknown):
            gradient = self._gradient(filled, eta, rho)
            for s, precision in self._blocks(rho, unknown):
                filled[s, unknown] -= np.linalg.solve(precision[unknown], gradient[s, unknown])
                total[s] -= 0.5 * np.linalg.slogdet(precision[unknown])[1]
        e = self._away(filled, eta, rho)
        return total - there.sum() * np.log(np.sqrt(2 * np.pi) * sigma) - 0.5 * (e**2).sum(-1) / sigma**2

    def _away(self, y: np.ndarray, eta: np.ndarray, rho: np.ndarray) -> np.ndarray:
        """Return ``A y - eta``, or ``A (y - eta)``, (S, N)."""
        known, rest = (y, eta) if self.lag else (y - eta, 0.0)
        return known - rho[:, None] * (self.weights @ known.T).T - rest

    def _gradient(self, y: np.ndarray, eta: np.ndarray, rho: np.ndarray) -> np.ndarray:
        away = self._away(y, eta, rho)
        return away - rho[:, None] * (self.weights.T @ away.T).T

    def _blocks(self, rho: np.ndarray, columns: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the columns of ``A'A`` of some rows, (N, U), draw by draw."""
        w = self.weights
        one = np.eye(w.shape[0])[:, columns]
        both = (w + w.T)[:, columns].toarray()
        square = (w.T @ w[:, columns]).toarray()
        for s, r in enumerate(rho):
            yield s, one - r * both + r * r * square

    def sentence(self) -> str:
        """Return what correlates, as a sentence."""
        rows = "Rows depend on those of" if self.lag else "Residuals depend on those of"
        return f"{rows} their neighbours, as the matrix {self.term.matrix} has them."

    def words(self) -> str:
        """Return the dependence as the printed model has it."""
        ends = f"{-1 / self.radius:.4g} < {self.name} < {1 / self.radius:.4g}"
        weights = f"{self.name} sum_j {self.term.matrix}[i, j]"
        if self.lag:
            return f"the mean of row i has {weights} response[j] added, {ends}"
        return f"residuals are u[i] = {weights} u[j] + Normal(0, sigma), {ends}"
