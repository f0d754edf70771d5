"""Pictures of a fit's parameters and levels, beside each other: part of `Fit.plot`, thin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shoal.fit.results import Results

if TYPE_CHECKING:
    from shoal.drawing.picture import Picture

Names = Sequence[str] | str


class LevelPlots:
    """The pictures of `FitPlots` that set levels, or parameters, side by side."""

    def __init__(self, results: Results):
        self._results = results

    def forest(self, var_names: Names | None = None, prob: float = 0.9) -> Picture:
        """Draw posterior means with two equal-tailed intervals, of probability `prob` and half that.

        Those of several fits side by side: `shoal.plots.forest`.

        Returns
        -------
        Picture
            Numbers: a row a quantity, ``mean``, ``sd`` and the bounds of both intervals.
        """
        from shoal.plots.forest import forest

        return forest(self._results, var_names, prob)

    def shrinkage(self, group: str | None = None, effect: str | None = None, prob: float = 0.9) -> Picture:
        """Draw an arrow for each level from its no-pooling estimate to its pooled one, by the level's size.

        Returns
        -------
        Picture
            Numbers: as `Fit.effects`, with ``size`` (observations of the level) and ``position``.
        """
        from shoal.plots.shrinkage import shrinkage

        return shrinkage(self._results, group, effect, prob)

    def effects_by_size(
        self, group: str | None = None, effect: str | None = None, prob: float = 0.9
    ) -> Picture:
        """Draw how uncertain each level's coefficient is against the level's size, pooled and alone.

        Returns
        -------
        Picture
            Numbers: as `Fit.effects`, with ``size``, ``position`` and ``sd_between``.
        """
        from shoal.plots.effects_by_size import effects_by_size

        return effects_by_size(self._results, group, effect, prob)

    def caterpillar(
        self,
        group: str | None = None,
        effect: str | None = None,
        prob: float = 0.9,
        best: str = "high",
    ) -> Picture:
        """Draw the levels in order, with intervals of coefficients and ranks and the probability of rank 1.

        Parameters
        ----------
        group, effect : str, optional
        prob : float
        best : {"high", "low"}
            Which end has rank 1.

        Returns
        -------
        Picture
            Numbers: as `Fit.ranks`, with ``size`` and the interval of the coefficient.
        """
        from shoal.plots.caterpillar import caterpillar

        return caterpillar(self._results, group, effect, prob, best)

    def pooling(
        self,
        group: str | None = None,
        effect: str | None = None,
        prob: float = 0.9,
        others: Mapping[str, Any] | None = None,
    ) -> Picture:
        """Draw each level's coefficient without and with partial pooling, and the one that all share.

        Parameters
        ----------
        group, effect : str, optional
        prob : float
        others : mapping of str to Fit, optional
            Fits of ``model.with_pooling("complete")`` and ``"none"``, by these names; those that are missing
            are fitted, with the chains, draws and seed of this fit.

        Returns
        -------
        Picture
            Numbers: the level, ``row``, ``size``, ``pooling``, ``mean`` and the interval.
        """
        from shoal.fit.given import check_fits, results_of
        from shoal.plots.pooling import pooling

        given = {} if others is None else others
        check_fits(given)
        fits = {name: results_of(fit) for name, fit in given.items()}
        return pooling(self._results, group, effect, prob, others=fits)
