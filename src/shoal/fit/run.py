"""From a posterior to results: sample, check, and sample again by NUTS if the checks fail."""

from __future__ import annotations

import time
from dataclasses import replace
from numbers import Integral, Real

import numpy as np

from shoal.engine import checks, memory
from shoal.engine.first_use import announced
from shoal.engine.mode import FARTHEST
from shoal.engine.plan import RATE
from shoal.engine.progress import Progress
from shoal.engine.record import Record
from shoal.engine.sampler import sample
from shoal.engine.settings import Chains, Settings
from shoal.engine.threads import one_thread_lapack
from shoal.errors import ModelError, SamplingError, listing, nearest
from shoal.fit.folding import folded
from shoal.fit.posterior import Posterior
from shoal.fit.results import STORES, Results, assemble, storage
from shoal.model.assemble import Variables

LONGEST_FALLBACK = 30.0  # minutes
LONGEST_WARMUP = 1_000_000  # iterations, which teach a chain the length of its steps


def fit(
    posterior: Posterior,
    settings: Settings,
    store: str = "auto",
    progress: Progress | None = None,
    second: bool = True,
    record: Record | None = None,
) -> Results:
    """Sample a posterior.

    Parameters
    ----------
    store : {"auto", "double", "single", "none"}
        How draws of group effects are kept.
    second : bool
        Sample again where the checks of a run fail, unless the sampler or the coordinates were asked for.
    record : Record, optional
        Where the run is written while it goes, and goes on from.

    Raises
    ------
    ModelError
        Impossible settings.
    SamplingError
        If the run cannot be made.
    """
    check_settings(settings, store)
    progress = progress or Progress()
    with one_thread_lapack(), announced(progress):
        return checked_run(posterior, settings, store, progress, second, record)


def checked_run(
    posterior: Posterior,
    settings: Settings,
    store: str,
    progress: Progress,
    second: bool = True,
    record: Record | None = None,
) -> Results:
    """Sample a posterior as `fit` does, where LAPACK has one thread already: several may run side by side."""
    kept = storage(posterior.model, settings, store)
    settings = replace(settings, single=kept == "single", keep_effects=kept != "none")
    plan = posterior.plan
    elements = posterior.assembled.elements(settings.keep_effects)
    memory.check_draws(settings, posterior.target.n_theta + len(elements))
    _check_start(posterior)
    record = record or Record()
    draws, variables, took = _timed(posterior, plan.sampler, settings, progress, record.part("first"))
    problems = checks.failures(draws, *_split(posterior, variables))
    seconds = {"sampling": took}
    notes = [] if kept == "double" else [f"Group effects are kept in store={kept!r}."]
    # No fallback when the user chose the sampler or the coordinates.
    if problems and second and not plan.asked and posterior.target.size:
        failed = f"The first run, by {draws.sampler}, failed its checks ({'; '.join(problems)})"
        sampler, settings, minutes = _second(posterior, draws, variables, settings, seconds["sampling"])
        what = f"{draws.sampler} with {settings.thin} times as many iterations"
        what = "NUTS" if sampler == "nuts" else what
        if minutes > LONGEST_FALLBACK:
            notes.append(
                f"{failed}. {what} would take about {minutes:,.0f} minutes and was not run: take more draws."
            )
            return assemble(posterior, draws, variables, settings, seconds, notes)
        progress.stage(f"sampling again by {what}")
        draws, variables, took = _timed(posterior, sampler, settings, progress, record.part("second"))
        seconds["sampling again"] = took
        notes.append(f"{failed}: these draws are from {what} on the same density.")
    return assemble(posterior, draws, variables, settings, seconds, notes)


