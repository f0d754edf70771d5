"""What a fit says for itself: the measures of its draws, and a short run by another move that must agree."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from shoal.engine import checks, other_move
from shoal.engine.checks import Measures
from shoal.engine.plan import QUADRATURE
from shoal.engine.progress import Progress
from shoal.engine.sampler import sample_explored
from shoal.engine.settings import Chains, Settings
from shoal.fit.folding import folded
from shoal.fit.posterior import Posterior
from shoal.fit.results import Results, scalar_name

SOME_EFFECTS = 10  # of each variable with one value a level, evenly spread
LEAST_ESS = 20  # of a rerun, below which its errors are not known
LONGEST = 10.0  # minutes that a disagreement is looked into

UNDISPUTED = "Nothing speaks against these draws."
FAILED, ADVICE = "These draws failed checks:", "`fit.diagnose()` says what to do."
MOVES = {
    "hmc": "trajectories",
    "nuts": "NUTS",
    "alternating": "alternating moves",
    "independence": "independent proposals",
}


@dataclass(frozen=True)
class Rerun:
    """A run by another move, held against the draws.

    Attributes
    ----------
    sampler : str
    draws, seed : int
        Of all chains together.
    quantities : int
        Hyperparameters, coefficients and some effects, of which location and spread are compared.
    apart, limit : float
        The largest difference, in Monte Carlo standard errors; what it may be.
    where : str
        The quantity that it is of.
    sound : bool
        The rerun has draws enough to be held against anything, and none of its trajectories diverged.
    """

    sampler: str
    draws: int
    seed: int
    quantities: int
    apart: float
    limit: float
    where: str
    sound: bool

    @property
    def agrees(self) -> bool:
        """Whether the two runs tell of one distribution."""
        return self.apart <= self.limit

    def __str__(self) -> str:
        """Return the outcome in words."""
        what = f"{self.draws:,} draws by {MOVES[self.sampler]}"
        if self.agrees:
            return f"{what} agree ({self.apart:.1f} Monte Carlo errors apart at most)"
        allowed = f"{self.limit:.1f} allowed"
        return f"{what} differ in {self.where}, by {self.apart:.1f} Monte Carlo errors ({allowed})"


@dataclass(frozen=True)
class Certificate:
    """What is known of how well the draws of a fit represent its posterior.

    Attributes
    ----------
    problems : tuple of str
        Checks that the draws failed.
    measures : Measures or None
        Worst R-hat, effective sizes, halves and energy; None of runs that are too short for them.
    acceptance : dict of float
        Share of proposals accepted, by what they propose.
    map_k : float or None
        Pareto k of draws of the map, weighted to the posterior: below 0.7 the map is near it.
    rerun : Rerun or None
        The run by another move; None where it would have taken more than a tenth of the run's time.
    reason : str
        Why there is none.
    done : tuple of str
        What was done about what was found.
    """

    problems: tuple[str, ...]
    measures: Measures | None
    acceptance: dict[str, float]
    map_k: float | None = None
    rerun: Rerun | None = None
    reason: str = ""
    done: tuple[str, ...] = ()

    @property
    def refuted(self) -> bool:
        """Whether a sound run by another move tells of another distribution."""
        return self.rerun is not None and self.rerun.sound and not self.rerun.agrees

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the draws."""
        return not self.problems and not self.refuted

    @property
    def agreement(self) -> str:
        """What the halves, the other move and the map say, in one sentence; empty where nothing is known."""
        parts = []
        if self.measures is not None:
            parts.append(f"halves {self.measures.halves:.1f} Monte Carlo errors apart at most")
        parts += [str(self.rerun)] if self.rerun is not None else [self.reason] if self.reason else []
        if self.map_k is not None:
            parts.append(f"Pareto k of the map {max(self.map_k, 0.0):.2f}")
        text = "; ".join(parts)
        return f"{text[0].upper()}{text[1:]}." if text else ""

    @property
    def verdict(self) -> str:
        """One line: what speaks against the draws first, then how well they represent the posterior."""
        against = [*self.problems, *([str(self.rerun)] if self.refuted else [])]
        lead = f"{FAILED} {'; '.join(against)}. {ADVICE}" if against else UNDISPUTED
        measured = ""
        if self.measures is not None:
            m = self.measures
            measured = f" R-hat {m.rhat:.3f}, ESS {m.bulk:,.0f} (bulk) and {m.tail:,.0f} (tail) at worst."
        return " ".join(f"{lead}{measured} {self.agreement} {' '.join(self.done)}".split())

    def __str__(self) -> str:
        """Return the verdict."""
        return self.verdict


