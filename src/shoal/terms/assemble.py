"""From a model to the engine's problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from shoal.model.design import Design, merge
from shoal.engine.build import Builder, Lines
from shoal.engine.levels import NO_MOVE, NO_PART, LevelEffects, Move, Part
from shoal.engine.problem import ONE, ZERO, Problem
from shoal.families import Rows
from shoal.model.model import Specification
from shoal.posterior.build import (
    column_starts,
    gap_name,
    partial_names,
    scalar_priors,
    shrinkage_of,
    shrinkage_slots,
    structure_of,
)
from shoal.posterior.layout import Gathered, ordered
from shoal.posterior.structure import Structure
from shoal.priors import Fixed, Normal, Shrunk
from shoal.terms import functions as f
from shoal.terms.student_effects import student_effects


ROUNDING = 1e-12  # of entries of a pseudo-inverse that are zero


@dataclass(frozen=True)
class Coefficients:
    """Population coefficients on their own scale: ``mean + scale @ b + direct @ c``.

    b are the elements `b` of v, c the hyperparameters at `places`; `reference` is what was taken off b.
    """

    mean: np.ndarray
    scale: np.ndarray
    direct: np.ndarray
    b: np.ndarray
    reference: np.ndarray
    places: np.ndarray


@dataclass(frozen=True)
class Effects:
    """Where the effects of one factor stand among the elements of (v, x): (levels, K)."""

    name: str
    elements: np.ndarray


@dataclass(frozen=True)
class Assembled:
    """A problem with what its numbers mean."""

    problem: Problem
    names: tuple[str, ...]
    places: np.ndarray
    coefficients: Coefficients
    effects: tuple[Effects, ...]


def assemble(model: Specification) -> Assembled:
    """Return the engine's problem for a model."""
    s = structure_of(model)
    builder = Builder()
    for name, prior in scalar_priors(model).items():
        builder.hyperparameter(name, prior)
    mean, scale, direct = _coefficients(model, s)
    population = _Population(model, s, builder, scale)
    factors = [_Factor(factor, builder) for factor in ordered(model)]
    live = [shape.live for shape in s.responses]
    reference = population.reference(model, mean, scale, direct, live)
    builder._means[population.part] = -reference
    population.measure(mean + scale @ reference, scale, direct)
    for design, shape in zip(model.designs, s.responses, strict=True):
        builder.constant += design.family.log_constant(design.rows).sum()
        merged = merge(design) if not shape.live else None
        rows = design.rows if merged is None else merged.rows
        first = np.arange(design.n_rows) if merged is None else merged.first
        x = population.columns(model, design, first, s)
        offset = design.offset[first] + x @ (mean + scale @ reference)
        lines = _joined(
            [population.lines(x, scale, direct), *(factor.lines(design, first) for factor in factors)]
        )
        if shape.live:
            _gaussian(builder, design, lines, offset)
        else:
            builder.rows(
                design.family.row_function, rows, [lines], offset[None], _phi(model, design, builder)
            )
    for number, factor in enumerate(factors):
        factor.declare_student(builder)
        factor.declare_levels(builder, population, s.factors[number].matched, number == 0)
    problem = builder.build()
    inverse = problem.pattern.order
    nv = len(problem.scales.constant)
    effects = [
        Effects(factor.gathered.name, factor.elements(nv, inverse)) for factor in factors
    ]
    coefficients = Coefficients(
        mean, scale, direct, population.b, reference, np.array(population.theta_places, np.int64)
    )
    names = (*(slot for slot, *_ in builder.slots), *(n for n in builder.names if n not in {s for s, *_ in builder.slots}))
    places = np.array([builder.names[name] for name in names], np.int64)
    return Assembled(problem, names, places, coefficients, tuple(effects))


