"""The correlation of residuals: ``ar(t, gr=g)``, ``cosy(gr=g)``, ``unstr(t, gr=g)``; of several responses.

Given the hyperparameters the rows are normal, with a precision matrix whose entries take few values. Each
value is the precision of one sum of squares of residuals, or of their differences, which the engine keeps as
it keeps all sums of gaussian rows: effects integrate out exactly, and rows are never read again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shoal.engine.build import Builder
from shoal.engine.lines import Lines
from shoal.model.covariance import correlations, partial_positions
from shoal.model.design import Design
from shoal.model.residuals import Residuals
from shoal.model.terms import functions as f
from shoal.model.terms import residual_functions as precisions
from shoal.model.terms.term import Drawn, Draws, Judged, Placed, Term
from shoal.model.terms.units import scale_of, wider
from shoal.model.terms.variable import Default, Priors, Variable
from shoal.priors import LKJ, Beta, Fixed, Prior


@dataclass(frozen=True)
class ResidualCorrelation(Term):
    """How the residuals of one response correlate, or those of several in a row."""

    designs: tuple[Design, ...]
    residuals: Residuals
    priors: Priors

    @property
    def name(self) -> str:
        """Posterior name of the correlation, or of the matrix of correlations."""
        return self.residuals.name

    @property
    def _blocks(self) -> tuple[tuple[int, ...], ...]:
        return (tuple(range(len(self.residuals.labels))),)

    def variables(self) -> Iterator[Variable]:
        prefix, labels = self.designs[0].prefix, self.residuals.labels
        if not labels:
            yield Variable(self.name, "residual", prefix, {}, (self.name,), defaults=self._defaults)
            return
        names = [str(label) for label in labels]
        dims = {
            f"{self.name}_{self.residuals.among}": names,
            f"{self.name}_{self.residuals.among}_bis": names,
        }
        pairs = tuple(sorted((i, j) for i, j, *_ in partial_positions(self._blocks)))
        yield Variable(
            self.name, "residual", prefix, dims, (self.name,), positions=pairs, defaults=self._defaults
        )

    def _defaults(self) -> Iterator[Default]:
        uniform: Prior = Beta(1.0, 1.0) if self.residuals.kind == "cosy" else LKJ(1.0)
        kinds = (Beta, Fixed) if self.residuals.kind == "cosy" else (LKJ,)
        yield Default(self.name, uniform, wider(self.designs[0], self.residuals.kind), kinds=kinds)

    def hyperparameters(self) -> Mapping[str, Prior]:
        prior = self.priors[self.name].prior
        if not isinstance(prior, LKJ):
            return {self.name: prior}
        if not self.residuals.labels:
            return {self.name: prior.partial(2, 0)}
        positions = zip(self.partials, partial_positions(self._blocks), strict=True)
        return {name: prior.partial(size, column) for name, (*_, size, column) in positions}

    @property
    def partials(self) -> list[str]:
        """Names of the partial correlations of times."""
        times = self.residuals.labels
        return [f"partial:{self.name}:{times[i]},{times[j]}" for i, j, *_ in partial_positions(self._blocks)]

    def place(self, builder: Builder, before: Sequence[Placed]) -> PlacedCorrelation:
        return PlacedCorrelation(self)

    def draw_prior(self, given: Draws, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
        drawn = {name: prior.draw(rng, size) for name, prior in self.hyperparameters().items()}
        return self.named(drawn)

    def named(self, values: Draws) -> dict[str, np.ndarray]:
        """Return the correlation, or the matrix, from hyperparameters by name."""
        if not self.residuals.labels:
            return {self.name: values[self.name]}
        partials = np.stack([values[name] for name in self.partials], axis=-1)
        return {self.name: correlations(partials, self._blocks, len(self.residuals.labels))}

    def judged(self, draws: Draws) -> Iterator[Judged]:
        prior = self.priors[self.name].prior
        if self.residuals.kind == "ar" and isinstance(prior, LKJ):
            yield Judged(self.name, (draws[self.name],), prior=prior.partial(2, 0))
        else:
            yield Judged(self.name, (draws[self.name],))

    def equations(self, design: Design) -> list[str]:
        return [self.residuals.words()] if design is self.designs[0] else []


@dataclass(frozen=True)
class PlacedCorrelation(Placed):
    """The correlation of residuals, which declares the rows of its responses."""

    term: ResidualCorrelation

    def draws(self, drawn: Drawn) -> dict[str, np.ndarray]:
        return self.term.named(drawn.values)

    def gaussian_rows(self, builder: Builder, seen: Sequence[tuple[Lines, np.ndarray]]) -> None:
        """Declare the rows of the responses; those of weight 0 are not there.

        Parameters
        ----------
        seen : sequence of (Lines, (N,) array)
            Of each response the lines of J, and offsets.
        """
        pairs = list(zip(self.term.designs, seen, strict=True))
        weight, y = map(np.concatenate, zip(*(d.gaussian_response(o) for d, (_, o) in pairs), strict=True))
        own = [
            lines._replace(line=lines.line + k * design.n_rows)
            for k, (design, (lines, _)) in enumerate(pairs)
        ]
        lines = Lines(*(np.concatenate(columns) for columns in zip(*own, strict=True)))
        declare = {"ar": self._autoregressive, "cosy": self._exchangeable}.get(
            self.term.residuals.kind, self._unstructured
        )
        declare(builder, _Squares(builder, lines, y), weight > 0)

    @property
    def _sigma(self) -> str:
        return f"{self.term.designs[0].prefix}sigma"

    def _autoregressive(self, builder: Builder, squares: _Squares, there: np.ndarray) -> None:
        residuals = self.term.residuals
        first, after, before = residuals.steps(there)
        gap = residuals.time[after] - residuals.time[before]
        gaps = np.unique(gap)
        inputs = [builder.names[self.term.name], builder.names[self._sigma]]
        pair = precisions.autoregressive, precisions.autoregressive_adjoint
        places = builder.derive(pair, inputs, gaps.tolist(), 1 + 4 * len(gaps))
        squares.add([(first, 1.0)], places[0], float(there.sum()))
        for k, step in enumerate(gaps):
            now = gap == step
            difference, later, earlier, left = places[1 + 4 * k : 5 + 4 * k]
            squares.add([(after[now], 1.0), (before[now], -1.0)], difference)
            squares.add([(after[now], 1.0)], later)
            squares.add([(before[now], 1.0)], earlier)
            squares.determinant(left, float(now.sum()))

    def _exchangeable(self, builder: Builder, squares: _Squares, there: np.ndarray) -> None:
        order = np.flatnonzero(there)
        _, cluster, count = np.unique(
            self.term.residuals.cluster[order], return_inverse=True, return_counts=True
        )
        sizes = np.unique(count)
        inputs = [builder.names[self.term.name], builder.names[self._sigma]]
        pair = precisions.exchangeable, precisions.exchangeable_adjoint
        places = builder.derive(pair, inputs, sizes.tolist(), 1 + 2 * len(sizes))
        squares.add([(order, 1.0)], places[0], float(len(order)))
        by_cluster = order[np.argsort(cluster, kind="stable")]
        starts = np.concatenate([[0], np.cumsum(count)[:-1]])
        for k, size in enumerate(sizes):
            begin = starts[count == size]
            members = [(by_cluster[begin + i], 1.0) for i in range(size)]
            squares.add(members, places[1 + 2 * k])
            squares.determinant(places[2 + 2 * k], float(len(begin)))

    def _unstructured(self, builder: Builder, squares: _Squares, there: np.ndarray) -> None:
        times, designs = len(self.term.residuals.labels), self.term.designs
        sds = [builder.names[self._sigma]] * times
        units = np.ones(times)
        if len(designs) > 1:
            sds = [builder.names[f"{design.prefix}sigma"] for design in designs]
            units = np.array([scale_of(design) for design in designs])  # in which differences mean something
        partials = [builder.names[name] for name in self.term.partials]
        pair = f.covariance_root, f.covariance_root_adjoint
        root = builder.derive(pair, [*sds, *partials], [], times * (times + 1) // 2)
        for among, rows in self.term.residuals.patterns(there):
            m = len(among)
            unit = units[among]
            constants = [*among.tolist(), *unit.tolist()]
            pair = precisions.unstructured, precisions.unstructured_adjoint
            places = builder.derive(pair, root, constants, m * (m + 1) // 2 + 1)
            for i in range(m):
                squares.add([(rows[:, i], 1 / unit[i])], places[i])
            differences = iter(places[m:-1])
            for i in range(m):
                for j in range(i):
                    squares.add([(rows[:, i], 1 / unit[i]), (rows[:, j], -1 / unit[j])], next(differences))
            squares.determinant(places[-1], float(m * len(rows)))


class _Squares:
    """Sums of squares of combinations of residuals ``y - J v``."""

    def __init__(self, builder: Builder, lines: Lines, y: np.ndarray):
        self.builder, self.y = builder, y
        order = np.argsort(lines.line, kind="stable")
        self.lines = Lines(*(part[order] for part in lines))
        self.starts = np.searchsorted(self.lines.line, np.arange(len(y) + 1))

    def add(self, parts: Sequence[tuple[np.ndarray, float]], tau: int, count: float = 0.0) -> None:
        """Declare combinations, one a number of `parts`: rows, and what each is multiplied by."""
        found = [self._of(rows, factor) for rows, factor in parts]
        lines = Lines(*(np.concatenate(columns) for columns in zip(*found, strict=True)))
        y = sum((factor * self.y[rows] for rows, factor in parts), np.zeros(len(parts[0][0])))
        self.builder.gaussian_rows(lines, y, np.ones(len(y)), count, tau)

    def determinant(self, tau: int, count: float) -> None:
        """Declare a number that enters by ``count log(tau) / 2`` alone."""
        nothing = np.zeros(0)
        lines = Lines(np.zeros(0, int), np.zeros(0, int), nothing)
        self.builder.gaussian_rows(lines, nothing, nothing, count, tau)

    def _of(self, rows: np.ndarray, factor: float) -> Lines:
        """Return the lines of some rows, renumbered, times a factor."""
        sizes = self.starts[rows + 1] - self.starts[rows]
        line = np.repeat(np.arange(len(rows)), sizes)
        entry = np.arange(len(line)) + np.repeat(self.starts[rows] - (np.cumsum(sizes) - sizes), sizes)
        return Lines(line, self.lines.column[entry], factor * self.lines.value[entry])
