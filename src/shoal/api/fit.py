"""The public `Fit`: thin, every method calls downwards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from shoal import estimands, files, predict, predictive
from shoal.diagnose import Diagnosis, diagnose
from shoal.results import Results

if TYPE_CHECKING:
    from shoal.api.model import Model


class Fit:
    """Draws from the posterior of a model, and what they say."""

    def __init__(self, results: Results):
        self._results = results

    @property
    def model(self) -> Model:
        """The model that was fitted."""
        from shoal.api.model import Model  # whose `fit` makes this class

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
