"""Shoal: Bayesian multilevel models that sample well by construction.

>>> import shoal as sl
>>> model = sl.Model("y | se(se) ~ 1 + (1 | school)", sl.load_dataset("eight_schools"))
>>> fit = model.fit(seed=1)
>>> print(fit.summary().round(1).to_string())
                      mean   sd  eti90_lb  eti90_ub  ess_bulk  ess_tail  r_hat  mcse_mean  mcse_sd
Intercept              7.8  4.7  ...
sd_school[Intercept]   5.0  4.4  ...
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from shoal.engine.collection import without_collection

if TYPE_CHECKING:
    from shoal import plots, priors, simulate
    from shoal.api import Fit, Model, kfold, load, many_fits, sbc
    from shoal.criticism.diagnosis import diagnose
    from shoal.formula import register_function
    from shoal.model import Response
    from shoal.scores.compare import compare
    from shoal.studies import confounding, lab, pooling
    from shoal.tables.datasets import load_dataset
    from shoal.tables.means import group_means

# Names are imported when first used: `import shoal` itself loads neither numba nor pandas.
_PLACES = {
    "Model": "shoal.api",
    "Response": "shoal.model",
    "Fit": "shoal.api",
    "load": "shoal.api",
    "many_fits": "shoal.api",
    "sbc": "shoal.api",
    "kfold": "shoal.api",
    "compare": "shoal.scores.compare",
    "diagnose": "shoal.criticism.diagnosis",
    "load_dataset": "shoal.tables.datasets",
    "register_function": "shoal.formula",
    "group_means": "shoal.tables.means",
}
_MODULES = {
    "confounding": "shoal.studies.confounding",
    "lab": "shoal.studies.lab",
    "plots": "shoal.plots",
    "pooling": "shoal.studies.pooling",
    "priors": "shoal.priors",
    "simulate": "shoal.simulate",
}

__all__ = [
    "Fit",
    "Model",
    "Response",
    "compare",
    "confounding",
    "diagnose",
    "group_means",
    "kfold",
    "lab",
    "load",
    "many_fits",
    "load_dataset",
    "plots",
    "pooling",
    "priors",
    "register_function",
    "sbc",
    "simulate",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        with without_collection():
            return importlib.import_module(_MODULES[name])
    if name in _PLACES:
        with without_collection():
            return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'shoal' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
