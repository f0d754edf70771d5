"""Draws that no posterior holds: numbers outside a parameter's support, or none at all."""

from __future__ import annotations

import numpy as np

from shoal.errors import ModelError
from shoal.fit.results import Results

BOUNDS = {
    "positive": (0.0, np.inf),
    "unit": (0.0, 1.0),
    "simplex": (0.0, 1.0),
    "correlation": (-1.0, 1.0),
}
ROUNDING = 1e-9


def impossible(results: Results) -> dict[str, str]:
    """Return what is wrong with the draws of each variable of the model, of those with something wrong."""
    posterior, found = results.posterior, dict[str, str]()
    for variable in results.model.variables:
        if variable.name not in posterior:  # effects that were not kept
            continue
        values = posterior[variable.name].values
        support = next((default.prior.support for default in variable.defaults()), "real")
        low, high = BOUNDS.get(support, (-np.inf, np.inf))
        finite = np.isfinite(values)
        wrong = {
            "not finite": ~finite,
            f"below {low:g}": finite & (values < low - ROUNDING),
            f"above {high:g}": finite & (values > high + ROUNDING),
        }
        parts = [f"{int(where.sum()):,} {what}" for what, where in wrong.items() if where.any()]
        if parts:
            found[variable.name] = f"{' and '.join(parts)} of {values.size:,} values"
    return found


def require_possible(results: Results) -> None:
    """Raise if draws are not finite or outside a parameter's support.

    Raises
    ------
    ModelError
    """
    found = [f"{name} ({what})" for name, what in impossible(results).items()]
    if found:
        raise ModelError(
            "draws-outside-support",
            f"The draws cannot be of this model: {'; '.join(found)}.",
            "Draws that are finite, and within the support of each parameter.",
            "They were changed after the fit, or their file is damaged: fit again.",
        )
