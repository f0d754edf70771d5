"""Chains in blocks of draws, each of which goes on from the state that the one before it left.

A state is all that later draws depend on: where a chain is, what it has adapted, and its random generator.
Every call of the compiled moves begins from these alone, so a chain whose state was read from disk makes the
very draws that it would have made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from shoal.engine.moves import Output
from shoal.engine.progress import Progress
from shoal.engine.record import Record
from shoal.engine.settings import Chains, Settings, generators
from shoal.engine.threads import in_threads

CHUNK = 100  # draws of a block: between looks at progress and Ctrl-C, and between writes
HEAD, WORD = 8, 2**64  # words of a state before the numbers of its chain; values of a word

Take = Callable[[int, slice, Output], None]


class Stepwise(Protocol):
    """A chain that can be stopped between blocks."""

    rng: np.random.Generator
    worst: int  # which of its statistics counts by the largest of the iterations between two draws

    @property
    def where(self) -> Sequence[np.ndarray]:
        """The arrays that it works in and that say where it is."""

    @property
    def step(self) -> float:
        """What its warmup adapts: a length of steps."""

    def pieces(self) -> Sequence[Callable[[], int]]:
        """Return the pieces of its warmup, to be made in order; each returns its iterations."""

    def advance(self, count: int) -> Output:
        """Make some iterations."""


@dataclass(frozen=True)
class Drawn:
    """Arrays of the draws of all chains, in memory or on disk, and states to make their blocks from again.

    Attributes
    ----------
    theta, points : (chains, draws, T), (chains, draws, E) arrays
    stats : (chains, draws, K + 1) array
        Statistics of the sampler, the length of its steps behind them.
    states : (chains, blocks + 1, words) array or None
        Behind the warmup, and behind each block.
    done : (chains, 2) array
        Draws made, and the seconds that they and the warmup took.
    """

    theta: Any
    points: Any
    stats: Any
    states: Any
    done: Any


@dataclass(frozen=True)
class Run:
    """Chains of one kind.

    Attributes
    ----------
    start : callable
        Makes a chain from its generator.
    named : callable
        Names what was drawn.
    hyperparameters, statistics, where : int
        Numbers of a draw of theta, of its statistics, and of what says where a chain is.
    """

    start: Callable[[np.random.Generator], Stepwise]
    named: Callable[[Drawn], Chains]
    hyperparameters: int
    statistics: int
    where: int


def blocks(settings: Settings) -> Iterator[slice]:
    """Yield the draws of each block."""
    for begin in range(0, settings.draws, CHUNK):
        yield slice(begin, min(begin + CHUNK, settings.draws))


def make(
    run: Run, kept: int, settings: Settings, progress: Progress, record: Record, take: Take | None = None
) -> Drawn:
    """Make the draws that a record lacks, chains in parallel threads.

    Parameters
    ----------
    kept : int
        Elements kept of each draw: the first of those that are written.
    take : callable, optional
        Is given the number of a chain, the draws of a block, and all that was written of them: before the
        block counts as done, so perhaps twice.
    """
    rngs = generators(settings.seed, settings.chains)
    drawn = _arrays(run, kept, settings, record)

    def whole(number: int) -> None:
        began, (begun, seconds) = time.perf_counter(), drawn.done[number].tolist()
        chain = run.start(rngs[number])
        _return(chain, drawn, number, progress)
        progress.drawn(int(begun))
        for at in blocks(settings):
            if at.stop > begun:
                progress.check()
                _block(chain, drawn, number, at, settings.thin, take)
                drawn.done[number] = at.stop, seconds + time.perf_counter() - began
                progress.drawn(at.stop - at.start)

    in_threads([partial(whole, number) for number in range(settings.chains)], settings.cores, progress)
    return drawn


def _arrays(run: Run, kept: int, settings: Settings, record: Record) -> Drawn:
    chains, draws = settings.chains, settings.draws

    def of_draws(name: str, size: int, kind: str = "f8") -> Any:
        return record.array(name, (chains, draws, size), (1, CHUNK, size), kind)

    words = HEAD + run.where
    states = (chains, -(-draws // CHUNK) + 1, words)
    return Drawn(
        of_draws("theta", run.hyperparameters),
        of_draws("points", kept, "f4" if settings.single else "f8"),
        of_draws("stats", run.statistics + 1),
        record.array("states", states, (1, 1, words), "u8") if record.resumes else None,
        record.array("done", (chains, 2), (1, 2)),
    )


def _return(chain: Stepwise, drawn: Drawn, number: int, progress: Progress) -> None:
    """Bring a chain to where its draws end: to a state that is kept, and through what it lacks of warmup."""
    made, done = 0, int(drawn.done[number, 0])
    if drawn.states is not None:
        made = unpack(chain, drawn.states[number, -(-done // CHUNK)])
    pieces = chain.pieces()
    for k in range(made, len(pieces)):
        progress.check()
        progress.warmed(pieces[k]())
        if drawn.states is not None:
            drawn.states[number, 0] = packed(chain, k + 1)
    if not pieces and drawn.states is not None and not done:
        drawn.states[number, 0] = packed(chain, 0)


def _block(chain: Stepwise, drawn: Drawn, number: int, at: slice, thin: int, take: Take | None) -> None:
    """Make the draws of a block."""
    out = advanced(chain, at.stop - at.start, thin)
    step = np.full((len(out.stats), 1), chain.step)
    drawn.theta[number, at] = out.theta
    drawn.points[number, at] = out.point[:, : drawn.points.shape[2]]
    drawn.stats[number, at] = np.concatenate([out.stats, step], axis=1)
    if take is not None:
        take(number, at, out)
    if drawn.states is not None:
        drawn.states[number, -(-at.stop // CHUNK)] = packed(chain, len(chain.pieces()))


def again(run: Run, states: Any, number: int, at: slice, settings: Settings) -> Output:
    """Make a block of draws again, from the state behind the one before (`Drawn.states`)."""
    chain = run.start(np.random.default_rng(0))
    unpack(chain, states[number, at.start // CHUNK])
    return advanced(chain, at.stop - at.start, settings.thin)


def advanced(chain: Stepwise, count: int, thin: int) -> Output:
    """Return every `thin`-th of some iterations; what counts by its largest is that of those between."""
    parts = []
    for begin in range(0, count * thin, CHUNK):
        out = chain.advance(min(CHUNK, count * thin - begin))
        kept = slice((-begin - 1) % thin, None, thin)
        parts.append((out.theta[kept], out.point[kept], out.stats))
    theta, point, stats = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
    kept_stats = stats[thin - 1 :: thin].copy()
    kept_stats[:, chain.worst] = stats[:, chain.worst].reshape(count, thin).max(1)
    return Output(theta, point, kept_stats)


def packed(chain: Stepwise, pieces: int) -> np.ndarray:
    """Return the state of a chain that has made some pieces of its warmup, in words of 64 bits."""
    about = chain.rng.bit_generator.state
    state, step = about["state"]["state"], about["state"]["inc"]
    stream = [state // WORD, state % WORD, step // WORD, step % WORD, about["has_uint32"], about["uinteger"]]
    numbers = np.concatenate([array.ravel() for array in chain.where])
    return np.concatenate([np.array([1, pieces, *stream], "u8"), numbers.view("u8")])


def unpack(chain: Stepwise, words: np.ndarray) -> int:
    """Put a chain where a state says; return its pieces of warmup, and do nothing if there is no state."""
    there, pieces, *stream = (int(word) for word in words[:HEAD])
    if not there:
        return 0
    about = dict(chain.rng.bit_generator.state)
    about["state"] = {"state": stream[0] * WORD + stream[1], "inc": stream[2] * WORD + stream[3]}
    about["has_uint32"], about["uinteger"] = stream[4], stream[5]
    chain.rng.bit_generator.state = about
    numbers, begin = np.ascontiguousarray(words[HEAD:]).view("f8"), 0
    for array in chain.where:
        array[...] = numbers[begin : begin + array.size].reshape(array.shape)
        begin += array.size
    return pieces
