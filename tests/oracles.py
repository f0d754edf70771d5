"""Exact posteriors of small models by quadrature, to judge samplers by.

Each integrand is analytic and decays on the whole line once scales are taken by their logarithm, so that the
trapezoidal rule converges geometrically (Trefethen and Weideman 2014, SIAM Review 56, 385-458). `refine`
multiplies the points: an answer that moves by less than 1e-8 when it grows is exact for our purposes.

Nothing here comes from `shoal`: priors are functions of a value that return a log density.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import logsumexp

LogPrior = Callable[[np.ndarray], np.ndarray]
NEGLIGIBLE = 38.0  # a density smaller than its peak by exp(-38) is left out


@dataclass(frozen=True)
class Moments:
    """Posterior mean and sd by name; numbers, or arrays over the levels."""

    mean: Mapping[str, np.ndarray]
    sd: Mapping[str, np.ndarray]


def half_cauchy(beta: float) -> LogPrior:
    return lambda x: stats.halfcauchy.logpdf(x, scale=beta)


def half_normal(sigma: float) -> LogPrior:
    return lambda x: stats.halfnorm.logpdf(x, scale=sigma)


def exponential(rate: float) -> LogPrior:
    return lambda x: stats.expon.logpdf(x, scale=1 / rate)


HALF_CAUCHY_5, HALF_NORMAL_1, HALF_NORMAL_10 = half_cauchy(5.0), half_normal(1.0), half_normal(10.0)


def known_errors(
    y: Sequence[float],
    se: Sequence[float],
    mu: tuple[float, float] = (0.0, 5.0),
    tau: LogPrior = HALF_CAUCHY_5,
    refine: float = 1,
) -> Moments:
    """Return moments of ``mu``, ``tau``, ``theta``: ``y_j ~ N(theta_j, se_j)``, ``theta_j ~ N(mu, tau)``.

    One dimension, log tau; mu and theta are integrated analytically. Gelman et al., Bayesian Data Analysis,
    3rd ed., section 5.4.

    Parameters
    ----------
    mu : (mean, sd) of the normal prior.
    """
    y, variance = np.asarray(y, float), np.asarray(se, float) ** 2
    t = np.linspace(-40.0, 25.0, int(1300 * refine))
    tau2 = np.exp(2 * t)[:, None]
    total = variance + tau2
    precision = mu[1] ** -2.0 + (1 / total).sum(1)
    center = (mu[0] / mu[1] ** 2 + (y / total).sum(1)) / precision
    log_density = (
        tau(np.exp(t))
        + t
        - 0.5 * np.log(total).sum(1)
        - 0.5 * (y**2 / total).sum(1)
        - 0.5 * np.log(precision)
        + 0.5 * precision * center**2
    )
    weight = np.exp(log_density - logsumexp(log_density))
    pull = variance / total  # weight of mu in theta_j
    return _moments(
        weight,
        mu=(center, 1 / precision),
        tau=(np.exp(t), np.zeros_like(t)),
        theta=(pull * center[:, None] + (1 - pull) * y, tau2 * pull + pull**2 / precision[:, None]),
    )


def one_way(
    y: Sequence[float],
    group: Sequence[int],
    zero_sum: bool,
    mu: tuple[float, float] = (0.0, 1.0),
    sigma: LogPrior = HALF_NORMAL_1,
    omega: LogPrior = HALF_NORMAL_10,
    refine: float = 1,
) -> Moments:
    """Return moments of ``mu``, ``sigma``, ``omega``, ``level`` in a balanced one-way layout.

    ``y_gi ~ N(mu + r_g, sigma)``, ``r_g ~ N(0, omega)``, given that they sum to zero if `zero_sum`. Two
    dimensions, (log sigma, log omega). The group means fall into their average, which knows mu (and the mean
    of the effects), and G - 1 deviations of variance ``omega^2 + sigma^2 / n``; the two are independent.
    ``level`` is mu + r_g.
    """
    codes = np.unique(np.asarray(group), return_inverse=True)[1]
    table = np.asarray(y, float)[np.argsort(codes, kind="stable")].reshape(codes.max() + 1, -1)
    if np.ptp(np.bincount(codes)):
        raise ValueError("the layout is not balanced")
    levels, n = table.shape
    means = table.mean(1)
    grand, within = means.mean(), np.square(table - means[:, None]).sum()
    between = np.square(means - grand).sum()

    def parts(s: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return variances: of a row, of an effect, of a group mean's deviation, and of effects' mean."""
        row, effect = np.exp(2 * s), np.exp(2 * w)
        return row, effect, effect + row / n, np.zeros_like(effect) if zero_sum else effect / levels

    def log_density(s: np.ndarray, w: np.ndarray) -> np.ndarray:
        row, _, deviation, mean = parts(s, w)
        average = row / (n * levels) + mean + mu[1] ** 2
        return (
            (sigma(np.exp(s)) + s)
            + (omega(np.exp(w)) + w)
            - levels * (n - 1) * s
            - 0.5 * within / row
            - 0.5 * (levels - 1) * np.log(deviation)
            - 0.5 * between / deviation
            - 0.5 * np.log(average)
            - 0.5 * (grand - mu[0]) ** 2 / average
        )

    s, w, weight = _grid(log_density, (-10.0, 10.0), (-45.0, 15.0), (int(120 * refine), int(600 * refine)))
    row, effect, deviation, mean = parts(s, w)
    noise = row / (n * levels)
    data = 1 / (noise + mean)
    variance = 1 / (data + mu[1] ** -2)
    # The mean over these levels, mu + mean(r), has prior variance mu_sd^2 + mean and is seen with `noise`.
    prior = mu[1] ** 2 + mean
    here = 1 / (1 / prior + 1 / noise)
    shrunk = effect / deviation
    return _moments(
        weight,
        mu=(variance * (mu[0] / mu[1] ** 2 + data * grand), variance),
        sigma=(np.exp(s), np.zeros_like(s)),
        omega=(np.exp(w), np.zeros_like(w)),
        level=(
            (here * (mu[0] / prior + grand / noise))[:, None] + shrunk[:, None] * (means - grand),
            (here + shrunk * row / n * (1 - 1 / levels))[:, None] * np.ones(levels),
        ),
    )


