"""From a model to its terms, and from these to the engine's problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shoal.engine.build import Builder, Lines
from shoal.engine.problem import ONE, Problem
from shoal.model.design import Design, merge
from shoal.model.model import Specification
from shoal.model.terms import functions as f
from shoal.model.terms.coefficients import Coefficients, PlacedCoefficients
from shoal.model.terms.cutpoints import Cutpoints, PlacedCutpoints
from shoal.model.terms.family_parameters import FamilyParameters, PlacedParameters
from shoal.model.terms.group_effects import GroupEffects, PlacedGroupEffects
from shoal.model.terms.grouping import ordered
from shoal.model.terms.shrinkage import PlacedShrinkage, ShrunkSlopes, shrinkage_of
from shoal.model.terms.term import Drawn, Placed, Term, Variables
from shoal.priors import Prior


def terms_of(model: Specification) -> tuple[Term, ...]:
    """Return the terms of a model; every list of its parameters is a loop over them."""
    terms: list[Term] = [GroupEffects(model, factor) for factor in ordered(model)]
    for design in model.designs:
        terms.append(FamilyParameters(model, design))
        if design.family.ordinal:
            terms.append(Cutpoints(model, design))
        if (prior := shrinkage_of(model, design)) is not None:
            terms.append(ShrunkSlopes(model, design, prior))
        terms.append(Coefficients(model, design))
    return tuple(terms)


def scalar_priors(model: Specification) -> dict[str, Prior]:
    """Return the priors of all hyperparameters, by name."""
    return {name: prior for term in terms_of(model) for name, prior in term.parameters().items()}


@dataclass(frozen=True)
class Assembled:
    """A model as the engine's problem, and what its numbers mean.

    Attributes
    ----------
    model : Specification
    problem : Problem
    placed : tuple of Placed
        The terms.
    places : dict
        Place in h of every hyperparameter by name: the free ones in the order of theta, then the known ones.
    slots : tuple of (str, Prior, int)
        Coordinates of theta: name, prior, place in h.
    predictors : (lines,) array
        Linear predictors near the rows' own estimates, at which the expansion begins.
    """

    model: Specification
    problem: Problem
    placed: tuple[Placed, ...]
    places: Mapping[str, int]
    slots: tuple[tuple[str, Prior, int], ...]
    predictors: np.ndarray

    def elements(self, effects: bool = True) -> np.ndarray:
        """Return the elements of (v, x) that results are made of, with `effects` those of levels too."""
        nv, order = len(self.problem.scales.constant), self.problem.pattern.order
        parts = [placed.small() for placed in self.placed]
        parts += [placed.large(nv, order) for placed in self.placed] if effects else []
        return np.concatenate([np.zeros(0, np.int64), *parts]).astype(np.int64)

    def drawn(self, h: np.ndarray, points: np.ndarray, elements: np.ndarray) -> Drawn:
        """Return draws as terms read them: h (chain, draw, H), and some elements (chain, draw, E)."""
        nv, order = len(self.problem.scales.constant), self.problem.pattern.order
        where = np.full(nv + len(order), -1)
        where[elements] = np.arange(len(elements))
        values = {name: h[..., place] for name, place in self.places.items()}
        return Drawn(values, h, points, where, nv, order)

    def variables(self, drawn: Drawn) -> Variables:
        """Return all posterior variables, in reading order: response by response, effects last."""
        out: Variables = {}
        for design in self.model.designs:
            own: Variables = {}
            for placed in _reading_order(self.placed):
                own |= placed.variables(design, drawn)
                if isinstance(placed, PlacedCutpoints) and placed.term.design is design:
                    own |= placed.cutpoints(_coefficients(self.placed, design), drawn)
            out |= _as_written(design, own)
        for placed in self.placed:
            out |= placed.effects(drawn)
        return out


def _reading_order(placed: Sequence[Placed]) -> list[Placed]:
    """Return the terms as a reader expects them: coefficients first, the family's own parameters last."""
    return sorted(placed, key=_rank)


def _rank(placed: Placed) -> int:
    if isinstance(placed, PlacedCoefficients):
        return 0
    if isinstance(placed, PlacedGroupEffects):
        return 2
    return 3 if isinstance(placed, PlacedParameters) else 1  # scales of coefficients and cutpoints


