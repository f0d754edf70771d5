"""Fit a mixture of Student-t distributions to a low-dimensional density by importance sampling.

The density is the marginal of the hyperparameters. The mixture serves twice: its draws are candidates of
proposals (`proposals`), and its moments the whitening and the starting points of Hamiltonian sampling.
No gradients: the density is evaluated in batches, of which few are needed in few dimensions.
Cappé et al. (2008), Statistics and Computing 18, 447-459 (population Monte Carlo by mixtures); Cornuet et al.
(2012), Scandinavian J. Statistics 39, 798-812 (points of all rounds count);
Hesterberg (1995), Technometrics 37, 185-194 (the wide defensive component).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import gammaln

from shoal.errors import SamplingError

Batch = Callable[[np.ndarray], np.ndarray]
FREEDOM = 8.0  # while the density is still unknown
SHARPER = ((8.0, 0.1), (30.0, 0.1), (30.0, 0.05))  # degrees of freedom, share of defence
ROUNDS = 6
# Variances of which the sum is known and the parts are not lie on a thin arc: where rounds cost little, there
# are more of them, each with a component more.
FEW = 4  # dimensions
MOST_ROUNDS, THIN = 14, 0.7  # rounds in few dimensions; efficiency below which they go on
HASTY_ROUNDS = 2  # where few draws are wanted
PILOT = 1024
SMALL_PILOT = 192  # where an evaluation costs milliseconds, or few draws are wanted
GOOD_ENOUGH = 0.93  # efficiency of the weights at which refitting stops
GOOD_ENOUGH_IF_DEAR = 0.85  # where an evaluation costs milliseconds
GAIN = 0.01  # of efficiency beyond that: rounds that gain less change little


def log_sum(logs: np.ndarray, axis: int = 0) -> Any:
    """Return the log of the sum of exponentials, of which one at least is above zero.

    SciPy's function, which takes what is no number as well, needs ten times as long for a thousand of them.
    """
    peak = logs.max(axis, keepdims=True)
    return np.log(np.exp(logs - peak).sum(axis)) + peak.squeeze(axis)


@dataclass(frozen=True)
class Mixture:
    """Mixture of multivariate Student-t distributions.

    Attributes
    ----------
    weight : (M,) array
    mean : (M, d) array
    root : (M, d, d) array
        Lower Cholesky factors of the scale matrices.
    freedom : float
        Degrees of freedom of all components.
    """

    weight: np.ndarray
    mean: np.ndarray
    root: np.ndarray
    freedom: float = FREEDOM

    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Return (size, d) independent draws."""
        which = rng.choice(len(self.weight), size, p=self.weight)
        normal = rng.normal(size=(size, self.mean.shape[1]))
        stretch = np.sqrt(self.freedom / rng.chisquare(self.freedom, size))[:, None]
        return self.mean[which] + stretch * np.einsum("sij,sj->si", self.root[which], normal)

    def log_parts(self, x: np.ndarray) -> np.ndarray:
        """Return the log density of each component at `x`, weight included, (S, M)."""
        d, nu = self.mean.shape[1], self.freedom
        away = x - self.mean[:, None]  # (M, S, d), so that BLAS takes each component's points together
        square = ((away @ np.linalg.inv(self.root).swapaxes(1, 2)) ** 2).sum(-1).T
        constant = gammaln((nu + d) / 2) - gammaln(nu / 2) - d / 2 * np.log(nu * np.pi)
        log_det = np.log(np.diagonal(self.root, axis1=1, axis2=2)).sum(1)
        return np.log(self.weight) + constant - log_det - (nu + d) / 2 * np.log1p(square / nu)

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """Return the log density at each row of `x`, (S,)."""
        return log_sum(self.log_parts(x), 1)


