"""A model as a tuple of terms, and what these declare in the order in which a reader expects it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from shoal.model.design import Design
from shoal.model.residuals import of_responses
from shoal.model.spatial import Spatial
from shoal.model.terms.areas import AreaEffects
from shoal.model.terms.coefficients import Coefficients
from shoal.model.terms.cutpoints import Cutpoints
from shoal.model.terms.family_parameters import FamilyParameters
from shoal.model.terms.gaussian_processes import GaussianProcess
from shoal.model.terms.group_effects import GroupEffects
from shoal.model.terms.grouping import gathered
from shoal.model.terms.imputed import ImputedPredictor, Unknown
from shoal.model.terms.joint_responses import JointResponses
from shoal.model.terms.latents import SharedLatent
from shoal.model.terms.monotonic import Monotonic
from shoal.model.terms.offsets import Offsets
from shoal.model.terms.residual_correlation import ResidualCorrelation
from shoal.model.terms.shrinkage import ShrunkSlopes, shrinkage_of
from shoal.model.terms.smooths import Smooth
from shoal.model.terms.spatial_dependence import SpatialDependence
from shoal.model.terms.term import Term
from shoal.model.terms.variable import KINDS, OF_GROUPS, Priors, Variable

# The term of each function that makes a curve.
CURVES: dict[str, Callable[..., Term]] = {
    "s": Smooth,
    "t2": Smooth,
    "gp": GaussianProcess,
    "mo": Monotonic,
    "car": AreaEffects,
}


def terms_of(designs: Sequence[Design], priors: Priors) -> tuple[Term, ...]:
    """Return the terms of a model, those that others refer to first; lists of parameters are loops over them.

    Parameters
    ----------
    designs : sequence of Design
        One a response.
    priors : mapping
        May be empty for what does not depend on them: names, defaults, linear predictors.
    """
    terms: list[Term] = []
    parts = [part for design in designs for part in design.parts]
    squares = [design for design in designs if design.correlated and design.family.linear_gaussian]
    sampled = [part for design in squares for part in design.predictors]
    for design in parts:
        terms.append(FamilyParameters(design, priors))
        if (prior := shrinkage_of(design, priors)) is not None:
            terms.append(ShrunkSlopes(design, priors, prior))
        terms.append(Coefficients(design, priors, any(design is part for part in sampled)))
        if design.family.ordinal:
            terms.append(Cutpoints(design, priors))
        if isinstance(design.residuals, Spatial):
            terms.append(SpatialDependence(design, design.residuals, priors))
        elif design.residuals is not None:
            terms.append(ResidualCorrelation((design,), design.residuals, priors))
    if len(joint := tuple(design for design in designs if design.rescor)) > 1:
        names = [design.formula.response.value.text for design in joint]
        together = JointResponses if joint[0].family.joint_rows else ResidualCorrelation
        terms.append(together(joint, of_responses(names, joint[0].n_rows), priors))
    terms += [GroupEffects(factor, priors) for factor in gathered(designs)]
    latents = [(design, latent) for design in parts for latent in design.latents]
    for name in dict.fromkeys(latent.name for _, latent in latents):
        members = tuple((design, latent) for design, latent in latents if latent.name == name)
        terms.append(SharedLatent(members, priors))
    curves = [(design, curve) for design in parts for curve in design.curves]
    terms += [CURVES[curve.term.function](design, curve, priors) for design, curve in curves]
    terms += [Offsets(design) for design in parts]
    terms += [ImputedPredictor(design, own, priors) for design in parts for own in design.imputed]
    for design in _by_dependence([design for design in designs if design.unknown.any()]):
        terms.append(Unknown(design, tuple(terms)))
    return tuple(terms)


def _by_dependence(designs: Sequence[Design]) -> Iterator[Design]:
    """Yield responses with unknown values, those first that others have among their predictors."""
    left = list(designs)
    while left:
        waiting = {own.of for design in left for own in design.imputed} & {design.prefix for design in left}
        depends = [design for design in left if any(own.of in waiting for own in design.imputed)]
        yield from (design for design in left if design not in depends)
        left = depends


def variables_of(terms: Iterable[Term], designs: Sequence[Design]) -> list[Variable]:
    """Return the variables of all terms: predictor by predictor, effects of levels last."""
    responses = [part.prefix for design in designs for part in design.parts]

    def place(variable: Variable) -> tuple[int, int, int]:
        if variable.many:
            return len(responses), 0, 0
        kind = OF_GROUPS[0] if variable.kind in OF_GROUPS else variable.kind  # a group's stand together
        return responses.index(variable.prefix), KINDS.index(kind), variable.place

    return sorted((variable for term in terms for variable in term.variables()), key=place)
