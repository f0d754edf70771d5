"""What a fit says of hypotheses, and how much it explains: thin, calling downwards."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from shoal.api.quantities import Quantities
from shoal.errors import ModelError, ShoalWarning
from shoal.estimands.icc import icc
from shoal.estimands.r2 import R2, r2
from shoal.fit.many import where
from shoal.fit.progress import shown

if TYPE_CHECKING:
    from shoal.estimands.hypotheses import Hypotheses


class Conclusions(Quantities):
    """The part of `Fit` that answers questions about a model as a whole."""

    def test(
        self,
        hypotheses: str | Sequence[str] | Mapping[str, str],
        *,
        rope: tuple[float, float] | None = None,
        prob: float = 0.9,
        seed: int = 0,
    ) -> Hypotheses:
        """Return how probable hypotheses about parameters are, and what evidence the data give for them.

        Parameters
        ----------
        hypotheses : str, sequence of str, or mapping of str to str
            One or several, such as ``"x > 0"``, ``"2 * a - b = 0"``, ``"sd_g[Intercept] > sd_h[Intercept]"``;
            a mapping gives them labels. Names are those of the rows of `summary`, levels' effects
            (``r_g[3, Intercept]``) and coefficients (``levels_g[3, Intercept]``) included. Beside them:
            numbers, ``+ - * / ^``, parentheses, and log, log2, log10, log1p, exp, expm1, sqrt, abs, tanh. A
            coefficient that is called ``log(x)`` is meant before the logarithm; one that is called ``0``
            stands between backticks. Nothing else is read, and
            nothing is run as Python.
        rope : tuple of float, optional
            Region of practical equivalence: bounds between which the difference of the two sides means
            nothing in practice. Its posterior probability is ``in_rope``.
        prob : float
            Probability of the equal-tailed interval of the difference.
        seed : int
            Of draws from the priors, where the prior of a difference is not known otherwise.

        Returns
        -------
        Hypotheses
            ``.table`` has mean, sd and interval of the left side less the right one, and

            * of a direction (``<``, ``>``): ``probability``, the share of draws in which it holds, with its
              Monte Carlo error ``mcse``; ``evidence_ratio``, the posterior odds, as in brms; and
              ``bayes_factor``, these over the prior odds.
            * of a point (``=``): ``evidence_ratio``, the posterior density of the difference at 0 over its
              prior density there, which is the Bayes factor (Savage-Dickey); and ``probability``,
              ratio / (1 + ratio), which takes the point for as probable before the data as all else.

            ``.densities`` has the two densities and their errors, ``.draws`` the differences.

        Raises
        ------
        FormulaError
            What is no hypothesis, with the token marked. A point at the edge of what a parameter can be
            (``sd_g[Intercept] = 0``) or outside, one with an infinite prior density (effects of levels and
            shrunk slopes at 0), and known numbers: unless `rope` asks for something else.
        ModelError
            Bounds or probabilities that make no sense.

        Notes
        -----
        Dickey (1971), Annals of Mathematical Statistics 42, 204-223. The prior density is exact for sums of
        coefficients with normal priors, for single parameters and for correlations, and functions of one of
        these: ``exp(x) = 1`` is the point ``x = 0``, and has its ratio. Otherwise it is estimated, as the
        posterior density is (`density.density_at`), from 10,000 draws; where these do not tell it, the ratio
        is NaN and a note says so. A ratio of densities depends on the prior, however many the data: see
        `sensitivity`.

        Examples
        --------
        >>> tested = fit.test(["x > 0", "sd_g[Intercept] > sigma", "x = 0.5"], rope=(-0.1, 0.1))
        >>> print(tested.table[["mean", "probability", "evidence_ratio", "in_rope"]].round(1).to_string())
                                 mean  probability  evidence_ratio  in_rope
        hypothesis
        x > 0                     0.4          1.0            60.5      0.1
        sd_g[Intercept] > sigma  -0.2          0.2             0.2      0.2
        x = 0.5                  -0.1          0.9            16.8      0.4
        """
        from shoal.estimands import hypotheses as asked

        return asked.ask(self._results, hypotheses, rope, prob, seed)

    def r2(
        self,
        response: str | None = None,
        *,
        loo: bool = False,
        refit: bool = False,
        cores: int | None = None,
        workers: int | None = None,
        client: Any = None,
        checkpoint: str | Path | None = None,
        prob: float = 0.9,
        seed: int = 0,
        progress: bool | None = None,
    ) -> R2:
        """Return which share of the responses' variance the model explains.

        Parameters
        ----------
        response : str, optional
            One of several responses.
        loo : bool
            Leave-one-out R2, too: of rows that are predicted from all others.
        refit, cores, workers, client, checkpoint, progress
            As in `Fit.loo`; of ``loo=True`` only.
        prob : float
            Probability of the equal-tailed interval.
        seed : int
            Of the Bayesian bootstrap of ``loo``.

        Returns
        -------
        R2
            ``.table``, and ``.draws`` (chain, draw, part). With V the variance over rows, m the expected
            responses and m0 those with all effects of levels at zero, at each draw of the parameters:

            * conditional: ``V(m) / (V(m) + e)``, e the mean over rows of the response's variance around m.
            * marginal: ``V(m0) / (V(m0) + V(m - m0) + e)``: the population part alone, curves included; what
              the levels' effects add counts as unexplained. Without effects of levels it is the conditional
              one. It could exceed that only where effects of levels cancel the population part in the rows.
              A variant without pooling has none: its population part is given, and no estimate.
            * loo: ``1 - V(y - m_loo) / V(y)``, m_loo the mean of a row given all others, by importance
              sampling; its draws are those of a Bayesian bootstrap over rows. It falls below zero where the
              mean of all responses would predict better.

        Raises
        ------
        ModelError
            Responses that are categories or angles, truncated ones, a family that does not say its
            `variance`; several responses and censored ones, of ``loo``; effects that were not kept; fits
            asked for where none are made.

        Notes
        -----
        Gelman, Goodrich, Gabry and Vehtari (2019), American Statistician 73, 307-309. All is on the scale of
        the responses; successes are shares of their trials, and rows count by their weights. R2 of binary
        rows is small by nature: a probability of 0.5 that is known exactly explains nothing of its row.

        Examples
        --------
        >>> print(fit.r2().table[["mean", "sd"]].round(2))
                     mean    sd
        r2
        conditional  0...
        marginal     0...
        """
        if refit and not loo:
            raise ModelError(
                "no-refits",
                "refit=True, and loo=False: no row is left out.",
                "loo=True beside refit=True, or neither.",
            )
        at = where(cores, workers, client, checkpoint, refit)
        if not loo:
            return r2(self._results, response, prob)
        from shoal.scores.r2 import r2_with_loo

        with shown(progress if refit else False, 0, "fits") as bar:
            found = r2_with_loo(self._results, response, prob, refit, cores, seed, bar, at)
        if not found.reliable:
            warnings.warn(found.unreliable, ShoalWarning, stacklevel=2)
        return found

    def icc(
        self,
        at: Mapping[str, Any] | None = None,
        *,
        response: str | None = None,
        prob: float = 0.9,
    ) -> pd.DataFrame:
        """Return intraclass correlations: how alike two responses of one level are.

        Parameters
        ----------
        at : mapping, optional
            A column and values that it is set to in all rows, such as ``{"x": [0, 1]}``: where slopes vary
            by level, levels are more alike at some values than at others. By default an average over the
            rows as they are. One value or a list; categories and numbers, none missing.
        response : str, optional
            One of several responses.
        prob : float
            Probability of the equal-tailed interval.

        Returns
        -------
        DataFrame
            Two rows a factor: ``adjusted``, the correlation given the predictors, and ``unadjusted``, in
            which the variance of the population part over the rows is a part of the total. Levels of a
            factor that is nested in others share the effects of these, which `variance_partition` has apart.

        Raises
        ------
        DataError, ModelError
            Unknown columns and categories, responses without a variance around the linear predictor
            (counts), no grouping factor; a variant without pooling, whose standard deviations are given.

        Notes
        -----
        On the scale of the linear predictor; the residual of binary and ordered responses is that of the
        variable behind them, as in `variance_partition`. Nakagawa, Johnson and Schielzeth (2017), Journal of
        the Royal Society Interface 14, 20170213. Two responses of one level have the same predictors here.
        Rows count by their weights times their trials in all parts: a trial is a response.

        Examples
        --------
        >>> fit.icc().loc[("g", "adjusted"), "mean"].round(1)
        np.float64(0...)
        """
        return icc(self._results, at, response, prob)
