"""A family's compiled row functions, called from NumPy: log densities, their derivatives, probabilities."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from shoal.families.row_functions import RowFunction, RowValues, evaluate_rows
from shoal.families.rows import Rows


class Evaluated:
    """What has row functions and the parameters that they read; `Family` says what it means."""

    row_functions: ClassVar[dict[str, RowFunction]]
    interval_functions: ClassVar[dict[str, RowFunction]] = {}
    ordinal: ClassVar[bool] = False
    joint: ClassVar[bool] = False
    link: str

    def parameters(self, known_se: bool, se_sigma: bool) -> tuple[str, ...]:
        """Names of the family's own scalar parameters; `parameter_prior` says on what support."""
        return ()

    @property
    def together(self) -> tuple[str, ...]:
        """Names of a `joint` family's parameters whose predictors belong together: all, by default."""
        return self.parameters(False, False) if self.joint else ()

    @property
    def row_function(self) -> RowFunction:
        """Return the row function of the link in use."""
        return self.row_functions[self.link]

    @property
    def interval_function(self) -> RowFunction:
        """Return the interval function of the link in use, or one that is never called."""
        return self.interval_functions.get(self.link, self.row_function)

    def pack(self, phi: dict[str, Any]) -> np.ndarray:
        """Return parameters as the row function reads them, (..., k, 1) or (..., k, N).

        Parameters
        ----------
        phi : dict
            Values of `parameters` that broadcast as (..., 1) or (..., N); of an ordinal family the cutpoints,
            (C,) or (..., 1, C). The order of `parameters` is kept.
        """
        if self.ordinal:
            cutpoints = np.asarray(phi["cutpoints"], float)
            return cutpoints[:, None] if cutpoints.ndim == 1 else np.swapaxes(cutpoints, -1, -2)
        needed = self.parameters(True, False)
        names = [name for name in self.parameters(True, True) if name in needed or name in phi]
        if not names:
            return np.zeros((0, 1))
        parts = np.broadcast_arrays(*(np.atleast_1d(np.asarray(phi[name], float)) for name in names))
        return np.stack(parts, axis=-2)

    def evaluate(self, rows: Rows, eta: Any, phi: dict[str, Any], order: int = 0) -> RowValues:
        """Return log densities of rows and their derivatives.

        Parameters
        ----------
        rows : Rows
            Of N entries each.
        eta : (..., N) array
            Linear predictors.
        phi : dict
            As `pack` takes them.
        order : {0, 1, 2}
            0: values only; 1: and score and slope; 2: and curvature.
        """
        return self._evaluated((self.row_function, self.interval_function), rows, eta, phi, order)

    def predictors(self, eta: Any, phi: dict[str, Any]) -> np.ndarray:
        """Return all linear predictors of a `joint` family, (..., q, N), those of `together` last."""
        own = [phi[name] for name in self.together]
        return np.stack(np.broadcast_arrays(np.asarray(eta, float), *own), axis=-2)

    def log_density(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> np.ndarray:
        """Return the log density of each row, weights included, up to `log_constant`; as `evaluate`."""
        return self.evaluate(rows, eta, phi).value

    def score_curvature(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Return the first derivative of `log_density` in `eta` and a positive, finite curvature.

        The curvature is the negative second derivative where the density is log-concave in `eta`, else
        an expectation of it; the row function says which. It shapes proposals, never the posterior.
        """
        found = self.evaluate(rows, eta, phi, order=2)
        return found.score, found.curvature

    def log_probability(self, rows: Rows, eta: Any, phi: dict[str, Any], order: int = 0) -> RowValues:
        """Return ``log P(a < y <= b)`` of the bounds (a, b] of rows, and its derivatives, as `evaluate`.

        The derivative in eta is the mean of the score over responses within the bounds: where the score is
        linear in the response, it says what their mean is.
        """
        a, b = rows.bounds
        within = Rows(b, a, np.ones_like(b), rows.se)
        return self._evaluated((self.interval_function, self.interval_function), within, eta, phi, order)

    def _evaluated(
        self,
        functions: tuple[RowFunction, RowFunction],
        rows: Rows,
        eta: Any,
        phi: dict[str, Any],
        order: int,
    ) -> RowValues:
        """Return what functions of rows and of intervals say of rows with one predictor each."""
        found = evaluate_rows(functions, rows, np.asarray(eta, float)[..., None, :], self.pack(phi), order)
        return found._replace(score=found.score[..., 0, :], curvature=found.curvature[..., 0, :])
