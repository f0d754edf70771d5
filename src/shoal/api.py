"""The public `Model` and `Fit`: thin, every method calls downwards."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from shoal import calibrate, describe, estimands, files, fitting, predict, predictive
from shoal.design import Design
from shoal.diagnose import Diagnosis, diagnose
from shoal.errors import ModelError, ShoalWarning
from shoal.export import to_pymc
from shoal.families import Family
from shoal.frames import read
from shoal.model import Response, Specification, specify
from shoal.pooling import with_pooling
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
    formula : str, or sequence of Response
        Such as ``"y ~ 1 + x + (1 + x | g)"``. Several responses share latents: ``[Response("y ~ x +
        latent(u | g)", family="bernoulli"), Response("x ~ latent(u | g)")]``; every name then begins with
        ``<response>_``.
    data : DataFrame or path
        pandas, polars or pyarrow table, mapping of columns, or a CSV, Parquet or Arrow file. Only the columns
        of the formula are read; no row is ever dropped.
    family : str
        One of `shoal.families.FAMILIES`, e.g. "gaussian", "bernoulli", "poisson", "cumulative".
    link : str, optional
        Where the family has several, e.g. "probit" for "bernoulli".
    priors : mapping, optional
        From parameter names to priors: ``{"Intercept": sl.priors.Normal(0, 1.5)}``. ``"b"`` stands for all
        slopes, ``"sd"`` for all standard deviations between levels. Others get defaults scaled to the data.
    covariances : mapping, optional
        Known covariances between levels that the formula names, ``(1 | gr(g, cov=K))``: from names to
        matrices in the order of the sorted levels, or DataFrames labelled by level.

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
        formula: str | Sequence[Response],
        data: Any,
        family: str | Family = "gaussian",
        priors: Mapping[str, Prior] | None = None,
        *,
        link: str | None = None,
        covariances: Mapping[str, Any] | None = None,
    ):
        responses = responses_of(formula, family, link)
        self._spec = specify(responses, read_for(responses, data), priors, covariances)
        self._whole = self._spec

    @classmethod
    def _of(cls, spec: Specification, whole: Specification | None = None) -> Model:
        model = cls.__new__(cls)
        model._spec, model._whole = spec, whole or spec
        return model

    @property
    def specification(self) -> Specification:
        """The model as data."""
        return self._spec

    @property
    def design(self) -> Design:
        """Response, population columns and grouping factors as arrays; of the first of several responses."""
        return self._spec.designs[0]

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
        if posterior.plan.warning:
            warnings.warn(posterior.plan.warning, ShoalWarning, stacklevel=2)
        cores = os.cpu_count() or 1 if cores is None else cores
        settings = Settings(draws, chains, warmup, seed, target_accept, cores)
        with shown(progress, draws * chains) as bar:
            results = fitting.fit(posterior, settings, store, bar)
        results.tree.attrs["wall_seconds"] = round(time.perf_counter() - began, 3)
        return Fit(results)

    def with_pooling(self, pooling: str, sd: float | None = None) -> Model:
        """Return the same model with complete, no or partial pooling; see `pooling.with_pooling`.

        Priors are those resolved for this model; parameters keep their names.
        """
        if pooling == "partial" and self._whole.pooling != "partial":
            raise ModelError(
                f"This model was made with pooling {self._whole.pooling!r}; the partial one is not known.",
                "The model as it was first written.",
            )
        return Model._of(with_pooling(self._whole, pooling, sd), self._whole)

    def prior_predictive(self, draws: int = 500, seed: int = 0) -> xr.DataTree:
        """Return what the priors alone expect: parameters, and responses for the rows of the table.

        Parameters
        ----------
        draws : int
            Independent draws S.
        seed : int

        Returns
        -------
        xarray.DataTree
            Groups as ArviZ names them: ``prior`` (parameters, named and shaped as in a posterior of one
            chain of S draws), ``prior_predictive`` (responses; dims chain, draw, row) and ``observed_data``.
            Ordered responses are the numbers of their categories, from 0.

        Raises
        ------
        ModelError
            Rows with weights: a density to a power is not a distribution. More than 4 GB of responses.
        """
        return predictive.prior_predictive(self._spec, draws, seed)

    def to_pymc(self, coordinates: str = "noncentered") -> Any:
        """Return the model as a ``pymc.Model`` with the same names, priors and likelihood.

        Parameters
        ----------
        coordinates : {"noncentered", "centered", "zero_sum"}
            What is sampled in place of the group effects; see `export.to_pymc`.

        Raises
        ------
        ModelError
            Unknown coordinates, or PyMC is not installed: ``pip install 'shoal[pymc]'``.
        """
        return to_pymc(self._spec, coordinates)

    def sbc(self, simulations: int = 200, **settings: Any) -> calibrate.Calibration:
        """Check the model's computation by simulation; see `shoal.sbc`."""
        return calibrate.sbc(self._spec, simulations, **settings)

    def __str__(self) -> str:
        return describe.model_text(self._spec, self.plan)

    def __repr__(self) -> str:
        families = ", ".join(d.family.name for d in self._spec.designs)
        return f"<shoal.Model {self._spec.text!r}, {families}>"


