"""The public `Model` and `Fit`: thin, every method calls downwards."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from shoal import calibrate, describe, estimands, files, fitting
from shoal.design import Design
from shoal.diagnose import Diagnosis, diagnose
from shoal.families import Family, get_family
from shoal.frames import read
from shoal.model import Specification, specify
from shoal.posterior.plan import Plan
from shoal.posterior.posterior import Posterior, posterior_of
from shoal.priors import Prior
from shoal.progress import shown
from shoal.results import Results
from shoal.sample.target import Settings


class Model:
    """A Bayesian multilevel model of a table.

    Parameters
    ----------
    formula : str
        Such as ``"y ~ 1 + x + (1 + x | g)"``.
    data : DataFrame or path
        pandas, polars or pyarrow table, mapping of columns, or a CSV, Parquet or Arrow file. Only the columns
        of the formula are read; no row is ever dropped.
    family : str
        "gaussian", "bernoulli" or "binomial".
    priors : mapping, optional
        From parameter names to priors: ``{"Intercept": sl.priors.Normal(0, 1.5)}``. ``"b"`` stands for all
        slopes, ``"sd"`` for all standard deviations between levels. Others get defaults scaled to the data.

    Raises
    ------
    FormulaError, DataError, ModelError, PriorError
        Before anything is compiled.

    Examples
    --------
    >>> model = Model("y | se(se) ~ 1 + (1 | school)", load_dataset("eight_schools"))
    """

    def __init__(
        self,
        formula: str,
        data: Any,
        family: str | Family = "gaussian",
        priors: Mapping[str, Prior] | None = None,
    ):
        self._spec = specify(formula, read_for(formula, data), get_family(family), priors)

    @classmethod
    def _of(cls, spec: Specification) -> Model:
        model = cls.__new__(cls)
        model._spec = spec
        return model

    @property
    def specification(self) -> Specification:
        """The model as data."""
        return self._spec

    @property
    def design(self) -> Design:
        """Response, population columns and grouping factor as arrays."""
        return self._spec.design

    @property
    def priors(self) -> dict[str, Prior]:
        """The prior of every parameter, defaults included."""
        return {name: p.prior for name, p in self._spec.priors.items()}

    @property
    def plan(self) -> Plan:
        """What is integrated, what is sampled, how, and why."""
        return self.posterior().plan

    def posterior(self, coordinates: str = "auto", sampler: str = "auto") -> Posterior:
        """Return the log density in the coordinates asked for, ready to be evaluated or sampled."""
        return posterior_of(self._spec, coordinates, sampler)

    def fit(
        self,
        draws: int = 1000,
        chains: int = 4,
        seed: int | None = None,
        *,
        coordinates: str = "auto",
        sampler: str = "auto",
        warmup: int = 200,
        target_accept: float | None = None,
        cores: int | None = None,
        store: str = "auto",
        progress: bool | None = None,
    ) -> Fit:
        """Sample the posterior.

        Parameters
        ----------
        draws, chains : int
            Kept draws of each chain, and chains.
        seed : int, optional
            Same seed, same draws, on any number of cores. Without one, a fresh one is drawn and kept in the
            result.
        coordinates : {"auto", "transport", "centered", "noncentered", "zero_sum"}
        sampler : {"auto", "independence", "hmc", "nuts"}
        warmup : int
            Iterations of each chain spent on its step size, rounded to hundreds; NUTS takes at least 1,000.
        target_accept : float, optional
            Acceptance that Hamiltonian samplers aim at; by default 0.9, or 0.8 beyond 1,000 coordinates.
        cores : int, optional
            Threads; all of the machine's by default.
        store : {"auto", "double", "single", "none"}
            How draws of group effects are kept: float64, float32, or not; "auto" takes float64 up to 512 MB.
        progress : bool, optional
            Show a progress bar; by default on a terminal.

        Returns
        -------
        Fit

        Raises
        ------
        ModelError, SamplingError
        """
        began = time.perf_counter()
        if seed is None:
            seed = int.from_bytes(os.urandom(4), "little")
        posterior = self.posterior(coordinates, sampler)
        cores = os.cpu_count() or 1 if cores is None else cores
        settings = Settings(draws, chains, warmup, seed, target_accept, cores)
        with shown(progress, draws * chains) as bar:
            results = fitting.fit(posterior, settings, store, bar)
        results.tree.attrs["wall_seconds"] = round(time.perf_counter() - began, 3)
        return Fit(results)

    def sbc(self, simulations: int = 200, **settings: Any) -> calibrate.Calibration:
        """Check the model's computation by simulation; see `shoal.sbc`."""
        return calibrate.sbc(self._spec, simulations, **settings)

    def __str__(self) -> str:
        return describe.model_text(self._spec, self.plan)

    def __repr__(self) -> str:
        return f"<shoal.Model {self._spec.formula.text!r}, {self._spec.family.name}>"


