"""From a model to its terms, and from these to the engine's problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shoal.engine.build import Builder
from shoal.engine.collection import without_collection
from shoal.engine.lines import Lines
from shoal.engine.problem import ONE, Problem
from shoal.families.predicted_parameters import COMMON
from shoal.families.row_functions import RowFunction
from shoal.model.design import Design
from shoal.model.merged_rows import merge
from shoal.model.model import Specification
from shoal.model.terms import functions as f
from shoal.model.terms.all_terms import variables_of
from shoal.model.terms.residual_correlation import PlacedCorrelation
from shoal.model.terms.spatial_dependence import PlacedDependence
from shoal.model.terms.term import Drawn, Placed, Term, seen
from shoal.model.terms.variable import Variable
from shoal.priors import Prior

Variables = dict[str, tuple[tuple[str, ...], np.ndarray]]


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
    functions : tuple of RowFunction
        Of the problem's blocks of rows, two each.
    """

    model: Specification
    problem: Problem
    placed: tuple[Placed, ...]
    places: Mapping[str, int]
    slots: tuple[tuple[str, Prior, int], ...]
    predictors: np.ndarray
    functions: tuple[RowFunction, ...]

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
        """Return all posterior variables that were kept, in reading order."""
        draws = {name: values for placed in self.placed for name, values in placed.draws(drawn).items()}
        return {v.name: (("chain", "draw", *v.dims), draws[v.name]) for v in self.declared if v.name in draws}

    @property
    def declared(self) -> list[Variable]:
        """What the terms declare, in reading order."""
        return variables_of([placed.term for placed in self.placed], self.model.designs)


@without_collection()  # compiled functions are loaded meanwhile
def assemble(model: Specification, extra_terms: Sequence[Term] = ()) -> Assembled:
    """Return the engine's problem for a model; `extra_terms` stand after its own.

    A term knows a response by its name or its prefix: a model given other responses has other designs.
    """
    builder, terms = Builder(), (*model.terms, *extra_terms)
    for term in terms:
        for name, prior in term.hyperparameters().items():
            builder.hyperparameter(name, prior)
    placed: list[Placed] = []
    for term in terms:
        placed.append(term.place(builder, placed))
    for own in placed:
        if isinstance(own, PlacedCorrelation | PlacedDependence):
            whole = [seen(placed, design, np.arange(design.n_rows)) for design in own.term.designs]
            own.gaussian_rows(builder, whole, placed)
    predictors = [_rows(builder, placed, design, bool(extra_terms)) for design in model.designs]
    predictors += [own.complete(builder, placed) for own in placed]
    free = {name for name, *_ in builder.slots}
    places = {name: place for name, _, place in builder.slots}
    places |= {name: place for name, place in builder.names.items() if name not in free}
    begin = np.concatenate([np.zeros(0), *predictors])
    slots, functions = tuple(builder.slots), tuple(builder.functions)
    return Assembled(model, builder.build(), tuple(placed), places, slots, begin, functions)


def _rows(builder: Builder, placed: Sequence[Placed], design: Design, apart: bool) -> np.ndarray:
    """Declare the rows of a response; return linear predictors near their own estimates.

    `apart`: no rows are merged, since terms that the design does not know may tell them apart.
    """
    if not design.stays:  # parts of rows that stay have their own
        builder.constant += float(design.family.log_constant(design.rows.exact).sum())
    if design.correlated:  # their term has declared the rows
        return np.zeros(0)
    if design.exactly_gaussian:
        _gaussian_rows(builder, design, *seen(placed, design, np.arange(design.n_rows)))
        return np.zeros(0)
    merged = merge(design, np.arange(design.n_rows) if apart else None)
    begin = list[np.ndarray]()
    for block, where in enumerate(design.blocks(merged.first)):
        rows, first = merged.rows.at(where), merged.first[where]
        lines, offsets = zip(*(seen(placed, part, first) for part in design.parts), strict=True)
        phi = [place for own in placed for place in own.phi(design, block)]
        link = [*design.links, *[COMMON] * (len(phi) - len(design.links))]  # cutpoints have none
        row, interval = design.family.row_function, design.family.interval_function
        builder.rows(row, rows, list(lines), np.stack(offsets), phi, link, interval)
        begin += [part.family.start(rows) for part in design.parts]
    return np.concatenate(begin)


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
