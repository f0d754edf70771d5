"""The public accessor of a model's plots: what its data and its priors look like before a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from shoal.model import Specification

if TYPE_CHECKING:
    from shoal.drawing.picture import Picture
    from shoal.priors import Prior


class ModelPlots:
    """Pictures of a model before any fit; each is a `Picture`: ``figure``, ``numbers`` and ``caption``."""

    def __init__(self, model: Specification):
        self._model = model

    def data(
        self,
        by: str | None = None,
        colour: str | Sequence[str] | None = None,
        response: str | None = None,
    ) -> Picture:
        """Draw the raw mean of each group of rows, sized by its observations, without a model.

        Parameters
        ----------
        by : str, optional
            A grouping factor or a column of the formula; by default the first grouping factor.
        colour : str or sequence of str, optional
            Columns of the formula whose values tell rows of a group apart, at most six combinations.
        response : str, optional
            One of several.

        Returns
        -------
        Picture
            On the response's own scale: mean, share of trials, mean category number. Numbers: the group (and
            ``colour``), ``n`` (rows), ``size`` (observations), ``mean``, ``position``.

        Raises
        ------
        DataError, ModelError
            Unknown names, more combinations than colours.
        """
        from shoal.plots.data import data

        return data(self._model, by, colour, response)

    def prior_predictive(self, draws: int = 200, seed: int = 0) -> Picture:
        """Draw data sets that the priors alone expect, against the data.

        Parameters
        ----------
        draws : int
            Data sets S.
        seed : int

        Returns
        -------
        Picture
            A panel a response: distribution functions of continuous ones (numbers: ``response``, ``data``,
            ``value``, ``ecdf``), else rows with each value (``value``, ``observed``, ``median``,
            ``eti90_lb``, ``eti90_ub``). The table of the same is `Model.prior_summary`.

        Raises
        ------
        ModelError
            Rows with weights; more than 4 GB of responses.
        """
        from shoal.plots.prior_predictive import prior_predictive

        return prior_predictive(self._model, draws, seed)

    def sd_prior_implied(
        self,
        parameter: str | None = None,
        competing: Mapping[str, Prior] | None = None,
        seed: int = 0,
    ) -> Picture:
        """Draw what priors of a standard deviation say about differences between levels.

        Left, how many pairs of levels are farther apart than x on the outcome's scale (difference of
        probabilities, ratio of means, difference of means), at rows of the table taken at random and with
        other group effects at zero. Right, the prior of one level's deviation that follows: a mixture of
        normals over its sd, whose tails are thicker than a normal's.

        Parameters
        ----------
        parameter : str, optional
            Such as ``"sd_district"`` or ``"sd_district[x]"``; the first by default.
        competing : mapping of str to Prior, optional
            Other priors of it on the same axes: ``{"tight": sl.priors.HalfNormal(0.25)}``.
        seed : int

        Returns
        -------
        Picture
            Numbers: ``prior``, ``of`` ("two levels", "one level"), ``value``, and of two levels ``beyond``,
            of one ``density`` and ``normal`` (of the normal with the prior's median sd).

        Raises
        ------
        ModelError, PriorError
            An unknown parameter, or a prior that is none of a standard deviation.
        """
        from shoal.plots.sd_prior_implied import sd_prior_implied

        return sd_prior_implied(self._model, parameter, competing, seed)

    def __repr__(self) -> str:
        return "<plots: data, prior_predictive, sd_prior_implied>"
