"""The public accessors of all plots, `Fit.plot` and `Model.plot`: thin, every method calls downwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shoal.errors import ModelError
from shoal.plots.of_levels import LevelPlots, Names
from shoal.plots.of_model import ModelPlots

if TYPE_CHECKING:
    from shoal.drawing.picture import Picture

__all__ = ["FitPlots", "ModelPlots"]


class FitPlots(LevelPlots):
    """Pictures of a fit; each is a `Picture`: ``figure``, ``numbers`` (what is drawn) and ``caption``.

    Notes
    -----
    ``var_names`` are posterior variables (``"sd_district"``) or single quantities
    (``"r_district[7,Intercept]"``); by default all but the group effects. Constant quantities are left out,
    and so are those beyond what a picture has room for; the caption says which. ``group`` and ``effect`` are
    needed where a model has several.

    All methods raise `ModelError` for unknown names, and where group effects were not kept
    (``store="none"``).
    """

    @property
    def model(self) -> ModelPlots:
        """Pictures of the model that was fitted: its data and its priors."""
        return ModelPlots(self._results.model)

    def trace(self, var_names: Names | None = None) -> Picture:
        """Draw each chain's density and its draws in order, divergences marked.

        Returns
        -------
        Picture
            At most 10 quantities. Numbers: ``quantity``, ``chain``, ``draw``, ``value``, ``diverging``.
        """
        from shoal.plots.trace import trace

        return trace(self._results, var_names)

    def rank(self, var_names: Names | None = None) -> Picture:
        """Draw how the ranks of each chain's draws among those of all chains differ from uniform ones.

        Chains of one target stay in the band together with probability 0.99 if their draws are independent
        (Säilynoja, Bürkner and Vehtari 2022, Statistics and Computing 32:32). One chain is compared half with
        half.

        Returns
        -------
        Picture
            At most 16 quantities. Numbers: ``quantity``, ``chain`` (or ``half``), ``rank`` (a fraction),
            ``difference`` of the ECDF from uniform, ``band_lb``, ``band_ub``.
        """
        from shoal.plots.rank import rank

        return rank(self._results, var_names)

    def pair(self, var_names: Names | None = None, divergences: bool = True) -> Picture:
        """Draw a scatter of each pair of quantities, with their densities on the diagonal.

        Parameters
        ----------
        var_names : str or sequence of str, optional
        divergences : bool
            Mark the draws that end a divergent trajectory.

        Returns
        -------
        Picture
            At most 6 quantities. Numbers: a column a quantity, a row a draw; index ``chain``, ``draw``,
            ``diverging``.
        """
        from shoal.plots.pair import pair

        return pair(self._results, var_names, divergences)

    def funnel(self, group: str | None = None, effect: str | None = None, level: Any = None) -> Picture:
        """Draw the log sd of a group's effects against one level's effect, above the trace of log sd.

        Where divergences sit at small values, the sampler cannot enter the funnel (Neal 2003, Annals of
        Statistics 31, 705-767).

        Parameters
        ----------
        group, effect : str, optional
        level : label, optional
            By default the level with fewest rows, whose effect follows its sd most.

        Returns
        -------
        Picture
            On the linear predictor's scale. Numbers: ``chain``, ``draw``, ``effect``, ``log_sd``,
            ``diverging``.
        """
        from shoal.plots.funnel import funnel

        return funnel(self._results, group, effect, level)

    def ess(self, var_names: Names | None = None, others: Mapping[str, Any] | None = None) -> Picture:
        """Draw effective sample sizes of the bulk and of the tails of each quantity.

        Parameters
        ----------
        var_names : str or sequence of str, optional
        others : mapping of str to Fit, optional
            Fits to stand beside this one, by name; `shoal.plots.ess` takes a mapping alone.

        Returns
        -------
        Picture
            At most 24 quantities a fit. Numbers: ``fit``, ``quantity``, ``ess_bulk``, ``ess_tail``,
            ``draws``.
        """
        from shoal.fit.given import check_fits
        from shoal.plots.comparisons import ess

        given = {} if others is None else others
        check_fits(given)
        if "this fit" in given:
            raise ModelError("fit-name", "others names 'this fit', which is this one.", "Another name.")
        return ess({"this fit": self._results, **given}, var_names)

    def loo(self, unit: str = "row", refit: bool = False) -> Picture:
        """Draw each unit's log density with it left out, and the Pareto k of that estimate.

        Parameters
        ----------
        unit, refit
            As in `Fit.loo`, which is run here.

        Returns
        -------
        Picture
            Numbers: as ``Loo.pointwise``.
        """
        from shoal.scores.loo import loo
        from shoal.scores.pictures import units

        return units(loo(self._results, unit, refit))

    def outcomes(
        self,
        by: str | None = None,
        colour: str | Sequence[str] | None = None,
        response: str | None = None,
        prob: float = 0.9,
    ) -> Picture:
        """Draw the expected outcome of each group of the fitted rows beside its raw mean.

        Parameters
        ----------
        by : str, optional
            A grouping factor or a column of the formula; by default the first grouping factor.
        colour : str or sequence of str, optional
            Columns of the formula whose values tell rows of a group apart, at most six combinations.
        response : str, optional
            One of several.
        prob : float
            Probability of the equal-tailed intervals.

        Returns
        -------
        Picture
            On the outcome's scale: shares of trials, means of the response, mean categories. Numbers: those
            of `ModelPlots.data`, with ``posterior_mean`` and its interval.
        """
        from shoal.plots.outcomes import outcomes

        return outcomes(self._results, by, colour, response, prob)

    def effect(self, x: Any, **asked: Any) -> Picture:
        """Draw predictions along a predictor, with the rows of the data behind them.

        Parameters
        ----------
        x : column, columns or mapping
            A number has curves, a category points, two numbers a surface.
        **asked
            As in `Fit.effect`: ``by``, ``at``, ``over``, ``levels``, ``scale``, ``grid``, ``points`` …. The
            first column of `by` has colours (more than six values: thin lines without intervals), others have
            panels; so have all where categories of the response have the colours.

        Returns
        -------
        Picture
            Numbers: the table of `Fit.effect`, ``shown`` as "expected", and the data, "observed": rows, or
            means of at most 20 bins of 0/1 responses and of more than 2,000 rows, of ``n`` observations. On
            other scales than the response's there are none.
        """
        from shoal.estimands.predictor_effects import columns_in, effect
        from shoal.plots.effect import effect_picture

        if len(columns_in(x, "x")) > 1:
            asked = {"points": 25, **asked}
        return effect_picture(self._results, effect(self._results, x, **asked))

    def prior_posterior(self, var_names: Names | None = None) -> Picture:
        """Draw prior and posterior densities of each quantity on one axis.

        Returns
        -------
        Picture
            At most 12 quantities. Numbers: ``quantity``, ``value``, ``prior``, ``posterior`` (densities).
        """
        from shoal.plots.prior_posterior import prior_posterior

        return prior_posterior(self._results, var_names)

    def ppc(self, draws: int = 50, kind: str = "auto", by: str | None = None, seed: int = 0) -> Picture:
        """Draw new responses to the fitted rows against those observed, a panel a response.

        Parameters
        ----------
        draws : int
            Data sets drawn as lines; intervals are of at least 400 where memory allows.
        kind : {"auto", "density", "ecdf", "bars"}
            Bars for whole numbers and categories; a density for others, or an ECDF of fewer than 30 rows.
        by : str, optional
            A grouping factor: the mean of each of its levels in place of all rows.
        seed : int

        Returns
        -------
        Picture
            A row is one observation, whatever its weight. Numbers begin with ``response``; of lines ``data``
            (its number, or "observed"), ``value`` and ``density`` or ``ecdf``; of bars ``value``,
            ``observed``, ``median``, ``eti90_lb``, ``eti90_ub``; of levels ``level``, ``n``, ``observed`` and
            the interval.
        """
        from shoal.plots.ppc import ppc

        return ppc(self._results, draws, kind, by, seed)

    def data(
        self,
        by: str | None = None,
        colour: str | Sequence[str] | None = None,
        response: str | None = None,
    ) -> Picture:
        """Draw the raw mean of each group of rows; see `ModelPlots.data`."""
        return self.model.data(by, colour, response)

    def prior_predictive(self, draws: int = 200, seed: int = 0) -> Picture:
        """Draw data sets that the priors alone expect; see `ModelPlots.prior_predictive`."""
        return self.model.prior_predictive(draws, seed)

    def sd_prior_implied(
        self, parameter: str | None = None, competing: Mapping[str, Any] | None = None, seed: int = 0
    ) -> Picture:
        """Draw what priors of a standard deviation say; see `ModelPlots.sd_prior_implied`."""
        return self.model.sd_prior_implied(parameter, competing, seed)

    def __repr__(self) -> str:
        return f"<plots: {', '.join(name for name in dir(self) if not name.startswith('_'))}>"
