"""What the lab returns: a table of runs, their fits, and a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from shoal.api import Fit
from shoal.studies.lab import verdict
from shoal.studies.lab.measures import distance, quality, statistics
from shoal.studies.lab.runs import Run

if TYPE_CHECKING:
    from shoal.drawing.picture import Picture

CHANCE = 0.01  # of a distance beyond the limit in a comparison of sound runs
NUMBERS = {"divergences": "Int64", "trustworthy": "boolean"}  # which may be missing


@dataclass(frozen=True, repr=False)
class Comparison:
    """Runs of NUTS on the same posterior in several sets of coordinates.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a run, called as in `fits`:

        * ``coordinates``, ``target_accept``, ``prior``: what was run; ``prior`` is the label of the priors
          varied.
        * ``outcome``: "ran", or "not applicable: …", or "failed: …".
        * ``trustworthy``: no error among the findings of ``fit.diagnose()``.
        * ``divergences``: of all chains.
        * ``ess_bulk``, ``ess_bulk_of``, ``ess_tail``, ``ess_tail_of``, ``r_hat``, ``r_hat_of``: the worst
          figures, and of which quantity, of all hyperparameters and of the group effects that look worst.
        * ``acceptance``, ``steps``: mean acceptance, and mean leapfrog steps a draw, each of which costs a
          gradient.
        * ``seconds``: wall time of warmup, draws and their checks, without compiling. Transported coordinates
          explore the marginal of the hyperparameters before, which is counted.
        * ``seconds_compiling``: wall time of compiling in that run. Runs that differ in `target_accept` or in
          a prior's numbers share programs: the first of them pays.
        * ``ess_per_second``: the smaller of both effective sizes by ``seconds``.
        * ``z``, ``z_of``: largest difference from the reference of the same prior, in Monte Carlo standard
          errors: of means, and of mean and sd of log standard deviations. Missing where there is no
          reference, and for the reference itself.
    fits : dict of str to Fit
        The runs that gave draws: ``"centered"``; with several target_accept ``"centered, 0.99"``; with varied
        priors ``"centered, 0.99, HalfNormal(0.25)"``.
    references : dict of str to str
        For each label of priors the trustworthy run with the largest effective size; no entry where no run
        is trustworthy.
    limit : float
        What the largest `z` of the table exceeds once in a hundred comparisons of sound runs, by chance.
    """

    table: pd.DataFrame
    fits: dict[str, Fit]
    references: dict[str, str]
    limit: float

    @property
    def verdict(self) -> str:
        """Which coordinates can be trusted for this posterior, and why; and whether those agree."""
        return verdict.verdict(self.table, self.references, self.limit)

    def plot(
        self,
        group: str | None = None,
        effect: str | None = None,
        level: Any = None,
        runs: Sequence[str] | str | None = None,
    ) -> Picture:
        """Draw the funnel as each run has explored it, side by side on the same axes.

        The logarithm of a standard deviation between levels against one level's effect (its deviation from
        the population, whatever the coordinates of the run), divergent draws marked.

        Parameters
        ----------
        group, effect : str, optional
            Grouping factor and effect; by default those of the standard deviation that is sampled worst.
        level : optional
            By default the level with fewest rows; among equals, that whose effect is known least.
        runs : str or sequence of str, optional
            Rows of the table; by default its first 12, the caption says of how many.

        Returns
        -------
        Picture
            ``numbers``: one row a mark: run, coordinates, target_accept, prior, chain, draw, effect, log_sd,
            diverging. All divergent draws, and of the others at most 1,000 a run, evenly spread.

        Raises
        ------
        DataError
            No such level.
        ModelError
            No run gave draws, no such run, factor or effect, or no standard deviation is estimated.
        """
        from shoal.studies.lab.funnels import funnels

        return funnels(self.table, self.fits, self.references, group, effect, level, runs)

    def __str__(self) -> str:
        return f"{verdict.runs(self.table)}\n{self.verdict}"

    def __repr__(self) -> str:
        return f"<shoal.lab.Comparison of {len(self.table)} runs: {', '.join(self.table.index)}>"


def compared(runs: Sequence[Run]) -> Comparison:
    """Return the comparison of finished runs."""
    labels = _labels(runs)
    rows = {label: _row(run) for label, run in zip(labels, runs, strict=True)}
    table = pd.DataFrame.from_dict(rows, orient="index").astype(NUMBERS)
    fits = {label: run.fit for label, run in zip(labels, runs, strict=True) if run.fit is not None}
    references = _references(table)
    table["z"], table["z_of"], total = float("nan"), "", 0
    for label, fit in fits.items():
        reference = references.get(str(table.at[label, "prior"]), label)
        if reference != label:
            worst, count = distance(fit, fits[reference])
            table.loc[label, ["z", "z_of"]] = worst.value, worst.of
            total += count
    return Comparison(table, fits, references, _limit(total))


def _labels(runs: Sequence[Run]) -> list[str]:
    """Return names of runs that say no more than what tells them apart."""
    attempts = [run.attempt for run in runs]
    several = len({a.target_accept for a in attempts}) > 1, len({a.prior for a in attempts}) > 1
    labels = []
    for a in attempts:
        parts = (f"{a.target_accept:g}", a.prior)
        labels.append(
            ", ".join([a.coordinates, *(p for p, told in zip(parts, several, strict=True) if told)])
        )
    return labels


def _row(run: Run) -> dict[str, Any]:
    """Return the figures of one run; missing ones where there are no draws."""
    row = {
        "coordinates": run.attempt.coordinates,
        "target_accept": run.attempt.target_accept,
        "prior": run.attempt.prior,
        "outcome": run.outcome,
    }
    return row | (_figures(run, run.fit) if run.fit is not None else _NOTHING)


def _figures(run: Run, fit: Fit) -> dict[str, Any]:
    stats, sampled = statistics(fit), quality(fit)
    figures: dict[str, Any] = {
        "trustworthy": fit.diagnose().trustworthy,
        "divergences": int(stats["diverging"].sum()),
    }
    for name, worst in (("ess_bulk", sampled.bulk), ("ess_tail", sampled.tail), ("r_hat", sampled.rhat)):
        figures |= {name: worst.value, f"{name}_of": worst.of}
    return figures | {
        "acceptance": float(stats["acceptance_rate"].mean()),
        "steps": float(stats["n_steps"].mean()),
        "seconds": run.seconds,
        "seconds_compiling": run.compiling,
        "ess_per_second": min(sampled.bulk.value, sampled.tail.value) / run.seconds,
    }


_NAN = float("nan")
_NOTHING = {
    "trustworthy": None,
    "divergences": None,
    "ess_bulk": _NAN,
    "ess_bulk_of": "",
    "ess_tail": _NAN,
    "ess_tail_of": "",
    "r_hat": _NAN,
    "r_hat_of": "",
    "acceptance": _NAN,
    "steps": _NAN,
    "seconds": _NAN,
    "seconds_compiling": _NAN,
    "ess_per_second": _NAN,
}


def _references(table: pd.DataFrame) -> dict[str, str]:
    """Return the trustworthy run with the largest effective size for each label of priors."""
    sound = table[table["trustworthy"].fillna(False)]
    sizes = sound[["ess_bulk", "ess_tail"]].min(axis=1)
    return {str(prior): str(size.idxmax()) for prior, size in sizes.groupby(sound["prior"], sort=False)}


def _limit(count: int) -> float:
    """Return what the largest of `count` standard normal distances exceeds with probability `CHANCE`."""
    from scipy.stats import norm

    return float(norm.isf(CHANCE / 2 / max(count, 1)))
