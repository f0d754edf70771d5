"""A model as a PyMC model: the same variables, priors and likelihood, for other samplers and for extension.

PyMC is optional; it is imported only when a model is exported.
"""

from __future__ import annotations

from typing import Any

from shoal.errors import ModelError, check_choice
from shoal.model import Specification
from shoal.model.terms.areas import AreaEffects
from shoal.model.terms.coefficients import Coefficients
from shoal.model.terms.cutpoints import Cutpoints
from shoal.model.terms.family_parameters import FamilyParameters
from shoal.model.terms.gaussian_processes import GaussianProcess
from shoal.model.terms.group_effects import GroupEffects
from shoal.model.terms.imputed import ImputedPredictor, Unknown
from shoal.model.terms.joint_responses import JointResponses
from shoal.model.terms.latents import SharedLatent
from shoal.model.terms.monotonic import Monotonic
from shoal.model.terms.offsets import Offsets
from shoal.model.terms.residual_correlation import ResidualCorrelation
from shoal.model.terms.smooths import Smooth
from shoal.model.terms.spatial_dependence import SpatialDependence
from shoal.priors import Shrinkage

__all__ = ["COORDINATES", "to_pymc"]

COORDINATES = ("noncentered", "centered", "zero_sum")
OPTIONAL = ("pymc", "pytensor")
# A term that is not among them has no counterpart in `build`: a model with one would be another model there.
EXPORTED = {
    *(Coefficients, Cutpoints, FamilyParameters, GroupEffects, SharedLatent, Offsets),
    *(Smooth, GaussianProcess, Monotonic),
}
NOT_EXPORTED = {
    ResidualCorrelation: "A correlation of residuals",
    JointResponses: "A correlation of residuals (rescor)",
    SpatialDependence: "sar(...)",
    AreaEffects: "car(...)",
    ImputedPredictor: "A predictor mi(x) or me(x)",
    Unknown: "A response with values that are missing, mi(),",
}


def to_pymc(model: Specification, coordinates: str = "noncentered") -> Any:
    """Return `model` as a ``pymc.Model``.

    Parameters
    ----------
    model : Specification
    coordinates : {"noncentered", "centered", "zero_sum"}
        What is sampled in place of the group effects ``r_<group>``; the posterior is the same.

        ``"noncentered"``: standard normal effects ``r_<group>_z``, to be multiplied by the standard
        deviations; Student-t ones with scale 1 where the effects are Student-t; with sum zero
        (``ZeroSumNormal``) where the formula says so.

        ``"centered"``: the effects themselves. Those of each response's factor with most effects include the
        population part (``level_<group>``); zero-sum effects that are correlated are sampled as orthonormal
        contrasts between levels. Effects with a known covariance between levels stay non-centered.

        ``"zero_sum"``: for independent levels with normal effects, their mean over these levels
        (``r_<group>_mean_z``) and their deviations from it, a ``ZeroSumNormal`` (``r_<group>_z``), both in
        units of the standard deviations. Population coefficients are sampled as the means of the levels' own
        coefficients (``<column>_of_levels``). Student-t effects, those with a known covariance and those
        whose model is zero-sum are as in ``"noncentered"``.

    Returns
    -------
    pymc.Model
        Variables and dimensions are named as in the posterior of a fit; whatever stands in for one of them in
        the sampler has another name, and the variable itself is a ``Deterministic``.

    Raises
    ------
    ModelError
        If PyMC is not installed, the coordinates are unknown, slopes have a shrinkage prior, or a term or the
        family has no counterpart there.

    Notes
    -----
    The log density is that of the model, every constant included. A latent whose sign is free has its first
    loading folded to the positive side, as Shoal reports it: half the space, and twice the density.
    Rows with weights are a ``Potential``: there is no distribution to predict them from.
    """
    check_choice("coordinates", coordinates, COORDINATES)
    model.require_rows("A PyMC model", "Export the model of a sample of the rows.", sums=True)
    shrunk = [name for name, p in model.priors.items() if isinstance(p.prior, Shrinkage)]
    if shrunk:
        raise ModelError(
            "not-exported",
            f"The slopes have the prior {model.priors[shrunk[0]].prior}, which is not exported.",
            "Slopes with priors of their own.",
            f"For the export give {shrunk[0]!r} a Normal, StudentT or Laplace prior.",
        )
    for term in model.terms:
        if type(term) not in EXPORTED:
            raise ModelError(
                "not-exported",
                f"{NOT_EXPORTED.get(type(term), type(term).__name__)} cannot be exported to PyMC.",
                "Coefficients, group effects, latents, cutpoints, and the curves s, t2, gp and mo.",
                "Export the model without it.",
            )
    try:
        from shoal.export.build import build
    except ModuleNotFoundError as problem:
        if problem.name not in OPTIONAL:
            raise
        raise ModelError(
            "package-missing",
            f"to_pymc needs the package {problem.name!r}, which is not installed.",
            "PyMC, an optional part of Shoal.",
            "pip install 'shoal[pymc]'",
        ) from problem
    return build(model, coordinates)
