"""Names as a PyMC model has them: those of a fit's tree."""

from __future__ import annotations

from dataclasses import replace

from shoal.model import Specification
from shoal.model.curves import Curve
from shoal.model.design import Design
from shoal.model.grouping_factors import safe


def _escaped_curve(curve: Curve) -> Curve:
    predictors = tuple(replace(p, text=safe(p.text)) for p in curve.term.predictors)
    by = curve.term.by and safe(curve.term.by)
    return replace(curve, term=replace(curve.term, predictors=predictors, by=by), prefix=safe(curve.prefix))


def escaped(model: Specification) -> Specification:
    """Return the model with the names of a fit's tree: those without slashes."""
    designs = [design.changed(_escaped) for design in model.designs]
    # Labels of effects keep their slashes.
    pairs = [(name, variable.name) for variable in model.variables for name in variable.priors]
    names = {name: safe(own) + name.removeprefix(own) for name, own in pairs if name.startswith(own)}
    priors = {names.get(name, safe(name)): prior for name, prior in model.priors.items()}
    return replace(model, designs=tuple(designs), priors=priors)


def _escaped(part: Design) -> Design:
    return replace(
        part,
        columns=tuple(map(safe, part.columns)),
        prefix=safe(part.prefix),
        groups=tuple(replace(g, name=safe(g.name), prefix=safe(g.prefix)) for g in part.groups),
        latents=tuple(replace(t, factor=safe(t.factor), prefix=safe(t.prefix)) for t in part.latents),
        curves=tuple(map(_escaped_curve, part.curves)),
    )
