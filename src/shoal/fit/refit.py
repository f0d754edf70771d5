"""Many fits of one model, each without some of its rows, side by side.

A row left out is a row of weight 0. Shapes and levels stay as they are, and so do priors, defaults included:
they were resolved from the whole table.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from shoal.engine.progress import Progress
from shoal.engine.settings import Settings
from shoal.errors import SamplingError
from shoal.fit.many import Where, many
from shoal.fit.posterior import Posterior
from shoal.fit.results import Results
from shoal.fit.run import check_settings, checked_run


def settings_of(results: Results) -> Settings:
    """Return the settings that a fit was made with."""
    sizes, attrs = results.posterior.sizes, results.attrs
    others = json.loads(attrs.get("settings", "{}"))  # which older files lack
    return Settings(draws=sizes["draw"], chains=sizes["chain"], seed=int(attrs["seed"]), **others)


@dataclass(frozen=True)
class Refits:
    """Fits of many posteriors of one shape, each with a seed of its own.

    Attributes
    ----------
    posterior : callable
        Makes the posterior of a number when its turn comes.
    use : callable
        Takes the number of a posterior and its results, which are then let go, and returns a table.
    settings : Settings
        Of each; its chains run on one core. Seeds are spawned from its seed, one a posterior.
    count : int
    """

    posterior: Callable[[int], Posterior]
    use: Callable[[int, Results], pd.DataFrame]
    settings: Settings
    count: int

    def __call__(self, number: int) -> pd.DataFrame:
        """Return what `use` makes of a posterior; a run whose checks fail is sampled again, as in `run.fit`.

        Raises
        ------
        SamplingError
            A posterior that could not be sampled.
        """
        sequence = np.random.SeedSequence(self.settings.seed, spawn_key=(number,))
        own = replace(self.settings, seed=int(sequence.generate_state(1)[0]), cores=1)
        try:
            results = checked_run(self.posterior(number), own, "auto", Progress())
        except SamplingError as problem:
            found = f"Fit {number + 1} of {self.count}: {problem.found}"
            raise SamplingError(problem.code, found) from problem
        return self.use(number, results)


def refit(
    fits: Refits, at: Where, about: Mapping[str, Any], progress: Progress | None = None
) -> list[pd.DataFrame]:
    """Make many fits (`many.many`), and return what is used of each.

    Parameters
    ----------
    about : mapping
        What the fits depend on beside their settings, for a folder in which they are kept.

    Raises
    ------
    ModelError
        Impossible settings.
    SamplingError
        A posterior that could not be sampled; none is left out.
    """
    check_settings(fits.settings, "auto")
    progress = progress or Progress()
    progress.stage("fitting anew", fits.count)
    return many(fits, fits.count, at, about, progress)
