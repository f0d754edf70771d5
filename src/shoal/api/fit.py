"""What the public `Fit` says of its draws: thin, every method calls downwards."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from shoal import report
from shoal.api.conclusions import Conclusions
from shoal.criticism.diagnosis import Diagnosis, diagnose
from shoal.criticism.sensitivity import THRESHOLD, Sensitivity, sensitivity
from shoal.criticism.verification import Verification, verify
from shoal.errors import ShoalWarning
from shoal.fit import files
from shoal.fit.certificate import Certificate, of_attrs
from shoal.fit.many import where
from shoal.fit.progress import shown
from shoal.fit.results import Results
from shoal.scores.loo import Loo, loo

if TYPE_CHECKING:
    from shoal.explore import Explorer
    from shoal.plots.accessors import FitPlots


class Fitted(Conclusions):
    """Draws from the posterior of a model, and what they say: all of a `Fit` but its model."""

    @property
    def plot(self) -> FitPlots:
        """Pictures of the fit, such as ``fit.plot.forest()``: the figure, the numbers drawn, a caption."""
        from shoal.plots.accessors import FitPlots

        return FitPlots(self._results)

    @property
    def results(self) -> Results:
        """The fit as data: its model's specification and its draws."""
        return self._results

    @property
    def tree(self) -> xr.DataTree:
        """Everything, as an ArviZ DataTree: posterior, sample_stats, observed_data, constant_data."""
        return self._results.tree

    def diagnose(self) -> Diagnosis:
        """Return findings about the draws and the model; ``.ok`` if there is nothing to mend."""
        return diagnose(self._results)

    @property
    def certificate(self) -> Certificate | None:
        """What the run said for itself, a short run by another move included; older files have none."""
        return of_attrs(self._results.attrs)

    def verify(
        self, *, seed: int | None = None, cores: int | None = None, progress: bool | None = None
    ) -> Verification:
        """Sample the posterior again by another move and another seed, and compare.

        As many draws as the fit has are made by trajectories where proposals made the fit's, by alternating
        moves or NUTS where trajectories did. Of a fit that was loaded, the model is the one that its file
        describes, and the log likelihood of some draws is compared with that at the time it was written.

        Parameters
        ----------
        seed : int, optional
            Of the run that is made; by default one that the fit's own seed determines.
        cores : int, optional
            All by default.
        progress : bool, optional
            Show a progress bar; by default on a terminal.

        Returns
        -------
        Verification
            ``.ok``, ``.verdict`` and ``.table``: means and sds by both runs, and how many Monte Carlo errors
            they are apart.

        Raises
        ------
        SamplingError
            A run that could not be made.

        Examples
        --------
        >>> fit.verify().ok
        True
        """
        sizes = self._results.posterior.sizes
        with shown(progress, sizes["chain"] * sizes["draw"]) as bar:
            return verify(self._results, seed, cores, bar)

    def sensitivity(
        self,
        var_names: Sequence[str] | str | None = None,
        *,
        levels: str | None = None,
        by_prior: bool = True,
        likelihood: bool = True,
        threshold: float = THRESHOLD,
    ) -> Sensitivity:
        """Return which prior moves which conclusion: what a little more or less weight of it would do.

        Parameters
        ----------
        var_names : sequence of str, optional
            Posterior variables, or single quantities such as ``r_district[7, Intercept]``; by default all but
            the group effects.
        levels : str, optional
            A grouping factor, whose levels' own coefficients are asked of instead.
        by_prior : bool
            A column for each prior.
        likelihood : bool
            The likelihood's weight too; of many rows at some of the draws.
        threshold : float
            Sensitivity from which a prior is said to matter; 0.05 goes with a shift of about a quarter of a
            posterior sd for twice its weight.

        Returns
        -------
        Sensitivity
            One row a quantity; all columns are described at `sensitivity.sensitivity`. Its verdict and its
            limits, noise among them, are printed below.

        Raises
        ------
        ModelError
            Unknown names, a threshold that is not positive, fewer than 100 draws.

        Notes
        -----
        Power-scaling by arviz-stats' `psense`: Kallioinen, Paananen, Bürkner and Vehtari (2024), Statistics
        and Computing 34:57. Scaled are the priors that stand in the model; the distribution of group effects
        given their standard deviations is a part of it.
        """
        return sensitivity(
            self._results,
            var_names,
            levels=levels,
            by_prior=by_prior,
            likelihood=likelihood,
            threshold=threshold,
        )

    def loo(
        self,
        unit: str = "row",
        *,
        refit: bool = False,
        cores: int | None = None,
        workers: int | None = None,
        client: Any = None,
        checkpoint: str | Path | None = None,
        progress: bool | None = None,
    ) -> Loo:
        """Return how well the model predicts what it has not seen, one unit left out at a time.

        Parameters
        ----------
        unit : str
            ``"row"``: each row, given the effects of its levels. A grouping factor, or another column of the
            model: all rows of a level together, as those of a new one; the effects of levels that have no row
            elsewhere (its own, and those of factors nested in it) are integrated out, exactly for gaussian
            rows and effects, else by quadrature (one effect) or importance sampling (several). ``"trial"``:
            single trials of binomial rows, as if each had a row of its own. ``"observation"``: single
            observations of rows whose weights count them, where ``"row"`` leaves out all of a row at once.
        refit : bool
            Fit anew without each unit whose Pareto k is too large, and take that fit's word: rows are left
            out by a weight of 0, so all share one compilation and run side by side. Priors stay those of the
            whole table. Rows that are all there is of a level are first scored with its effect integrated
            out: the same density, which importance sampling can mostly do.
        cores : int, optional
            All by default; the result does not depend on it.
        workers, client, checkpoint
            Of the fits without units, as in `shoal.kfold`; with `refit` only.
        progress : bool, optional
            Show a progress bar of the fits; by default on a terminal.

        Returns
        -------
        Loo
            ``.elpd``, ``.se``, ``.p``, ``.mcse``, ``.pointwise`` (a table, a row a unit), ``.bad`` (units
            whose Pareto k is too large: without `refit` they are warned of). The question that was answered
            is printed with it. ``.elpd_data`` is what arviz-stats and arviz-plots take.

        Raises
        ------
        ModelError
            An unknown unit, effects that are needed and were not kept, or a place for fits without `refit`.
        SamplingError
            A fit that could not be made.

        Notes
        -----
        Pareto-smoothed importance sampling by arviz-stats: Vehtari, Gelman and Gabry (2017), Statistics and
        Computing 27, 1413-1432. Two questions, rows and levels: Merkle, Furr and Rabe-Hesketh (2019),
        Psychometrika 84, 802-829. Weights of rows multiply their log densities here, too.

        Examples
        --------
        >>> print(fit.loo("g"))
        Leave one out: 12 levels of g.
        The question: how well the rows of a new level of g are predicted together, its effects unknown (g).
        ...
        >>> len(fit_without.loo().pointwise)
        60
        """
        at = where(cores, workers, client, checkpoint, refit)
        with shown(progress if refit else False, 0, "fits") as bar:
            score = loo(self._results, unit, refit, cores, bar, at)
        if not score.ok:
            warnings.warn(score.complaint, ShoalWarning, stacklevel=2)
        return score

    def save(self, path: str | Path) -> Path:
        """Write a netCDF file that `shoal.load` and ArviZ read; of a family of your own it keeps the name.

        Parameters
        ----------
        path : path
            Overwritten if it exists.

        Returns
        -------
        Path

        Raises
        ------
        FileError
            A file that cannot be written; what was there is left alone.
        """
        return files.save(self._results, path)

    def report(self, path: str | Path, *, prob: float = 0.9) -> Path:
        """Write a self-contained HTML report of the fit.

        The verdict, the model in mathematics and words, priors against posteriors, parameters with their
        Monte Carlo errors, group effects with their shrinkage, where the variance lies, a predictive check,
        chains, and how the draws were made.

        Parameters
        ----------
        path : path
            Ends in ``.html``; overwritten if it exists.
        prob : float
            Probability of the equal-tailed intervals.

        Raises
        ------
        ModelError
            Another ending, or a probability outside 0 to 1.
        FileError
            A file that cannot be written.
        """
        return report.write(self._results, path, prob)

    def explore(self, *, block: bool | None = None, browser: bool = True) -> Explorer:
        """Open a page on which priors, pooling and coordinates are moved, and the fit follows.

        The page is served on this machine only (127.0.0.1), to whoever has the address with its token.

        Parameters
        ----------
        block : bool, optional
            Wait until the page is closed; by default unless Python is interactive, as a notebook is.
        browser : bool
            Open the page in the browser; else its address is ``.address``.

        Returns
        -------
        Explorer
            Closed already if it was waited for.

        Raises
        ------
        ModelError
            A variant made by `with_pooling`: explore the model as it was first written.
        """
        from shoal import explore

        return explore.opened(explore.Session.of_results(self._results), block, browser)

    def _repr_html_(self) -> str:
        from shoal.report.notebook import fit_html

        return fit_html(self._results)

    def __repr__(self) -> str:
        sizes = self._results.posterior.sizes
        formula = self._results.model.text
        dropped = self._results.model.table.dropped
        rows = f"; {dropped}" if dropped is not None else ""
        certificate = self.certificate
        doubt = "" if certificate is None or certificate.ok else "; checks failed: diagnose() says what to do"
        return f"<shoal.Fit {formula!r}: {sizes['chain']} chains of {sizes['draw']} draws{rows}{doubt}>"
