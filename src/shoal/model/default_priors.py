"""Every parameter's prior: the most specific one given, or a default scaled to the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shoal.errors import PriorError, as_known, listing, meant
from shoal.model.design import Design
from shoal.model.terms.all_terms import terms_of, variables_of
from shoal.model.terms.variable import Default, ResolvedPrior
from shoal.priors import INTERNAL, KINDS, Fixed, Prior, Shrinkage

EXAMPLES = {
    "real": "Normal(0, 1)",
    "positive": "Exponential(1)",
    "unit": "Beta(1, 1)",
    "correlation": "LKJ(2)",
    "simplex": "Dirichlet(1)",
}


def resolve(designs: Sequence[Design], given: Mapping[str, Prior]) -> dict[str, ResolvedPrior]:
    """Return every parameter's prior: the most specific one given, or a default scaled to the data.

    Defaults are those that the terms declare (`docs/priors.md`): weak, scaled by the location and spread of
    the response on the link's scale, whatever the coding of the table.

    Raises
    ------
    PriorError
        A name that fits no parameter, or a support that does not.
    """
    settled = _settle(designs, given, {})
    settled.check_unknown()
    known = {name: p for name, p in settled.priors.items() if isinstance(p.prior, Fixed)}
    priors = _settle(designs, given, known).priors if known else settled.priors
    return _alone(designs, priors)


def _settle(
    designs: Sequence[Design], given: Mapping[str, Prior], known: Mapping[str, ResolvedPrior]
) -> _Settled:
    """Return the priors given and the defaults, where some values are known already."""
    variables = variables_of(terms_of(designs, known), designs)
    defaults = [default for variable in variables for default in variable.defaults()]
    settled = _Settled(_spelt(given, [name for own in defaults for name in (own.name, *own.wider)]))
    for default in defaults:
        settled.add(default)
    return settled


def _alone(designs: Sequence[Design], priors: dict[str, ResolvedPrior]) -> dict[str, ResolvedPrior]:
    """Return priors; that of a slope which has no other to be joint with is its own."""
    for part in (part for design in designs for part in design.parts):
        joint = [name for name in part.columns if priors[name].joint]
        if len(joint) == 1:
            priors[joint[0]] = replace(priors[joint[0]], joint=False)
    return priors


def _spelt(given: Mapping[str, Prior], known: Sequence[str]) -> dict[str, Prior]:
    """Return the priors under the names of parameters, however these are spelt.

    Raises
    ------
    PriorError
        If two names are spellings of one.
    """
    out: dict[str, Prior] = {}
    for name, prior in given.items():
        own = as_known(name, known)
        if own in out:
            raise PriorError(
                "prior-twice",
                f"The parameter {own!r} has two priors: {out[own]} and {prior}.",
                "One of them.",
            )
        out[own] = prior
    return out


class _Settled:
    """Priors resolved so far, and the names under which they could have been given."""

    def __init__(self, given: Mapping[str, Prior]):
        self.given = given
        self.priors: dict[str, ResolvedPrior] = {}
        self.wider: dict[str, None] = {}

    def add(self, default: Default) -> None:
        """Settle a prior: the one given for the parameter, or for one of its wider names, or the default.

        A shrinkage prior given for a wider name leaves its part for the slope, and itself for all of them.
        """
        name, wider = default.name, default.wider
        self.wider |= dict.fromkeys(wider)
        for key in (name, *wider):  # also those that narrower names leave no parameter
            if key in self.given:
                _check_prior(key, self.given[key], default.prior.support)
        found = next((key for key in (name, *wider) if key in self.given), None)
        if found is None:
            self.priors[name] = ResolvedPrior(default.prior, True, default.centered, default.joint)
            return
        given = self.given[found]
        if default.shrunk and found != name and isinstance(given, Shrinkage):
            self.priors[name] = ResolvedPrior(default.shrunk, False)
            self.priors[wider[0]] = ResolvedPrior(given, False)
            return
        _check_support(found, given, default.prior.support)
        if not isinstance(given, default.kinds):
            kinds = listing([kind.__name__ for kind in default.kinds])
            raise PriorError("prior-kind", f"The prior of {name!r} is {given}.", f"A prior of kind {kinds}.")
        self.priors[name] = ResolvedPrior(given, False)

    def check_unknown(self) -> None:
        """Raise if a prior was given that no parameter took."""
        known = list(dict.fromkeys([*self.priors, *self.wider]))
        unknown = [name for name in self.given if name not in known]
        if unknown:
            if "cor" in unknown[0] and unknown[0].replace("cor", "sd", 1) in known:
                raise PriorError(
                    "no-correlation",
                    f"There is no parameter {unknown[0]!r}: its term has no correlated effects.",
                    "One effect has nothing to correlate with: write (1 + x | g) for several.",
                )
            raise PriorError(
                "unknown-parameter",
                f"There is no parameter {unknown[0]!r} to give a prior to.",
                f"This model has: {', '.join(known)}.",
                meant(unknown[0], known),
            )


def _check_prior(name: str, prior: Any, support: str) -> None:
    if not isinstance(prior, Prior) or isinstance(prior, INTERNAL):
        raise PriorError(
            "not-a-prior",
            f"The prior of {name!r} is {prior!r}.",
            f"A prior such as sl.priors.{EXAMPLES[support]}.",
            _without_quotes(prior),
        )


def _without_quotes(prior: Any) -> str:
    """Return what to write in place of a text that names a prior, as brms has them: "normal(0, 1)"."""
    kind, parenthesis, arguments = prior.partition("(") if isinstance(prior, str) else ("", "", "")
    own = {known.lower(): known for known in KINDS}.get(kind.strip().lower().replace("_", ""))
    return f"Without quotes: sl.priors.{own}({arguments}" if own and parenthesis else ""


def _check_support(name: str, prior: Any, support: str) -> None:
    if isinstance(prior, Fixed):
        if support == "correlation":
            raise PriorError(
                "cannot-be-fixed",
                f"{name!r} cannot be Fixed.",
                "For independent effects write `(… || group)`.",
            )
        if support == "simplex":
            raise PriorError(
                "cannot-be-fixed", f"{name!r} cannot be Fixed.", "A Dirichlet prior, such as Dirichlet(1)."
            )
        if support == "positive" and prior.value <= 0:
            raise PriorError(
                "fixed-out-of-range", f"{name!r} is Fixed({prior.value:g}).", "A value greater than zero."
            )
        if support == "unit" and not 0 < prior.value < 1:
            raise PriorError(
                "fixed-out-of-range", f"{name!r} is Fixed({prior.value:g}).", "A value between 0 and 1."
            )
        return
    if prior.support != support:
        wanted = {
            "real": "Normal, StudentT, Laplace or Fixed; for all slopes ('b') also Horseshoe or R2D2",
            "positive": "HalfNormal, HalfStudentT, HalfCauchy, Exponential, Gamma, InverseGamma or Fixed",
            "unit": "Beta or Fixed",
            "correlation": "LKJ",
            "simplex": "Dirichlet",
        }[support]
        raise PriorError(
            "prior-support",
            f"{type(prior).__name__} has support {prior.support!r}, {name!r} is {support!r}.",
            f"For {name!r} use {wanted}.",
        )
