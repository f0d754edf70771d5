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
from shoal.model.terms.residual_squares import Spread, Squares, spread_of
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

    def place(self, builder: Builder, before: Sequence[Placed]) -> Placed:
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

    def gaussian_rows(
        self, builder: Builder, seen: Sequence[tuple[Lines, np.ndarray]], placed: Sequence[Placed]
    ) -> None:
        """Declare the rows of the responses; those of weight 0 are not there.

        Parameters
        ----------
        seen : sequence of (Lines, (N,) array)
            Of each response the lines of J, and offsets.
        placed : sequence of Placed
            All terms.
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
        spread = spread_of(builder, placed, self.term.designs)
        declare(builder, Squares(builder, lines, y), weight > 0, spread)

    def _autoregressive(self, builder: Builder, squares: Squares, there: np.ndarray, spread: Spread) -> None:
        residuals, kind = self.term.residuals, spread.kind
        first, after, before = residuals.steps(there)
        gap = residuals.time[after] - residuals.time[before]
        each = np.column_stack([gap, kind[after], kind[before]])
        steps, which = np.unique(each, axis=0, return_inverse=True)
        kinds, inputs = len(spread.places), [builder.names[self.term.name], *spread.places]
        pair = precisions.autoregressive, precisions.autoregressive_adjoint
        places = builder.derive(pair, inputs, steps.T.ravel().tolist(), kinds + 4 * len(steps))
        for k in range(kinds):
            count = float((there & (kind == k)).sum())
            squares.add([(first[kind[first] == k], 1.0)], places[k], count)
        for k in range(len(steps)):
            now = which.reshape(-1) == k
            difference, later, earlier, left = places[kinds + 4 * k : kinds + 4 * k + 4]
            squares.add([(after[now], 1.0), (before[now], -1.0)], difference)
            squares.add([(after[now], 1.0)], later)
            squares.add([(before[now], 1.0)], earlier)
            squares.determinant(left, float(now.sum()))

    def _exchangeable(self, builder: Builder, squares: Squares, there: np.ndarray, spread: Spread) -> None:
        order = np.flatnonzero(there)
        kind, kinds = spread.kind[order], len(spread.places)
        _, cluster, count = np.unique(
            self.term.residuals.cluster[order], return_inverse=True, return_counts=True
        )
        sizes, inputs = np.unique(count), [builder.names[self.term.name], *spread.places]
        each = kinds * (kinds + 1) // 2 + 1  # numbers of a size
        pair = precisions.exchangeable, precisions.exchangeable_adjoint
        places = iter(builder.derive(pair, inputs, sizes.tolist(), kinds + each * len(sizes)))
        for k in range(kinds):
            own = order[kind == k]
            squares.add([(own, 1.0)], next(places), float(len(own)))
        for size in sizes:
            inside = count[cluster] == size
            _, place = np.unique(cluster[inside], return_inverse=True)
            total = int((count == size).sum())
            for k in range(kinds):
                one = _of_kind(order[inside], place, kind[inside] == k)
                for j in range(k):
                    # 2 R_k R_j = R_k^2 + R_j^2 - (R_k - R_j)^2
                    two = _of_kind(order[inside], place, kind[inside] == j)
                    both = [_later(one, 2 * total), _later(two, 2 * total, -1.0)]
                    parts = [one, _later(two, total), *both]
                    squares.combine(parts, np.repeat([1.0, 1.0, -1.0], total), next(places))
                squares.combine([one], np.ones(total), next(places))
            squares.determinant(next(places), float(total))

    def _unstructured(self, builder: Builder, squares: Squares, there: np.ndarray, spread: Spread) -> None:
        times, designs, kind = len(self.term.residuals.labels), self.term.designs, spread.kind
        units = np.ones(times)
        if len(designs) > 1:
            units = np.array([scale_of(design) for design in designs])  # in which differences mean something
        partials = [builder.names[name] for name in self.term.partials]
        usual = np.zeros(times, int)  # the kind of a time, wherever a pattern lacks it
        usual[self.term.residuals.time[there].astype(int)] = kind[there]
        roots: dict[tuple[int, ...], list[int]] = {}
        for among, rows in self._patterns(there, kind):
            own = usual.copy()
            own[among] = kind[rows[0]]
            if (key := tuple(own)) not in roots:
                inputs = [*spread.places[own], *partials]
                pair = f.covariance_root, f.covariance_root_adjoint
                roots[key] = builder.derive(pair, inputs, [], times * (times + 1) // 2)
            m, unit = len(among), units[among]
            constants = [*among.tolist(), *unit.tolist()]
            pair = precisions.unstructured, precisions.unstructured_adjoint
            places = builder.derive(pair, roots[key], constants, m * (m + 1) // 2 + 1)
            for i in range(m):
                squares.add([(rows[:, i], 1 / unit[i])], places[i])
            differences = iter(places[m:-1])
            for i in range(m):
                for j in range(i):
                    squares.add([(rows[:, i], 1 / unit[i]), (rows[:, j], -1 / unit[j])], next(differences))
            squares.determinant(places[-1], float(m * len(rows)))

    def _patterns(self, there: np.ndarray, kind: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield times, and rows of clusters observed at these whose standard deviations are the same."""
        for among, rows in self.term.residuals.patterns(there):
            kinds, which = np.unique(kind[rows], axis=0, return_inverse=True)
            yield from ((among, rows[which.reshape(-1) == k]) for k in range(len(kinds)))


def _of_kind(rows: np.ndarray, cluster: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return some rows as parts of the sums of their clusters."""
    return rows[own], cluster[own], 1.0


def _later(
    part: tuple[np.ndarray, np.ndarray, float], by: int, factor: float = 1.0
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the same part of later combinations."""
    return part[0], part[1] + by, factor
