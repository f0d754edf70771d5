"""NUTS by nutpie on the PyMC export of a model: another program's density and another program's sampler."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
import xarray as xr

from shoal.engine.settings import Chains, Settings
from shoal.errors import ModelError, SamplingError
from shoal.export import to_pymc
from shoal.fit.posterior import posterior_of
from shoal.fit.results import Results, assemble
from shoal.model import Specification

NAME = "nutpie"
PACKAGES = ("pymc", "nutpie")
COORDINATES = "noncentered"  # those that PyMC's users write
# nutpie's names of the statistics that every fit has. Its threshold of a divergence is an energy error of
# 1,000 as well, its longest trajectory 2^10 - 1 steps.
STATISTICS = {
    "lp": "logp",
    "acceptance_rate": "mean_tree_accept",
    "energy": "energy",
    "diverging": "diverging",
    "n_steps": "n_steps",
    "tree_depth": "depth",
    "step_size": "step_size",
}


def check_installed() -> None:
    """Raise unless nutpie and PyMC can be imported.

    Raises
    ------
    ModelError
    """
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if missing:
        raise ModelError(
            "package-missing",
            f"The coordinates {NAME!r} need {' and '.join(missing)}, which is not installed.",
            "nutpie and PyMC, optional parts of the lab.",
            f"pip install {' '.join(missing)}, or leave {NAME!r} out.",
        )


def sample(model: Specification, settings: Settings) -> tuple[Results, float, float]:
    """Return the draws as those of a fit are named, and the seconds of sampling and of compiling.

    Raises
    ------
    ModelError
        A model that cannot be exported.
    SamplingError
        nutpie found no point to begin from.
    """
    import nutpie

    exported = to_pymc(model, COORDINATES)
    template = _template(model, settings)
    began = time.perf_counter()
    compiled = nutpie.compile_pymc_model(exported, var_names=list(map(str, template.posterior)))
    ready = time.perf_counter()
    try:
        theirs = nutpie.sample(
            compiled,
            draws=settings.draws,
            tune=settings.warmup,
            chains=settings.chains,
            cores=settings.cores,
            seed=settings.seed,
            target_accept=settings.target_accept,
            save_warmup=False,
            progress_bar=False,
        )
    except RuntimeError as problem:
        raise SamplingError("sampler-failed", f"nutpie could not sample: {problem}") from problem
    done = time.perf_counter()
    results = _named(template, theirs)
    results.tree.attrs["seconds"] = json.dumps({"sampling": round(done - began, 3)})
    results.tree.attrs["wall_seconds"] = round(done - began, 3)
    return results, done - ready, ready - began


def _template(model: Specification, settings: Settings) -> Results:
    """Return results of the right names, dimensions and shapes, whose draws are all zero."""
    posterior = posterior_of(model, COORDINATES, "nuts")
    each, assembled = (settings.chains, settings.draws), posterior.assembled
    elements = assembled.elements()
    draws = Chains(
        np.zeros((*each, posterior.target.n_theta)),
        np.zeros((*each, len(elements))),
        {name: np.zeros(each) for name in STATISTICS},
        NAME,
    )
    drawn = assembled.drawn(posterior.target.values(draws.theta), draws.points, elements)
    note = f"Sampled by nutpie {version('nutpie')} on the PyMC export, in {COORDINATES} coordinates."
    return assemble(posterior, draws, assembled.variables(drawn), settings, {}, [note])


def _named(template: Results, theirs: Any) -> Results:
    """Return the template with nutpie's draws and statistics in it."""
    posterior, stats = template.posterior, template.stats
    for name, variable in posterior.items():
        values = theirs["posterior"][name].transpose(*variable.dims).values
        posterior[name] = (variable.dims, values.astype(float))
    for ours, name in STATISTICS.items():
        stats[ours] = (("chain", "draw"), theirs["sample_stats"][name].values)
    tree = template.tree.copy()
    tree["posterior"], tree["sample_stats"] = xr.DataTree(posterior), xr.DataTree(stats)
    return replace(template, tree=tree)
