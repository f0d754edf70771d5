"""Effects of the levels of one grouping factor, of all responses together.

A level's standardised effects u enter as ``v = Λ u``, Λ made of standard deviations and correlations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.sparse as sp
from scipy.linalg import block_diag

from shoal.engine.build import Builder
from shoal.engine.levels import NO_MOVE, NO_PART, LevelEffects
from shoal.engine.lines import Lines
from shoal.engine.problem import ONE, ZERO
from shoal.families import Rows
from shoal.model.covariance import correlations, partial_positions
from shoal.model.design import Design, Group
from shoal.model.grouping_factors import INTERCEPT
from shoal.model.terms import functions as f
from shoal.model.terms.coefficients import PlacedCoefficients
from shoal.model.terms.group_parameters import (
    correlation_defaults,
    degrees_defaults,
    effects_given,
    equations_of,
    levels_of_row,
    moved,
    partial_name,
    partial_names,
    sd_defaults,
    sd_names,
)
from shoal.model.terms.grouping import Gathered
from shoal.model.terms.student_effects import student_effects
from shoal.model.terms.term import Drawn, Draws, Judged, Placed, Term
from shoal.model.terms.variable import Default, Priors, Variable
from shoal.priors import LKJ, Prior

Block = tuple[Group, tuple[int, ...], int]  # correlated effects of a group, and where the group begins


@dataclass(frozen=True)
class GroupEffects(Term):
    """Effects on one grouping factor."""

    factor: Gathered
    priors: Priors

    def variables(self) -> Iterator[Variable]:
        for design, group in self.factor.groups:
            make = partial(Variable, prefix=design.prefix, place=design.place_of(group))
            dims, sds = {group.dim: group.effects}, sd_names(group)
            defaults = partial(self._sd_defaults, group)
            yield make(group.sd, "sd", dims=dims, priors=sds, defaults=defaults)
            if group.correlated:
                square = {**dims, f"{group.dim}_bis": group.effects}
                pairs = tuple(sorted((i, j) for i, j, *_ in partial_positions(group.blocks)))
                defaults = partial(correlation_defaults, design, group)
                priors = (group.cor,)
                yield make(
                    group.cor, "correlation", dims=square, priors=priors, positions=pairs, defaults=defaults
                )
            if group.student:
                defaults = partial(degrees_defaults, group)
                yield make(group.nu, "degrees", priors=(group.nu,), defaults=defaults)
            yield make(group.r, "effects", dims={group.levels_dim: self.factor.labels, **dims})

    def _sd_defaults(self, group: Group) -> Iterator[Default]:
        for part, own in self.factor.of(group):
            yield from sd_defaults(part, own)

    def hyperparameters(self) -> Mapping[str, Prior]:
        out: dict[str, Prior] = {}
        for _, group in self.factor.groups:
            out |= {name: self.priors[name].prior for name in sd_names(group)}
            if group.correlated:
                positions = partial_positions(group.blocks)
                for name, (*_, size, column) in zip(partial_names(group), positions, strict=True):
                    out[name] = self._lkj(group).partial(size, column)
            if group.student:
                out[group.nu] = self.priors[group.nu].prior
        return out

    def _lkj(self, group: Group) -> LKJ:
        prior = self.priors[group.cor].prior
        assert isinstance(prior, LKJ)
        return prior

    def to_average(self, group: Group) -> np.ndarray:
        """Return what turns effects as they are reported into those of which the priors speak, (K, K).

        A default prior of the sd of the Intercept speaks of effects at average columns, whatever is zero in
        the table; so do their correlations.
        """
        out, names = np.eye(len(group.effects)), sd_names(group)
        for section in map(list, group.sections or (tuple(range(len(names))),)):
            if any(self.priors[names[k]].centered for k in section):
                out[section] = group.to_average[section]
        return out

    def blocks(self) -> Iterator[Block]:
        """Yield the correlated sets of effects."""
        at = 0
        for _, group in self.factor.groups:
            yield from ((group, block, at) for block in group.blocks)
            at += len(group.effects)

    def place(self, builder: Builder, before: Sequence[Placed]) -> PlacedGroupEffects:
        levels, factor = self.factor.levels, self.factor
        x = self._effects(builder).reshape(levels, factor.effects)
        v = builder.columns(levels * factor.effects).reshape(levels, factor.effects)
        root = np.full((factor.effects, factor.effects), ZERO)
        for group, block, at in self.blocks():
            own = [at + k for k in block]
            for i, j, place in _root(builder, group, block):
                builder.scale(v[:, own[i]], x[:, own[j]], place)
                root[own[i], own[j]] = place
            if group.zero_sum:
                for k in own:
                    builder.zero_sum(x[:, k])
        return PlacedGroupEffects(self, x, v, root)

    def _effects(self, builder: Builder) -> np.ndarray:
        """Declare the effects: independent, or of a known precision between levels; Student-t of none."""
        levels, size, root = self.factor.levels, self.factor.effects, self.factor.root
        student = {at + k for group, block, at in self.blocks() if group.student for k in block}
        if root is None and not student:
            return builder.effects(levels * size)
        normal = np.tile([k not in student for k in range(size)], levels)
        between = sp.eye_array(levels)
        if root is not None:
            inverse = np.linalg.inv(root)
            between = sp.csr_array(inverse.T @ inverse)
            builder.constant -= size * np.log(np.diagonal(root)).sum()
        return builder.effects(levels * size, None, sp.kron(between, sp.eye_array(size)), normal)

    def draw_prior(self, given: Draws, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
        draws: dict[str, np.ndarray] = {}
        for _, group in self.factor.groups:
            sd = [self.priors[name].prior.draw(rng, size) for name in sd_names(group)]
            draws[group.sd] = np.stack(sd, axis=-1)
            if group.correlated:
                positions, lkj = partial_positions(group.blocks), self._lkj(group)
                partials = [lkj.partial(k, column).draw(rng, size) for _, _, k, column in positions]
                partial_draws = np.stack(partials, axis=-1)
                draws[group.cor] = correlations(partial_draws, group.blocks, len(group.effects))
            if group.student:
                draws[group.nu] = self.priors[group.nu].prior.draw(rng, size)
            draws[group.r] = effects_given(group, draws, rng)
            draws |= moved(group, np.linalg.inv(self.to_average(group)), draws)
        return draws

    def judged(self, draws: Draws) -> Iterator[Judged]:
        for _, group in self.factor.groups:
            here = {**draws, **moved(group, self.to_average(group), draws)}
            yield from (Judged(name, (here[group.sd][..., k],)) for k, name in enumerate(sd_names(group)))
            if group.correlated:
                blocks, matrices = [list(block) for block in group.blocks if len(block) > 1], here[group.cor]
                yield Judged(group.cor, tuple(matrices[..., block, :][..., block] for block in blocks))
            if group.student:
                yield Judged(group.nu, (draws[group.nu],))

    def predictor(self, design: Design, draws: Draws) -> np.ndarray | float:
        own = (group for owner, group in self.factor.members if owner is design)
        parts = (np.einsum("...nk,nk->...n", g.of_rows(draws[g.r]), g.z) for g in own)
        return sum(parts, np.zeros(()))

    def columns(self, design: Design, rows: np.ndarray) -> np.ndarray:
        """Return what multiplies a level's effects at average columns in some rows, (M, K)."""
        z = self.factor.columns(design, rows)
        return z @ np.linalg.inv(block_diag(*(self.to_average(g) for _, g in self.factor.groups)))

    def summands(self, design: Design) -> list[str]:
        own = [(group, k) for owner, group in self.factor.members if owner is design for k in group.own]
        return [self._summand(group, group.effects[k], str(group.own_terms[k])) for group, k in own]

    @staticmethod
    def _summand(group: Group, effect: str, term: str) -> str:
        r = f"{group.r}[{', '.join(f'{level}[i]' for level in levels_of_row(group))}]"
        if term == INTERCEPT:
            return r if effect == INTERCEPT else f"{r}[{effect}]"
        return f"{r}[{effect}] {term}[i]"

    def equations(self, design: Design) -> list[str]:
        own = (group for owner, group in self.factor.groups if owner is design)
        return [line for group in own for line in equations_of(group)]