def to_json(certificate: Certificate) -> str:
    """Return a certificate as a file keeps it."""
    record = asdict(certificate)
    if certificate.measures is not None:
        record["measures"] = certificate.measures._asdict()
    return json.dumps(record)


def of_attrs(attrs: Mapping[str, Any]) -> Certificate | None:
    """Return the certificate that a fit's attributes hold; older files have none.

    Raises
    ------
    TypeError, ValueError
        If they hold something else.
    """
    if "certificate" not in attrs:
        return None
    record = json.loads(attrs["certificate"])
    record["measures"] = record["measures"] and Measures(**record["measures"])
    record["rerun"] = record["rerun"] and Rerun(**record["rerun"])
    return Certificate(**record | {name: tuple(record[name]) for name in ("problems", "done")})


class Made(NamedTuple):
    """A finished run: its results, what they were made of, and what was done where a first one failed."""

    results: Results
    posterior: Posterior
    draws: Chains
    settings: Settings
    done: tuple[str, ...] = ()


def certified(
    made: Made, problems: Sequence[str], measures: Measures | None, progress: Progress, compare: bool
) -> Results:
    """Return the results of a run with their certificate; what was done about it is among their notes, too.

    Parameters
    ----------
    compare : bool
        Make a short run by another move. Where it differs, one as long as the first is made, and is judged in
        its place.
    """
    attrs, began = made.results.tree.attrs, time.perf_counter()
    found = Certificate(tuple(problems), measures, acceptance(made.draws))
    if compare:
        found = _compared(found, made, progress)
    notes, seconds = json.loads(attrs["notes"]), json.loads(attrs["seconds"])
    if found.rerun is not None:
        seconds["comparing"] = round(time.perf_counter() - began, 3)
    attrs["certificate"] = to_json(replace(found, done=(*made.done, *found.done)))
    attrs["notes"], attrs["seconds"] = json.dumps([*notes, *found.done]), json.dumps(seconds)
    return made.results


def _compared(found: Certificate, made: Made, progress: Progress) -> Certificate:
    """Return the certificate with the run by another move, or with the reason why there is none."""
    target, fit, settings = made.posterior.target, made.draws.fit, made.settings
    if not target.size:
        return found
    if found.problems:
        return replace(found, reason="not compared with another move, for its own checks failed")
    if fit is None:
        return replace(found, reason="not compared with another move, for coordinates were asked for")
    if made.posterior.client is not None:
        return replace(found, reason="not compared with another move, for the rows are on a cluster")
    if made.posterior.model.stays:
        return replace(found, reason="not compared with another move, for the rows are not in memory")
    if not any(len(_varying(array)[0]) for array in made.results.posterior.data_vars.values()):
        return replace(found, reason="not compared with another move, for nothing that varies is in memory")
    sampler = other_move.other(made.draws.sampler, target.n_theta)
    short = other_move.short(settings, sampler) if settings.draws >= checks.FEWEST else None
    if short is None:
        return replace(found, reason="too short to be compared with another move meanwhile")
    if made.draws.sampler == QUADRATURE:  # which needs no map of the effects, as other moves do
        other_move.lay_map(target, fit, settings.seed)
    progress.stage("comparing with another move", short.chains * short.draws)
    rerun = compared(made, sampler, short, progress)
    found = replace(found, rerun=rerun, map_k=other_move.weights_of_map(target, fit, settings.seed))
    if rerun.agrees or sum(json.loads(made.results.attrs["seconds"]).values()) > 60 * LONGEST:
        return found
    progress.stage("comparing again, at length", settings.chains * settings.draws)
    at_length = compared(made, sampler, replace(settings, seed=other_move.another(short.seed)), progress)
    return replace(found, rerun=at_length, done=(f"A short comparison before it: {rerun}.",))


