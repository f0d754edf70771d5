"""A fit is made again by another move with another seed, and the two are held against each other."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from shoal.engine import checks, other_move
from shoal.engine.first_use import announced
from shoal.engine.progress import Progress
from shoal.engine.record import Record
from shoal.engine.threads import one_thread_lapack
from shoal.errors import ModelError
from shoal.fit.certificate import Rerun, common, held_against
from shoal.fit.files import LIKELIHOODS
from shoal.fit.pointwise import at_draws
from shoal.fit.posterior import posterior_of
from shoal.fit.refit import settings_of
from shoal.fit.results import Results
from shoal.fit.run import sampled, split
from shoal.fit.storage import IN_MEMORY, Storage, storage

TOLERANCE = 1e-6  # of a log likelihood, relative: sums of other lengths round otherwise


@dataclass(frozen=True)
class Verification:
    """What came of it.

    Attributes
    ----------
    table : DataFrame
        A row a quantity: ``mean`` and ``sd`` of the fit, ``mean_again`` and ``sd_again`` of the other run,
        and how far the two are apart in ``location`` and ``spread``, in Monte Carlo errors of the ranks'
        normal scores.
    rerun : Rerun
        The other run, and the largest difference.
    problems : tuple of str
        Checks that the other run failed.
    moved : float or None
        The largest relative change of the log likelihood of some draws since the file was written; None where
        it was not kept.
    """

    table: pd.DataFrame
    rerun: Rerun
    problems: tuple[str, ...]
    moved: float | None

    @property
    def same_density(self) -> bool:
        """Whether the model gives some draws the log likelihood that it gave them when they were written."""
        return self.moved is None or self.moved <= TOLERANCE

    @property
    def ok(self) -> bool:
        """Whether another sound run confirms the draws, and the model is still the one that they are of."""
        return self.rerun.agrees and not self.problems and self.same_density

    @property
    def verdict(self) -> str:
        """One line, and what to do where the draws are not confirmed."""
        if not self.same_density:
            return (
                "Not verified: the log likelihood of some draws is not what it was when they were written; "
                f"it moved by {self.moved:.1g} of itself. The data, the model or the draws of the file were "
                "changed, or Shoal was. Fit again."
            )
        if self.problems:
            return (
                f"Not verified: the other run failed its own checks ({'; '.join(self.problems)}). Fit with "
                "more draws, and verify that."
            )
        if not self.rerun.agrees:
            return f"Not verified: {self.rerun}. Fit again with another seed and sampler='nuts', and compare."
        return f"Verified: {self.rerun}."

    def __str__(self) -> str:
        """Return the verdict and the table."""
        return f"{self.verdict}\n{self.table.to_string(float_format='{:.3g}'.format)}"


def verify(
    results: Results,
    seed: int | None = None,
    cores: int | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Sample the posterior of a fit again, by another move, and compare.

    The posterior is made anew of the model alone; nothing that was learnt for the first run is used.

    Parameters
    ----------
    seed : int, optional
        By default one that follows from the fit's own.
    cores : int, optional
        All by default.

    Raises
    ------
    ModelError
        A fit without a parameter that was sampled.
    SamplingError
        A run that could not be made.
    """
    results.model.require_rows(
        "Another move", "Fit again with another seed, and compare the summaries.", sums=True
    )
    progress, settings = progress or Progress(), settings_of(results)
    again = other_move.another(settings.seed) if seed is None else seed
    settings = replace(settings, seed=again, cores=cores or os.cpu_count() or 1, target_accept=None)
    posterior = posterior_of(results.model)
    if not posterior.target.size:
        raise ModelError(
            "nothing-to-sample", "All parameters of this model are fixed: there is nothing to sample again."
        )
    moved = _moved(results)
    sampler = other_move.other(results.attrs["sampler"], posterior.target.n_theta)
    # Effects that memory does not hold are left out of the comparison.
    store = storage(results.model, settings, "auto")
    kind = store if store in IN_MEMORY else "none"
    settings = replace(settings, single=kind == "single", keep_effects=kind in IN_MEMORY)
    kept = Storage(kind, posterior, settings, Record())
    with one_thread_lapack(), announced(progress):
        draws, variables = sampled(posterior, sampler, settings, progress, kept)
    names, first, second = common(results, {name: values for name, (_, values) in variables.items()})
    rerun = held_against(names, first, second, draws, again)
    problems = checks.failures(draws, *split(posterior, variables))
    return Verification(_table(names, first, second), rerun, tuple(problems), moved)


def _moved(results: Results) -> float | None:
    """Return the largest relative change of the log likelihood of some draws since they were written."""
    if LIKELIHOODS not in results.attrs:
        return None
    kept = np.array(json.loads(results.attrs[LIKELIHOODS]))
    _, now = at_draws(results, kept.shape[1])
    return float((np.abs(now - kept) / np.maximum(np.abs(kept), 1.0)).max())


def _table(names: list[str], first: np.ndarray, second: np.ndarray) -> pd.DataFrame:
    apart, _ = other_move.differences(first, second)
    columns = {
        "mean": first.mean((1, 2)),
        "mean_again": second.mean((1, 2)),
        "sd": first.std((1, 2), ddof=1),
        "sd_again": second.std((1, 2), ddof=1),
        "location": np.abs(apart[:, 0]),
        "spread": np.abs(apart[:, 1]),
    }
    return pd.DataFrame(columns, index=names)
