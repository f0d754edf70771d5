"""One unit left out at a time: by importance sampling, and by fits without a unit where that fails."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from shoal.engine.progress import Progress
from shoal.engine.settings import Settings
from shoal.engine.threads import one_thread_lapack
from shoal.errors import ModelError
from shoal.fit.fingerprint import digest, fingerprint
from shoal.fit.many import Where
from shoal.fit.posterior import Posterior, posterior_of
from shoal.fit.refit import Refits, refit, settings_of
from shoal.fit.results import Results
from shoal.fit.run import check_settings
from shoal.fit.support import require_possible
from shoal.scores.loo.densities import Densities, densities
from shoal.scores.loo.integrate import INTEGRALS
from shoal.scores.loo.questions import advice, question
from shoal.scores.loo.result import METHODS, PSIS, REFIT, Loo, unreliable
from shoal.scores.loo.smoothing import Elpd, averaged, efficiency, good_k, smoothed
from shoal.scores.loo.units import ROW, Units, alone, data_key, units_of

FEWEST = 50  # draws


def loo(
    results: Results,
    unit: str | Units = ROW,
    refit_bad: bool = False,
    cores: int | None = None,
    progress: Progress | None = None,
    at: Where | None = None,
) -> Loo:
    """Return the score of leaving out one unit at a time; see `Fit.loo`.

    Parameters
    ----------
    unit : str or Units
        Units may be those of another model of the same rows.
    at : Where, optional
        Where fits without a unit are made; by default in threads of this process.

    Raises
    ------
    ModelError
        An unknown unit, few draws, draws that the model cannot have, or draws of effects that are needed and
        were not kept.
    SamplingError
        A fit without a unit that could not be made.
    """
    cores = os.cpu_count() or 1 if cores is None else cores
    check_settings(Settings(cores=cores), "auto")
    model = results.model
    units = unit if isinstance(unit, Units) else units_of(model, unit)
    draws = results.posterior.sizes["chain"] * results.posterior.sizes["draw"]
    if draws < FEWEST:
        raise ModelError(
            "too-few-draws",
            f"The fit has {draws} draws.",
            f"At least {FEWEST}: of fewer, weights have no tail to judge.",
        )
    require_possible(results)
    table, limit = _smoothed(results, units, cores), good_k(draws)
    said = Loo(units.name, question(model, units), table, draws, limit, advice(model, units))
    said = replace(said, data=data_key(model, units), single=units.singles is not None)
    return _repaired(results, units, said, cores, at or Where(cores), progress) if refit_bad else said


def _repaired(
    results: Results, units: Units, score: Loo, cores: int, at: Where, progress: Progress | None
) -> Loo:
    """Return the score with other figures of the units that cannot be relied on."""
    table, told = score.pointwise, score.question
    whole = units.name == ROW and units.singles is None
    # A row that is all of its level: the effect is integrated out, which seldom leaves anything to fit anew.
    some = np.flatnonzero(alone(results.model, units)) if whole else np.zeros(0, int)
    if some.size:
        table = _replaced(table, some, _smoothed(results, units, cores, some))
        told += " Of rows that are all of a level, that level's effect is integrated out."
    bad = np.flatnonzero(unreliable(table, score.good_k))
    if bad.size:
        # Where NUTS had to take over, it begins: most fits without a unit would fail their checks alike.
        sampler = "nuts" if results.attrs["sampler"] == "nuts" else "auto"
        posterior, settings = posterior_of(results.model, sampler=sampler), settings_of(results)
        sets = [np.array([u]) for u in bad]
        table = _replaced(table, bad, leave_out(posterior, units, sets, settings, at, progress))
    return replace(score, pointwise=table, question=told, advice="")


def _smoothed(results: Results, units: Units, cores: int, some: np.ndarray | None = None) -> pd.DataFrame:
    """Return the pointwise table by importance sampling, of all units.

    Parameters
    ----------
    some : int array, optional
        Of these only, the effects of levels that they are all of integrated out.
    """
    share, which = efficiency(results), np.arange(len(units.labels)) if some is None else some
    with one_thread_lapack():
        blocks = densities(results, units, which, cores, alone=some is not None)
        scored = ((block, smoothed(block.values, block.means, share)) for block in blocks)
        return _table(units, which, scored, PSIS)


def _replaced(table: pd.DataFrame, some: np.ndarray, better: pd.DataFrame) -> pd.DataFrame:
    """Return the table with other rows for some units, but for what was said of them with the unit there."""
    better["within"] = table["within"].to_numpy()[some]
    found = pd.concat([table.drop(index=table.index[some]), better])
    return found.iloc[found.index.get_indexer(table.index)]  # by place: labels may be True and False


@dataclass(frozen=True)
class _LeftOut:
    """Fits without sets of units, and the scores of these."""

    posterior: Posterior
    units: Units
    sets: Sequence[np.ndarray]

    def without(self, number: int) -> Posterior:
        """Return the posterior without a set of units."""
        return self.posterior.given(self.units.without(self.posterior.model, self.sets[number]))

    def scores(self, number: int, results: Results) -> pd.DataFrame:
        """Return the pointwise table of the units that a fit was without."""
        share, units = efficiency(results), self.units
        whole = Results(self.posterior.model, results.tree)  # in which the rows left out have their weights
        # What was fitted tells of the residuals of others.
        known = np.any([design.rows.weight > 0 for design in results.model.designs], axis=0)
        blocks = densities(whole, units, self.sets[number], 1, alone=True, known=known)
        scored = ((block, averaged(block.values, block.means, share)) for block in blocks)
        return _table(units, self.sets[number], scored, REFIT)


def leave_out(
    posterior: Posterior,
    units: Units,
    sets: list[np.ndarray],
    settings: Settings,
    at: Where,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Fit without each set of units, and return the pointwise table of all of them.

    Parameters
    ----------
    sets : list of int arrays
        Units left out together.
    at : Where
        Where the fits are made.
    """
    left = _LeftOut(posterior, units, sets)
    about = fingerprint(posterior.model, settings, unit=units.name, sampler=posterior.plan.sampler)
    about["units left out"] = digest(sets)
    fits = Refits(left.without, left.scores, settings, len(sets))
    table = pd.concat(refit(fits, at, about, progress))
    order = np.argsort(np.concatenate(sets), kind="stable")
    return table.iloc[order]


def _table(
    units: Units, which: np.ndarray, scored: Iterable[tuple[Densities, Elpd]], method: str
) -> pd.DataFrame:
    """Return the pointwise table of some units (ascending), filled block by block."""
    # Small arrays kept of every block would lie between the large ones, and memory would grow with the rows.
    integral = np.zeros(len(which), np.int8)
    columns = {name: np.zeros(len(which)) for name in ("integral_error", *Elpd._fields)}
    for block, scores in scored:
        at = np.searchsorted(which, block.units)
        integral[at] = [INTEGRALS.index(name) for name in block.method]
        columns["integral_error"][at] = block.error
        for name, values in scores._asdict().items():
            columns[name][at] = values
    return pd.DataFrame(
        {
            "n": units.sizes[which],
            **{name: columns[name] for name in Elpd._fields},
            "method": pd.Categorical.from_codes(np.full(len(which), METHODS.index(method)), METHODS),
            "integral": pd.Categorical.from_codes(integral, INTEGRALS),
            "integral_error": columns["integral_error"],
        },
        index=pd.Index(units.labels[which], name=units.name),
    )
