"""How draws of group effects are kept: in memory, on disk, as summaries, to be made again, or not."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from shoal.engine.blocks import CHUNK, Take, again
from shoal.engine.checks import EXAMINED
from shoal.engine.memory import check_draws, installed
from shoal.engine.moves import Output
from shoal.engine.record import Record
from shoal.engine.sampler import known_run
from shoal.engine.settings import Settings
from shoal.errors import ModelError, check_choice
from shoal.fit.folding import folded
from shoal.fit.level_summaries import LevelSummaries
from shoal.fit.posterior import Posterior
from shoal.fit.replayed import Make, Replayed, lazily
from shoal.fit.zarr_record import ZarrRecord
from shoal.model import Specification
from shoal.model.assemble import Variables
from shoal.model.grouping_factors import safe
from shoal.model.terms.variable import Variable

LARGEST_IN_DOUBLE = 512 * 2**20  # bytes of group effects; more are kept in float32 by default
SHARE = 0.25  # of this machine's memory that draws may fill by default: what is made of them needs more
STORES = ("auto", "double", "single", "disk", "replay", "summaries", "none")
IN_MEMORY = ("double", "single")
OF_CHAINS = ("disk", "replay")  # which are made block by block, and go on from the state behind each
LEVELS_AT_ONCE = 4096  # of a file on disk


def check_store(store: str, checkpoint: bool) -> None:
    """Raise `ModelError` on an unknown store, or one that a checkpoint needs or rules out."""
    check_choice("store", store, STORES)
    if store == "disk" and not checkpoint:
        raise ModelError(
            "store-checkpoint",
            "store='disk' and no checkpoint.",
            "A folder for the draws: checkpoint='run.zarr'.",
        )
    if store in ("replay", "summaries") and checkpoint:
        raise ModelError(
            "store-checkpoint",
            f"store={store!r} and a checkpoint.",
            "A store that a checkpoint can hold: 'disk' keeps all draws there and none in memory.",
        )


def storage(
    model: Specification, settings: Settings, store: str, checkpoint: bool = False, in_rounds: bool = False
) -> str:
    """Return how group effects are kept, chosen by their size and this machine's memory for "auto".

    float64 while they fit into `LARGEST_IN_DOUBLE`, float32 while they fill no more than `SHARE` of the
    memory; then the checkpoint, if there is one, and else summaries. Rounds to the rows make no chains that
    go on from a state: theirs are in memory, or summarised as they come.

    Raises
    ------
    ModelError
        A store of chains made block by block, where there are none.
    """
    if in_rounds and store in OF_CHAINS:
        raise ModelError(
            "store-quadrature",
            f"store={store!r}, and quadrature is the sampler, which was asked for or chosen for this model.",
            "A store that asks for no state of a chain: 'double', 'single', 'summaries' or 'none'.",
            "Other samplers keep draws in any store: sampler='alternating'.",
        )
    if store != "auto":
        return store
    numbers = sum(group.z.shape[1] * len(group.labels) for group in model.groups)
    size = 8 * settings.chains * settings.draws * numbers
    if size <= LARGEST_IN_DOUBLE:
        return "double"
    if size / 2 <= SHARE * installed() or (in_rounds and checkpoint):
        return "single"
    return "disk" if checkpoint else "summaries"


class Storage:
    """Where the effects of a run's draws go as they come.

    Parameters
    ----------
    kind : str
        One of `STORES` but "auto".
    record : Record
        Of the run.

    Attributes
    ----------
    elements : (E,) int array
        Elements of (v, x) that the engine writes.
    kept : int
        How many of them, the first, it keeps itself.
    """

    def __init__(self, kind: str, posterior: Posterior, settings: Settings, record: Record) -> None:
        self.kind, self.posterior, self.settings, self.record = kind, posterior, settings, record
        assembled = posterior.assembled
        self.elements = assembled.elements(kind != "none")
        self.kept = len(self.elements if kind in IN_MEMORY else assembled.elements(False))
        self._many = [variable for variable in assembled.declared if variable.many]
        watched = 0 if kind in IN_MEMORY or kind == "none" else EXAMINED * len(self._many)
        size = (posterior.model, settings.chains, settings.draws)
        beside = LevelSummaries.size(*size) if kind == "summaries" else 0
        check_draws(settings, posterior.target.n_theta + self.kept + watched, beside)
        self.summaries = LevelSummaries(posterior.model, settings.chains) if kind == "summaries" else None
        self._watched, self._arrays = dict[str, Any](), dict[str, Any]()
        if self.take is not None:  # made before chains run side by side
            for variable in self._many:
                self._room(variable)

    def _room(self, variable: Variable) -> None:
        """Make arrays for the draws of a variable, or of some of its elements."""
        each, shape = (self.settings.chains, self.settings.draws), variable_shape(variable)
        count = min(EXAMINED, int(np.prod(shape)))
        watched = self.record.array(f"watched {safe(variable.name)}", (*each, count), (1, CHUNK, count))
        self._watched[variable.name] = watched
        if self.kind == "disk":
            assert isinstance(self.record, ZarrRecord)
            dims = tuple(safe(dim) for dim in ("chain", "draw", *variable.dims))
            block = (1, CHUNK, LEVELS_AT_ONCE, *shape[1:])
            self._arrays[variable.name] = self.record.of_posterior(
                safe(variable.name), dims, (*each, *shape), block
            )

    @property
    def take(self) -> Take | None:
        """What takes each block of draws; None where the engine keeps all that is kept, or nothing is."""
        return None if self.kept == len(self.elements) else self._take

    @property
    def watched(self) -> list[np.ndarray]:
        """Draws of some effects, evenly spread over the levels, by which a run is checked."""
        return [array[...] for array in self._watched.values()]

    def _take(self, number: int, at: slice, out: Output) -> None:
        variables = {name: values[0] for name, (_, values) in self.variables_of(out).items()}
        for name, watched in self._watched.items():
            flat = variables[name].reshape(len(out.theta), -1)
            some = np.linspace(0, flat.shape[1] - 1, watched.shape[2]).round().astype(int)
            watched[number, at] = flat[:, some]
        for name, array in self._arrays.items():
            array[number, at] = variables[name]
        if self.summaries is not None:
            self.summaries.add(number, variables)

    def replayed(self, coordinates: str) -> dict[str, xr.Variable]:
        """Return the effects as variables that are made again when they are read."""
        if self.kind != "replay":
            return {}
        each = (self.settings.chains, self.settings.draws)

        def begin(name: str) -> Make:
            run = known_run(self.posterior.target, coordinates, self.elements, self.settings, self.record)
            assert run is not None
            states = self.record.array("states", (), ())

            def block(number: int, at: slice) -> np.ndarray:
                return self.variables_of(again(run, states, number, at, self.settings))[name][1][0]

            return block

        return {
            v.name: lazily(
                ("chain", "draw", *v.dims),
                Replayed(partial(begin, v.name), (*each, *variable_shape(v)), self.settings),
            )
            for v in self._many
        }

    def variables_of(self, out: Output) -> Variables:
        """Return the posterior's variables of a block of one chain, effects among them."""
        assembled, target = self.posterior.assembled, self.posterior.target
        drawn = assembled.drawn(target.values(out.theta[None]), out.point[None], self.elements)
        return folded(assembled, assembled.variables(drawn))


def variable_shape(variable: Variable) -> tuple[int, ...]:
    """Return the shape of a draw of a variable."""
    return tuple(len(labels) for labels in variable.dims.values())
