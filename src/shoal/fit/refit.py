"""Many fits of one model, each without some of its rows: one compilation, side by side.

A row left out is a row of weight 0. Shapes and levels stay as they are, and so do priors, defaults included:
they were resolved from the whole table.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np

from shoal.engine.progress import Progress
from shoal.engine.settings import Settings
from shoal.engine.threads import in_threads, one_thread_lapack
from shoal.errors import SamplingError
from shoal.fit.posterior import Posterior
from shoal.fit.results import Results
from shoal.fit.run import check_settings, checked_run

T = TypeVar("T")


def settings_of(results: Results) -> Settings:
    """Return the settings that a fit was made with."""
    sizes, attrs = results.posterior.sizes, results.attrs
    others = json.loads(attrs.get("settings", "{}"))  # which older files lack
    return Settings(draws=sizes["draw"], chains=sizes["chain"], seed=int(attrs["seed"]), **others)


def refit(
    posteriors: Sequence[Callable[[], Posterior]],
    settings: Settings,
    use: Callable[[int, Results], T],
    *,
    cores: int,
    progress: Progress | None = None,
) -> list[T]:
    """Sample posteriors of one shape side by side, and return what `use` makes of each.

    Parameters
    ----------
    posteriors : sequence of callables
        Each makes its posterior when its turn comes; all share their compiled programs.
    settings : Settings
        Of each; its chains run on one core. Seeds are spawned from its seed, one a posterior.
    use : callable
        Takes the number of the posterior and its results, which are then let go.
    cores : int
        Posteriors sampled side by side; results do not depend on it.
    progress : Progress, optional
        Told of one draw for every finished posterior.

    Raises
    ------
    ModelError
        Impossible settings.
    SamplingError
        A posterior that could not be sampled; none is left out.

    Notes
    -----
    A run whose checks fail is sampled again by NUTS, as in `run.fit`.
    """
    check_settings(settings, "auto")
    progress = progress or Progress()
    progress.stage("fitting anew", len(posteriors))
    seeds = np.random.SeedSequence(settings.seed).spawn(len(posteriors))

    def one(number: int) -> T:
        progress.check()
        own = replace(settings, seed=int(seeds[number].generate_state(1)[0]), cores=1)
        try:
            results = checked_run(posteriors[number](), own, "auto", Progress())
        except SamplingError as problem:
            raise SamplingError(
                problem.code, f"Fit {number + 1} of {len(posteriors)}: {problem.found}"
            ) from problem
        progress.drawn(1)
        return use(number, results)

    with one_thread_lapack():
        return in_threads([partial(one, number) for number in range(len(posteriors))], cores, progress)
