"""A model as data: formulas, designs, families and resolved priors."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from shoal.design import Design, build
from shoal.design_groups import Group, safe
from shoal.errors import FormulaError, ModelError, PriorError, ShoalWarning, listing, nearest
from shoal.families import Family, get_family
from shoal.formula import parse
from shoal.formula.terms import Formula
from shoal.frames import Table
from shoal.priors import (
    LKJ,
    Exponential,
    Fixed,
    Gamma,
    Gap,
    Normal,
    PartialCorrelation,
    Prior,
    Shrinkage,
    Shrunk,
)

INTERNAL = (Gap, PartialCorrelation, Shrunk)  # parts of other priors


@dataclass(frozen=True)
class Response:
    """One response of a model with several.

    Parameters
    ----------
    formula : str
    family : str or Family
    link : str, optional
        The family's own by default.
    """

    formula: str
    family: str | Family = "gaussian"
    link: str | None = None


@dataclass(frozen=True)
class ResolvedPrior:
    """A prior with its origin.

    Attributes
    ----------
    prior : Prior
    default : bool
        Chosen by Shoal from the data, not by the user.
    centered : bool
        For the Intercept: the prior is on the linear predictor at average columns.
    """

    prior: Prior
    default: bool
    centered: bool = False


@dataclass(frozen=True)
class Specification:
    """A frozen model.

    Attributes
    ----------
    designs : tuple of Design
        One a response.
    priors : dict
        One `ResolvedPrior` per parameter: each population column, ``sd_<group>[<effect>]``, ``cor_<group>``,
        ``loading_<latent>``, ``cutpoints``, and the family's own.
    table : Table
        The columns the formulas use.
    covariances : mapping
        Known covariances between levels, as the user gave them.
    pooling : {"partial", "complete", "none"}
        Which variant of the user's model this is.
    """

    designs: tuple[Design, ...]
    priors: Mapping[str, ResolvedPrior]
    table: Table
    covariances: Mapping[str, Any] = field(default_factory=dict)
    pooling: str = "partial"

    @property
    def groups(self) -> tuple[Group, ...]:
        """The effects of all responses on all grouping factors."""
        return tuple(group for design in self.designs for group in design.groups)

    @property
    def factors(self) -> dict[str, np.ndarray]:
        """Grouping factors and their level labels, those of latents included."""
        out = {group.name: group.labels for group in self.groups}
        for design in self.designs:
            out |= {latent.factor: latent.labels for latent in design.latents}
        return out

    @property
    def text(self) -> str:
        """The formulas, a line each."""
        return "\n".join(design.formula.text for design in self.designs)

    @property
    def group_effects(self) -> tuple[str, ...]:
        """Names of the posterior variables that have one value a level."""
        latents = {f"latent_{latent.name}": None for design in self.designs for latent in design.latents}
        return (*(group.r for group in self.groups), *latents)

    def design_of(self, group: Group) -> Design:
        """Return the design of the response that `group` belongs to."""
        return next(design for design in self.designs if any(g is group for g in design.groups))

    def with_responses(self, *ys: np.ndarray) -> Specification:
        """Return the same model of other responses, priors unchanged."""
        pairs = zip(self.designs, ys, strict=True)
        return replace(self, designs=tuple(design.with_response(y) for design, y in pairs))


def specify(
    responses: Sequence[Response],
    table: Table,
    priors: Mapping[str, Prior] | None = None,
    covariances: Mapping[str, Any] | None = None,
) -> Specification:
    """Parse, read and resolve a model.

    Raises
    ------
    FormulaError, DataError, ModelError, PriorError
    """
    _check_names("covariances", covariances, "{'K': matrix}", ModelError)
    _check_names("priors", priors, "{'sigma': sl.priors.Exponential(1)}", PriorError)
    designs = designs_of(responses, table, covariances or {})
    columns = dict.fromkeys(c for design in designs for c in design.formula.columns)
    return Specification(
        designs, resolve(designs, priors or {}), table.select(tuple(columns)), covariances or {}
    )


def _check_names(what: str, given: Any, example: str, error: type[ModelError] | type[PriorError]) -> None:
    """Raise unless `given` is a mapping from names, or None."""
    if given is not None and not isinstance(given, Mapping):
        raise error(
            f"The {what} are of type {type(given).__name__}.", "A mapping from names.", f"{what}={example}."
        )
    if odd := [name for name in given or () if not isinstance(name, str)]:
        raise error(f"The {what} have the name {odd[0]!r}.", "Names are text.", f"{what}={example}.")


def designs_of(
    responses: Sequence[Response], table: Table, covariances: Mapping[str, Any], quiet: bool = False
) -> tuple[Design, ...]:
    """Return the design of each response, names prefixed if there are several.

    Raises
    ------
    FormulaError, DataError, ModelError
    """
    if not responses:
        raise ModelError("The model has no response.", "At least one formula.")
    formulas = [parse(r.formula) for r in responses]
    names = [safe(f.response.value.text) for f in formulas]
    if len(set(names)) < len(names):
        raise ModelError(
            f"Two formulas have the same response ({listing(names)}).", "One formula a response."
        )
    _check_order(formulas)
    _check_latent_names(formulas, table, quiet)
    designs = tuple(
        build(
            formula,
            table,
            get_family(response.family, response.link),
            prefix=f"{name}_" if len(names) > 1 else "",
            covariances=covariances,
            quiet=quiet,
        )
        for formula, response, name in zip(formulas, responses, names, strict=True)
    )
    _check_latents(designs)
    _check_distinct(designs)
    unused = set(covariances) - {term.cov for formula in formulas for term in formula.groups}
    if unused:
        raise ModelError(
            f"No term uses the covariance {listing(sorted(unused))}.", "For example (1 | gr(g, cov=K))."
        )
    return designs


def _check_order(formulas: Sequence[Formula]) -> None:
    """Raise if two responses are one column, or predict each other, directly or round about."""
    of = [set(f.response.value.columns) for f in formulas]
    shared = [c for c, count in Counter(c for columns in of for c in columns).items() if count > 1]
    if shared:
        raise ModelError(
            f"Two formulas have responses made from {shared[0]!r}.",
            "Responses of different columns: the same data would count twice.",
            "Keep one of the two formulas.",
        )
    left = list(range(len(formulas)))
    while left:
        there = set().union(*(of[i] for i in left))
        free = [i for i in left if not (set(formulas[i].columns) - of[i]) & there]
        if not free:
            raise ModelError(
                f"The responses {listing(repr(formulas[i].response.value.text) for i in left)} predict each "
                "other.",
                "An order in which each depends on earlier ones alone: a product of densities that condition "
                "on each other is no density of them all.",
                "Leave one out of the predictors, or let them share a latent: latent(u | g) in each.",
            )
        left = [i for i in left if i not in free]


def _check_latent_names(formulas: Sequence[Formula], table: Table, quiet: bool) -> None:
    """Raise if a latent is called like a column of another formula; warn if like another of the table."""
    used = {c for f in formulas for c in f.columns}
    for f in formulas:
        for term in f.latents:
            if term.name in used:
                raise FormulaError(
                    f"The latent quantity {term.name!r} is called like a column of another formula.",
                    "A name of its own was needed: it has no values in the table.",
                    "Rename it.",
                    formula=f.text,
                    span=term.span,
                )
    for name in dict.fromkeys(term.name for f in formulas for term in f.latents):
        if name in table.column_names and not quiet:
            warnings.warn(
                f"The table has a column {name!r}, which latent({name} | …) does not read: a latent has no "
                "values in the table.",
                ShoalWarning,
                stacklevel=2,
            )


def _check_distinct(designs: Sequence[Design]) -> None:
    """Raise if two variables or dimensions of a result would have one name."""
    names = [f"latent_{name}" for name in {t.name for d in designs for t in d.latents}]
    names += {f.factor for d in designs for f in d.latents} | {g.name for d in designs for g in d.groups}
    for d in designs:
        names += [*d.columns, *(d.prefix + name for name in d.parameters)]
        names += [d.cutpoints] if d.family.ordinal else []
        names += [t.loading for t in d.latents]
        for g in d.groups:
            names += [g.sd, g.r, g.dim, *([g.cor] if g.correlated else []), *([g.nu] if g.student else [])]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ModelError(
            f"Two parts of the result would be called {twice[0]!r}.",
            "Names of columns, factors and responses that stay distinct when joined by an underscore.",
            "Rename a column.",
        )


def _check_latents(designs: tuple[Design, ...]) -> None:
    latents = [latent for design in designs for latent in design.latents]
    for latent in latents:
        same = [other for other in latents if other.name == latent.name]
        if len(same) == 1:
            raise ModelError(
                f"The latent {latent.name!r} appears in one response only.",
                "A latent is what two or more responses share.",
                f"For effects of one response write (1 | {latent.factor}).",
            )
        if len({other.factor for other in same}) > 1:
            raise ModelError(
                f"The latent {latent.name!r} varies over {listing(sorted({o.factor for o in same}))}.",
                "One grouping factor for a latent.",
            )


def resolve(designs: Sequence[Design], given: Mapping[str, Prior]) -> dict[str, ResolvedPrior]:
    """Return every parameter's prior: the most specific one given, or a default scaled to the data.

    Defaults: coefficients Normal(0, 2.5 s / sd(x)), Intercept Normal(location, 2.5 s) at average columns,
    standard deviations Exponential with mean s / sd(x), correlations LKJ(2), loadings Normal(0, s),
    cutpoints Normal(0, 1.5 s) at average columns, in ascending order, degrees of freedom Gamma(2, 0.1), the
    family's own parameters as the family says; s is the scale of the response on the link's scale.

    Raises
    ------
    PriorError
        A name that fits no parameter, or a support that does not.
    """
    settled = _Settled(given)
    for design in designs:
        _resolve_one(design, settled)
    settled.check_unknown()
    return settled.priors


class _Settled:
    """Priors resolved so far, and the names under which they could have been given."""

    def __init__(self, given: Mapping[str, Prior]):
        self.given = given
        self.priors: dict[str, ResolvedPrior] = {}
        self.wider: dict[str, None] = {}

    def add(
        self,
        name: str,
        default: Prior,
        *wider: str,
        centered: bool = False,
        shrunk: Shrunk | None = None,
    ) -> None:
        """Settle the prior of `name`: that given for it, or for one of the `wider` names, or the default.

        A shrinkage prior given for a wider name leaves `shrunk` for the slope, and itself for all of them.
        """
        self.wider |= dict.fromkeys(wider)
        found = next((key for key in (name, *wider) if key in self.given), None)
        if found is None:
            self.priors[name] = ResolvedPrior(default, True, centered)
            return
        if shrunk and found != name and isinstance(self.given[found], Shrinkage):
            self.priors[name] = ResolvedPrior(shrunk, False)
            self.priors[wider[0]] = ResolvedPrior(self.given[found], False)
            return
        _check_support(found, self.given[found], default.support)
        self.priors[name] = ResolvedPrior(self.given[found], False)

    def check_unknown(self) -> None:
        """Raise if a prior was given that no parameter took."""
        known = list(dict.fromkeys([*self.priors, *self.wider]))
        unknown = [name for name in self.given if name not in known]
        if unknown:
            close = nearest(unknown[0], known)
            if "cor" in unknown[0] and unknown[0].replace("cor", "sd", 1) in known:
                close = "One effect has nothing to correlate with: write (1 + x | g) for several."
                raise PriorError(
                    f"There is no parameter {unknown[0]!r}: its term has no correlated effects.", close
                )
            raise PriorError(
                f"There is no parameter {unknown[0]!r} to give a prior to.",
                f"This model has: {', '.join(known)}.",
                close if close.startswith("Did") else "",
            )


def _residual_unit(design: Design) -> float:
    """Return the residual sd that shrinkage priors refer to, in units of sigma where there is one.

    The sd of the latent variable behind binary and ordered rows; the response's scale for other families.
    """
    if "sigma" in design.parameters:
        return 1.0
    variance = None if design.parameters else design.family.residual_variance(design.rows, {})
    return design.family.scale(design.rows)[1] if variance is None else float(np.mean(variance)) ** 0.5


def _resolve_one(design: Design, settled: _Settled) -> None:
    family, prefix = design.family, design.prefix
    location, scale = family.scale(design.rows)
    location -= float(np.average(design.offset, weights=design.row_weight))
    residual = _residual_unit(design)
    for term, name, spread in zip(design.terms, design.columns, design.spreads, strict=True):
        if term == "Intercept":
            settled.add(name, Normal(location, 2.5 * scale), *_wider(prefix, "Intercept"), centered=True)
        else:
            slope, unit = Normal(0.0, 2.5 * scale / float(spread)), residual / float(spread)
            settled.add(name, slope, *_wider(prefix, "b"), shrunk=Shrunk(0.0, unit))
    if family.ordinal:
        average = float(np.average(design.offset, weights=design.row_weight))
        default_cutpoints = Normal(average, 1.5 * scale)
        settled.add(design.cutpoints, default_cutpoints, *_wider(prefix, "cutpoints"), centered=True)
        prior = settled.priors[design.cutpoints].prior
        if not isinstance(prior, Normal):
            raise PriorError(
                f"The prior of {design.cutpoints!r} is {prior}.", "Normal: the same for every cutpoint."
            )
    for group in design.groups:
        for effect, spread in zip(group.effects, design.effect_spreads(group), strict=True):
            default = Exponential(float(spread) / scale)
            settled.add(f"{group.sd}[{effect}]", default, group.sd, *_wider(prefix, "sd"))
        if group.correlated:
            settled.add(group.cor, LKJ(2.0), *_wider(prefix, "cor"))
        if group.student:
            settled.add(group.nu, Gamma(2.0, 0.1))
    for latent in design.latents:
        settled.add(latent.loading, Normal(0.0, scale), *_wider(prefix, "loading"))
    for name in design.parameters:
        settled.add(prefix + name, family.parameter_prior(name, design.rows), *_wider(prefix, name))


def _wider(prefix: str, name: str) -> tuple[str, ...]:
    """Return the wider names a prior can be given under: of this response, then of all."""
    return (prefix + name, name) if prefix else (name,)


def is_foldable(model: Specification, loading: str) -> bool:
    """Return True if the prior of a loading is symmetric about zero, so that its sign says nothing."""
    prior = model.priors[loading].prior
    return not isinstance(prior, Fixed) and getattr(prior, "mu", None) == 0


def _check_support(name: str, prior: Any, support: str) -> None:
    if not isinstance(prior, Prior) or isinstance(prior, INTERNAL):
        raise PriorError(f"The prior of {name!r} is {prior!r}.", "A prior such as sl.priors.Normal(0, 1).")
    if isinstance(prior, Fixed):
        if support == "correlation":
            raise PriorError(f"{name!r} cannot be Fixed.", "For independent effects write `(… || group)`.")
        if support == "positive" and prior.value <= 0:
            raise PriorError(f"{name!r} is Fixed({prior.value:g}).", "A value greater than zero.")
        if support == "unit" and not 0 < prior.value < 1:
            raise PriorError(f"{name!r} is Fixed({prior.value:g}).", "A value between 0 and 1.")
        return
    if prior.support != support:
        wanted = {
            "real": "Normal, StudentT, Laplace or Fixed; for all slopes ('b') also Horseshoe or R2D2",
            "positive": "HalfNormal, HalfStudentT, HalfCauchy, Exponential, Gamma, InverseGamma or Fixed",
            "unit": "Beta or Fixed",
            "correlation": "LKJ",
        }[support]
        raise PriorError(
            f"{type(prior).__name__} has support {prior.support!r}, {name!r} is {support!r}.",
            f"For {name!r} use {wanted}.",
        )
