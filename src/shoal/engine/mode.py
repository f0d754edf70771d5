"""Mode and curvature of a log density: of few dimensions from batches of evaluations, of many by gradients.

Newton's method on finite differences in coordinates rescaled by the curvature itself, with a batch of step
lengths in place of a line search. Exactness of sampling never depends on the result.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shoal.errors import SamplingError

MOST_STEPS = 60
LONGEST = 2.0  # of a Newton step, in theta
SPACING = 0.3  # of the differences, in units of the curvature's scale
WIDE = 1.5  # where the density jumps: steeper than it is between the jumps, and smooth from afar
DIFFERENCE, FLATTEST = 1e-3, 1e-2  # step between gradients; least curvature, of a prior of sd 10
FARTHEST = 1e100  # log densities below its negative have no differences
STEPS = np.append(0.0, 2.0 ** np.arange(2, -9, -1))
FEW_STEPS = np.array([0.0, 2.0, 1.0, 0.7, 0.4, 0.2, 0.05, 0.005])  # where an evaluation costs milliseconds


def find(
    batch: Callable[[np.ndarray], np.ndarray],
    start: np.ndarray,
    steps: np.ndarray = STEPS,
    spacing: float = SPACING,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mode (d,) and the lower Cholesky factor of the inverse curvature there.

    Parameters
    ----------
    batch : callable
        Log density of (B, d) points, (B,); NaN counts as zero density.
    start : (d,) array
    steps : array
        Lengths of a Newton step to choose among.
    spacing : float
        Between the points of differences, in units of the curvature's scale: far more than jumps are wide.

    Raises
    ------
    SamplingError
        If the density is zero at the start.
    """

    def density(x: np.ndarray) -> np.ndarray:
        values = np.nan_to_num(batch(x), nan=-np.inf, posinf=-np.inf)
        return np.where(values > -FARTHEST, values, -np.inf)

    x, root, value = start, 0.1 * np.eye(len(start)), density(start[None])[0]
    if not np.isfinite(value):
        raise SamplingError(
            "density-too-low", f"The log density is below {-FARTHEST:g} where the search for its mode begins."
        )
    for _ in range(MOST_STEPS):
        values = density(x + spacing * _stencil(len(x)) @ root.T)
        if not np.isfinite(values).all():
            root = root / 4
            continue
        gradient, hessian = _differences(values, len(x), spacing)
        eigenvalue, vector = np.linalg.eigh(-hessian)
        eigenvalue = np.clip(np.abs(eigenvalue), 1e-2, 1e4)
        direction = vector @ ((vector.T @ gradient) / eigenvalue)
        direction /= max(1.0, np.abs(root @ direction).max() / LONGEST)
        trial = x + steps[:, None] * (root @ direction)
        values = density(trial)
        # Far out, rounding can make a density of anything: no step gains more than its slope promises.
        promised = steps * (gradient @ direction)
        values = np.where(values - value <= 2 * promised + 1, values, -np.inf)
        best = int(np.argmax(values))
        moved = steps[best] * np.sqrt((eigenvalue * (vector.T @ direction) ** 2).sum())
        # Where no step has a density, and this point had none, nothing is gained.
        gained = values[best] - value if np.isfinite(values[best]) else -np.inf
        x, value = trial[best], values[best]
        root = _lower(root @ (vector / np.sqrt(eigenvalue)))
        if moved < 0.05 and gained < 1e-2 and np.all((eigenvalue > 0.2) & (eigenvalue < 5)):
            break
    return x, root


def _lower(square_root: np.ndarray) -> np.ndarray:
    """Return the Cholesky factor of ``R R'``, which exists however near to singular R is."""
    upper = np.asarray(np.linalg.qr(square_root.T, mode="r"))
    return np.asarray((upper * np.where(np.diagonal(upper) < 0, -1.0, 1.0)[:, None]).T)


def climb(
    density: Callable[[np.ndarray], tuple[float, np.ndarray]], start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what `find` does, from gradients: in d dimensions a stencil has d^2 points, differences 2 d.

    Parameters
    ----------
    density : callable
        Log density of a point (d,), and its gradient.
    start : (d,) array

    Raises
    ------
    SamplingError
        If the density is zero at the start.
    """
    from scipy.optimize import minimize

    def negative(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = density(x)
        return (-value, -gradient) if np.isfinite(value) else (FARTHEST, np.zeros(len(x)))

    if negative(start)[0] >= FARTHEST:
        raise SamplingError(
            "density-too-low", f"The log density is below {-FARTHEST:g} where the search for its mode begins."
        )
    mode = minimize(negative, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    steps = DIFFERENCE * np.eye(len(mode))
    hessian = np.array([negative(mode + s)[1] - negative(mode - s)[1] for s in steps]) / (2 * DIFFERENCE)
    eigenvalue, vector = np.linalg.eigh((hessian + hessian.T) / 2)
    eigenvalue = np.clip(np.abs(eigenvalue), FLATTEST, None)
    return mode, np.linalg.cholesky((vector / eigenvalue) @ vector.T)


def _stencil(d: int) -> np.ndarray:
    unit = np.eye(d)
    pairs = [s * (unit[i] + unit[j]) for i in range(d) for j in range(i) for s in (1, -1)]
    return np.concatenate([np.zeros((1, d)), unit, -unit, *(p[None] for p in pairs)])


def _differences(values: np.ndarray, d: int, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Return gradient and Hessian, in stencil units, from values on `_stencil`."""
    center, up, down, pairs = values[0], values[1 : d + 1], values[d + 1 : 2 * d + 1], values[2 * d + 1 :]
    hessian = np.diag(up + down - 2 * center)
    sums = iter(pairs.reshape(-1, 2).sum(1))
    for i in range(d):
        for j in range(i):
            mixed = next(sums) - up[i] - down[i] - up[j] - down[j] + 2 * center
            hessian[i, j] = hessian[j, i] = mixed / 2
    return (up - down) / (2 * spacing), hessian / spacing**2