def _joined(parts: Sequence[Lines]) -> Lines:
    return Lines(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


class _Population:
    """Population coefficients and cutpoints' means."""

    def __init__(self, model: Specification, s: Structure, builder: Builder, scale: np.ndarray):
        self.starts = column_starts(model)
        size = s.n_normal
        self.x = builder.effects(size)
        self.part = len(builder._means) - 1
        self.b = builder.columns(size)
        places = np.full(size, ONE)
        self.free = np.ones(size, bool)
        for design in model.designs:
            if design.prefix + "b" in model.priors:
                places[self._shrunk(model, design)] = _shrinkage(model, design, builder)
                self.free[self._shrunk(model, design)] = False
        builder.scale(self.b, self.x, places)
        self.places = places
        names = [c for d in model.designs for c in d.columns if c in builder.names]
        self.theta_places = [builder.names[name] for name in names]
        self.c = builder.columns(len(names))
        if names:
            builder.shift(self.c, np.array(self.theta_places))

    def measure(self, base: np.ndarray, scale: np.ndarray, direct: np.ndarray) -> None:
        """Keep what coefficients are made of: ``base + scale @ v[b] + direct @ v[c]``."""
        self.base, self.weights = base, np.concatenate([scale, direct], axis=1)
        self.moves = np.linalg.pinv(scale)

    def part_of(self, column: int) -> Part:
        """Return one coefficient as a function of v."""
        used = np.flatnonzero(self.weights[column])
        return Part(self.base[column], np.concatenate([self.b, self.c])[used], self.weights[column, used])

    def move_of(self, column: int) -> Move:
        """Return the change of the normal coefficients' effects that changes one coefficient by one."""
        weight = self.moves[:, column]
        used = np.flatnonzero(np.abs(weight) > ROUNDING * np.abs(weight).max(initial=0.0))
        return Move(self.x[used], weight[used], self.places[used])

    def _shrunk(self, model: Specification, design: Design) -> np.ndarray:
        at, out = 0, []
        for d in model.designs:
            for column in d.columns:
                prior = model.priors[column].prior
                if isinstance(prior, Normal):
                    if d is design and isinstance(prior, Shrunk):
                        out.append(at)
                    at += 1
            at += d.family.ordinal
        return np.array(out, np.int64)

    def columns(self, model: Specification, design: Design, first: np.ndarray, s: Structure) -> np.ndarray:
        """Return the columns of all responses' coefficients in some rows of one response, (M, P)."""
        size = sum(len(d.columns) + d.family.ordinal for d in model.designs)
        out = np.zeros((len(first), size))
        start = self.starts[design.prefix]
        out[:, start : start + len(design.columns)] = design.x[first]
        if design.family.ordinal:
            out[:, start + len(design.columns)] = -1.0
        return out

    def lines(self, x: np.ndarray, scale: np.ndarray, direct: np.ndarray) -> Lines:
        values = np.concatenate([x @ scale, x @ direct], axis=1)
        line, column = np.nonzero(values)
        return Lines(line, np.concatenate([self.b, self.c])[column], values[line, column])

    def reference(
        self, model: Specification, mean: np.ndarray, scale: np.ndarray, direct: np.ndarray, live: list[bool]
    ) -> np.ndarray:
        """Return a least squares fit of the gaussian rows, (p,): sums measured from it lose no digits."""
        size = scale.shape[1]
        reference = np.zeros(size)
        if not any(live) or not self.free.any():
            return reference
        gram, right = np.eye(int(self.free.sum())), np.zeros(int(self.free.sum()))
        for design, gaussian in zip(model.designs, live, strict=True):
            if gaussian:
                rows = np.arange(design.n_rows)
                columns = self.columns(model, design, rows, None)
                x = (columns @ scale)[:, self.free]
                weight, y = _gaussian_response(design, design.offset + columns @ mean)
                gram += x.T @ (weight[:, None] * x)
                right += x.T @ (weight * y)
        reference[self.free] = np.linalg.solve(gram, right)
        return reference


def _shrinkage(model: Specification, design: Design, builder: Builder) -> np.ndarray:
    common, own = shrinkage_slots(model, design)
    prior = shrinkage_of(model, design)
    inputs = [builder.names[name] for name in (*common, *own)]
    places = builder.derive((prior.scales_forward, prior.scales_adjoint), inputs, [], len(own))
    if "sigma" in design.parameters:
        sigma = builder.names[f"{design.prefix}sigma"]
        places = builder.derive((f.multiples, f.multiples_adjoint), [*places, sigma], [], len(own))
    return np.array(places)


class _Factor:
    """The effects of all responses on one grouping factor."""

    def __init__(self, gathered: Gathered, builder: Builder):
        self.gathered = gathered
        levels, size = gathered.levels, gathered.effects
        self.ordinary = sum(len(group.effects) for _, group in gathered.groups)
        self.n_columns = gathered.n_columns
        student = {k for block, _ in self._student_blocks(builder) for k in block}
        self.x = self._declare_effects(builder, levels, size, student)
        self.v = builder.columns(levels * self.n_columns).reshape(levels, self.n_columns)
        self.root = np.full((self.ordinary, self.ordinary), ZERO)
        at = 0
        for _, group in gathered.groups:
            sds = [builder.names[f"{group.sd}[{effect}]"] for effect in group.effects]
            partials = iter(builder.names[name] for name in partial_names(group))
            for block in group.blocks:
                if len(block) == 1:
                    k = at + block[0]
                    self._scale(builder, k, k, sds[block[0]])
                    continue
                count = len(block) * (len(block) - 1) // 2
                inputs = [*(sds[k] for k in block), *(next(partials) for _ in range(count))]
                outputs = builder.derive(
                    (f.covariance_root, f.covariance_root_adjoint), inputs, [], count + len(block)
                )
                places = iter(outputs)
                for i in range(len(block)):
                    for j in range(i + 1):
                        self._scale(builder, at + block[i], at + block[j], next(places))
            if group.zero_sum:
                for k in range(len(group.effects)):
                    builder.zero_sum(self.x[:, at + k])
            at += len(group.effects)
        for j, (_, latent) in enumerate(gathered.loadings):
            k = self.ordinary + gathered.latents.index(latent.name)
            builder.scale(self.v[:, self.ordinary + j], self.x[:, k], builder.names[latent.loading])

    def _scale(self, builder: Builder, row: int, column: int, place: int) -> None:
        builder.scale(self.v[:, row], self.x[:, column], place)
        self.root[row, column] = place

    def declare_levels(
        self, builder: Builder, population: _Population, matched: Sequence[int], first: bool
    ) -> None:
        """Declare the effects as those of levels; `matched` are the population's columns beside them, or -1.

        Of several factors, the population's part belongs to the first (in centered coordinates).
        """
        if not self.ordinary:
            return
        summed = np.concatenate([[group.zero_sum] * len(group.effects) for _, group in self.gathered.groups])
        parts, moves = [NO_PART] * self.ordinary, [NO_MOVE] * self.ordinary
        if not summed.any():
            for k, column in enumerate(matched):
                if column >= 0:
                    parts[k] = population.part_of(column) if first else NO_PART
                    moves[k] = population.move_of(column) if self.gathered.root is None else NO_MOVE
        builder.levels(LevelEffects(self.x[:, : self.ordinary], self.root, summed, parts, moves))

    def _student_blocks(self, builder: Builder) -> list[tuple[tuple[int, ...], int]]:
        out, at = [], 0
        for _, group in self.gathered.groups:
            if group.student:
                out += [(tuple(at + k for k in block), builder.names[group.nu]) for block in group.blocks]
            at += len(group.effects)
        return out

    def _declare_effects(self, builder: Builder, levels: int, size: int, student: set[int]) -> np.ndarray:
        root = self.gathered.root
        if root is None and not student:
            return builder.effects(levels * size).reshape(levels, size)
        normal = np.tile([k not in student for k in range(size)], levels)
        between = sp.eye(levels)
        if root is not None:
            inverse = np.linalg.inv(root)
            between = sp.csr_matrix(inverse.T @ inverse)
            builder.constant -= size * np.log(np.diagonal(root)).sum()
        precision = sp.kron(between, sp.eye(size))
        return builder.effects(levels * size, None, precision, normal).reshape(levels, size)

    def declare_student(self, builder: Builder) -> None:
        """Declare the density of Student-t effects: rows whose predictors are the effects."""
        levels = self.gathered.levels
        for block, nu in self._student_blocks(builder):
            lines = []
            for k in block:
                copies = builder.columns(levels)
                if self.gathered.root is None:
                    builder.scale(copies, self.x[:, k], ONE)
                else:  # the independent effects behind those of a known covariance
                    inverse = np.linalg.inv(self.gathered.root)
                    one, two = np.nonzero(np.tril(inverse))
                    places = np.array([builder.known(value) for value in inverse[one, two]])
                    builder.scale(copies[one], self.x[two, k], places)
                lines.append(Lines(np.arange(levels), copies, np.ones(levels)))
            zero, one = np.zeros(levels), np.ones(levels)
            rows = Rows(zero, one, one, zero)
            builder.rows(student_effects, rows, lines, np.zeros((len(block), levels)), [nu])

    def lines(self, design: Design, first: np.ndarray) -> Lines:
        z, index = self.gathered.columns(design, first)
        line, column = np.nonzero(z)
        return Lines(line, self.v[index[line], column], z[line, column])

    def elements(self, nv: int, order: np.ndarray) -> np.ndarray:
        """Return where the effects stand among the elements of (v, x): latents are elements of x."""
        return np.concatenate([self.v[:, : self.ordinary], nv + order[self.x[:, self.ordinary :]]], axis=1)


def _gaussian_response(design: Design, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows = design.rows
    weight = rows.weight / rows.se**2 if design.known_se else rows.weight
    return weight, design.family.normal_response(rows) - offset


def _gaussian(builder: Builder, design: Design, lines: Lines, offset: np.ndarray) -> None:
    weight, y = _gaussian_response(design, offset)
    if design.known_se:
        builder.constant -= (design.rows.weight * np.log(design.rows.se)).sum()
        builder.gaussian_rows(lines, y, weight, 0.0, ONE)
        return
    sigma = builder.names[f"{design.prefix}sigma"]
    (tau,) = builder.derive((f.precision, f.precision_adjoint), [sigma], [], 1)
    builder.gaussian_rows(lines, y, weight, float(weight.sum()), tau)


def _phi(model: Specification, design: Design, builder: Builder) -> list[int]:
    if design.family.ordinal:
        prior = model.priors[design.cutpoints].prior
        count = design.family.n_cutpoints
        gaps = [builder.names[gap_name(design, i)] for i in range(count - 1)]
        return builder.derive((f.cutpoints, f.cutpoints_adjoint), gaps, [prior.params[1]], count)
    return [builder.names[design.prefix + name] for name in design.parameters]


def _coefficients(model: Specification, s: Structure) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from shoal.posterior.numbers import _coefficients as coefficients

    return coefficients(model, s)


def predictors(model: Specification, s: Structure) -> np.ndarray:
    """Return linear predictors near the rows' own estimates: where the expansion begins."""
    parts = []
    for design, shape in zip(model.designs, s.responses, strict=True):
        if not shape.live:
            parts.append(design.family.start_values(merge(design).rows))
    for factor in ordered(model):
        for _, group in factor.groups:
            if group.student:
                parts += [np.zeros(factor.levels * len(block)) for block in group.blocks]
    return np.concatenate([np.zeros(0), *parts])
