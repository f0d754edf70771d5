"""Which question leaving out answers, in words."""

from __future__ import annotations

import numpy as np

from shoal.errors import listing
from shoal.model import Specification
from shoal.scores.loo.factors import factors_of
from shoal.scores.loo.units import (
    OBSERVATION,
    ROW,
    SINGLE,
    TRIAL,
    Inside,
    Units,
    counted_by_weights,
    inside,
    level_of_row,
)


def question(model: Specification, units: Units) -> str:
    """Return what the score says of the model, in a sentence."""
    if units.name in SINGLE and (units.singles is not None or units.name == ROW):
        factors = listing(factor.name for factor in factors_of(model))
        words = f"The question: how well {_single(model, units)} is predicted"
        if not factors:
            return f"{words}."
        known = "" if units.name == TRIAL else ", its levels known"
        return f"{words}{known}, given the effects of {factors}."
    places = inside(model, units)
    whole = [place for place in places if (place.home >= 0).all()]
    partly = [place for place in places if (place.home >= 0).any() and not (place.home >= 0).all()]
    given = [place for place in places if not (place.home >= 0).any()]
    if any(place.factor.name == units.name for place in given):
        # Zero-sum effects and known covariances: there is no population that a new level would come from.
        words = f"The question: how well the rows of a level of {units.name} are predicted together"
    else:
        words = f"The question: how well the rows of a new level of {units.name} are predicted together"
    words += f", its effects unknown ({_effects(whole)})" if whole else ""
    words += f", and those of {_effects(partly)} where no other row tells of them" if partly else ""
    return f"{words}, given the effects of {_effects(given)}." if given else f"{words}."


def _single(model: Specification, units: Units) -> str:
    """Return what is left out of rows."""
    if units.name == TRIAL:
        return "one more trial in these rows"
    if units.name == OBSERVATION:
        return "one more observation of these rows"
    if any(design.residuals is not None for design in model.designs):
        return "a row, the others that its residual correlates with being known,"
    weights = np.concatenate([np.asarray(design.rows.weight) for design in model.designs])
    if np.isin(weights, (0, 1)).all():
        return "a new row"
    if counted_by_weights(model):
        return "a new row, with all the observations that its weight counts left out at once,"
    return f"a new row, its log density times its weight ({weights.min():.3g} to {weights.max():.3g}),"


def _effects(places: list[Inside]) -> str:
    return listing([place.factor.name for place in places])


def advice(model: Specification, units: Units) -> str:
    """Return what to ask instead where a row is a level, or stands for several observations; else empty."""
    if units.name != ROW:
        return ""
    single = f"loo(unit={OBSERVATION!r}) leaves out single observations." if counted_by_weights(model) else ""
    return " ".join(part for part in (_of_lonely_rows(model), single) if part)


def _of_lonely_rows(model: Specification) -> str:
    single = (factor for factor in factors_of(model) if not factor.several)
    alone = {f.name: int((np.bincount(level_of_row(f)) == 1).sum()) for f in single}
    found = [(name, count) for name, count in alone.items() if count]
    if not found:
        return ""
    name, count = max(found, key=lambda pair: pair[1])
    total = len(model.factors[name])
    some = "Every level" if count == total else f"{count:,} of {total:,} levels"
    return (
        f"{some} of {name} {'has' if count in (1, total) else 'have'} one row: leaving it out leaves out all "
        "that is known of the level's effect, and importance sampling depends on that effect. "
        f"loo(unit={name!r}) integrates it out: the same density where a level is one row, without that "
        "trouble."
    )