def compared(made: Made, sampler: str, settings: Settings, progress: Progress) -> Rerun:
    """Return a run by another move, held against the draws of a fit."""
    assembled, target, fit = made.posterior.assembled, made.posterior.target, made.draws.fit
    assert fit is not None
    elements = assembled.elements(made.settings.keep_effects)
    other = sample_explored(target, fit, sampler, elements, settings, progress)
    drawn = assembled.drawn(target.values(other.theta), other.points, elements)
    variables = folded(assembled, assembled.variables(drawn))
    names, first, second = common(made.results, {name: values for name, (_, values) in variables.items()})
    return held_against(names, first, second, other, settings.seed)


def held_against(
    names: Sequence[str], first: np.ndarray, second: np.ndarray, other: Chains, seed: int
) -> Rerun:
    """Return the largest difference between draws of named quantities (V, chains, draws) by two moves."""
    apart, (_, least) = other_move.differences(first, second)
    worst = int(np.abs(apart).max(1).argmax())
    return Rerun(
        other.sampler,
        int(np.prod(other.stats["lp"].shape)),
        seed,
        len(names),
        float(np.abs(apart[worst]).max()),
        other_move.limit(apart.size),
        names[worst],
        bool(least >= LEAST_ESS and not other.stats["diverging"].any()),
    )


def common(results: Results, variables: Mapping[str, np.ndarray]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return names and draws (V, chains, draws) of what two runs are compared by, of both.

    All hyperparameters and coefficients that are not fixed, and of each variable with one value a level some,
    if both runs have it in memory.
    """
    names, first, second = list[str](), [], []
    for name, array in results.posterior.data_vars.items():
        if (other := variables.get(str(name))) is None:
            continue
        some = SOME_EFFECTS if name in results.model.group_effects else None
        where, ours = _varying(array, some)
        theirs = np.moveaxis(other.reshape(*other.shape[:2], -1), -1, 0).astype(float)
        names += [scalar_name(str(name), array, int(i)) for i in where]
        first.append(ours)
        second.append(theirs[where])
    return names, np.concatenate(first), np.concatenate(second)


def _varying(array: xr.DataArray, some: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of elements that vary, and their draws (V, chains, draws); only these are read.

    Parameters
    ----------
    some : int, optional
        Of so many elements at most, evenly spaced: draws of all may be more than memory holds.
    """
    shape = array.shape[2:]
    count = int(np.prod(shape))
    where = np.arange(count)
    if some is not None and count > some:
        where = np.linspace(0, count - 1, some).astype(int)
    places = zip(array.dims[2:], np.unravel_index(where, shape) if shape else (), strict=True)
    read = array.isel({dim: xr.DataArray(place, dims="element") for dim, place in places})
    draws = np.moveaxis(read.values.reshape(*array.shape[:2], -1), -1, 0).astype(float)
    varies = np.ptp(draws, axis=(1, 2)) > 0
    return where[varies], draws[varies]


def acceptance(draws: Chains) -> dict[str, float]:
    """Return the share of proposals that were accepted, by what they propose: theta, effects, or both."""
    rates = {"both": draws.stats["acceptance_rate"]}
    if draws.sampler == "independence":
        rates = {"theta": draws.stats["acceptance_theta"]}
    if draws.sampler == "alternating":
        rates = {"theta": draws.stats["acceptance_theta"], "effects": draws.stats["acceptance_rate"]}
    return {what: float(np.mean(values)) for what, values in rates.items()}
