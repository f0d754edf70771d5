"""The prior of a quantity: exact where it is one parameter's or normal, else by draws."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from shoal.errors import ModelError
from shoal.estimands.hypotheses.density import Density, density_at
from shoal.estimands.hypotheses.names import Element
from shoal.estimands.hypotheses.reader import Hypothesis
from shoal.model import Specification
from shoal.model.prior_draws import draw_prior
from shoal.model.terms.coefficients import Coefficients
from shoal.model.terms.variable import Variable
from shoal.priors import LKJ, Beta, Fixed, Normal, Prior

DRAWS, BLOCK = 10_000, 500
# Kinds of variables whose numbers have the priors that are printed, each by itself.
ALONE = ("monotonic", "sd", "degrees", "sds", "lengthscale", "share", "family")
SUPPORTS = ("real", "positive", "unit")


@dataclass(frozen=True)
class Form:
    """A quantity ``constant + weight * x`` of a number x; of other quantities, x is all of it.

    Attributes
    ----------
    constant, weight : float
    support : str
        Of x.
    """

    constant: float = 0.0
    weight: float = 1.0
    support: str = "real"

    @property
    def point(self) -> float:
        """Where x is when the quantity is 0."""
        return -self.constant / self.weight

    def density_at_0(self, draws: np.ndarray) -> Density | None:
        """Return the density of the quantity at 0 from its draws (chain, draw); None if it is too small."""
        found = density_at((draws - self.constant) / self.weight, self.point, self.support)
        return found and Density(found.log - math.log(abs(self.weight)), found.error)


@dataclass(frozen=True)
class Known:
    """The prior of a quantity whose number x has a prior of known density.

    Attributes
    ----------
    form : Form
    prior : Prior
        Of x; a standard normal one where the quantity is a sum of normal ones.
    shift, scale : float
        x is `shift` plus a number of that prior times `scale`: of a correlation, -1 and 2.
    """

    form: Form
    prior: Prior
    shift: float = 0.0
    scale: float = 1.0

    def density_at_0(self) -> Density:
        """Return the prior density of the quantity at 0, inside the support."""
        at = (self.form.point - self.shift) / self.scale
        log = float(self.prior.log_density(at, *self.prior.params))
        return Density(log - math.log(abs(self.form.weight) * self.scale))

    def above(self, above: bool = True) -> float | None:
        """Return the prior probability that the quantity is above 0, or below, of a normal one."""
        if not isinstance(self.prior, Normal):
            return None
        mean, sd = self.prior.params
        away = (self.form.constant + self.form.weight * mean) / (abs(self.form.weight) * sd)
        return float(ndtr(away if above else -away))


def prior_of(
    model: Specification, constant: float, weights: Mapping[Element, float]
) -> tuple[Form, Known | None]:
    """Return what ``constant + sum of weights times numbers`` is, and its prior if it is known.

    Coefficients with normal priors have a joint normal one, whatever columns the Intercept's speaks of; a
    single number of another kind has the prior that is printed beside it. A correlation of K effects has a
    beta density on (-1, 1) under `LKJ` (Lewandowski, Kurowicka and Joe 2009, J. Multivariate Analysis 100,
    1989-2001), with both shapes ``eta - 1 + K / 2``. Other priors are known by draws only.

    Raises
    ------
    ModelError
        If nothing of it varies.
    """
    coefficients = [term for term in model.terms if isinstance(term, Coefficients)]
    owners = {name: term for term in coefficients for name in term.design.columns}
    if all(variable in owners for variable, _ in weights):
        found = _of_coefficients(owners, constant, weights)
        return (Form(), None) if found is None else (found.form, found)
    if len(weights) > 1:
        return Form(), None
    (((name, position), weight),) = weights.items()
    variable = next(v for v in model.variables if v.name == name)
    if variable.kind == "correlation":
        return _of_correlation(model, name, position, Form(constant, weight, "correlation"))
    return _of_one(model, variable, position, constant, weight)


def _of_coefficients(
    owners: Mapping[str, Coefficients], constant: float, weights: Mapping[Element, float]
) -> Known | None:
    mean, variance, others = constant, 0.0, list[tuple[float, Prior]]()
    for term in {id(owner): owner for owner in owners.values()}.values():
        own = {name: w for (name, _), w in weights.items() if owners[name] is term}
        part = term.prior_of(own) if own else None
        if own and part is None:
            return None
        if part is not None:
            mean, variance = mean + part[0], variance + part[1] ** 2
            others += part[2]
    if variance and not others:
        return Known(Form(mean, math.sqrt(variance)), Normal(0.0, 1.0))
    if len(others) == 1 and not variance:
        ((weight, prior),) = others
        return Known(Form(mean, weight, prior.support), prior)
    if not variance and not others:
        raise _fixed()
    return None


def _of_one(
    model: Specification, variable: Variable, position: tuple[int, ...], constant: float, weight: float
) -> tuple[Form, Known | None]:
    name = next((e.prior for e in variable.elements() if e.position == position), "")
    resolved = model.priors.get(name)
    if resolved is None or variable.kind not in ALONE or resolved.prior.support not in SUPPORTS:
        return Form(), None
    if isinstance(resolved.prior, Fixed):
        raise _fixed()
    form = Form(constant, weight, resolved.prior.support)
    return form, None if resolved.centered or resolved.joint else Known(form, resolved.prior)


def _of_correlation(
    model: Specification, name: str, position: tuple[int, ...], form: Form
) -> tuple[Form, Known | None]:
    """Return the prior of a correlation of effects, as it is where none has moved to average columns."""
    group = next(g for design in model.parts for g in design.groups if g.cor == name)
    block = next((own for own in group.blocks if position[0] in own), ())
    if position[0] == position[1] or position[1] not in block:
        raise _fixed()
    prior = model.priors[name].prior
    moved = any(model.priors[f"{group.sd}[{effect}]"].centered for effect in group.effects)
    if moved or not isinstance(prior, LKJ):
        return form, None
    shape = prior.eta - 1 + len(block) / 2
    return form, Known(form, Beta(shape, shape), -1.0, 2.0)


def _fixed() -> ModelError:
    return ModelError(
        "hypothesis-constant",
        "What is tested is a known number: it has no prior, and no draw differs from another.",
        "A hypothesis about a parameter that is estimated.",
    )


def differences(model: Specification, hypotheses: Sequence[Hypothesis], seed: int) -> list[np.ndarray]:
    """Return draws of left sides less right ones from the priors, (1, DRAWS) each: those that are numbers."""
    if not hypotheses:
        return []
    used = {name: q for h in hypotheses for name, q in h.quantities.items()}
    rng, parts = np.random.default_rng(seed), list[dict[str, np.ndarray]]()
    for _ in range(DRAWS // BLOCK):  # effects of all levels are drawn, and few are kept
        draws = draw_prior(model, rng, BLOCK)
        parts.append({name: quantity.draws(draws.__getitem__) for name, quantity in used.items()})
    joined = {name: np.concatenate([part[name] for part in parts]) for name in used}
    out = []
    for hypothesis in hypotheses:
        values = hypothesis.difference(joined.__getitem__, finite=False)
        out.append(np.nan_to_num(values[~np.isnan(values)])[None])
    return out
