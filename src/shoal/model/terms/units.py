"""What default priors are scaled by: the location and the spread of a response on the link's scale."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from shoal.families.parameter import Parameter
from shoal.model.design import Design
from shoal.model.spatial import Spatial


def average_offset(design: Design) -> float:
    """Return the offset of an average observation; of an average row where none counts."""
    counts = design.row_weight.any()
    return float(np.average(design.offset, weights=design.row_weight if counts else None))


def location_of(design: Design) -> float:
    """Return where the linear predictor of an average row lies, less its offset.

    With a log link offsets are exposures: the location is the log of the mean by their mean.
    """
    middle = design.family.scale(design.counting.rows)[0]
    if design.family.link == "log":
        there = design.row_weight > 0
        share = design.row_weight[there] / design.row_weight[there].sum()
        return middle - float(logsumexp(design.offset[there], b=share))
    return middle - average_offset(design)


def reach_of(design: Design) -> float:
    """Return how far from zero the neighbours' part of a mean may be, rho W y of ``sar(W)``; else 0."""
    if not isinstance(design.residuals, Spatial) or not design.residuals.lag:
        return 0.0
    there = design.rows.weight > 0
    middle = float(np.mean(design.rows.y[there]))
    return abs(middle) * float(design.residuals.matrix.sum(axis=1).mean()) / design.residuals.radius


def scale_of(design: Design) -> float:
    """Return the spread of the response on the link's scale."""
    return design.family.scale(design.counting.rows)[1]


def residual_unit(design: Design) -> float:
    """Return the residual sd that shrinkage priors refer to, in units of sigma where there is one.

    The sd of the latent variable behind binary and ordered rows; the response's scale for other families.
    """
    if "sigma" in design.scalars:
        return 1.0
    variance = None if design.parameters else design.family.residual_variance(design.rows, {})
    return scale_of(design) if variance is None else float(np.mean(variance)) ** 0.5


def wider(design: Design, name: str) -> tuple[str, ...]:
    """Return the wider names a prior can be given under: of this response, then of all.

    What is said of all responses is not said of their parameters, whose predictors have scales of their own,
    unless these are all that a response has.
    """
    names = [design.prefix + name, f"{design.parameter}_{name}" if design.parameter else name]
    if isinstance(design.family, Parameter) and design.family.general:
        names += [design.response_prefix + name, name]
    return tuple(dict.fromkeys(names))