@dataclass(frozen=True)
class MixtureFit:
    """A mixture near the density, and what is known of the density from it.

    Attributes
    ----------
    mixture : Mixture
    mean, root : (d,), (d, d) arrays
        Moments of the density by importance weights; lower Cholesky factor of the covariance.
    sample, log_density, weight : (S, d), (S,), (S,) arrays
        Points of all rounds, and their weights as draws from the density, which sum to one.
    efficiency : float
        Expected effective size of the mixture's weights over their number, in (0, 1].
    """

    mixture: Mixture
    mean: np.ndarray
    root: np.ndarray
    sample: np.ndarray
    log_density: np.ndarray
    weight: np.ndarray
    efficiency: float


def fit(
    batch: Batch,
    mode: np.ndarray,
    root: np.ndarray,
    rng: np.random.Generator,
    pilot: int = PILOT,
    dear: bool = False,
    followed: bool = True,
) -> MixtureFit:
    """Fit a mixture to a density with the given mode and curvature (`root` of its inverse).

    Parameters
    ----------
    pilot : int
        Evaluations in each round; where they are few, so are the rounds.
    dear : bool
        Evaluations are dear, and few are made later: rounds end earlier, and tails may be sharper.
    followed : bool
        A polynomial will follow the density between the points (`proposals.follow`): rounds that do not make
        the mixture better are not worth their evaluations. Without one, each tells more of the tails.

    Raises
    ------
    SamplingError
        If the density is nowhere finite around the mode.
    """
    enough = GOOD_ENOUGH_IF_DEAR if dear else GOOD_ENOUGH
    # The curvature at the mode knows nothing of the tails: refit at least once, but where evaluations are
    # dear and so few dimensions that the first points are everywhere.
    least = 0 if dear and len(mode) <= FEW else 1
    # Where evaluations are cheap the tails stay wide: draws choose among several proposals instead.
    choices = SHARPER if dear else SHARPER[:1]
    mixtures = [_defended(mode[None], root[None], np.ones(1))]
    x, log_density, drawn_from = np.zeros((0, len(mode))), np.zeros(0), list[np.ndarray]()
    most = ROUNDS if dear or len(mode) > FEW else MOST_ROUNDS
    if pilot < PILOT and not dear:
        most = HASTY_ROUNDS
    for components in range(1, most + 1):
        fresh = mixtures[-1].draw(rng, pilot)
        x, log_density = np.concatenate([x, fresh]), np.concatenate([log_density, batch(fresh)])
        # Points of all rounds, weighted as draws from the mixtures of all rounds together.
        earlier = zip(mixtures, drawn_from, strict=False)
        drawn_from = [np.append(own, drawn.log_density(fresh)) for drawn, own in earlier]
        drawn_from.append(mixtures[-1].log_density(x))
        log_weight = log_density - (log_sum(np.array(drawn_from), 0) - np.log(len(mixtures)))
        log_weight = np.where(np.isfinite(log_weight), log_weight, -np.inf)
        if not np.isfinite(log_weight).any():
            raise SamplingError(
                "density-not-finite", "The density of the hyperparameters is not finite around its mode."
            )
        # Of log densities of 1e8 and more a sum of exponentials is known to fewer digits than it has.
        weight = np.exp(log_weight - log_weight.max())
        weight /= weight.sum()
        # Judged by the points of all rounds: an early mixture has seen nothing of what it does not reach.
        judged = [
            _sharpened(drawn, own, x, log_density, log_weight, choices)
            for drawn, own in zip(mixtures, drawn_from, strict=True)
        ]
        efficiency, before = judged[-1][1], max((worth for _, worth in judged[:-1]), default=0.0)
        wanted = enough if components < ROUNDS else THIN
        settled = followed and before > GOOD_ENOUGH_IF_DEAR and efficiency < before + GAIN
        if components == most or (components > least and (settled or efficiency > wanted)):
            break
        mixtures.append(_expectation_maximization(x, weight, components, rng))
    best, efficiency = max(judged, key=lambda pair: pair[1])
    return MixtureFit(best, *_moments(x, weight), x, log_density, weight, efficiency)


