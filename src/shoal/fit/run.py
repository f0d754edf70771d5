"""From a posterior to results: sample, check, and sample again by NUTS if the checks fail."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral, Real

import numpy as np

from shoal.engine import checks
from shoal.engine.evaluate import step_cost_of
from shoal.engine.first_use import announced
from shoal.engine.mode import FARTHEST
from shoal.engine.plan import QUADRATURE, RATE
from shoal.engine.progress import Progress
from shoal.engine.record import Record
from shoal.engine.rounds import sampler as rounds
from shoal.engine.rounds.marginal import Marginal
from shoal.engine.sampler import sample
from shoal.engine.settings import Chains, Settings
from shoal.engine.threads import one_thread_lapack
from shoal.errors import ModelError, SamplingError, listing
from shoal.fit.certificate import Made, certified
from shoal.fit.folding import folded
from shoal.fit.holders import holder_of
from shoal.fit.imports import import_whole
from shoal.fit.posterior import Posterior
from shoal.fit.results import Results, assemble
from shoal.fit.storage import IN_MEMORY, Storage, check_store, storage
from shoal.fit.zarr_record import ZarrRecord
from shoal.model.assemble import Variables

LONGEST_FALLBACK = 30.0  # minutes
CAREFUL = 0.99  # acceptance that NUTS aims at where the first run diverged
LONGEST_WARMUP = 1_000_000  # iterations, which teach a chain the length of its steps


def fit(
    posterior: Posterior,
    settings: Settings,
    store: str = "auto",
    progress: Progress | None = None,
    second: bool = True,
    certify: bool = True,
    record: Record | None = None,
) -> Results:
    """Sample a posterior, and hold the draws against a short run by another move.

    Parameters
    ----------
    store : str
        How draws of group effects are kept: one of `storage.STORES`.
    second : bool
        Sample again where the checks of a run fail, unless the sampler or the coordinates were asked for.
    certify : bool
        Hold the draws against a short run by another move (`certificate`).
    record : Record, optional
        Where the run is written while it goes, and goes on from.

    Raises
    ------
    ModelError
        Impossible settings.
    SamplingError
        If the run cannot be made.
    """
    checkpoint = isinstance(record, ZarrRecord)
    check_settings(settings, store, checkpoint)
    progress = progress or Progress()
    import_whole()
    with one_thread_lapack(), announced(progress):
        return checked_run(posterior, settings, store, progress, second, certify, record)


def checked_run(
    posterior: Posterior,
    settings: Settings,
    store: str,
    progress: Progress,
    second: bool = True,
    certify: bool = False,
    record: Record | None = None,
) -> Results:
    """Sample a posterior as `fit` does, where LAPACK has one thread already: several may run side by side."""
    plan, checkpoint = posterior.plan, isinstance(record, ZarrRecord)
    kept = storage(posterior.model, settings, store, checkpoint, plan.sampler == QUADRATURE)
    if store == "auto" and kept != "double":
        progress.say(f"Group effects are kept in store={kept!r}, as many draws of them need much memory.")
    settings = replace(settings, single=kept == "single", keep_effects=kept in IN_MEMORY)
    record = record or Record(resumes=kept == "replay")
    stored = Storage(kept, posterior, settings, record.part("first"))
    _check_start(posterior)
    draws, variables, took = _timed(posterior, plan.sampler, settings, progress, stored)
    measures, problems = _checked(posterior, draws, variables, stored)
    known = stored.record.facts
    if "second" not in known:
        again = problems and second and not plan.asked and posterior.target.size
        decided = list(_second(posterior, draws, variables, settings, took, stored)) if again else None
        stored.record.note(second=decided)
    seconds = {"sampling": took}
    notes = [] if kept == "double" else [f"Group effects are kept in store={kept!r}."]
    if posterior.client is not None or posterior.model.stays:
        notes.append(rounds.facts_in_words(draws.facts))
    # No fallback when the user chose the sampler or the coordinates.
    done = list[str]()
    if known["second"] is not None:
        failed = f"The first run, by {draws.sampler}, failed its checks ({'; '.join(problems)})"
        sampler, times, minutes = known["second"]
        what = "NUTS" if sampler == "nuts" else f"{draws.sampler} with {times} times as many iterations"
        if minutes > LONGEST_FALLBACK:
            instead = f"{what} would take about {minutes:,.0f} minutes and was not run: take more draws"
            done.append(f"{failed}. {instead}.")
        else:
            progress.stage(f"sampling again by {what}")
            longer = replace(settings, thin=times * settings.thin)
            if sampler == "nuts" and draws.stats["diverging"].any():
                longer = replace(longer, target_accept=max(settings.target_accept or 0.0, CAREFUL))
                what += f" in short steps (target_accept={longer.target_accept:g})"
            # In the place of the first, whose summaries nothing needs by now.
            stored = Storage(kept, posterior, longer, record.part("second"))
            draws, variables, seconds["sampling again"] = _timed(posterior, sampler, longer, progress, stored)
            measures, problems = _checked(posterior, draws, variables, stored)
            done.append(f"{failed}: these draws are from {what} on the same density.")
    results = _assembled(stored, draws, variables, seconds, [*notes, *done])
    made = Made(results, posterior, draws, stored.settings, tuple(done))
    return certified(made, problems, measures, progress, certify)


def _assembled(
    kept: Storage,
    draws: Chains,
    variables: Variables,
    seconds: Mapping[str, float],
    notes: list[str],
) -> Results:
    """Return results, with what is kept of effects beside what is in memory."""
    posterior = kept.posterior
    effects = kept.replayed(posterior.plan.coordinates)
    summaries = None if kept.summaries is None else kept.summaries.dataset()
    return assemble(posterior, draws, variables | effects, kept.settings, seconds, notes, summaries)


def _checked(
    posterior: Posterior, draws: Chains, variables: Variables, kept: Storage
) -> tuple[checks.Measures | None, list[str]]:
    """Return how well draws represent a distribution, and what is wrong with them."""
    parts = split(posterior, variables, kept)
    measures = checks.measured(draws, *parts)
    return measures, checks.failures(draws, *parts, measures)


def _check_start(posterior: Posterior) -> None:
    """Raise if the density is zero in the middle of the priors, where the search for its mode begins."""
    target = posterior.target
    if not target.n_theta or posterior.model.stays:
        return
    target.restart()
    if target.marginals(target.start[None])[0] > -FARTHEST:
        return
    h, places = target.values(target.start[None])[0], posterior.assembled.places
    values = [f"{name} = {h[place]:.3g}" for name, place in places.items()]
    raise SamplingError(
        "density-too-low",
        "The log posterior is minus infinity in the middle of the priors, where the search for its mode "
        f"begins: {listing(values)}.",
        "Priors and data that do not exclude each other by more than numbers can hold.",
        "Look for a prior that is far from what the data can mean (`model.prior_summary()`), and for "
        "responses, weights or standard errors of extreme size.",
    )


def _second(
    posterior: Posterior,
    draws: Chains,
    variables: Variables,
    settings: Settings,
    seconds: float,
    kept: Storage,
) -> tuple[str, int, float]:
    """Return the sampler of a second run, how many times as long, and about how many minutes it takes.

    Where the chains agree and are only too short, the same sampler goes on for longer.
    """
    times = checks.longer(draws, *split(posterior, variables, kept))
    if times:
        return posterior.plan.sampler, times, times * seconds / 60
    return "nuts", 1, _minutes_of_nuts(posterior, settings)


def _minutes_of_nuts(posterior: Posterior, settings: Settings) -> float:
    """Return about how long NUTS takes: some twenty gradients an iteration, of one and a half steps each."""
    iterations = settings.chains * (settings.thin * settings.draws + 1000)
    gradients = 20 * iterations / max(min(settings.cores, settings.chains), 1)
    return 1.5 * gradients * step_cost_of(posterior.target.problem) / RATE / 60


def _timed(
    posterior: Posterior, sampler: str, settings: Settings, progress: Progress, kept: Storage
) -> tuple[Chains, Variables, float]:
    """Return draws, variables, and the seconds that they took: those of a run that was made before."""
    began, record = time.perf_counter(), kept.record
    draws, variables = sampled(posterior, sampler, settings, progress, kept)
    if "seconds" not in record.facts:
        each = draws.seconds / max(min(settings.cores, settings.chains), 1)
        record.note(seconds=max(time.perf_counter() - began, each))
    return draws, variables, record.facts["seconds"]


def sampled(
    posterior: Posterior,
    sampler: str,
    settings: Settings,
    progress: Progress,
    kept: Storage | None = None,
) -> tuple[Chains, Variables]:
    """Return draws, and the posterior's variables by them; latents on one side of their two signs.

    Parameters
    ----------
    kept : Storage, optional
        By default all draws are kept in memory.
    """
    assembled, target = posterior.assembled, posterior.target
    kept = kept or Storage("double", posterior, settings, Record())
    if sampler == QUADRATURE:
        draws = _in_rounds(posterior, kept, settings, progress)
    else:
        draws = sample(
            *(target, sampler, posterior.plan.coordinates, kept.elements, settings, progress),
            record=kept.record,
            kept=kept.kept,
            take=kept.take,
        )
    drawn = assembled.drawn(target.values(draws.theta), draws.points, kept.elements[: kept.kept])
    return draws, folded(assembled, assembled.variables(drawn))


def _in_rounds(posterior: Posterior, kept: Storage, settings: Settings, progress: Progress) -> Chains:
    """Return draws by rounds to whoever holds the rows."""
    if posterior.model.stays:
        progress.stage("reading rows")
    with holder_of(posterior, settings.cores) as holder:
        marginal = Marginal(posterior.target, holder, progress)
        return rounds.sample(marginal, kept.elements, kept.kept, settings, progress, kept.take)


def split(
    posterior: Posterior, variables: Variables, kept: Storage | None = None
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return draws of hyperparameters and coefficients, and of what has one value a level, or of some."""
    effects = set(posterior.model.group_effects)
    small = [values for name, (_, values) in variables.items() if name not in effects]
    large = [values for name, (_, values) in variables.items() if name in effects]
    return small, [*large, *(kept.watched if kept else [])]


def check_settings(settings: Settings, store: str, checkpoint: bool = False) -> None:
    """Raise `ModelError` on settings that make no sense."""
    for name, least in (("draws", 4), ("chains", 1), ("warmup", 0), ("cores", 1), ("seed", 0), ("thin", 1)):
        value = getattr(settings, name)
        if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
            raise ModelError(
                "number-out-of-range", f"{name}={value!r}.", f"{name} is an integer of at least {least}."
            )
    if settings.warmup > LONGEST_WARMUP:
        raise ModelError(
            "number-out-of-range",
            f"warmup={settings.warmup:,}.",
            f"At most {LONGEST_WARMUP:,} iterations: all that is learnt in them is the length of steps.",
        )
    aim = settings.target_accept
    given: object = aim  # by callers without types
    if aim is not None and not (isinstance(given, Real) and 0 < aim < 1):
        raise ModelError("probability-out-of-range", f"target_accept={aim!r}.", "A number between 0 and 1.")
    check_store(store, checkpoint)
