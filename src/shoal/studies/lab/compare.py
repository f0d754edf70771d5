"""One posterior, several coordinates: run NUTS in each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from itertools import product
from numbers import Integral, Real
from typing import Any

from shoal.api import Model
from shoal.engine.plan import COORDINATES
from shoal.engine.settings import Settings
from shoal.errors import ModelError, meant
from shoal.model import Specification
from shoal.model.variants import with_priors
from shoal.priors import Prior
from shoal.studies.lab import peer
from shoal.studies.lab.comparison import Comparison, compared
from shoal.studies.lab.runs import Attempt, run

AS_WRITTEN = "as written"
KNOWN = (*COORDINATES, peer.NAME)
LEAST_WARMUP = 1000  # of `sample.nuts`, whose windows are Stan's


def compare_coordinates(
    model: Model,
    coordinates: str | Sequence[str] = ("centered", "noncentered", "zero_sum", "transport"),
    *,
    draws: int = 1000,
    chains: int = 4,
    warmup: int = 1000,
    seed: int = 1,
    target_accept: float | Sequence[float] = 0.8,
    priors: Mapping[str, Mapping[str, Prior]] | None = None,
    cores: int | None = None,
    progress: bool | None = None,
) -> Comparison:
    """Sample one posterior by NUTS in several sets of coordinates, and say which draws can be trusted.

    Every run is NUTS with a diagonal metric adapted in Stan's windows, trajectories of at most 1,023 steps,
    and the threshold of Stan and PyMC for a divergence: an energy error of 1,000. Nothing takes over where a
    run fails.

    Parameters
    ----------
    model : Model
    coordinates : str or sequence of str
        ``"centered"``, ``"noncentered"``, ``"zero_sum"``, ``"transport"`` (see `Model.fit`), and
        ``"nutpie"``: nutpie's NUTS on ``model.to_pymc("noncentered")``, which shares neither density nor
        sampler with the others. It needs the packages nutpie and pymc.
    draws, chains, warmup : int
        Kept draws and warmup iterations of each chain; at least 1,000 of these.
    seed : int
        The same for every run.
    target_accept : float or sequence of float
        Acceptance that the step size is adapted to; every value is run.
    priors : mapping, optional
        From labels to priors to vary: ``{"HalfNormal(0.25)": {"sd_district": HalfNormal(0.25)}}``. Each is a
        posterior of its own, sampled beside that of the model as written; its other priors stay.
    cores : int, optional
        Threads; all of the machine's by default.
    progress : bool, optional
        Show a progress bar for each run; by default on a terminal.

    Returns
    -------
    Comparison
        All combinations of coordinates, `target_accept` and `priors`. Coordinates that mean nothing for the
        model (zero-sum ones of effects that sum to zero anyway) are rows that say so.

    Raises
    ------
    ModelError
        Unknown coordinates, impossible settings, nutpie asked for and not installed.
    PriorError
        Priors of parameters that the model has not.

    Notes
    -----
    Standard deviations with a light-tailed prior (HalfNormal, Exponential, Gamma) are sampled on the scale of
    the inverse of a ramp, ``unit (t Φ(t) + φ(t))``, others on that of a logarithm. PyMC and Stan take
    logarithms, and count other divergences, of the same kind.
    Transported coordinates begin with a search for the mode of the hyperparameters' marginal, whose time
    counts.

    References
    ----------
    Papaspiliopoulos, Roberts and Sköld (2007), A general framework for the parametrization of hierarchical
    models, Statistical Science 22, 59-73. Betancourt and Girolami (2015), Hamiltonian Monte Carlo for
    hierarchical models, in Current Trends in Bayesian Methodology with Applications, chapter 4.

    Examples
    --------
    >>> comparison = sl.lab.compare_coordinates(model, ["centered", "transport"], target_accept=(0.8, 0.99))
    >>> list(comparison.fits)
    ['centered, 0.8', 'centered, 0.99', 'transport, 0.8', 'transport, 0.99']
    >>> comparison.fits["transport, 0.99"].diagnose().trustworthy
    True
    """
    names = _names(coordinates)
    accepts = _accepts(target_accept)
    _check_counts(draws=(draws, 4), chains=(chains, 1), warmup=(warmup, LEAST_WARMUP), seed=(seed, 0))
    variants = _variants(model, priors)
    if peer.NAME in names:
        peer.check_installed()
    import_module("arviz_stats")  # a second that belongs to no run
    cores = os.cpu_count() or 1 if cores is None else cores
    runs = []
    for (label, spec), name, accept in product(variants.items(), names, accepts):
        settings = Settings(draws, chains, warmup, seed, accept, cores)
        runs.append(run(Attempt(name, accept, label, spec), settings, progress))
    return compared(runs)


def _names(coordinates: str | Sequence[str]) -> tuple[str, ...]:
    names = (coordinates,) if isinstance(coordinates, str) else tuple(coordinates)
    for name in names:
        if name not in KNOWN:
            raise ModelError(
                "unknown-choice",
                f"There are no coordinates {name!r}.",
                f"Some of {', '.join(KNOWN)}.",
                meant(str(name), KNOWN),
            )
    if not names:
        raise ModelError("nothing-named", "No coordinates are named.", f"Some of {', '.join(KNOWN)}.")
    return tuple(dict.fromkeys(names))


def _accepts(target_accept: float | Sequence[float]) -> tuple[float, ...]:
    given: Any = target_accept
    several = isinstance(given, Iterable) and not isinstance(given, str)
    values: tuple[Any, ...] = tuple(given) if several else (given,)
    for value in values:
        number = isinstance(value, Real) and not isinstance(value, bool)
        if not number or not 0 < float(value) < 1:
            raise ModelError(
                "probability-out-of-range", f"target_accept={value!r}.", "Numbers between 0 and 1."
            )
    if not values:
        raise ModelError("nothing-named", "target_accept is empty.", "A number between 0 and 1, or several.")
    return tuple(dict.fromkeys(float(value) for value in values))


def _check_counts(**counts: tuple[object, int]) -> None:
    """Raise unless every count is an integer of at least its smallest value."""
    for name, (value, least) in counts.items():
        if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
            raise ModelError(
                "number-out-of-range", f"{name}={value!r}.", f"{name} is an integer of at least {least:,}."
            )


def _variants(model: Model, priors: Mapping[str, Mapping[str, Prior]] | None) -> dict[str, Specification]:
    """Return the posteriors to sample, by label: the model as written first."""
    spec = model.specification
    variants = {AS_WRITTEN: spec}
    example = "priors={'tight': {'sd': sl.priors.HalfNormal(0.1)}}."
    given: Any = {} if priors is None else priors
    if not isinstance(given, Mapping):
        raise ModelError(
            "priors-unlabelled",
            f"The priors are of type {type(given).__name__}.",
            "From labels to priors.",
            example,
        )
    for label, changes in given.items():
        if not isinstance(label, str) or label in variants:
            raise ModelError(
                "priors-unlabelled",
                f"A set of priors is called {label!r}.",
                f"A text other than {AS_WRITTEN!r}.",
            )
        if not isinstance(changes, Mapping):
            raise ModelError(
                "priors-unlabelled",
                f"The priors called {label!r} are {changes}.",
                "A mapping from names.",
                example,
            )
        variants[label] = with_priors(spec, changes)
    return variants
