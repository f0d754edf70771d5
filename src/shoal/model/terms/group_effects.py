"""Effects of the levels of one grouping factor, of all responses together.

A level's standardised effects u enter as ``v = Λ u``, Λ made of standard deviations, correlations and
loadings: the ordinary effects of each response, then one element for each loading of a latent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from shoal.engine.build import Builder, Lines
from shoal.engine.levels import NO_MOVE, NO_PART, LevelEffects
from shoal.engine.problem import ONE, ZERO
from shoal.families import Rows
from shoal.model.covariance import correlations, partial_positions
from shoal.model.design import Design, Group
from shoal.model.model import Specification
from shoal.model.terms import functions as f
from shoal.model.terms.coefficients import PlacedCoefficients
from shoal.model.terms.grouping import Gathered
from shoal.model.terms.student_effects import student_effects
from shoal.model.terms.term import Drawn, Placed, Term, Variables
from shoal.priors import LKJ, Prior

Block = tuple[Group, tuple[int, ...], int]  # correlated effects of a group, and where the group begins


@dataclass(frozen=True)
class GroupEffects(Term):
    """Effects on one grouping factor."""

    model: Specification
    factor: Gathered

    @property
    def ordinary(self) -> int:
        """Effects of a level that are not latents."""
        return sum(len(group.effects) for _, group in self.factor.groups)

    def parameters(self) -> Mapping[str, Prior]:
        priors, out = self.model.priors, dict[str, Prior]()
        for _, group in self.factor.groups:
            out |= {f"{group.sd}[{e}]": priors[f"{group.sd}[{e}]"].prior for e in group.effects}
            if group.correlated:
                lkj = priors[group.cor].prior
                assert isinstance(lkj, LKJ)
                positions = partial_positions(group.blocks)
                for name, (*_, size, column) in zip(partial_names(group), positions, strict=True):
                    out[name] = lkj.partial(size, column)
            if group.student:
                out[group.nu] = priors[group.nu].prior
        return out | {t.loading: priors[t.loading].prior for _, t in self.factor.loadings}

    def blocks(self) -> Iterator[Block]:
        """Yield the correlated sets of effects."""
        at = 0
        for _, group in self.factor.groups:
            yield from ((group, block, at) for block in group.blocks)
            at += len(group.effects)

    def place(self, builder: Builder) -> PlacedGroupEffects:
        levels, factor = self.factor.levels, self.factor
        x = self._effects(builder).reshape(levels, factor.effects)
        v = builder.columns(levels * factor.n_columns).reshape(levels, factor.n_columns)
        root = np.full((self.ordinary, self.ordinary), ZERO)
        for group, block, at in self.blocks():
            own = [at + k for k in block]
            for i, j, place in _root(builder, group, block):
                builder.scale(v[:, own[i]], x[:, own[j]], place)
                root[own[i], own[j]] = place
            if group.zero_sum:
                for k in own:
                    builder.zero_sum(x[:, k])
        for j, (_, latent) in enumerate(factor.loadings):
            k = self.ordinary + factor.latents.index(latent.name)
            builder.scale(v[:, self.ordinary + j], x[:, k], builder.names[latent.loading])
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


def partial_name(group: Group, i: int, j: int) -> str:
    """Return the name of the partial correlation of two of a group's effects."""
    return f"partial:{group.r}:{group.effects[i]},{group.effects[j]}"


def partial_names(group: Group) -> list[str]:
    """Return the names of a group's partial correlations, in the order of `covariance.partial_positions`."""
    return [partial_name(group, i, j) for i, j, *_ in partial_positions(group.blocks)]


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
        Places in h of Λ, of the ordinary effects.
    """

    term: GroupEffects
    x: np.ndarray
    v: np.ndarray
    root: np.ndarray

    def lines(self, design: Design, first: np.ndarray) -> Lines | None:
        factor = self.term.factor
        if not any(owner is design for owner, _ in (*factor.groups, *factor.loadings)):
            return None
        z, level = factor.columns(design, first)
        line, column = np.nonzero(z)
        return Lines(line, self.v[level[line], column], z[line, column])

    def declare_levels(self, builder: Builder, of: Mapping[str, PlacedCoefficients], first: bool) -> None:
        """Declare the effects beside the population's coefficients, for coordinates that mix the two.

        Parameters
        ----------
        of : mapping
            Coefficients by the response's prefix.
        first : bool
            In centered coordinates the population's part belongs to this factor.
        """
        ordinary, factor = self.term.ordinary, self.term.factor
        if not ordinary:
            return
        summed = np.concatenate([[group.zero_sum] * len(group.effects) for _, group in factor.groups])
        parts, moves, at = [NO_PART] * ordinary, [NO_MOVE] * ordinary, 0
        for design, group in factor.groups:
            for k, column in enumerate(design.matched(group), at):
                if column >= 0 and not summed.any():
                    parts[k] = of[design.prefix].part_of(column) if first else NO_PART
                    moves[k] = of[design.prefix].move_of(column) if factor.root is None else NO_MOVE
            at += len(group.effects)
        builder.levels(LevelEffects(self.x[:, :ordinary], self.root, summed, parts, moves))

    def declare_student(self, builder: Builder) -> int:
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

    def variables(self, design: Design, drawn: Drawn) -> Variables:
        out: Variables = {}
        for owner, group in self.term.factor.groups:
            if owner is not design:
                continue
            sd = np.stack([drawn.values[f"{group.sd}[{e}]"] for e in group.effects], axis=-1)
            out[group.sd] = (("chain", "draw", group.dim), sd)
            if group.correlated:
                partial = np.stack([drawn.values[name] for name in partial_names(group)], axis=-1)
                matrix = correlations(partial, group.blocks, len(group.effects))
                out[group.cor] = (("chain", "draw", group.dim, f"{group.dim}_bis"), matrix)
            if group.student:
                out[group.nu] = (("chain", "draw"), drawn.values[group.nu])
        for owner, latent in self.term.factor.loadings:
            if owner is design:
                out[latent.loading] = (("chain", "draw"), drawn.values[latent.loading])
        return out

    def places(self, nv: int, order: np.ndarray) -> np.ndarray:
        """Return places of the effects among (v, x), (levels, K): latents are elements of x."""
        ordinary = self.term.ordinary
        return np.concatenate([self.v[:, :ordinary], nv + order[self.x[:, ordinary:]]], axis=1)

    def large(self, nv: int, order: np.ndarray) -> np.ndarray:
        return self.places(nv, order).ravel()

    def effects(self, drawn: Drawn) -> Variables:
        places = self.places(drawn.nv, drawn.order)
        if not drawn.keeps(places):
            return {}
        out: Variables = {}
        factor, at = self.term.factor, 0
        for _, group in factor.groups:
            own = places[:, at : at + len(group.effects)]
            out[group.r] = (("chain", "draw", factor.name, group.dim), drawn.elements(own))
            at += len(group.effects)
        for k, latent in enumerate(factor.latents):
            values = drawn.elements(places[:, at + k])
            out[f"latent_{latent}"] = (("chain", "draw", factor.name), values)
        return out
