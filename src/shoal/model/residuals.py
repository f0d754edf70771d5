"""Correlated residuals of gaussian rows: which belong together, draws, and what others say of a row.

Rows of one level of the grouping factor are a *cluster*, independent of others. Within it the residuals have
the standard deviation sigma, common to all rows or as its predictor says, and the correlations

    ar       phi^|t - s|                       of times t and s, whole numbers
    cosy     rho
    unstr    one for each pair of times

The first is the stationary autoregression of order one (Pinheiro and Bates 2000, Mixed-Effects Models in S
and S-PLUS, section 5.3, as the others).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from shoal.formula.terms import ResidualTerm

NEAREST = 1.0 - 1e-12  # to one, of the size of a correlation
Draws = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Residuals:
    """How the residuals of N rows correlate.

    Attributes
    ----------
    term : ResidualTerm
    name : str
        Posterior name of the correlation.
    cluster : (N,) int array
    time : (N,) float array
        Of ``ar`` the time, of ``unstr`` the place of a row's time among `labels`; else zeros.
    labels : tuple
        The times of ``unstr``, in order.
    unit : int
        What `time` of ``ar`` is counted in: the largest number that divides all times between rows. An even
        power of a correlation tells nothing of its sign.
    """

    term: ResidualTerm
    name: str
    cluster: np.ndarray
    time: np.ndarray
    labels: tuple[object, ...] = ()
    unit: int = 1

    @property
    def kind(self) -> str:
        """``ar``, ``cosy``, ``unstr``, or ``rescor`` of several responses."""
        return self.term.function

    @property
    def lag(self) -> bool:
        """Whether means of rows depend on other rows: they do not."""
        return False

    @property
    def joined(self) -> bool:
        """Whether a row depends on all others: no more than on those of its cluster."""
        return False

    @property
    def among(self) -> str:
        """What a matrix has rows and columns of."""
        return "response" if self.kind == "rescor" else "time"

    def at(self, rows: slice | np.ndarray) -> Residuals:
        """Return those of some rows."""
        return replace(self, cluster=self.cluster[rows], time=self.time[rows])

    def together(self, rows: slice | np.ndarray, there: np.ndarray) -> np.ndarray:
        """Return some rows and those of `there` that tell of their residuals, sorted."""
        if self.kind == "ar":
            some = np.arange(len(self.cluster))[rows]
            found = np.concatenate([some, *(near[some] for near in self._neighbours(there))])
            return np.unique(found[found >= 0])
        alike = np.isin(self.cluster, self.cluster[rows])
        return np.union1d(np.arange(len(alike))[rows], np.flatnonzero(alike & there))

    def _neighbours(self, there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the row of `there` that comes before each row in its cluster, and after it; -1 for none."""
        order, count = self.order(), len(self.cluster)
        place, known, out = np.arange(count), there[order], []
        last = np.maximum.accumulate(np.where(known, place, -1))
        following = np.minimum.accumulate(np.where(known, place, count)[::-1])[::-1]
        for near in (np.append(-1, last[:-1]), np.append(following[1:], count)):
            inside = (near >= 0) & (near < count)
            inside[inside] = self.cluster[order[near[inside]]] == self.cluster[order[inside]]
            row = np.full(count, -1)
            row[order[inside]] = order[near[inside]]
            out.append(row)
        return out[0], out[1]

    def order(self) -> np.ndarray:
        """Return the rows, cluster by cluster, in the order of time."""
        return np.lexsort((self.time, self.cluster))

    def steps(self, there: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return rows without one before them, rows with one, and that one, of `there`, a (N,) bool array."""
        order = self.order()
        order = order[there[order]]
        follows = np.zeros(len(order), bool)
        follows[1:] = np.diff(self.cluster[order]) == 0
        after = np.flatnonzero(follows)
        return order[~follows], order[after], order[after - 1]

    def noise(self, rng: np.random.Generator, draws: Draws, lead: tuple[int, ...]) -> np.ndarray:
        """Return draws of residuals of standard deviation 1, (*lead, N); `draws` have the axes `lead`."""
        z = rng.normal(size=(*lead, len(self.cluster)))
        own = np.broadcast_to(draws[self.name], (*lead, *np.shape(draws[self.name])[len(lead) :]))
        if self.kind == "ar":
            return self._autoregressive(z, own)
        _, cluster = np.unique(self.cluster, return_inverse=True)
        count = int(cluster.max(initial=-1)) + 1
        if self.kind == "cosy":
            shared = rng.normal(size=(*lead, count))[..., cluster]
            return np.sqrt(own)[..., None] * shared + np.sqrt(1 - own)[..., None] * z
        whole = rng.normal(size=(*lead, count, len(self.labels)))
        whole = whole @ np.swapaxes(np.linalg.cholesky(own), -1, -2)
        return np.asarray(whole[..., cluster, self.time.astype(int)])

    def _autoregressive(self, z: np.ndarray, phi: np.ndarray) -> np.ndarray:
        """Turn independent draws into autoregressive ones, step by step of all clusters."""
        first, after, before = self.steps(np.ones(z.shape[-1], bool))
        starts = np.flatnonzero(np.isin(self.order(), first))
        sizes = np.diff(np.append(starts, z.shape[-1])) - 1
        place = np.concatenate([np.zeros(0, int), *(np.arange(1, size + 1) for size in sizes)])  # of `after`
        gap = self.time[after] - self.time[before]
        for step in range(1, place.max(initial=0) + 1):
            now = place == step
            c = power(phi[..., None], gap[now])
            z[..., after[now]] = c * z[..., before[now]] + np.sqrt(1 - c**2) * z[..., after[now]]
        return z

    def mean(self, eta: np.ndarray, draws: Draws) -> np.ndarray:
        """Return expected responses (..., N) at linear predictors."""
        return eta

    def draw(self, rng: np.random.Generator, eta: np.ndarray, sigma: np.ndarray, draws: Draws) -> np.ndarray:
        """Return responses (..., N); `sigma` broadcasts against `eta`."""
        return eta + sigma * self.noise(rng, draws, np.shape(eta)[:-1])

    def given_others(
        self, y: np.ndarray, eta: np.ndarray, sigma: np.ndarray, there: np.ndarray, draws: Draws
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and variance of each row's response given those of the other rows of its cluster.

        Parameters
        ----------
        y : (N,) or (S, N) array
        eta : (S, N) array
        sigma : (S, N) or (S, 1) array
        there : (N,) bool array
            Rows that are known; what others are is given these alone.
        draws : mapping of (S, ...) arrays

        Returns
        -------
        mean, variance : (S, N) arrays
        """
        conditional = {"ar": self._between, "cosy": self._exchangeable, "unstr": self._by_pattern}
        mean, variance = conditional[self.kind]((y - eta) / sigma, there, draws[self.name])
        return eta + sigma * mean, sigma**2 * variance

    def log_density(
        self, y: np.ndarray, eta: np.ndarray, sigma: np.ndarray, there: np.ndarray, draws: Draws
    ) -> np.ndarray:
        """Return the joint log density of the rows that are known, (S,); arguments as of `given_others`."""
        density = {"ar": self._of_series, "cosy": self._of_alike, "unstr": self._of_patterns}
        sigma = np.broadcast_to(sigma, eta.shape)
        standard = density[self.kind]((y - eta) / sigma, there, draws[self.name])
        return standard - np.log(sigma[:, there]).sum(-1)

    def _of_series(self, r: np.ndarray, there: np.ndarray, phi: np.ndarray) -> np.ndarray:
        first, after, before = self.steps(there)
        c = power(phi[:, None], self.time[after] - self.time[before])
        return _normal(r[:, first], np.ones(1)) + _normal(r[:, after] - c * r[:, before], 1 - c**2)

    def _of_alike(self, r: np.ndarray, there: np.ndarray, rho: np.ndarray) -> np.ndarray:
        """By means of clusters, and departures from them, which are of one dimension less."""
        _, cluster = np.unique(self.cluster[there], return_inverse=True)
        n, rho = np.bincount(cluster), rho[:, None]
        sums = np.stack([np.bincount(cluster, one) for one in r[:, there]])
        away = r[:, there] - (sums / n)[:, cluster]
        within = 1 - rho
        less = 0.5 * len(n) * np.log(2 * np.pi * within[:, 0])
        return _normal(sums / np.sqrt(n), within + n * rho) + _normal(away, within) + less

    def _of_patterns(self, r: np.ndarray, there: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        total = np.zeros(len(r))
        for times, rows in self.patterns(there):
            root = np.linalg.cholesky(matrix[:, times][..., times])
            z = np.linalg.solve(root, np.swapaxes(r[:, rows], -1, -2))
            scale = np.log(np.diagonal(root, axis1=-2, axis2=-1)).sum(-1)
            total += _normal(z.reshape(len(r), -1), np.ones(1)) - len(rows) * scale
        return total

    def _between(self, r: np.ndarray, there: np.ndarray, phi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Given the rows before and after, which tell all: each adds ``c / (1 - c^2) r`` to the mean."""
        mean, precision = np.zeros(r.shape), np.ones(r.shape)
        for near in self._neighbours(there):
            own = np.flatnonzero(near >= 0)
            other = near[own]
            c = power(phi[:, None], np.abs(self.time[other] - self.time[own]))
            # Of a neighbour alone the precision is 1 / (1 - c^2): what it adds to the residual's own, 1.
            precision[:, own] += c**2 / (1 - c**2)
            mean[:, own] += c / (1 - c**2) * r[:, other]
        return mean / precision, 1 / precision

    def _exchangeable(
        self, r: np.ndarray, there: np.ndarray, rho: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        _, cluster = np.unique(self.cluster, return_inverse=True)
        others = np.bincount(cluster, there)[cluster] - there
        known = np.where(there, r, 0.0)
        sums = np.stack([np.bincount(cluster, one) for one in known])[:, cluster] - known
        share = rho[:, None] / (1 + (others - 1) * rho[:, None])
        return share * sums, 1 - others * share * rho[:, None]

    def _by_pattern(
        self, r: np.ndarray, there: np.ndarray, matrix: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        mean, variance = np.zeros(r.shape), np.ones(r.shape)
        for times, rows in self.patterns(np.ones(len(there), bool)):
            for known in np.unique(there[rows], axis=0):
                some = rows[(there[rows] == known).all(axis=1)]
                for k, time in enumerate(times):
                    others = np.flatnonzero(known & (np.arange(len(times)) != k))
                    if others.size:
                        across = matrix[:, times[others], time]
                        weights = np.linalg.solve(
                            matrix[:, times[others]][..., times[others]], across[..., None]
                        )
                        mean[:, some[:, k]] = np.einsum("so,sco->sc", weights[..., 0], r[:, some[:, others]])
                        variance[:, some[:, k]] = (1 - (weights[..., 0] * across).sum(-1))[:, None]
        return mean, variance

    def patterns(self, there: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield sets of times (m,), and the rows of clusters observed at these, (clusters, m), of `there`."""
        order = self.order()
        order = order[there[order]]
        starts = np.flatnonzero(np.append(True, np.diff(self.cluster[order]) != 0)[: len(order)])
        found: dict[tuple[int, ...], list[np.ndarray]] = {}
        for rows in np.split(order, starts[1:]) if len(order) else []:
            found.setdefault(tuple(self.time[rows].astype(int)), []).append(rows)
        for times, clusters in sorted(found.items()):
            yield np.array(times), np.stack(clusters)

    def sentence(self) -> str:
        """Return what correlates, as a sentence."""
        of = f"of a level of {self.term.factor}" if self.term.factor else "of the table"
        if self.kind == "ar":
            return (
                f"Residuals {of} are an autoregression over {self.term.time}: one tells of those near to it."
            )
        if self.kind == "cosy":
            return f"Residuals {of} correlate alike."
        return f"Residuals {of} have a correlation of their own for each pair of {self.term.time}."

    def words(self) -> str:
        """Return the correlation as the printed model has it."""
        if self.kind == "rescor":
            return f"residuals of a row correlate by rescor[{', '.join(map(str, self.labels))}]"
        if self.kind == "ar":
            unit = f" / {self.unit}" if self.unit > 1 else ""
            away = f"|{self.term.time}[i] - {self.term.time}[j]|"
            other = f"{self.name}^({away}{unit})" if unit else f"{self.name}^{away}"
        elif self.kind == "cosy":
            other = self.name
        else:
            other = f"{self.name}[{self.term.time}[i], {self.term.time}[j]]"
        where = f" where {self.term.factor} is the same" if self.term.factor else ""
        return f"residuals correlate by {other}{where}"


def _normal(r: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Return sums of normal log densities over the last axis."""
    return np.asarray((-0.5 * (np.log(2 * np.pi * variance) + r**2 / variance)).sum(-1))


def power(phi: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """Return ``phi^gap`` of whole gaps, at most a little less than one in size."""
    odd = np.where((phi < 0) & (gap % 2 == 1), -1.0, 1.0)
    return odd * np.minimum(np.abs(phi) ** gap, NEAREST)


def of_responses(names: Sequence[str], rows: int) -> Residuals:
    """Return how residuals of several responses correlate, their rows one after the other."""
    row, response = np.tile(np.arange(rows), len(names)), np.repeat(np.arange(float(len(names))), rows)
    return Residuals(ResidualTerm("rescor", None, None), "rescor", row, response, tuple(names))
