"""Chains of the No-U-Turn sampler: warmup in Stan's windows, then draws.

A first phase finds the typical set, a last one the final step size; between them the diagonal metric is
estimated in windows of doubling length, each of which forgets those before it (Stan Reference Manual, section
"Automatic parameter tuning").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from shoal.engine.blocks import CHUNK, Drawn, Run
from shoal.engine.evaluate import Target, log_density_in
from shoal.engine.moves import Output
from shoal.engine.nuts_kernel import iterate
from shoal.engine.nuts_tree import new_tree, tree_handle
from shoal.engine.nuts_walk import COLLECTED, LOG_STEP, NUMBERS, STEP, Walk, walk_handle
from shoal.engine.proposals import MarginalFit
from shoal.engine.settings import Chains, Settings
from shoal.errors import SamplingError

FIRST, BASE, LAST = 75, 25, 50  # iterations of the first phase, of the first window, of the last phase
LEAST_WARMUP = 1000
LARGE = 1000  # coordinates beyond which steps are dear, and a lower acceptance is aimed at
ATTEMPTS = 100  # at a first point of positive density
STATISTICS = ("lp", "acceptance_rate", "energy", "diverging", "n_steps", "tree_depth")
KINDS = {"diverging": bool, "n_steps": int, "tree_depth": int}


def windows(warmup: int) -> list[int]:
    """Return the lengths of the windows in which the metric is estimated.

    Each is twice as long as the one before; the last takes what another would not fit in.

    >>> from shoal.engine.nuts import windows
    >>> windows(1000)
    [25, 50, 100, 200, 500]
    """
    left, size, out = warmup - FIRST - LAST, BASE, list[int]()
    while left:
        own = size if left >= 3 * size else left
        out.append(own)
        left, size = left - own, 2 * size
    return out


class Chain:
    """One chain and the room it works in, made in blocks (`blocks.Stepwise`)."""

    worst = STATISTICS.index("diverging")

    def __init__(
        self,
        target: Target,
        name: str,
        fit: MarginalFit | None,
        rng: np.random.Generator,
        elements: np.ndarray,
        aim: float,
        warmup: int,
    ):
        self.target, self.rng, self.elements, self.aim, self.warmup = target, rng, elements, aim, warmup
        self.log_density = log_density_in(name).compiled
        d, n = target.n_theta, target.n_theta + target.n_effects
        self.center = target.start.astype(float) if fit is None else fit.mean
        self.root = np.eye(d) if fit is None else np.ascontiguousarray(fit.root)
        self.walk = Walk(np.zeros(n), np.ones(n), np.zeros((2, n)), np.zeros(NUMBERS))
        self.walk.numbers[STEP] = 1.0
        self.handle = walk_handle(self.walk)
        self.room = target.room(name)
        self.none = tree_handle(new_tree(d, target.n_effects, 0))
        self.tree = tree_handle(new_tree(d, target.n_effects, len(elements)))
        self._begin(fit)

    def _begin(self, fit: MarginalFit | None) -> None:
        """Find a first point: theta from what is known of its marginal, or near the start; z near zero."""
        target, rng, room, d = self.target, self.rng, self.room, self.target.n_theta
        slope = np.zeros(len(self.walk.q))
        for _ in range(ATTEMPTS):
            if fit is None:
                q = rng.uniform(-1, 1, d)
            else:
                theta = fit.sample[rng.choice(len(fit.weight), p=fit.weight)]
                q = np.linalg.solve(self.root, theta - self.center)
            theta, z = self.center + self.root @ q, 0.5 * rng.standard_normal(target.n_effects)
            value = self.log_density(target.handle, theta, z, room.space, room.where, slope[:d], slope[d:])
            if np.isfinite(value) and np.isfinite(slope).all():
                self.walk.q[:] = np.append(q, z)
                return
        raise SamplingError(
            "no-starting-point",
            f"The density is zero at all of {ATTEMPTS} points near which a chain could begin.",
        )

    def advance(
        self, count: int, restart: bool = False, adapt: bool = False, collect: bool = False
    ) -> Output:
        """Make some iterations."""
        size = 0 if adapt else count
        elements = self.elements[:0] if adapt else self.elements
        out = Output(
            np.empty((size, self.target.n_theta)), np.empty((size, len(elements))), np.zeros((size, 6))
        )
        iterate(
            self.rng,
            self.log_density,
            self.target.handle,
            self.center,
            self.root,
            count,
            self.aim,
            restart,
            adapt,
            collect,
            self.room.space,
            self.room.where,
            self.handle,
            self.none if adapt else self.tree,
            elements,
            out,
        )
        return out

    @property
    def where(self) -> Sequence[np.ndarray]:
        """What all else is made from when a call begins."""
        return self.walk

    @property
    def step(self) -> float:
        """The size of steps."""
        return float(self.walk.numbers[STEP])

    def pieces(self) -> Sequence[Callable[[], int]]:
        """Return the pieces of warmup, which adapt the step size and the metric."""
        phases = [(FIRST, False), *((length, True) for length in windows(self.warmup)), (LAST, False)]
        pieces, new_metric = list[Callable[[], int]](), True
        for length, collect in phases:
            for i in range(0, length, CHUNK):
                count, ends = min(CHUNK, length - i), i + CHUNK >= length
                pieces.append(partial(self._warm, count, new_metric and i == 0, collect, collect and ends))
            new_metric = collect
        return [*pieces[:-1], partial(self._last, pieces[-1])]

    def _warm(self, count: int, restart: bool, collect: bool, ends: bool) -> int:
        self.advance(count, restart=restart, adapt=True, collect=collect)
        if ends:
            self._new_metric()
        return count

    def _last(self, piece: Callable[[], int]) -> int:
        count = piece()
        self.walk.numbers[STEP] = np.exp(self.walk.numbers[LOG_STEP])
        return count

    def _new_metric(self) -> None:
        """Take the variances of the window, shrunk a little towards small ones."""
        walk = self.walk
        count = walk.numbers[COLLECTED]
        walk.variance[:] = count / (count + 5.0) * walk.moments[1] / (count - 1.0) + 1e-3 * 5.0 / (
            count + 5.0
        )
        walk.moments[:] = 0.0
        walk.numbers[COLLECTED] = 0.0


def run_of(
    target: Target,
    name: str,
    fit: MarginalFit | None,
    elements: np.ndarray,
    settings: Settings,
    least: int = LEAST_WARMUP,
) -> Run:
    """Return chains in named coordinates.

    Parameters
    ----------
    name : str
        One of `coordinates.NAMES`.
    fit : MarginalFit or None
        Whitening and first points of theta; without it chains begin near `target.start`.
    elements : (E,) int array
        Elements of (v, x) to write.
    settings : Settings
    least : int
        Iterations of warmup that are made at least.
    """
    aim = settings.target_accept or (0.9 if target.size <= LARGE else 0.8)
    warmup = max(settings.warmup, least)

    def start(rng: np.random.Generator) -> Chain:
        return Chain(target, name, fit, rng, elements, aim, warmup)

    def named(drawn: Drawn) -> Chains:
        stats = drawn.stats[...]
        by_name = {key: stats[..., k].astype(KINDS.get(key, float)) for k, key in enumerate(STATISTICS)}
        by_name = {"step_size": stats[..., -1], **by_name}
        facts = {"step_size": stats[:, 0, -1].tolist(), "target_accept": aim}
        return Chains(drawn.theta[...], drawn.points[...], by_name, "nuts", facts, fit=fit)

    return Run(start, named, target.n_theta, len(STATISTICS), 4 * target.size + NUMBERS)
