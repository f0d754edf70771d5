"""Proposals of theta that follow its density more closely than a mixture can.

Where the mixture was fitted, log densities are known at hundreds of points, and a polynomial s through them
says between them nearly all there is to say. Candidates are drawn from the mixture m, and kept with
probability ``min(1, exp(s) / (M m))``, but at least `LEAST_KEPT`: what is kept has the density

    q = m clip(exp(s) / (M m), LEAST_KEPT, 1),

a constant left out, which a Metropolis ratio does not need. However wrong the polynomial is where it knows
no points, q has the mixture's tails.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations_with_replacement

import numpy as np

from shoal.engine import evaluate
from shoal.engine.mixture import Mixture, MixtureFit, log_sum

LEAST_KEPT = 0.25  # share of candidates kept where the polynomial says they are too many
UNCAPPED = 0.99  # share of the density where what is kept follows the polynomial
DEGREE = 4
POINTS = 3  # effective points a coefficient, at least
RIDGE = 1e-5  # of a polynomial's coefficients, against points that do not determine it
MOST_THINNING = 8
LEFT_STUCK = 0.02  # share of the draws that repeat the one before
COSTLY = 1e5  # operations of an evaluation, some tenths of a millisecond, for which repeats are let be
RARELY_REPEATED = 0.9  # acceptance that leaves four fifths of the effective draws, or more


@dataclass(frozen=True)
class Proposal:
    """A mixture, and a polynomial by which its draws are kept.

    Attributes
    ----------
    mixture : Mixture
    center, inverse : (d,), (d, d) arrays
        The polynomial is in ``z = inverse (theta - center)``.
    terms : (K, DEGREE) int array
        Which elements of (1, z) each monomial is the product of.
    coefficient : (K,) array
        Of the log density less the cap, log M; none: all candidates are kept.
    """

    mixture: Mixture
    center: np.ndarray
    inverse: np.ndarray
    terms: np.ndarray
    coefficient: np.ndarray

    def log_kept(self, x: np.ndarray, log_mixture: np.ndarray) -> np.ndarray:
        """Return the log probability that a candidate is kept, (S,)."""
        if not len(self.coefficient):
            return np.zeros(len(x))
        values = monomials((x - self.center) @ self.inverse.T, self.terms) @ self.coefficient
        return np.clip(values - log_mixture, np.log(LEAST_KEPT), 0.0)

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """Return the log density at each row of `x` but for a constant, (S,)."""
        log_mixture = self.mixture.log_density(x)
        return log_mixture + self.log_kept(x, log_mixture)

    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Return (size, d) independent draws."""
        if not len(self.coefficient):
            return self.mixture.draw(rng, size)
        kept = [np.zeros((0, len(self.center)))]
        while sum(map(len, kept)) < size:
            x = self.mixture.draw(rng, 2 * size)
            log_kept = self.log_kept(x, self.mixture.log_density(x))
            kept.append(x[np.log(rng.random(len(x))) < log_kept])
        return np.concatenate(kept)[:size]


def monomials(z: np.ndarray, terms: np.ndarray) -> np.ndarray:
    """Return products of elements of (1, z), (S, K)."""
    extended = np.concatenate([np.ones((len(z), 1)), z], axis=1)
    return extended[:, terms].prod(axis=2)


@dataclass(frozen=True)
class MarginalFit:
    """Proposals near a density, and what is known of the density.

    Attributes
    ----------
    proposal : Proposal
    mean, root : (d,), (d, d) arrays
        Moments of the density by importance weights; lower Cholesky factor of the covariance.
    sample, weight : (S, d), (S,) arrays
        Points weighted as draws from the density; weights sum to one.
    efficiency : float
        Expected effective size of the proposal's weights over their number, in (0, 1].
    acceptance : float
        How often an independence sampler in equilibrium would accept.
    """

    proposal: Proposal
    mean: np.ndarray
    root: np.ndarray
    sample: np.ndarray
    weight: np.ndarray
    efficiency: float = float("nan")
    acceptance: float = float("nan")


def plain(mixture: Mixture, mean: np.ndarray, root: np.ndarray) -> Proposal:
    """Return a mixture as a proposal, all of its candidates kept."""
    return Proposal(mixture, mean, np.linalg.inv(root), np.zeros((0, DEGREE), np.int64), np.zeros(0))


