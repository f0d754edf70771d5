"""What a fit says: tables and draws of quantities, predictions; thin, calling downwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import xarray as xr

from shoal import estimands
from shoal.api.comparisons import Comparisons
from shoal.estimands import predictions, predictive


class Quantities(Comparisons):
    """The half of `Fit` that asks for numbers."""

    def summary(
        self,
        var_names: Sequence[str] | None = None,
        *,
        levels: str | None = None,
        prob: float = 0.9,
        kind: str = "eti",
    ) -> pd.DataFrame:
        """Return the table of `arviz_stats.summary`: one row per quantity, each correlation once.

        Parameters
        ----------
        var_names : sequence of str, optional
            Posterior variables; by default all but the group effects ``r_<group>``.
        levels : str, optional
            A grouping factor, whose levels' own coefficients (population part plus deviation, as in `levels`)
            are summarised instead: ``levels_<group>[<level>, <effect>]``.
        prob : float
            Probability of the interval, which the column names state.
        kind : {"eti", "hdi"}
            Equal-tailed or highest density.

        Raises
        ------
        ModelError
            Unknown names, `var_names` and `levels` together, effects that were not kept.

        Examples
        --------
        >>> list(fit.summary().index)
        ['Intercept', 'x', 'sd_g[Intercept]', 'sigma']
        """
        return estimands.summary(self._results, var_names, prob, kind, levels)

    def effects(self, group: str | None = None, *, prob: float = 0.9) -> pd.DataFrame:
        """Return one row per level and effect: n, no-pooling and pooled estimate, interval, shrinkage.

        ``shrinkage`` is the share of the way from the level's estimate alone to the population mean that
        pooling went; NaN where that way is shorter than a quarter of the estimate's sd. All columns are
        described at `estimands.effects`.

        Examples
        --------
        >>> effects = fit.effects("g")
        >>> effects[["g", "n", "no_pooling", "mean", "sd", "shrinkage"]].shape
        (12, 6)
        """
        return estimands.effects(self._results, group, prob)

    def levels(self, group: str | None = None) -> xr.DataArray:
        """Return draws of each level's own coefficients: population part plus deviation."""
        return estimands.levels(self._results, group)

    def ranks(
        self,
        group: str | None = None,
        effect: str | None = None,
        *,
        best: str = "high",
        top: int | Sequence[int] = (1,),
        prob: float = 0.9,
    ) -> pd.DataFrame:
        """Return one row per level, best first: its coefficient, its rank, and how sure the rank is.

        Parameters
        ----------
        group : str, optional
            The grouping factor; not needed if there is one.
        effect : str, optional
            Whose coefficients are ranked; by default the Intercept's, or the only ones.
        best : {"high", "low"}
            Which end has rank 1.
        top : int or sequence of int
            Sizes of the tops whose probabilities are given: 1 for ``p_best``, k for ``p_top_k``.
        prob : float
            Least probability of the interval of the rank, which the column names state.

        Returns
        -------
        DataFrame
            The level, ``n`` (rows), ``mean`` and ``sd`` of its coefficient, ``rank_mean``, ``rank_median``,
            ``rank_eti90_lb``, ``rank_eti90_ub``, and the probabilities. `contrast` gives the probability that
            one level is above another.

        Raises
        ------
        ModelError
            Unknown names, a top larger than the number of levels, effects that were not kept.

        Notes
        -----
        Goldstein and Spiegelhalter (1996), Journal of the Royal Statistical Society A 159, 385-443.
        """
        return estimands.ranks(self._results, group, effect, best, top, prob)

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
            them. Weights play no part. Ordered observations are numbers as the table has them; of categories
            that are no numbers, their places from 1. With ``cs(...)`` there is no one linear predictor.
        new_levels : {"error", "population", "average", "zero"}
            What becomes of levels of grouping factors that were not fitted: an error; effects drawn from the
            population, given each draw's standard deviations and correlations, one draw for all rows of a
            level; the average over the population, by integration over these effects; or effects of zero. A
            level's draws depend on its label and the seed, not on other rows.
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
            New levels without a population (zero-sum effects, levels that a known covariance lacks), effects
            that were not kept, more than 4 GB of draws (see `predict_summary`).
        """
        return predictions.predict(
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

        Examples
        --------
        >>> new = {"x": [0.0, 1.0], "g": [0, 99]}  # there is no level 99 among the fitted ones
        >>> list(fit.predict_summary(new, new_levels="population").columns)
        ['mean', 'sd', 'eti90_lb', 'eti90_ub']
        """
        return predictions.predict_summary(
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