def _root(builder: Builder, group: Group, block: tuple[int, ...]) -> Iterator[tuple[int, int, int]]:
    """Yield the entries of a block of Λ: row and column in the block, and the place in h."""
    sds = [builder.names[f"{group.sd}[{group.effects[k]}]"] for k in block]
    if len(block) == 1:
        yield 0, 0, sds[0]
        return
    pairs = [(i, j) for i in range(1, len(block)) for j in range(i)]
    partials = [builder.names[partial_name(group, block[i], block[j])] for i, j in pairs]
    functions = f.covariance_root, f.covariance_root_adjoint
    places = iter(builder.derive(functions, [*sds, *partials], [], len(pairs) + len(block)))
    for i in range(len(block)):
        yield from ((i, j, next(places)) for j in range(i + 1))


@dataclass(frozen=True)
class PlacedGroupEffects(Placed):
    """Effects with their places.

    Attributes
    ----------
    x : (levels, K) array
        Standardised effects.
    v : (levels, J) array
        What multiplies the rows' values.
    root : (K, K) array
        Places in h of Λ.
    """

    term: GroupEffects
    x: np.ndarray
    v: np.ndarray
    root: np.ndarray

    def lines(self, design: Design, first: np.ndarray) -> Lines | None:
        if not any(owner is design for owner, _ in self.term.factor.members):
            return None
        line, level, weight = self.term.factor.entries(design, first)
        values = weight[:, None] * self.term.columns(design, first)[line]
        entry, effect = np.nonzero(values)
        return Lines(line[entry], self.v[level[entry], effect], values[entry, effect])

    def complete(self, builder: Builder, placed: Sequence[Placed]) -> np.ndarray:
        """Declare the density of Student-t effects, and the effects beside the population's coefficients.

        In centered coordinates the population's part belongs to the factor with most effects.
        """
        groups = [own for own in placed if isinstance(own, PlacedGroupEffects)]
        coefficients = {p.term.design.prefix: p for p in placed if isinstance(p, PlacedCoefficients)}
        lines = self._declare_student(builder)
        self._declare_levels(builder, coefficients, self is max(groups, key=lambda own: own.x.size))
        return np.zeros(lines)

    def _declare_levels(self, builder: Builder, of: Mapping[str, PlacedCoefficients], first: bool) -> None:
        """Declare the effects beside the population's coefficients, for coordinates that mix the two.

        Parameters
        ----------
        of : mapping
            Coefficients by the response's prefix.
        first : bool
            In centered coordinates the population's part belongs to this factor.
        """
        factor = self.term.factor
        summed = np.concatenate([[group.zero_sum] * len(group.effects) for _, group in factor.groups])
        parts, moves, at = [NO_PART] * factor.effects, [NO_MOVE] * factor.effects, 0
        for _, group in factor.groups:
            for design, held in factor.of(group):
                found, to_average = of[design.prefix], self.term.to_average(held)
                matched = np.zeros((len(held.effects), len(found.mean)))  # by coefficients of the same column
                for k, column in enumerate(design.matched(held)):
                    if column >= 0:
                        matched[k, column] = 1.0
                own, back = to_average @ matched, np.linalg.inv(to_average).T @ matched
                for k in map(int, np.flatnonzero(matched.any(axis=1) & (not summed.any()))):
                    parts[at + k] = found.part_of(own[k]) if first else NO_PART
                    moves[at + k] = found.move_of(back[k]) if factor.root is None else NO_MOVE
            at += len(group.effects)
        builder.levels(LevelEffects(self.x, self.root, summed, parts, moves))

    def _declare_student(self, builder: Builder) -> int:
        """Declare Student-t effects' density: rows whose predictors they are; return how many lines."""
        levels, root, lines = self.term.factor.levels, self.term.factor.root, 0
        for group, block, at in self.term.blocks():
            if not group.student:
                continue
            own = []
            for k in block:
                copies = builder.columns(levels)
                if root is None:
                    builder.scale(copies, self.x[:, at + k], ONE)
                else:  # the independent effects behind those of a known covariance
                    inverse = np.tril(np.linalg.inv(root))
                    one, two = np.nonzero(inverse)
                    places = np.array([builder.known(value) for value in inverse[one, two]])
                    builder.scale(copies[one], self.x[two, at + k], places)
                own.append(Lines(np.arange(levels), copies, np.ones(levels)))
            zero, one_each = np.zeros(levels), np.ones(levels)
            rows = Rows(zero, one_each, one_each, zero)
            offset = np.zeros((len(block), levels))
            builder.rows(student_effects, rows, own, offset, [builder.names[group.nu]])
            lines += len(block) * levels
        return lines

    def large(self, nv: int, order: np.ndarray) -> np.ndarray:
        return self.v.ravel()

    def draws(self, drawn: Drawn) -> dict[str, np.ndarray]:
        out, at = dict[str, np.ndarray](), 0
        for _, group in self.term.factor.groups:
            out[group.sd] = np.stack([drawn.values[name] for name in sd_names(group)], axis=-1)
            if group.correlated:
                partials = np.stack([drawn.values[name] for name in partial_names(group)], axis=-1)
                out[group.cor] = correlations(partials, group.blocks, len(group.effects))
            if group.student:
                out[group.nu] = drawn.values[group.nu]
            own = self.v[:, at : at + len(group.effects)]
            if drawn.keeps(own):
                out[group.r] = drawn.elements(own)
            out |= moved(group, np.linalg.inv(self.term.to_average(group)), out)
            at += len(group.effects)
        return out
