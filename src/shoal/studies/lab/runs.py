"""One run: a model sampled by NUTS in one set of coordinates."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass

from shoal.api import Fit
from shoal.engine.settings import Settings
from shoal.errors import ModelError, SamplingError, ShoalWarning
from shoal.fit import run as fitting
from shoal.fit.posterior import posterior_of
from shoal.fit.progress import shown
from shoal.model import Specification
from shoal.studies.lab import peer
from shoal.studies.lab.variants import not_applicable


@dataclass(frozen=True)
class Attempt:
    """What is to be run.

    Attributes
    ----------
    coordinates : str
        One of `coordinates.COORDINATES`, or "nutpie".
    target_accept : float
    prior : str
        The label of the model's variant.
    model : Specification
    """

    coordinates: str
    target_accept: float
    prior: str
    model: Specification


@dataclass(frozen=True)
class Run:
    """What came of an attempt.

    Attributes
    ----------
    attempt : Attempt
    fit : Fit or None
        None if there is none.
    seconds : float
        Wall time of warmup, draws and their checks, and of what transported coordinates explore before; no
        compilation.
    compiling : float
        Wall time of compiling, or of loading compiled programs.
    outcome : str
        "ran", or "not applicable: …" or "failed: …" with the reason.
    """

    attempt: Attempt
    fit: Fit | None
    seconds: float = float("nan")
    compiling: float = 0.0
    outcome: str = "ran"


def run(attempt: Attempt, settings: Settings, progress: bool | None) -> Run:
    """Sample; what cannot be sampled in these coordinates is said in the outcome, not raised."""
    if reason := not_applicable(attempt.model, attempt.coordinates):
        return Run(attempt, None, outcome=f"not applicable: {reason}")
    sample = _by_nutpie if attempt.coordinates == peer.NAME else _by_shoal
    try:
        return sample(attempt, settings, progress)
    except SamplingError as problem:
        return Run(attempt, None, outcome=f"failed: {problem.found}")


def _by_shoal(attempt: Attempt, settings: Settings, progress: bool | None) -> Run:
    posterior = posterior_of(attempt.model, attempt.coordinates, "nuts")
    if posterior.plan.warning:
        warnings.warn(posterior.plan.warning, ShoalWarning, stacklevel=4)
    began = time.perf_counter()
    with shown(progress, settings.draws * settings.chains) as bar:
        results = fitting.fit(posterior, settings, progress=bar)
    whole = time.perf_counter() - began
    results.tree.attrs["wall_seconds"] = round(whole, 3)
    return Run(attempt, Fit(results), whole)


def _by_nutpie(attempt: Attempt, settings: Settings, progress: bool | None) -> Run:
    try:
        results, seconds, compiling = peer.sample(attempt.model, settings)
    except ModelError as problem:
        return Run(attempt, None, outcome=f"not applicable: {problem.found}")
    return Run(attempt, Fit(results), seconds, compiling)