def _sharpened(
    mixture: Mixture,
    own: np.ndarray,
    x: np.ndarray,
    log_density: np.ndarray,
    log_weight: np.ndarray,
    choices: tuple[tuple[float, float], ...],
) -> tuple[Mixture, float]:
    """Return the mixture with the tails and the defence whose weights would vary least, and its efficiency.

    With x from q of weights p / q, the efficiency of another proposal q' is ``1 / E_p[p / q']``, which the
    same weighted sample estimates. `own` is the log density of the mixture at x, whose tails and defence are
    the first choice.
    """
    total = log_sum(log_weight)
    log_p = log_density - (total - np.log(len(x)))
    best, least = mixture, np.inf
    for freedom, defence in choices:
        if (freedom, defence) == SHARPER[0]:
            candidate, there = mixture, own
        else:
            parts = np.append((1 - defence) * mixture.weight[:-1] / mixture.weight[:-1].sum(), defence)
            candidate = Mixture(parts, mixture.mean, mixture.root, freedom)
            there = candidate.log_density(x)
        cost = log_sum(log_weight - total + log_p - there)
        if cost < least:
            best, least = candidate, cost
    return best, float(np.exp(-least))


def _moments(x: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = weight @ x
    away = x - mean
    covariance = away.T @ (weight[:, None] * away)
    return mean, _root(covariance)


def _root(covariance: np.ndarray) -> np.ndarray:
    """Return a Cholesky factor, with a floor that keeps a degenerate direction alive."""
    scale = np.sqrt(np.maximum(np.diagonal(covariance), 1e-16))
    correlation = covariance / np.outer(scale, scale)
    return scale[:, None] * np.linalg.cholesky(correlation + 1e-6 * np.eye(len(scale)))


def _defended(mean: np.ndarray, root: np.ndarray, weight: np.ndarray) -> Mixture:
    """Add a component twice as wide as the whole, so that no tail of the density is out of reach."""
    center = weight @ mean
    away = mean - center
    total = np.einsum("m,mij,mkj->ik", weight, root, root) + away.T @ (weight[:, None] * away)
    return Mixture(
        np.append(0.9 * weight, 0.1),
        np.concatenate([mean, center[None]]),
        np.concatenate([root, 2 * _root(total)[None]]),
    )


def _expectation_maximization(
    x: np.ndarray, weight: np.ndarray, components: int, rng: np.random.Generator, steps: int = 12
) -> Mixture:
    """Fit components to a weighted sample; begins with slices along the most skewed direction."""
    mean, root = _moments(x, weight)
    z = np.linalg.solve(root, (x - mean).T).T
    skew = np.abs(weight @ z**3)
    along = z[:, int(np.argmax(skew))]
    order = np.argsort(along)
    slice_of = np.empty(len(x), int)
    slice_of[order] = np.minimum((np.cumsum(weight[order]) * components).astype(int), components - 1)
    share = np.eye(components)[slice_of]
    for _ in range(steps):
        mass = weight[:, None] * share
        total = np.maximum(mass.sum(0), 1e-10)
        means = (mass.T @ x) / total[:, None]
        away = x - means[:, None]
        covariances = (mass.T[:, :, None] * away).swapaxes(1, 2) @ away / total[:, None, None]
        # A component keeps at least a hundredth of the whole covariance: a handful of heavy weights
        # must not shrink it to a point.
        covariances += 0.01 * root @ root.T
        mixture = Mixture(total / total.sum(), means, np.stack([_root(c) for c in covariances]))
        if components == 1:
            break  # all points are its own, and stay so
        parts = mixture.log_parts(x)
        share = np.exp(parts - parts.max(1, keepdims=True))
        share /= share.sum(1, keepdims=True)
    return _defended(mixture.mean, mixture.root, mixture.weight)