def _as_written(design: Design, variables: Variables) -> Variables:
    """Return a response's variables; those of its groups, then of its latents, in its formula's order."""
    written = [name for group in design.groups for name in (group.sd, group.cor, group.nu)]
    written += [latent.loading for latent in design.latents]
    ordered = iter([name for name in written if name in variables])
    return {own: variables[own] for own in (next(ordered) if n in written else n for n in variables)}


def _coefficients(placed: Sequence[Placed], design: Design) -> PlacedCoefficients:
    return next(p for p in placed if isinstance(p, PlacedCoefficients) and p.term.design is design)


def assemble(model: Specification, extra_terms: Sequence[Term] = ()) -> Assembled:
    """Return the engine's problem for a model; `extra_terms` stand after its own.

    A term knows a response by its name or its prefix: a model given other responses has other designs.
    """
    builder, terms = Builder(), (*terms_of(model), *extra_terms)
    for term in terms:
        for name, prior in term.parameters().items():
            builder.hyperparameter(name, prior)
    placed: list[Placed] = []
    for term in terms:
        if isinstance(term, Coefficients):
            before = placed[-1]
            placed.append(term.place(builder, before if isinstance(before, PlacedShrinkage) else None))
        else:
            placed.append(term.place(builder))
    predictors = [_rows(builder, placed, design, bool(extra_terms)) for design in model.designs]
    groups = [own for own in placed if isinstance(own, PlacedGroupEffects)]
    coefficients = {d.prefix: _coefficients(placed, d) for d in model.designs}
    largest = max(groups, key=lambda own: own.x.size, default=None)
    for own in groups:
        predictors.append(np.zeros(own.declare_student(builder)))
        own.declare_levels(builder, coefficients, own is largest)
    free = {name for name, *_ in builder.slots}
    places = {name: place for name, _, place in builder.slots}
    places |= {name: place for name, place in builder.names.items() if name not in free}
    begin = np.concatenate([np.zeros(0), *predictors])
    return Assembled(model, builder.build(), tuple(placed), places, tuple(builder.slots), begin)


def _rows(builder: Builder, placed: Sequence[Placed], design: Design, apart: bool) -> np.ndarray:
    """Declare the rows of a response; return linear predictors near their own estimates.

    `apart`: no rows are merged, since terms that the design does not know may tell them apart.
    """
    builder.constant += float(design.family.log_constant(design.rows).sum())
    coefficients = _coefficients(placed, design)
    if design.exactly_gaussian:
        first = np.arange(design.n_rows)
        lines = _joined([own.lines(design, first) for own in placed])
        _gaussian_rows(builder, design, lines, coefficients.offset(first))
        return np.zeros(0)
    merged = merge(design, np.arange(design.n_rows) if apart else None)
    lines = _joined([own.lines(design, merged.first) for own in placed])
    offset = coefficients.offset(merged.first)
    builder.rows(design.family.row_function, merged.rows, [lines], offset[None], _phi(placed, design))
    return design.family.start(merged.rows)


def _phi(placed: Sequence[Placed], design: Design) -> list[int]:
    """Return the places in h of a family's parameters, in the order of its row function."""
    for own in placed:
        if isinstance(own, PlacedCutpoints) and own.term.design is design:
            return own.places
    return next(p for p in placed if isinstance(p, PlacedParameters) and p.term.design is design).places


def _joined(parts: Sequence[Lines | None]) -> Lines:
    there = [part for part in parts if part is not None]
    return Lines(*(np.concatenate(columns) for columns in zip(*there, strict=True)))


def _gaussian_rows(builder: Builder, design: Design, lines: Lines, offset: np.ndarray) -> None:
    """Declare rows that are exactly quadratic in the effects: by sums of theirs."""
    weight, y = design.gaussian_response(offset)
    if design.known_se:
        builder.constant -= float((design.rows.weight * np.log(design.rows.se)).sum())
        builder.gaussian_rows(lines, y, weight, 0.0, ONE)
        return
    sigma = builder.names[f"{design.prefix}sigma"]
    (tau,) = builder.derive((f.precision, f.precision_adjoint), [sigma], [], 1)
    builder.gaussian_rows(lines, y, weight, float(weight.sum()), tau)