def binomial_levels(
    y: Sequence[int],
    n: Sequence[int],
    sd: LogPrior,
    mu: tuple[float, float] = (0.0, 1.5),
    refine: float = 1,
) -> Moments:
    """Return moments of ``mu``, ``sd`` and ``level``: ``y_j ~ Binomial(n_j, expit(level_j))``, few levels.

    ``level_j ~ N(mu, sd)``. Given (mu, sd) the levels are independent, so the likelihood is a product of
    one-dimensional integrals, each by the trapezoidal rule.
    """
    y, n = np.asarray(y, float), np.asarray(n, float)
    m = np.linspace(mu[0] - 9 * mu[1], mu[0] + 9 * mu[1], int(220 * refine))
    log_sd = np.linspace(-NEGLIGIBLE, 5.0, int(250 * refine))
    log_sd = log_sd[sd(np.exp(log_sd)) + log_sd > -NEGLIGIBLE]
    slices = [_given_sd(m, np.exp(v), y, n, refine) for v in log_sd]
    log_density = np.array([s[0] for s in slices]) + (sd(np.exp(log_sd)) + log_sd)[:, None]
    log_density += stats.norm.logpdf(m, *mu)
    weight = np.exp(log_density - logsumexp(log_density)).ravel()
    sds, ms = (a.ravel() for a in np.meshgrid(np.exp(log_sd), m, indexing="ij"))
    first, second = (np.concatenate([s[i] for s in slices]) for i in (1, 2))
    zero = np.zeros_like(ms)
    return _moments(weight, mu=(ms, zero), sd=(sds, zero), level=(first, second - first**2))


