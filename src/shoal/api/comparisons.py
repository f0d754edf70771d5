"""What a fit says of predictors: effects, slopes and contrasts; thin, calling downwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shoal.estimands import comparisons, contrasts, predictor_effects, slopes
from shoal.fit.results import Results


class Comparisons:
    """The part of `Fit` that predicts what changes with a predictor."""

    def __init__(self, results: Results):
        self._results = results

    def contrast(
        self,
        settings: Mapping[str, Any] | None = None,
        *,
        hypothesis: str | Sequence[str] = "pairwise",
        by: Any = None,
        group: str | None = None,
        levels: Any = None,
        effect: str | None = None,
        at: Mapping[str, Any] | str | None = None,
        scale: str | None = None,
        response: str | None = None,
        draws: int | None = None,
        seed: int = 0,
        prob: float = 0.9,
    ) -> comparisons.Contrast:
        """Return differences between settings of predictors, or between levels of a group.

        Parameters
        ----------
        settings : mapping, optional
            From columns to the values they take, one a setting: ``{"pred": ["pred", "no"]}`` sets every row
            of the data to the first, then to the second, predicts, and takes the difference of the means. A
            single value holds in all settings.
        hypothesis : str or sequence of str
            What is compared: ``"pairwise"`` (each setting less every later one), ``"sequential"`` (less the
            one before), ``"reference"`` (less the first), or expressions of the settings ``b1``, ``b2`` …:
            ``"(b1 - b2) - (b3 - b4) = 0"``; see `comparisons.Answer.contrast`.
        by : column, columns or mapping, optional
            Other columns that are set to each of their values (or those given), within which settings are
            compared. Differences of these differences: ``fit.contrast(...).contrast()``.
        levels : {"typical", "population", "fitted"} or label, optional
            With settings: in which levels rows are predicted, as in `effect`; by default in their own.
        group, levels, effect
            Instead of settings: the levels of a grouping factor (two or more, as a list) whose coefficients
            are contrasted, on the linear predictor's scale. By default all levels, and the Intercept.
        at : mapping or "population", optional
            With settings: columns held at a value in every row, ``{"tank": "3"}``; None as a value stands for
            one new level, its effects drawn from the population. ``"population"``: new levels of all factors.
            A predictor that names levels, too, keeps its values where the level is new. Intervals of a new
            level are as wide as levels differ; those of ``levels="population"`` are about their average.
        scale : {"response", "probability", "linear"}, optional
            Of settings: the expected response (a share of successes; of an ordered response the mean
            category), the probability of each category, which is also what is returned for "response" of
            categories without an order, or the linear predictor.
        response : str, optional
            One of several responses.
        draws : int, optional
            Draws of each chain, evenly spread; all by default.
        seed : int
            For new levels.
        prob : float
            Probability of the table's interval.

        Returns
        -------
        Contrast
            ``.table`` (mean, sd, interval, ``p_above_0``), ``.draws``, ``.settings`` (each side of the
            differences), ``.scale`` and ``.population``, which are printed with it. An effect of changing a
            predictor is causal only if the model leaves no confounder out.

        Raises
        ------
        DataError, FormulaError, ModelError
            Columns or levels that the model does not have, settings of different lengths, hypotheses that
            cannot be read, more than 4 GB of draws or 2 ** 31 numbers to predict.

        Examples
        --------
        >>> fit.contrast({"x": [0, 1]}).table.shape[0]  # of x = 1 and x = 0, averaged over the rows
        1
        >>> fit.contrast({"x": [0, 1, 2]}, hypothesis="(b3 - b2) - (b2 - b1) = 0").table.shape[0]
        1
        >>> fit.contrast(levels=[0, 1, 2]).table.shape[0]  # every pair of three levels of g
        3
        """
        return contrasts.contrast(
            self._results,
            settings,
            hypothesis=hypothesis,
            by=by,
            group=group,
            levels=levels,
            effect=effect,
            at=at,
            scale=scale,
            response=response,
            draws=draws,
            seed=seed,
            prob=prob,
        )

    def effect(
        self,
        x: Any,
        *,
        by: Any = None,
        at: Mapping[str, Any] | str | None = None,
        over: str = "typical",
        levels: Any = None,
        scale: str = "response",
        grid: str = "range",
        points: int = 50,
        response: str | None = None,
        draws: int | None = None,
        seed: int = 0,
        prob: float = 0.9,
    ) -> predictor_effects.Effect:
        """Return predictions along a predictor, the others held at a value or averaged over the data.

        Parameters
        ----------
        x : column, columns or mapping
            One predictor or several, of which every combination of values is predicted: numbers along a grid,
            categories all. A mapping gives the values: ``{"x": [0, 1, 2]}``.
        by : column, columns or mapping, optional
            What tells curves apart: all categories, or all levels of a grouping factor; of numbers the mean
            and one standard deviation to both sides, or all values of at most six.
        at : mapping or "population", optional
            Columns held at a value, ``{"z": 0, "tank": "3"}``; None as a value, and ``"population"``, as in
            `contrast`: one new level, whose effects are drawn.
        over : {"typical", "data"}
            Other predictors: numbers at their means over the observations and categories at their modes; or
            as they are in each row of the data, predictions being averaged over the rows.
        levels : {"typical", "population", "fitted"} or label, optional
            In which levels of grouping factors. ``"typical"``: one whose effects are zero; on the response's
            scale that is no average over levels. ``"population"``: the average over all levels that there
            could be, by integration over their effects given each draw. ``"fitted"``: the average over those
            that were fitted; of rows of the data, each in its own. Or one of them. By default "typical", and
            "fitted" over data.
        scale : {"response", "probability", "linear"}
            As in `contrast`; ``"link"`` is another word for "linear".
        grid : {"range", "quantiles"}
            Equal steps from the smallest to the largest value, or quantiles at equal steps.
        points : int
            Of the grid; whole numbers of at most as many values take all of them.
        response : str, optional
            One of several responses.
        draws : int, optional
            Draws of each chain, evenly spread; all by default.
        seed : int
            For new levels.
        prob : float
            Probability of the table's interval.

        Returns
        -------
        Effect
            ``.table`` (a row a point: the grid, median, mean, sd, interval; a predictor called ``mean`` is
            ``mean_value`` there), ``.draws``, ``.grid``,
            ``.scale`` and ``.population``, which are printed with it; ``.contrast(...)`` compares its rows.
            ``fit.plot.effect`` draws it.

        Raises
        ------
        DataError, ModelError
            Columns, levels or categories that the model does not have, a grouping factor as `x`, columns that
            are set twice, a population that levels do not have (as without pooling), more than 4 GB of draws
            or 2 ** 31 numbers to predict.

        Notes
        -----
        The effects of a new level are normal given a draw, and so is their sum on the linear predictor, which
        one integral averages over. Effects on two predictors (of mu and of sigma) take a product; on more, or
        Student-t ones where the mean is bounded or linear, 1,024 points of low discrepancy.

        Examples
        --------
        >>> effect = fit.effect({"x": [-1, 0, 1]})
        >>> list(effect.table.columns)
        ['x', 'median', 'mean', 'sd', 'eti90_lb', 'eti90_ub']
        >>> print(effect.scale, "|", effect.population)
        expected y | in a typical level of g, whose effects are zero (not an average over levels)
        >>> fit.effect("x", by="g", points=5).draws.sizes["point"]  # a curve for each of 12 levels
        60
        >>> effect.contrast("b3 - b1 = 0").table.index.tolist()
        ['b3 - b1 = 0']
        """
        return predictor_effects.effect(
            self._results,
            x,
            by=by,
            at=at,
            over=over,
            levels=levels,
            scale=scale,
            grid=grid,
            points=points,
            response=response,
            draws=draws,
            seed=seed,
            prob=prob,
        )

    def slope(
        self,
        x: Any,
        *,
        kind: str = "dydx",
        by: Any = None,
        at: Mapping[str, Any] | str | None = None,
        over: str = "data",
        levels: Any = None,
        scale: str = "response",
        response: str | None = None,
        draws: int | None = None,
        seed: int = 0,
        prob: float = 0.9,
    ) -> predictor_effects.Effect:
        """Return how fast predictions change along a predictor: derivatives, or elasticities.

        Parameters
        ----------
        x : column or mapping
            A predictor of numbers: at its own value in each row, over which slopes are averaged (or at its
            mean, ``over="typical"``). A mapping gives values: ``{"x": [0, 1]}``.
        kind : {"dydx", "eyex", "eydx", "dyex"}
            The derivative dY/dx; the elasticity, ``dY/dx x / Y``; ``dY/dx / Y``; ``dY/dx x``. Ratios are
            those of each row, before the average.
        by, at, levels, scale, response, draws, seed, prob
            As in `effect`.
        over : {"data", "typical"}
            The average over the rows of the data, or other predictors at means and modes.

        Returns
        -------
        Effect
            As that of `effect`.

        Raises
        ------
        DataError, ModelError
            As `effect`; and a category as `x`, for which `contrast` is meant. Nine predictions of each row
            count, ten for an elasticity, or two where they are linear in `x`.

        Notes
        -----
        Where predictions are linear in `x` (their scale, and a mean that is the linear predictor, with `x` in
        terms as it is), the average slope is the difference of averages at both ends of the range of `x`, and
        rows that differ in `x` alone are one. Elsewhere a derivative is that of the polynomial through nine
        predictions near the value. Averages over rows,
        and names of ratios: Arel-Bundock, Greifer and Heiss (2024), Journal of Statistical Software 111, 9.

        Examples
        --------
        >>> slope = fit.slope("x").draws[..., 0]
        >>> bool(abs(slope - fit.tree["posterior"]["x"]).max() < 1e-9)  # of a straight line: its coefficient
        True
        """
        return slopes.slope(
            self._results,
            x,
            kind=kind,
            by=by,
            at=at,
            over=over,
            levels=levels,
            scale=scale,
            response=response,
            draws=draws,
            seed=seed,
            prob=prob,
        )
