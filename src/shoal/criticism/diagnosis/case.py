"""What the rules of a diagnosis look at: the draws of any program in one shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from shoal.criticism.diagnosis.scales import Scale, scales_of_draws, scales_of_model
from shoal.fit.certificate import Certificate, of_attrs
from shoal.fit.results import Results
from shoal.model import Specification

LIBRARIES = {
    "shoal": "Shoal",
    "pymc": "PyMC",
    "numpyro": "NumPyro",
    "cmdstanpy": "CmdStanPy",
    "pystan": "PyStan",
}


OWN = ("transport", "integrated")  # coordinates that Shoal takes where none are asked for


@dataclass(frozen=True)
class Case:
    """Draws to be judged.

    Attributes
    ----------
    posterior : Dataset
        Numeric variables of dims (chain, draw, ...).
    stats : Dataset
        Sampler statistics of dims (chain, draw), by ArviZ's names; may be empty.
    scales : tuple of Scale
        Standard deviations, with what they scale as far as it is known.
    prior, observed, constant, log_prior : Dataset
        Groups of another program's file; empty where there are none, and for Shoal's fits.
    source : str
        The program that made the draws; empty for Shoal.
    results : Results or None
        The fit, if it is Shoal's.
    """

    posterior: xr.Dataset
    stats: xr.Dataset
    scales: tuple[Scale, ...]
    prior: xr.Dataset = field(default_factory=xr.Dataset)
    observed: xr.Dataset = field(default_factory=xr.Dataset)
    constant: xr.Dataset = field(default_factory=xr.Dataset)
    log_prior: xr.Dataset = field(default_factory=xr.Dataset)
    source: str = ""
    results: Results | None = None

    @property
    def model(self) -> Specification | None:
        """The model, if Shoal knows it."""
        return self.results.model if self.results else None

    @property
    def certificate(self) -> Certificate | None:
        """What the fit said for itself when it was made; None for other programs, and older files."""
        return of_attrs(self.results.attrs) if self.results else None

    @property
    def chains(self) -> int:
        """Number of chains."""
        return int(self.posterior.sizes["chain"])

    @property
    def draws(self) -> int:
        """Draws of each chain."""
        return int(self.posterior.sizes["draw"])

    def statistic(self, name: str) -> np.ndarray | None:
        """Return a sampler statistic (chains, draws), or None if it was not kept."""
        return self.stats[name].values if name in self.stats else None

    def remedy(self, ours: str, others: str, asked: str = "") -> str:
        """Return what to do: for a fit of Shoal (in coordinates asked for), or for others' draws."""
        if self.results is None:
            return others
        return ours if not asked or self.results.attrs["sampled_coordinates"] in OWN else asked


def case_of_results(results: Results) -> Case:
    """Return a fit of Shoal as a case."""
    return Case(results.posterior, results.stats, scales_of_model(results), results=results)


def case_of_groups(groups: Mapping[str, xr.Dataset]) -> Case:
    """Return the groups of another program's file as a case."""
    posterior, prior = groups["posterior"], groups["prior"]
    return Case(
        posterior,
        groups["sample_stats"],
        scales_of_draws(posterior, prior),
        prior,
        groups.get("observed_data", xr.Dataset()),
        groups.get("constant_data", xr.Dataset()),
        groups["log_prior"],
        _program(posterior.attrs),
    )


def _program(attrs: Mapping[Any, Any]) -> str:
    """Return the program that made the draws, as far as their attributes tell."""
    name = str(attrs.get("inference_library", "")).strip()
    version = str(attrs.get("inference_library_version", "")).strip()
    return f"{LIBRARIES.get(name.lower(), name)} {version}".strip() or "a program that does not give its name"


def plain(values: float) -> str:
    """Return a number with three significant digits."""
    return f"{values:.3g}"
