"""The public `Model` and `Fit`, which make each other: thin, every method calls downwards."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.api.arguments import refuse
from shoal.api.before_data import BeforeData
from shoal.api.fit import Fitted
from shoal.api.responses import read_for, responses_of
from shoal.criticism import calibration
from shoal.engine.collection import without_collection
from shoal.engine.first_use import announced
from shoal.engine.plan import Plan
from shoal.engine.record import Record
from shoal.engine.settings import Settings
from shoal.errors import ModelError, ShoalWarning
from shoal.export import to_pymc
from shoal.families import Family
from shoal.fit import checkpoint as checkpoints
from shoal.fit import run as fitting
from shoal.fit.fingerprint import fingerprint
from shoal.fit.posterior import Posterior, plan_of, posterior_of
from shoal.fit.progress import shown
from shoal.fit.results import Results
from shoal.model import Response, Specification, specify
from shoal.model.design import Design
from shoal.model.print import model_text
from shoal.model.variants import with_pooling, with_priors
from shoal.priors import Prior
from shoal.tables import Dropped

if TYPE_CHECKING:
    from shoal.plots.accessors import ModelPlots


class Model(BeforeData):
    """A Bayesian multilevel model of a table.

    Parameters
    ----------
    formula : str, or sequence of Response
        Such as ``"y ~ 1 + x + (1 + x | g)"``, or of counts or shares in several columns ``"cbind(a, b, c) ~
        x"``. Several responses share latents: ``[Response("y ~ x + latent(u | g)", family="bernoulli"),
        Response("x ~ latent(u | g)")]``; every name then begins with ``<response>_``.
    data : DataFrame or path
        pandas, polars or pyarrow table, mapping of columns, or a CSV, Parquet or Arrow file. Only the columns
        of the formula are read. A table need not be in memory: a DuckDB relation, a polars LazyFrame, a Dask
        or Spark DataFrame, a pyarrow dataset, and Parquet files, ``"rows/*.parquet"``, are reduced where they
        are, gaussian rows to their sums, those of other families to distinct ones with their counts; where
        these are too many, rows of independent levels stay where they are, and are asked there.
    family : str or Family
        One of `shoal.families.FAMILIES`, e.g. "gaussian", "bernoulli", "poisson", "cumulative"; or a family
        of your own, an instance of a subclass of `shoal.families.Family`.
    link : str, optional
        Where the family has several, e.g. "probit" for "bernoulli".
    priors : mapping, optional
        From parameter names to priors: ``{"Intercept": sl.priors.Normal(0, 1.5)}``. ``"b"`` stands for all
        slopes, ``"sd"`` for all standard deviations between levels. Others get defaults scaled to the data.
    predictors : mapping, optional
        Linear predictors of the family's parameters, which are common to all rows without one: ``{"sigma":
        "~ z + (1 | g)"}``. Parameters above zero have a log link, probabilities a logit link; names in the
        posterior begin with that of the parameter, as in ``sigma_Intercept`` and ``sigma_sd_g``. A number in
        place of a predictor is the parameter's known value: ``{"quantile": 0.9}``.
    missing : {"refuse", "drop"}
        What becomes of rows with missing values in columns of the formula, but those of ``mi(...)``: an error
        that names them, or they are dropped, with a warning. Which were is said by ``model.dropped``, kept in
        files, and printed; rows of results are numbered without them. What is dropped is no bias only where
        whether a row is complete does not depend on its response, given the predictors.
    rescor : bool
        Of several gaussian responses, or student ones, which then share ``nu``: their residuals correlate in
        each row, ``rescor`` in the posterior.
    covariances : mapping, optional
        Known covariances between levels that the formula names, ``(1 | gr(g, cov=K))``: from names to
        DataFrames labelled by level, or matrices, of a factor whose levels are categories or integers without
        a gap, in their order. Weights of neighbours, as in ``car(W, gr=area)``, are given here, too.

    **others
        Arguments of other programs, such as ``weights="w"``, are answered with what to write.

    Raises
    ------
    FormulaError, DataError, ModelError, PriorError
        Before anything is compiled.

    Examples
    --------
    >>> schools = sl.load_dataset("eight_schools")
    >>> sl.Model("y | se(se) ~ 1 + (1 | school)", schools, priors={"sd_school": sl.priors.HalfCauchy(5)})
    <shoal.Model 'y | se(se) ~ 1 + (1 | school)', gaussian>
    """

    @without_collection()  # formulaic and narwhals load with the first table
    def __init__(
        self,
        formula: str | Sequence[Response],
        data: Any,
        family: str | Family = "gaussian",
        priors: Mapping[str, Prior] | None = None,
        *,
        link: str | None = None,
        predictors: Mapping[str, str | float] | None = None,
        covariances: Mapping[str, Any] | None = None,
        missing: str = "refuse",
        rescor: bool = False,
        **others: Any,
    ):
        refuse(others, formula)
        responses = responses_of(formula, family, link, predictors)
        table = read_for(responses, data, missing, covariances, rescor)
        self._spec = specify(responses, table, priors, covariances, missing, rescor)
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
    def dropped(self) -> Dropped | None:
        """Rows that were dropped for missing values, and how many each column lacked; None if none was."""
        return self._spec.table.dropped

    @property
    def priors(self) -> dict[str, Prior]:
        """The prior of every parameter, defaults included."""
        return {name: p.prior for name, p in self._spec.priors.items()}

    @property
    def plan(self) -> Plan:
        """What is integrated, what is sampled, how, and why."""
        return plan_of(self._spec)

    def posterior(self, coordinates: str = "auto", sampler: str = "auto", client: Any = None) -> Posterior:
        """Return the log density in the coordinates asked for, ready to be evaluated or sampled.

        With a Dask `client`, its workers hold the rows; see `fit`.

        Raises
        ------
        ModelError
            Unknown names, or products of levels that the machine's memory cannot hold; rows that stay where
            they are.
        """
        self._spec.require_rows(
            "A log density", "fit() asks for it where the rows are: what it found is in the fit.", sums=True
        )
        return posterior_of(self._spec, coordinates, sampler, client=client)

    def fit(
        self,
        draws: int = 1000,
        chains: int = 4,
        seed: int | None = None,
        *,
        coordinates: str = "auto",
        sampler: str = "auto",
        warmup: int = 200,
        thin: int = 1,
        target_accept: float | None = None,
        cores: int | None = None,
        store: str = "auto",
        client: Any = None,
        checkpoint: str | Path | None = None,
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
        sampler : {"auto", "independence", "quadrature", "alternating", "hmc", "nuts"}
            Of models with one grouping factor "quadrature" integrates each level by itself and samples all
            else from what is left: draws are about independent.
        warmup : int
            Iterations of each chain spent on its step size; NUTS takes at least 1,000.
        thin : int
            Iterations to a kept draw.
        target_accept : float, optional
            Acceptance that trajectories aim at; by default 0.8, and 0.9 by NUTS of up to 1,000 coordinates.
        cores : int, optional
            Threads; all of the machine's by default, and never more.
        store : {"auto", "double", "single", "disk", "replay", "summaries", "none"}
            How draws of group effects are kept: in memory as float64 or float32; in the checkpoint, from
            which they are read when asked for; to be made again from the states of the chains when asked for;
            as each level's mean, sd and quantiles; or not. "auto" takes float64 up to 512 MB, float32 up to
            a quarter of the memory, and then the checkpoint, if there is one, or summaries, and says so.
        client : distributed.Client, optional
            Of a Dask cluster (extra ``dask``), whose workers own the rows, by levels of the one grouping
            factor, and answer some tens of rounds about them; the sampler is "quadrature" then. A worker that
            is lost costs time, not the fit. Of a table that stays where it is, no row passes through here.
        checkpoint : path, optional
            A folder, such as ``"run.zarr"``, that keeps the run while it goes. The same call goes on from
            where one was killed, to the very draws of a run that was not, and opens at once what is done.
            Of "quadrature", whose draws come all at once, only what is done is kept.
            Needs ``pip install 'shoal[checkpoint]'``.
        progress : bool, optional
            Show a progress bar; by default on a terminal. Elsewhere a line says if the engine is compiled.

        Returns
        -------
        Fit

        Raises
        ------
        ModelError, SamplingError
        FileError
            A checkpoint of another model, other data or other settings: what differs is named.

        Examples
        --------
        >>> model.fit(seed=1)
        <shoal.Fit 'y ~ 1 + x + (1 | g)': 4 chains of 1000 draws>
        """
        began = time.perf_counter()
        if seed is None and checkpoint is not None:
            seed = checkpoints.seed_of(checkpoint)
        if seed is None:
            seed = int.from_bytes(os.urandom(4), "little")
        cores = os.cpu_count() or 1 if cores is None else cores
        settings = Settings(draws, chains, warmup, seed, target_accept, cores, thin=thin)
        fitting.check_settings(settings, store, checkpoint is not None)
        asked = {"coordinates": coordinates, "sampler": sampler, "store": store}
        about = None
        if checkpoint is not None:
            about = fingerprint(self._spec, settings, **asked, client=client is not None)
            if (done := checkpoints.done(checkpoint, self._spec, about)) is not None:
                return Fit(done)
        with shown(progress, draws * chains) as bar, announced(bar):
            posterior = posterior_of(self._spec, coordinates, sampler, client=client, kept=store != "none")
            if posterior.plan.warning:
                warnings.warn(posterior.plan.warning, ShoalWarning, stacklevel=2)

            def sample(record: Record | None) -> Results:
                results = fitting.fit(posterior, settings, store, bar, record=record)
                results.tree.attrs["wall_seconds"] = round(time.perf_counter() - began, 3)
                return results

            if checkpoint is None or about is None:
                return Fit(sample(None))
            return Fit(checkpoints.kept(checkpoint, self._spec, about, sample))

    def with_pooling(self, pooling: str, sd: float | Mapping[str, float] | None = None) -> Model:
        """Return the same model with complete, no or partial pooling; see `variants.with_pooling`.

        Priors are those resolved for this model; parameters keep their names.

        Examples
        --------
        >>> model.with_pooling("complete").fit(seed=1)
        <shoal.Fit 'y ~ 1 + x + (1 | g)': 4 chains of 1000 draws>
        """
        if pooling == "partial" and self._whole.pooling != "partial":
            raise ModelError(
                "pooled-variant",
                f"This model was made with pooling {self._whole.pooling!r}; the partial one is not known.",
                "The model as it was first written.",
            )
        return Model._of(with_pooling(self._whole, pooling, sd), self._whole)

    def with_priors(self, priors: Mapping[str, Prior]) -> Model:
        """Return the same model with other priors for some parameters, by the names that are printed.

        All others keep those that were resolved for this model.

        Raises
        ------
        ModelError, PriorError
            A variant made by `with_pooling`; names that the model does not have, and priors that their
            parameters cannot have.

        Examples
        --------
        >>> model.with_priors({"sd_g": sl.priors.HalfNormal(1)}).priors["sd_g[Intercept]"]
        HalfNormal(sigma=1)
        """
        if self._spec.pooling != "partial":
            raise ModelError(
                "pooled-variant",
                f"This model was made with pooling {self._spec.pooling!r}, which fixed or dropped priors.",
                "The model as it was first written.",
                "with_pooling comes after with_priors.",
            )
        return Model._of(with_priors(self._spec, priors))

    @property
    def plot(self) -> ModelPlots:
        """Pictures of the data and the priors before a fit, such as ``model.plot.prior_predictive()``."""
        from shoal.plots.accessors import ModelPlots

        return ModelPlots(self._spec)

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

    def sbc(self, simulations: int = 200, **settings: Any) -> calibration.Calibration:
        """Check the model's computation by simulation; see `shoal.sbc`."""
        return calibration.sbc(self._spec, simulations, **settings)

    def _repr_html_(self) -> str:
        from shoal.report.notebook import model_html

        return model_html(self._spec, str(self))

    def __str__(self) -> str:
        return model_text(self._spec, str(self.plan))

    def __repr__(self) -> str:
        families = ", ".join(d.family.name for d in self._spec.designs)
        return f"<shoal.Model {self._spec.text!r}, {families}>"


class Fit(Fitted):
    """Draws from the posterior of a model, and what they say."""

    @property
    def model(self) -> Model:
        """The model that was fitted."""
        return Model._of(self._results.model)