def _check_start(posterior: Posterior) -> None:
    """Raise if the density is zero in the middle of the priors, where the search for its mode begins."""
    target = posterior.target
    if not target.n_theta:
        return
    target.restart()
    if target.marginals(target.start[None])[0] > -FARTHEST:
        return
    h, places = target.values(target.start[None])[0], posterior.assembled.places
    values = [f"{name} = {h[place]:.3g}" for name, place in places.items()]
    raise SamplingError(
        "The log posterior is minus infinity in the middle of the priors, where the search for its mode "
        f"begins: {listing(values)}.",
        "Priors and data that do not exclude each other by more than numbers can hold.",
        "Look for a prior that is far from what the data can mean (`model.prior_summary()`), and for "
        "responses, weights or standard errors of extreme size.",
    )


def _second(
    posterior: Posterior, draws: Chains, variables: Variables, settings: Settings, seconds: float
) -> tuple[str, Settings, float]:
    """Return the sampler of a second run, its settings, and about how many minutes it takes.

    Where the chains agree and are only too short, the same sampler goes on for longer.
    """
    times = checks.longer(draws, *_split(posterior, variables))
    if times:
        return posterior.plan.sampler, replace(settings, thin=times), times * seconds / 60
    return "nuts", settings, _minutes_of_nuts(posterior, settings)


def _minutes_of_nuts(posterior: Posterior, settings: Settings) -> float:
    """Return about how long NUTS takes: some ten gradients an iteration, each as dear as five marginals."""
    gradients = 10 * settings.chains * (settings.draws + 1000) / max(min(settings.cores, settings.chains), 1)
    return 5 * gradients * posterior.target.cost / RATE / 60


def _timed(
    posterior: Posterior, sampler: str, settings: Settings, progress: Progress, record: Record
) -> tuple[Chains, Variables, float]:
    """Return draws, variables, and the seconds that they took: those of a run that was made before."""
    began = time.perf_counter()
    draws, variables = sampled(posterior, sampler, settings, progress, record)
    if "seconds" not in record.facts:
        each = draws.seconds / max(min(settings.cores, settings.chains), 1)
        record.note(seconds=max(time.perf_counter() - began, each))
    return draws, variables, record.facts["seconds"]


def sampled(
    posterior: Posterior,
    sampler: str,
    settings: Settings,
    progress: Progress,
    record: Record | None = None,
) -> tuple[Chains, Variables]:
    """Return draws, and the posterior's variables by them; latents on one side of their two signs."""
    assembled, plan = posterior.assembled, posterior.plan
    elements = assembled.elements(settings.keep_effects)
    draws = sample(posterior.target, sampler, plan.coordinates, elements, settings, progress, record)
    drawn = assembled.drawn(posterior.target.values(draws.theta), draws.points, elements)
    return draws, folded(assembled, assembled.variables(drawn))


def _split(posterior: Posterior, variables: Variables) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return draws of hyperparameters and coefficients, and of what has one value a level."""
    effects = set(posterior.model.group_effects)
    small = [values for name, (_, values) in variables.items() if name not in effects]
    large = [values for name, (_, values) in variables.items() if name in effects]
    return small, large


def check_settings(settings: Settings, store: str) -> None:
    """Raise `ModelError` on settings that make no sense."""
    for name, least in (("draws", 4), ("chains", 1), ("warmup", 0), ("cores", 1), ("seed", 0)):
        value = getattr(settings, name)
        if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
            raise ModelError(f"{name}={value!r}.", f"{name} is an integer of at least {least}.")
    if settings.warmup > LONGEST_WARMUP:
        raise ModelError(
            f"warmup={settings.warmup:,}.",
            f"At most {LONGEST_WARMUP:,} iterations: all that is learnt in them is the length of steps.",
        )
    aim = settings.target_accept
    given: object = aim  # by callers without types
    if aim is not None and not (isinstance(given, Real) and 0 < aim < 1):
        raise ModelError(f"target_accept={aim!r}.", "A number between 0 and 1.")
    if store not in STORES:
        raise ModelError(f"store={store!r}.", f"One of {', '.join(STORES)}.", nearest(store, STORES))