def read_for(formula: str, data: Any) -> Any:
    """Return the table of `data`, limited to the columns that `formula` names."""
    from shoal.formula import parse

    return read(data, columns=parse(formula).columns)


class Fit:
    """Draws from the posterior of a model, and what they say."""

    def __init__(self, results: Results):
        self._results = results

    @property
    def model(self) -> Model:
        """The model that was fitted."""
        return Model._of(self._results.model)

    @property
    def tree(self) -> xr.DataTree:
        """Everything, as an ArviZ DataTree: posterior, sample_stats, observed_data, constant_data."""
        return self._results.tree

    def summary(
        self, var_names: Sequence[str] | None = None, *, prob: float = 0.9, kind: str = "eti"
    ) -> pd.DataFrame:
        """Return the table of `arviz_stats.summary`: one row per quantity.

        Parameters
        ----------
        var_names : sequence of str, optional
            Posterior variables; by default all but the group effects ``r_<group>`` (see `effects`).
        prob : float
            Probability of the interval, which the column names state.
        kind : {"eti", "hdi"}
            Equal-tailed or highest density.
        """
        return estimands.summary(self._results, var_names, prob, kind)

    def diagnose(self) -> Diagnosis:
        """Return findings about the draws and the model; ``.ok`` if there is nothing to mend."""
        return diagnose(self._results)

    def effects(self, group: str | None = None, *, prob: float = 0.9) -> pd.DataFrame:
        """Return one row per level: n, no-pooling and pooled estimate, interval, shrinkage."""
        return estimands.effects(self._results, group, prob)

    def levels(self, group: str | None = None) -> xr.DataArray:
        """Return draws of each level's own coefficients: population part plus deviation."""
        return estimands.levels(self._results, group)

    def finite_population(self, group: str | None = None, *, prob: float = 0.9) -> pd.DataFrame:
        """Return means over *these* levels beside the population's."""
        return estimands.finite_population(self._results, group, prob)

    def variance_partition(self, *, prob: float = 0.9) -> pd.DataFrame:
        """Return the share of variance between levels and within them."""
        return estimands.variance_partition(self._results, prob)

    def to_frame(self, var_names: Sequence[str] | None = None) -> pd.DataFrame:
        """Return draws as a pandas table, one row a draw, one column a scalar."""
        return estimands.to_frame(self._results, var_names)

    def save(self, path: str | Path) -> Path:
        """Write a netCDF file that `shoal.load` and ArviZ read."""
        return files.save(self._results, path)

    def __repr__(self) -> str:
        sizes = self._results.posterior.sizes
        formula = self._results.model.formula.text
        return f"<shoal.Fit {formula!r}: {sizes['chain']} chains of {sizes['draw']} draws>"


def load(path: str | Path) -> Fit:
    """Read a fit written by `Fit.save`; runs no code from the file.

    Raises
    ------
    FileError
    """
    return Fit(files.load(path))


def sbc(model: Model, simulations: int = 200, **settings: Any) -> calibrate.Calibration:
    """Check a model's computation by simulation-based calibration; see `calibrate.sbc`."""
    return calibrate.sbc(model.specification, simulations, **settings)