def binomial_fixed(
    y: Sequence[int], n: Sequence[int], prior: tuple[float, float] = (0.0, 1.5), refine: float = 1
) -> Moments:
    """Return moments of ``level``, each ``y_j ~ Binomial(n_j, expit(level_j))``, ``level_j ~ N(*prior)``."""
    eta = np.linspace(prior[0] - 9 * prior[1], prior[0] + 9 * prior[1], int(1500 * refine))
    log_density = _log_likelihood(eta[:, None], np.asarray(y, float), np.asarray(n, float))
    log_density += stats.norm.logpdf(eta, *prior)[:, None]
    weight = np.exp(log_density - logsumexp(log_density, axis=0))
    mean = eta @ weight
    return Moments({"level": mean}, {"level": np.sqrt(np.square(eta[:, None] - mean).T @ weight).diagonal()})


def variance_components(
    y: Sequence[float],
    parts: Mapping[str, tuple[np.ndarray, LogPrior]],
    mu: tuple[float, float],
    sigma: LogPrior,
    refine: float = 1,
) -> Moments:
    """Return moments of ``mu``, ``sigma``, and of each part's sd and effects (``r_<part>``).

    ``y ~ N(mu + sum_k Z_k r_k, sigma)``, ``r_k ~ N(0, sd_k)`` iid, mu normal: given the standard deviations
    everything is one normal, by dense algebra. A part is its matrix Z_k and the log prior of its sd, which
    should vanish at zero, or the grid over logarithms grows long.
    """
    y, size = np.asarray(y, float), [z.shape[1] for z, _ in parts.values()]
    x = np.column_stack([np.ones(len(y)), *(z for z, _ in parts.values())])
    owner = np.concatenate([[-1], np.repeat(np.arange(len(size)), size)])
    gram, cross, square = x.T @ x, x.T @ y, y @ y
    start = np.zeros(x.shape[1])
    start[0] = mu[0]

    def solved(logs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return log density, conditional mean and covariance of (mu, effects) at (S, 1 + parts) log sds."""
        tau = np.exp(-2 * logs[:, 0])
        prior = np.where(owner < 0, mu[1] ** -2.0, np.exp(-2 * logs[:, 1:])[:, owner])
        h = tau[:, None, None] * gram + np.eye(x.shape[1]) * prior[:, None, :]
        right = tau[:, None] * cross + prior * start
        covariance = np.linalg.inv(h)
        mean = np.einsum("sij,sj->si", covariance, right)
        value = (
            -len(y) * logs[:, 0]
            + 0.5 * np.log(prior).sum(1)
            - 0.5 * np.linalg.slogdet(h)[1]
            - 0.5 * (tau * square + prior @ start**2)
            + 0.5 * (right * mean).sum(1)
        )
        value += sigma(np.exp(logs[:, 0])) + logs.sum(1)
        value += sum(
            prior_of(np.exp(log)) for (_, prior_of), log in zip(parts.values(), logs.T[1:], strict=True)
        )
        return value, mean, covariance

    box = [(-6.0, 4.0)] * (1 + len(parts))
    for _ in range(5):
        axes = [np.linspace(*side, 21) for side in box]
        value = solved(_points(axes))[0].reshape([21] * len(box))
        for i in range(len(box)):
            profile = value.max(axis=tuple(j for j in range(len(box)) if j != i))
            kept = np.flatnonzero(profile > value.max() - 16)  # what is left out weighs 1e-6
            box[i] = axes[i][max(kept[0] - 1, 0)], axes[i][min(kept[-1] + 1, 20)]
    points = _points([np.linspace(*side, int(36 * refine)) for side in box])
    value, mean, covariance = solved(points)
    weight = np.exp(value - logsumexp(value))
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    zero = np.zeros(len(points))
    given = {"mu": (mean[:, 0], variance[:, 0]), "sigma": (np.exp(points[:, 0]), zero)}
    for k, name in enumerate(parts):
        given[f"sd_{name}"] = np.exp(points[:, 1 + k]), zero
        given[f"r_{name}"] = mean[:, owner == k], variance[:, owner == k]
    return _moments(weight, **given)


def _points(axes: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack([a.ravel() for a in np.meshgrid(*axes, indexing="ij")], axis=1)


def _log_likelihood(eta: np.ndarray, y: np.ndarray, n: np.ndarray) -> np.ndarray:
    return y * eta - n * np.logaddexp(0, eta)


def _given_sd(
    m: np.ndarray, sd: float, y: np.ndarray, n: np.ndarray, refine: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return, for each mu, the log likelihood (M,) and the levels' first two moments (M, J), (M, J)."""
    step = min(0.25, 0.1 / sd) / refine  # fine both for the normal and for the likelihood
    z = np.arange(-8.8, 8.8 + step, step)
    eta = m[:, None] + sd * z
    softplus = np.logaddexp(0, eta)
    log_normal = stats.norm.logpdf(z) + np.log(step)
    total, first, second = np.zeros_like(m), [], []
    for yj, nj in zip(y, n, strict=True):
        log_part = yj * eta - nj * softplus + log_normal
        peak = log_part.max(1, keepdims=True)
        part = np.exp(log_part - peak)
        mass = part.sum(1)
        total += np.log(mass) + peak[:, 0]
        first.append((part * eta).sum(1) / mass)
        second.append((part * eta**2).sum(1) / mass)
    return total, np.stack(first, 1), np.stack(second, 1)


def _grid(
    log_density: Callable[[np.ndarray, np.ndarray], np.ndarray],
    first: tuple[float, float],
    second: tuple[float, float],
    size: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return points and weights (sum 1) of a grid on the part of the box where a unimodal density matters."""
    box = [first, second]
    for _ in range(8):
        axes = [np.linspace(*side, 101) for side in box]
        value = log_density(axes[0][:, None], axes[1][None, :])
        for i, profile in enumerate((value.max(1), value.max(0))):
            kept = np.flatnonzero(profile > value.max() - NEGLIGIBLE)
            box[i] = axes[i][max(kept[0] - 1, 0)], axes[i][min(kept[-1] + 1, 100)]
    axes = [np.linspace(*side, points) for side, points in zip(box, size, strict=True)]
    a, b = (v.ravel() for v in np.meshgrid(*axes, indexing="ij"))
    value = log_density(a, b)
    kept = value > value.max() - NEGLIGIBLE
    return a[kept], b[kept], np.exp(value[kept] - logsumexp(value[kept]))


def _moments(weight: np.ndarray, **given: tuple[np.ndarray, np.ndarray]) -> Moments:
    """Return moments of mixtures: each quantity by its means and variances at the weighted points."""
    mean = {name: weight @ m for name, (m, _) in given.items()}
    sd = {name: np.sqrt(weight @ (np.square(m - mean[name]) + v)) for name, (m, v) in given.items()}
    return Moments(mean, sd)


def z_scores(draws: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Return errors of the draws' mean and sd in Monte Carlo standard errors, (2, ...).

    Parameters
    ----------
    draws : (chains, draws, ...) array
    mean, sd : (...) arrays
        Exact values.
    """
    found, mcse = moments_with_errors(draws)
    errors = found - [np.ravel(mean), np.ravel(sd)]
    return np.reshape(np.divide(errors, mcse), (2, *draws.shape[2:]))


def moments_with_errors(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and sd of (chains, draws, ...) draws, (2, Q), and their Monte Carlo standard errors."""
    from arviz_stats.base import array_stats

    values = np.asarray(draws, float).reshape(*draws.shape[:2], -1)
    axes = {"chain_axis": 0, "draw_axis": 1}
    center, spread = values.mean((0, 1)), values.std((0, 1))
    squares = np.square(values - center)
    # Of the sd by the effective size of the squares; arviz-stats 0.8 takes that of the values, which is
    # far too large for the antithetic draws of Hamiltonian samplers.
    mcse = [
        array_stats.mcse(values, method="mean", **axes),
        squares.std((0, 1)) / np.sqrt(array_stats.ess(squares, method="mean", **axes)) / (2 * spread),
    ]
    return np.stack([center, spread]), np.stack(mcse)


def distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return differences of means and sds of two independent sets of draws, in standard errors, (2, Q)."""
    (a, error_a), (b, error_b) = moments_with_errors(one), moments_with_errors(other)
    return (a - b) / np.hypot(error_a, error_b)