def responses_of(
    formula: str | Sequence[Response], family: str | Family, link: str | None
) -> tuple[Response, ...]:
    """Return the responses of a model.

    Raises
    ------
    ModelError
        If `formula` is neither text nor a sequence of `Response`, or a family stands beside responses.
    """
    if isinstance(formula, str):
        return (Response(formula, family, link),)
    responses: tuple[Any, ...] = (formula,) if isinstance(formula, Response) else tuple(formula)
    for response in responses:
        if not isinstance(response, Response):
            raise ModelError(
                f"The formula is {response!r}.",
                "A text such as 'y ~ x + (1 | g)', or a list of sl.Response.",
            )
    if family != "gaussian" or link is not None:
        raise ModelError(
            f"family={family!r}, link={link!r} beside a list of responses.",
            "Each response has its own: sl.Response(formula, family=..., link=...).",
        )
    return responses


def read_for(responses: Sequence[Response], data: Any) -> Any:
    """Return the table of `data`, limited to the columns that the formulas name."""
    from shoal.formula import parse

    columns = dict.fromkeys(c for r in responses for c in parse(r.formula).columns)
    return read(data, columns=tuple(columns))


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

    def variance_partition(self, response: str | None = None, *, prob: float = 0.9) -> pd.DataFrame:
        """Return the share of variance between the levels of each factor and within them."""
        return estimands.variance_partition(self._results, prob, response)

    def predict(
        self,
        new: Any = None,
        kind: str = "mean",
        new_levels: str = "error",
        *,
        response: str | None = None,
        draws: int | None = None,
        seed: int = 0,
    ) -> xr.DataArray | xr.Dataset:
        """Return draws of predictions, row by row.

        Parameters
        ----------
        new : DataFrame, mapping or path, optional
            Any table that `Model` reads, with the columns of the predictors and grouping factors (no
            response, no weights); by default the fitted rows. Transformations such as ``scale(x)`` keep what
            they learnt from the fitted rows. Responses that predict others are taken from this table.
        kind : {"linear", "mean", "response"}
            The linear predictor, offsets included and the cutpoints of an ordered response not; the expected
            response (successes, of a binomial one with its trials; of an ordered one, each category's
            probability); or new observations, which need known standard errors in `new` where the model has
            them. Weights play no part. Ordered observations are the numbers of their categories, from 0.
        new_levels : {"error", "population", "zero"}
            What becomes of levels of grouping factors that were not fitted: an error; effects drawn from the
            population, given each draw's standard deviations and correlations, one draw for all rows of a
            level; or effects of zero. A level's draws depend on its label and the seed, not on other rows.
        response : str, optional
            One of several responses.
        draws : int, optional
            Draws of each chain, evenly spread; all by default.
        seed : int
            For new levels and new observations.

        Returns
        -------
        xarray.DataArray
            Dims (chain, draw, row), and category for the probabilities of an ordered response. Row i is row i
            of the table; other row labels of a pandas table are the coordinate ``index``. Rows with missing
            values in any column that is needed, grouping factors included, are NaN, with a warning. With
            several responses and none named: a Dataset, a variable each.

        Raises
        ------
        DataError
            Missing columns, unknown categories or levels, values of another kind.
        ModelError
            New levels without a population (zero-sum effects, known covariances), effects that were not kept,
            more than 4 GB of draws (see `predict_summary`).
        """
        return predict.predict(
            self._results, new, kind, new_levels, response=response, draws=draws, seed=seed
        )

    def predict_summary(
        self,
        new: Any = None,
        kind: str = "mean",
        new_levels: str = "error",
        *,
        response: str | None = None,
        draws: int | None = None,
        seed: int = 0,
        prob: float = 0.9,
    ) -> pd.DataFrame | dict[str, pd.DataFrame]:
        """Return mean, sd and equal-tailed interval of each row's prediction.

        Computed in blocks of rows, so that the number of rows is not limited by memory.

        Parameters
        ----------
        new, kind, new_levels, response, draws, seed
            As in `predict`; the same seed summarises the same draws.
        prob : float
            Probability of the interval, which the column names state (``eti90_lb``, ``eti90_ub``).

        Returns
        -------
        DataFrame
            One row per row of `new`, in its order and with its index; for the probabilities of an ordered
            response, one per row and category (index level ``category``). With several responses and none
            named: a dict, a table each.

        Raises
        ------
        DataError, ModelError
            As `predict`, but for the size.
        """
        return predict.predict_summary(
            self._results, new, kind, new_levels, response=response, draws=draws, seed=seed, prob=prob
        )

    def posterior_predictive(self, draws: int | None = None, seed: int = 0) -> xr.DataTree:
        """Return new responses for the fitted rows, to be compared with those observed.

        Parameters
        ----------
        draws : int, optional
            Draws of each chain, evenly spread; all by default.
        seed : int

        Returns
        -------
        xarray.DataTree
            Groups ``posterior_predictive`` (responses; dims chain, draw, row) and ``observed_data``, as
            ``arviz_plots.plot_ppc_dist`` reads them. A row is one observation, whatever its weight.

        Raises
        ------
        ModelError
            Effects that were not kept; more than 4 GB of responses.
        """
        return predictive.posterior_predictive(self._results, draws, seed)

    def to_frame(self, var_names: Sequence[str] | None = None) -> pd.DataFrame:
        """Return draws as a pandas table, one row a draw, one column a scalar."""
        return estimands.to_frame(self._results, var_names)

    def save(self, path: str | Path) -> Path:
        """Write a netCDF file that `shoal.load` and ArviZ read."""
        return files.save(self._results, path)

    def __repr__(self) -> str:
        sizes = self._results.posterior.sizes
        formula = self._results.model.text
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
