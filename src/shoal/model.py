"""A model as data: formula, design, family and resolved priors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from shoal.design import Design, build
from shoal.errors import PriorError, nearest
from shoal.families import Family
from shoal.formula import parse
from shoal.formula.terms import Formula
from shoal.frames import Table
from shoal.priors import LKJ, Exponential, Fixed, Normal, Prior


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
    formula : Formula
    family : Family
    design : Design
    priors : dict
        One `ResolvedPrior` per parameter: each population column, ``sd_<group>[<effect>]``,
        ``cor_<group>``, and the family's own.
    table : Table
        The columns the formula uses.
    """

    formula: Formula
    family: Family
    design: Design
    priors: Mapping[str, ResolvedPrior]
    table: Table

    @property
    def group_effects(self) -> str | None:
        """Name of the posterior variable of the group effects."""
        return f"r_{self.design.group.name}" if self.design.group else None

    def with_design(self, design: Design) -> Specification:
        """Return the same model of other responses, priors unchanged."""
        return replace(self, design=design)


def specify(
    text: str, table: Table, family: Family, priors: Mapping[str, Prior] | None = None
) -> Specification:
    """Parse, read and resolve a model.

    Raises
    ------
    FormulaError, DataError, ModelError, PriorError
    """
    formula = parse(text)
    table = table.select(formula.columns)
    design = build(formula, table, family)
    return Specification(formula, family, design, resolve(design, family, priors or {}), table)


def resolve(design: Design, family: Family, given: Mapping[str, Prior]) -> dict[str, ResolvedPrior]:
    """Return every parameter's prior: the most specific one given, or a default scaled to the data.

    Defaults: coefficients Normal(0, 2.5 s / sd(x)), Intercept Normal(location, 2.5 s) at average columns,
    standard deviations Exponential with mean s / sd(x), correlations LKJ(2), where s is the scale of the
    response on the link's scale.

    Raises
    ------
    PriorError
        A name that fits no parameter, or a support that does not.
    """
    location, scale = family.scale(design.rows)
    resolved: dict[str, ResolvedPrior] = {}
    aliases: dict[str, tuple[str, ...]] = {}

    def settle(name: str, support: str, default: Prior, *wider: str, centered: bool = False) -> None:
        aliases[name] = wider
        found = next((key for key in (name, *wider) if key in given), None)
        if found is None:
            resolved[name] = ResolvedPrior(default, True, centered)
            return
        _check_support(found, given[found], support)
        resolved[name] = ResolvedPrior(given[found], False)

    for name, spread in zip(design.columns, design.spreads, strict=True):
        if name == "Intercept":
            settle(name, "real", Normal(location, 2.5 * scale), centered=True)
        else:
            settle(name, "real", Normal(0.0, 2.5 * scale / float(spread)), "b")
    if design.group:
        g = design.group
        for effect, spread in zip(g.effects, design.effect_spreads, strict=True):
            default = Exponential(float(spread) / scale)
            settle(f"sd_{g.name}[{effect}]", "positive", default, f"sd_{g.name}", "sd")
        if any(len(block) > 1 for block in g.blocks):
            settle(f"cor_{g.name}", "correlation", LKJ(2.0), "cor")
    for name in family.parameters(design.known_se, design.se_sigma):
        settle(name, "positive", Exponential(1 / scale))

    known = [*resolved, *dict.fromkeys(w for wider in aliases.values() for w in wider)]
    unknown = [name for name in given if name not in known]
    if unknown:
        raise PriorError(
            f"There is no parameter {unknown[0]!r} to give a prior to.",
            f"This model has: {', '.join(known)}.",
            nearest(unknown[0], known) if nearest(unknown[0], known).startswith("Did") else "",
        )
    return resolved


def _check_support(name: str, prior: Prior, support: str) -> None:
    if not isinstance(prior, Prior):
        raise PriorError(f"The prior of {name!r} is {prior!r}.", "A prior such as sl.priors.Normal(0, 1).")
    if isinstance(prior, Fixed):
        if support == "correlation":
            raise PriorError(f"{name!r} cannot be Fixed.", "For independent effects write `(… || group)`.")
        if support == "positive" and prior.value <= 0:
            raise PriorError(f"{name!r} is Fixed({prior.value:g}).", "A value greater than zero.")
        return
    if prior.support != support:
        wanted = {
            "real": "Normal, StudentT or Fixed",
            "positive": "HalfNormal, HalfStudentT, HalfCauchy, Exponential, Gamma or Fixed",
            "correlation": "LKJ",
        }[support]
        raise PriorError(
            f"{type(prior).__name__} has support {prior.support!r}, {name!r} is {support!r}.",
            f"For {name!r} use {wanted}.",
        )
