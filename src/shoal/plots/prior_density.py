"""Prior densities with a closed form: of parameters, of correlations, and of an Intercept among normals."""

from __future__ import annotations

import numpy as np

from shoal.model import Specification
from shoal.model.terms.coefficients import Coefficients
from shoal.model.terms.group_parameters import sd_names
from shoal.model.terms.latents import SharedLatent
from shoal.priors import LKJ, Fixed, Gap, Normal, Prior, Shrinkage, Shrunk

NOT_OF_ONE = (Fixed, Gap, LKJ, Shrinkage, Shrunk)  # no density of a single quantity by themselves


def exact_density(model: Specification, quantity: str, at: np.ndarray) -> np.ndarray | None:
    """Return the prior density of a quantity at some points, or None where there is no closed form.

    Parameters
    ----------
    quantity : str
        Such as ``sd_district[x]`` or ``cor_district[x,Intercept]``.
    at : (L,) array
        Points inside the prior's support.
    """
    prior = _prior_of(model, quantity)
    if prior is None:
        return None
    density = np.exp(prior.log_density(at, *prior.params))
    # The loading that decides the sign of a latent is reported at or above zero.
    return 2 * density if quantity in _first_loadings(model) else density


def _prior_of(model: Specification, quantity: str) -> Prior | None:
    """Return the prior whose log density is that of the quantity as it is reported."""
    resolved = model.priors.get(quantity)
    if resolved is None:
        return _of_correlation(model, quantity)
    if isinstance(resolved.prior, NOT_OF_ONE):
        return None
    if resolved.centered and any(quantity in sd_names(group) for group in model.groups):
        return None  # an sd at zero, of which the prior speaks at average columns
    if resolved.centered:
        return _of_intercept(model, quantity)
    return resolved.prior


def _of_correlation(model: Specification, quantity: str) -> Prior | None:
    """Return the prior of a correlation.

    Under LKJ all correlations of a block have one distribution, and those of its first column are themselves
    partial correlations (Lewandowski, Kurowicka and Joe 2009, J. Multivariate Analysis 100, section 2.4).
    """
    for group in model.groups:
        if any(model.priors[name].centered for name in sd_names(group)):
            continue
        for block in group.blocks:
            pairs = [(group.effects[i], group.effects[j]) for i in block for j in block if i > j]
            if quantity in {f"{group.cor}[{one},{other}]" for one, other in pairs}:
                prior = model.priors[group.cor].prior
                return prior.partial(len(block), 0) if isinstance(prior, LKJ) else None
    return None


def _of_intercept(model: Specification, quantity: str) -> Prior | None:
    """Return the prior of an Intercept that is given for average columns: less averages times coefficients.

    A sum of normals is normal; with others, or with scales that have priors, it has no closed form.
    """
    terms = (term for term in model.terms if isinstance(term, Coefficients))
    term = next(term for term in terms if quantity in term.design.columns)
    mean, scale, direct = term.affine()
    row = term.design.columns.index(quantity)
    shrunk = any(isinstance(model.priors[name].prior, Shrunk) for name in term.design.columns)
    if direct[row].any() or shrunk:
        return None
    return Normal(float(mean[row]), float(np.linalg.norm(scale[row])))


def _first_loadings(model: Specification) -> set[str]:
    """Return the first loading of each latent whose sign says nothing."""
    latents = (term for term in model.terms if isinstance(term, SharedLatent))
    return {latent.loadings[0] for latent in latents if latent.foldable}