def follow(fit: MixtureFit, highest: int = DEGREE) -> MarginalFit:
    """Return the fitted mixture with the polynomial whose proposals' weights would vary least.

    A polynomial is judged at each point by what it would say without it.

    Parameters
    ----------
    highest : int
        Degree of the polynomial, at most; below 2 there is none.
    """
    used = np.isfinite(fit.log_density) & (fit.weight > 0)
    x, weight, log_density = fit.sample[used], fit.weight[used], fit.log_density[used]
    log_mixture = fit.mixture.log_density(x)
    best = plain(fit.mixture, fit.mean, fit.root)
    log_ratio = log_density - log_mixture
    efficiency, acceptance = _worth(log_ratio, weight)
    z = (x - fit.mean) @ best.inverse.T
    for degree in range(2, highest + 1):
        terms = terms_of(x.shape[1], degree)
        if POINTS * len(terms) * (weight**2).sum() > 1:
            break
        coefficient, without = least_squares(monomials(z, terms), log_density, weight)
        away = without - log_mixture
        order = np.argsort(away)
        cap = away[order][np.searchsorted(np.cumsum(weight[order]), UNCAPPED)]
        log_kept = np.clip(away - cap, np.log(LEAST_KEPT), 0.0)
        worth = _worth(log_ratio - log_kept, weight)
        if worth[0] > efficiency:
            efficiency, acceptance = worth
            coefficient[0] -= cap  # of the constant, which comes first
            best = replace(best, terms=terms, coefficient=coefficient)
    return MarginalFit(best, fit.mean, fit.root, fit.sample, fit.weight, efficiency, acceptance)


def terms_of(d: int, degree: int) -> np.ndarray:
    """Return all monomials of d elements of z of at most `degree`, as products of elements of (1, z)."""
    products = list(combinations_with_replacement(range(d + 1), degree))
    terms = np.zeros((len(products), DEGREE), np.int64)
    terms[:, :degree] = products
    return terms


def least_squares(
    features: np.ndarray, values: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients, and what is fitted at each point without it."""
    root = np.sqrt(weight)[:, None]
    rows = np.concatenate([features * root, RIDGE * np.eye(features.shape[1])])
    q, r = np.linalg.qr(rows)
    center = weight @ values
    right = np.concatenate([(values - center) * root[:, 0], np.zeros(features.shape[1])])
    coefficient = np.linalg.solve(r, q.T @ right)
    coefficient[0] += center
    fitted = features @ coefficient
    leverage = np.minimum((q[: len(values)] ** 2).sum(1), 0.99)
    return coefficient, fitted - leverage / (1 - leverage) * (values - fitted)


def _worth(log_ratio: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Return efficiency and acceptance of proposals q, from draws of the density p with ``log p / q``.

    With ratios r the efficiency is ``1 / (E_p[r] E_p[1 / r])``; an independence sampler accepts
    ``E min(r, r') / E r`` of the time, over pairs of proposals.
    """
    ratio = np.exp(log_ratio - log_sum(log_ratio + np.log(weight)))  # of mean one by p
    order = np.argsort(ratio)
    ratio, by_q = ratio[order], (weight / ratio)[order]
    by_q /= by_q.sum()
    above = 1 - np.cumsum(by_q) + 0.5 * by_q
    acceptance = 2 * (by_q * ratio * above).sum() / (by_q * ratio).sum()
    return float((by_q * ratio).sum() ** 2 / (by_q * ratio**2).sum()), float(acceptance)


def repeats_let_be(acceptance: float, cost: float) -> bool:
    """Whether the few draws that repeat the one before cost less than more evaluations would."""
    return cost > COSTLY and acceptance > RARELY_REPEATED


def thinning(acceptance: float, cost: float) -> int:
    """Return proposals per kept draw: about `LEFT_STUCK` of the draws may repeat where evaluations are cheap.

    Parameters
    ----------
    cost : float
        Operations of an evaluation.
    """
    if cost > evaluate.DEAR or repeats_let_be(acceptance, cost) or acceptance >= 1 - LEFT_STUCK:
        return 1
    return int(np.clip(np.ceil(np.log(LEFT_STUCK) / np.log1p(-acceptance)), 1, MOST_THINNING))
