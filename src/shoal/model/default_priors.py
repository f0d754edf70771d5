"""Every parameter's prior: the most specific one given, or a default scaled to the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shoal.errors import PriorError, nearest
from shoal.model.design import Design
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


def _residual_unit(design: Design) -> float:
    """Return the residual sd that shrinkage priors refer to, in units of sigma where there is one.

    The sd of the latent variable behind binary and ordered rows; the response's scale for other families.
    """
    if "sigma" in design.parameters:
        return 1.0
    variance = None if design.parameters else design.family.residual_variance(design.rows, {})
    return design.family.scale(design.rows)[1] if variance is None else float(np.mean(variance)) ** 0.5


def _wider(prefix: str, name: str) -> tuple[str, ...]:
    """Return the wider names a prior can be given under: of this response, then of all."""
    return (prefix + name, name) if prefix else (name,)


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
