"""What the public `Model` says before it has seen the data: thin, every method calls downwards."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from shoal.estimands import predictive
from shoal.model import Specification


class BeforeData:
    """The part of a `Model` that asks its priors."""

    _spec: Specification

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
            Ordered responses are numbers as the table has them; of categories that are no numbers, their
            places from 1.

        Raises
        ------
        ModelError
            Rows with weights: a density to a power is not a distribution. More than 4 GB of responses.
        """
        return predictive.prior_predictive(self._spec, draws, seed)

    def prior_summary(self, draws: int = 2000, seed: int = 0, prob: float = 0.9) -> pd.DataFrame:
        """Return what the priors imply before any data, of parameters and on the outcome's scale.

        Parameters
        ----------
        draws : int
            Independent draws from the priors.
        seed : int
        prob : float
            Probability of the equal-tailed interval, which the column names state.

        Returns
        -------
        DataFrame
            One row a quantity, indexed by ``about`` ("parameter", or the response) and ``quantity``. Every
            parameter has its prior. Every response has statistics of its rows (mean, sd and range, or the
            share of each category; sd between the means of a factor's levels), the share of rows whose mean
            is below 0.01 or above 0.99, and how far two levels taken at random are apart at a row taken at
            random: a difference of means or probabilities, or with a log link a ratio. Columns: ``prior``,
            ``scale``, ``median``, the interval, ``observed`` (the same of the data), ``tail`` (two-sided
            probability of anything as far out) and ``flag``: the data lie outside the central 99% of what
            the priors say, or most rows are at the floor or the ceiling. A row is one observation, whatever
            its weight. ``attrs["row_draws"]`` is the number of data sets that statistics of rows are taken
            over, at most 2^27 / rows; of fewer than 100 none is flagged.

        Raises
        ------
        ModelError
            Numbers that make no sense.

        References
        ----------
        Evans, M. and Moshonov, H. (2006). Checking for prior-data conflict. Bayesian Analysis 1, 893-914.
        """
        from shoal.criticism.implied import prior_summary

        return prior_summary(self._spec, draws, seed, prob)
