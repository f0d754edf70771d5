"""Whether levels are independent given hyperparameters and coefficients, and few enough of these."""

from __future__ import annotations

import numpy as np

from shoal.engine.plan import Alone
from shoal.engine.problem import Problem
from shoal.engine.rounds.parts import ByUnit
from shoal.engine.rounds.units import NO_UNIT

MOST_COORDINATES = 15  # of theta and coefficients: importance sampling in more has few effective draws
WIDEST = 8  # effects of a unit

ASKED = "sampler='quadrature' integrates the effects of each level by themselves, where its rows are."


def independent(by_unit: ByUnit, most: int, compared: bool = True) -> Alone:
    """Return what a problem's effects fall into, and why they cannot be integrated one by one if so.

    Parameters
    ----------
    by_unit : ByUnit
        Nothing of it is looked at where gaussian rows, or coordinates, rule it out.
    most : int
        Coordinates of theta and coefficients, above which nothing else is looked at.
    compared : bool
        Units are compared, to find those with the same rows.
    """
    p = by_unit.given
    coordinates = len(p.slots.place) + len(by_unit.coefficients)
    if len(p.quadratics.n) or not len(p.rows.weight):
        needs = _needs(
            "Some rows here are gaussian: they are kept as sums, from which all effects integrate out, "
            "their residuals' correlations among them.",
            "Responses of other families.",
            "Leave sampler='auto'.",
        )
        return Alone(coordinates, refusal=needs)
    if not coordinates:
        needs = _needs(
            "All standard deviations are fixed here, and there are no coefficients.",
            "At least one number beside the effects.",
            "Leave sampler='auto'.",
        )
        return Alone(coordinates, refusal=needs)
    if coordinates > most:
        needs = _needs(
            f"This model has {coordinates} hyperparameters and population coefficients.",
            f"At most {most}: they are proposed together.",
            "Leave sampler='auto', or fewer predictors.",
        )
        return Alone(coordinates, refusal=needs)
    found = by_unit.components
    widest = int(found.sizes.max(initial=0))
    refusal = _refusal(by_unit.problem, found.of_effect, widest)
    kinds = found.total
    if widest == 1 and compared and not refusal:
        kinds = len(np.unique(by_unit.same))
    rows, lines = len(p.rows.weight), len(p.columns.offset)
    return Alone(coordinates, found.total, widest, kinds, rows, lines, refusal)


def _refusal(p: Problem, of_effect: np.ndarray, widest: int) -> tuple[str, ...]:
    live = of_effect != NO_UNIT
    own = live[p.prior.row]
    coupled = own & (p.prior.row != p.prior.column) & (p.prior.value != 0)
    if len(p.constraints.start) > 1 or coupled.any():
        return _needs(
            "Levels depend on each other a priori here: effects sum to zero, or have known covariances.",
            "Levels that are independent given the standard deviations.",
            "Leave sampler='auto'.",
        )
    if (p.prior.value[own & ~coupled] != 1.0).any() or (p.prior.mean[live] != 0.0).any():
        return _needs("Some effects here are not normal.", "Normal effects.", "Leave sampler='auto'.")
    if widest > WIDEST:
        return _needs(
            f"Here {widest:,} effects belong together: levels of crossed factors that meet in rows, many "
            "levels nested in one, or effects of a curve, which all rows share.",
            f"One grouping factor, or few levels nested in each of its own: at most {WIDEST} effects.",
            "Leave sampler='auto'.",
        )
    return ()


def _needs(found: str, needed: str, remedy: str) -> tuple[str, ...]:
    return f"{ASKED} {found}", needed, remedy
