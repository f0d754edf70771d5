"""A posterior ready to be evaluated and sampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from shoal.engine import memory, one_sided
from shoal.engine.evaluate import Target, cost_of, is_quadratic, step_cost_of
from shoal.engine.hyper import ATANH, LOG, LOGIT, RAMP, ramp_inverse
from shoal.engine.plan import (
    COMPARED,
    MANY_LEVELS,
    MOST_INDEPENDENT,
    QUADRATURE,
    Plan,
    Size,
    check_names,
    choose,
)
from shoal.engine.rounds.independent import MOST_COORDINATES, independent
from shoal.engine.rounds.parts import ByUnit
from shoal.errors import ModelError
from shoal.model.assemble import Assembled, assemble
from shoal.model.model import Specification
from shoal.model.terms.spatial_dependence import PlacedDependence
from shoal.model.terms.term import Term
from shoal.priors import Prior, middle

ABOUT = 1.0  # log density by which two starts may differ


@dataclass(frozen=True)
class Posterior:
    """Log density of a model, with the plan to sample it.

    Attributes
    ----------
    model : Specification
    plan : Plan
    assembled : Assembled
        The engine's problem, and what its numbers mean.
    target : Target
        The problem ready to be evaluated.
    extra_terms : tuple of Term
        Terms beside the model's own.
    one_sided : tuple of int
        Coefficients, places in x, that are sampled with the hyperparameters (`engine.one_sided`).
    client : distributed.Client or None
        Whose workers hold the rows; None where this process does.
    found : ByUnit or None
        The rows by unit, where the plan has looked at them already.
    """

    model: Specification
    plan: Plan
    assembled: Assembled
    target: Target
    extra_terms: tuple[Term, ...] = ()
    one_sided: tuple[int, ...] = ()
    client: Any = None
    found: ByUnit | None = None

    @property
    def by_unit(self) -> ByUnit:
        """The rows by unit, where all coefficients are coordinates of theta."""
        return self.found or ByUnit(self.target.problem)

    def __reduce__(self) -> tuple[Any, ...]:
        # Compiled functions and handles are of a process: in another one they are made again.
        return _again, (self.model, self.plan, self.extra_terms, self.one_sided)

    def given(self, model: Specification) -> Posterior:
        """Return the posterior of a model of the same terms, with other numbers and the same plan."""
        assembled = assemble(model, self.extra_terms)
        target = _target(assembled, self.one_sided)
        return replace(self, model=model, assembled=assembled, target=target, found=None)

    def with_responses(self, *ys: np.ndarray) -> Posterior:
        """Return the posterior of the same model given other responses."""
        return self.given(self.model.with_responses(*ys))


def _again(
    model: Specification, plan: Plan, extra_terms: tuple[Term, ...], one_sided: tuple[int, ...]
) -> Posterior:
    assembled = assemble(model, extra_terms)
    return Posterior(model, plan, assembled, _target(assembled, one_sided), extra_terms, one_sided)


def posterior_of(
    model: Specification,
    coordinates: str = "auto",
    sampler: str = "auto",
    extra_terms: Sequence[Term] = (),
    client: Any = None,
    kept: bool = True,
) -> Posterior:
    """Return the posterior of `model` in the coordinates asked for, with terms beside its own.

    Parameters
    ----------
    client : distributed.Client, optional
        Of a Dask cluster whose workers hold the rows: the model is sampled by rounds to them.
    kept : bool
        Draws of group effects are wanted: the plan depends on it.

    Raises
    ------
    ModelError
        Unknown coordinates or sampler, one that cannot sample this model, or a factor that the machine's
        memory cannot hold.
    """
    if client is not None and sampler not in ("auto", QUADRATURE):
        raise ModelError(
            "sampler-on-a-cluster",
            f"sampler={sampler!r} with rows on a Dask cluster.",
            f"sampler={QUADRATURE!r}: the only one that asks for hundreds of points at a time.",
        )
    if model.stays and (sampler not in ("auto", QUADRATURE) or coordinates not in ("auto", "transport")):
        raise ModelError(
            "sampler-of-rows-elsewhere",
            f"sampler={sampler!r}, coordinates={coordinates!r}, and the rows stay where they are: "
            f"{model.table.reduction}.",
            f"sampler={QUADRATURE!r}: the only one that asks for hundreds of points at a time.",
            "Take a sample of the rows into memory for others.",
        )
    sampler = sampler if client is None and not model.stays else QUADRATURE
    plan, assembled, by_unit = _planned(model, coordinates, sampler, extra_terms, kept)
    if plan.sampler == QUADRATURE:
        assert by_unit is not None
        moved = tuple(by_unit.coefficients.tolist())
        target = _target(assembled, moved)
        return Posterior(model, plan, assembled, target, tuple(extra_terms), moved, client, by_unit)
    target, found = _target(assembled), tuple[int, ...]()
    if not plan.asked:
        found = tuple(one_sided.find(target, MOST_INDEPENDENT - target.n_theta).tolist())
    if found:
        target = _target(assembled, found)
        plan = choose(replace(_size(assembled), one_sided=len(found)))
    return Posterior(model, plan, assembled, target, tuple(extra_terms), found)


def plan_of(model: Specification, coordinates: str = "auto", sampler: str = "auto") -> Plan:
    """Return the plan to sample a model, before anything can be evaluated; raises as `posterior_of` does."""
    return _planned(model, coordinates, QUADRATURE if model.stays else sampler).plan


class Planned(NamedTuple):
    """A plan, the problem that it is for, and the rows by unit where it has looked at them."""

    plan: Plan
    assembled: Assembled
    by_unit: ByUnit | None


def _planned(
    model: Specification,
    coordinates: str,
    sampler: str,
    extra_terms: Sequence[Term] = (),
    kept: bool = True,
) -> Planned:
    check_names(coordinates, sampler)
    assembled = assemble(model, extra_terms)
    size = _size(assembled)
    memory.check(size)
    plain = sampler == "auto" and coordinates in ("auto", "transport")
    compared = len(assembled.problem.columns.offset) <= COMPARED
    worth = size.effects >= MANY_LEVELS and (compared or not kept)
    by_unit = None
    if sampler == QUADRATURE or (plain and worth):
        by_unit = ByUnit(assembled.problem)
        most = MOST_COORDINATES if sampler == QUADRATURE else MOST_INDEPENDENT
        alone = independent(by_unit, most, compared and not model.stays)
        if model.stays and model.table.reduction is not None:
            rows = model.table.reduction.rows
            alone = replace(alone, rows=rows, lines=rows * (alone.lines // max(alone.rows, 1)))
        size = replace(size, alone=alone, kept=kept, elsewhere=model.stays)
    return Planned(choose(size, coordinates, sampler), assembled, by_unit)


def _size(assembled: Assembled) -> Size:
    problem = assembled.problem
    bases = [variable for variable in assembled.declared if variable.kind == "basis"]
    of_curves = sum(len(labels) for variable in bases for labels in variable.dims.values())
    unknown = sum(int(design.unknown.sum()) for design in assembled.model.designs)
    unknown += sum(len(own.rows) for own in assembled.placed if isinstance(own, PlacedDependence))
    coefficients = sum(len(own.small()) for own in assembled.placed) - of_curves - unknown
    return Size(
        hyperparameters=len(problem.slots.place),
        coefficients=coefficients,
        effects=len(problem.prior.mean) - coefficients - of_curves - unknown,
        quadratic=is_quadratic(problem),
        cost=cost_of(problem),
        step=step_cost_of(problem),
        numbers=len(problem.pattern.l_row) + 2 * len(problem.gram.row) + len(problem.terms.place),
        levels=tuple((name, len(labels)) for name, labels in assembled.model.factors.items()),
        of_curves=of_curves,
        unknown=unknown,
    )


def _target(assembled: Assembled, outside: Sequence[int] = ()) -> Target:
    """Return the target, with some coefficients among its hyperparameters; these begin at their mode."""
    kinked = any(design.family.kinked for design in assembled.model.designs)
    target = Target(assembled.problem, start(assembled), assembled.predictors, kinked)
    if not outside:
        return target
    begin = target.mode_at(target.start).map.mode[list(outside)]
    problem = one_sided.moved(assembled.problem, outside)
    return Target(problem, np.append(target.start, begin), assembled.predictors, kinked)


def start(assembled: Assembled) -> np.ndarray:
    """Return a theta in the middle of the priors, (T,): where the search for the mode begins.

    Of priors that are vaguer than the defaults it is the defaults' middle, which knows the data's scale: the
    middle of an inverse gamma prior of shape 0.001 is 1e300. The density is stationary where all loadings of
    a latent are zero: their search begins beside it.
    """
    loadings = {v.name for v in assembled.declared if v.kind == "loading"}
    given = any(not own.default for own in assembled.model.priors.values())
    defaults = {d.name: d.prior for v in assembled.declared for d in v.defaults()} if given else {}
    out = []
    for name, prior, _ in assembled.slots:
        value = _middle_of(prior, defaults.get(name, prior))
        if name in loadings:
            value = float(np.quantile(prior.draw(np.random.default_rng(0), 501), 0.84))
        out.append(value)
    slots = assembled.problem.slots
    pairs = zip(out, slots.transform, slots.unit, strict=True)
    return np.array([to_unconstrained(value, int(kind), unit) for value, kind, unit in pairs], float)


def _middle_of(prior: Prior, default: Prior) -> float:
    """Return the prior's middle, or its default's where that is about as probable (of logarithms, if > 0)."""
    own = middle(prior)
    if prior == default or prior.support not in ("real", "positive"):
        return own
    usual = middle(default)
    if not np.isfinite(own) or (own == 0.0 and prior.support == "positive"):
        return usual
    at, theirs = prior.log_density(np.array([own, usual]), *prior.params)
    if prior.support == "positive":
        at, theirs = at + np.log(own), theirs + np.log(usual)
    return usual if theirs > at - ABOUT else own


def to_unconstrained(value: float, transform: int, unit: float = 1.0) -> float:
    """Return where a natural `value` stands in theta; the inverse of what `engine.hyper` does."""
    if transform == RAMP:
        return ramp_inverse(value / unit)
    if transform == LOG:
        return float(np.log(value))
    if transform == LOGIT:
        return float(np.log(value) - np.log1p(-value))
    return float(np.arctanh(value)) if transform == ATANH else float(value)
