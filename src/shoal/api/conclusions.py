"""What a fit says of hypotheses, and how much it explains: thin, calling downwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shoal.api.quantities import Quantities
from shoal.estimands import hypotheses as asked
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
            coefficient that is called ``log(x)`` is meant before the logarithm. Nothing else is read, and
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
              prior density there, which is the Bayes factor (Savage-Dickey); and ``probability``, the ratio
              over one more than it, which takes the point for as probable before the data as all else.

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
        coefficients with normal priors, for single parameters and for correlations; otherwise it is
        estimated, as the posterior density is (`density.density_at`), from 10,000 draws. A ratio of densities
        depends on the prior, however many the data: see `sensitivity`.

        Examples
        --------
        >>> print(fit.test(["x > 0", "sd_g[Intercept] > sigma"]).table.round(2))
                                 mean    sd  eti90_lb  ...  mcse  evidence_ratio  bayes_factor
        hypothesis                                     ...
        x > 0                    0...
        >>> fit.test("x = 0", rope=(-0.1, 0.1)).table["in_rope"].item() < 0.05
        True
        """
        return asked.ask(self._results, hypotheses, rope, prob, seed)
