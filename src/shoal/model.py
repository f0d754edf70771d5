"""A model as data: formulas, designs, families and resolved priors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from shoal.design import Design, build
from shoal.design_groups import Group, safe
from shoal.errors import ModelError, PriorError, listing, nearest
from shoal.families import Family, get_family
from shoal.formula import parse
from shoal.frames import Table
from shoal.priors import LKJ, Exponential, Fixed, Gamma, Normal, Prior, Shrinkage, Shrunk


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
    designs = designs_of(responses, table, covariances or {})
    columns = dict.fromkeys(c for design in designs for c in design.formula.columns)
    return Specification(
        designs, resolve(designs, priors or {}), table.select(tuple(columns)), covariances or {}
    )


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
    unused = set(covariances) - {term.cov for formula in formulas for term in formula.groups}
    if unused:
        raise ModelError(
            f"No term uses the covariance {listing(sorted(unused))}.", "For example (1 | gr(g, cov=K))."
        )
    return designs


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
    cutpoints Normal(0, 1.5) in ascending order, degrees of freedom Gamma(2, 0.1), the family's own
    parameters as the family says; s is the scale of the response on the link's scale.

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
            if unknown[0].startswith("cor_") and f"sd_{unknown[0][4:]}" in known:
                close = "One effect has nothing to correlate with: write (1 + x | g) for several."
                raise PriorError(
                    f"There is no parameter {unknown[0]!r}: its term has no correlated effects.", close
                )
            raise PriorError(
                f"There is no parameter {unknown[0]!r} to give a prior to.",
                f"This model has: {', '.join(known)}.",
                close if close.startswith("Did") else "",
            )


def _resolve_one(design: Design, settled: _Settled) -> None:
    family, prefix = design.family, design.prefix
    location, scale = family.scale(design.rows)
    location -= float(np.average(design.offset, weights=design.row_weight))
    for term, name, spread in zip(design.terms, design.columns, design.spreads, strict=True):
        if term == "Intercept":
            settled.add(name, Normal(location, 2.5 * scale), *_wider(prefix, "Intercept"), centered=True)
        else:
            unit = scale / float(spread)
            settled.add(name, Normal(0.0, 2.5 * unit), *_wider(prefix, "b"), shrunk=Shrunk(0.0, unit))
    if family.ordinal:
        settled.add(design.cutpoints, Normal(0.0, 1.5), *_wider(prefix, "cutpoints"))
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


def _check_support(name: str, prior: Prior, support: str) -> None:
    if not isinstance(prior, Prior):
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
