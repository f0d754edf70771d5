"""A record of a run in a Zarr store on disk; every write appears whole or not at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from shoal.engine.record import Record
from shoal.errors import FileError
from shoal.fit.whole_files import whole

FACTS, FINGERPRINT, FINISHED = "facts", "shoal_fingerprint", "shoal_finished"
ORDER = "shoal_order"  # of the variables of each group, of which a folder knows nothing
RUN = "run"  # the group of what is not yet a result
METADATA = "zarr.json"  # of the root
LARGEST_READ = 256 * 2**20  # bytes of a variable; larger ones stay on disk until they are asked for


def open_store(path: Path) -> Any:
    """Return the root group of the store at `path`, made if it is not there.

    Raises
    ------
    FileError
        If Zarr is not installed.
    """
    try:
        import zarr
        from zarr.core.buffer import Buffer
        from zarr.storage import LocalStore
    except ImportError as problem:
        raise FileError(
            "zarr-missing",
            f"{path} is to be a Zarr store, and Zarr is not installed.",
            "The extra: pip install 'shoal[checkpoint]'.",
        ) from problem

    class WholeFiles(LocalStore):
        """A folder whose files are on disk before they have their names."""

        async def set(self, key: str, value: Buffer) -> None:
            await asyncio.to_thread(self.set_sync, key, value)

        def set_sync(self, key: str, value: Buffer) -> None:
            place = self.root / key
            place.parent.mkdir(parents=True, exist_ok=True)
            with whole(place) as part:
                part.write_bytes(value.as_buffer_like())

    return zarr.open_group(WholeFiles(path), mode="a")


def read_tree(path: Path) -> xr.DataTree:
    """Return the tree of a result in a Zarr store, its largest variables still there.

    Raises
    ------
    FileError
        If it is a run that is not done.
    """
    import zarr

    root = zarr.open_group(path, mode="r")
    if FINGERPRINT in root.attrs and not root.attrs.get(FINISHED, False):
        raise FileError(
            "checkpoint-not-done",
            f"{path} is the checkpoint of a run that is not done.",
            "A result.",
            "The call that made it goes on from there: model.fit(..., checkpoint=...).",
        )
    names = sorted(own.parent.name for own in path.glob(f"*/{METADATA}") if own.parent.name != RUN)
    groups = {
        name: xr.open_dataset(path, engine="zarr", group=name, cache=False, consolidated=False)
        for name in names
    }
    for data in groups.values():
        for variable in data.variables.values():
            if variable.nbytes <= LARGEST_READ:
                variable.load()
    about: dict[str, Any] = root.attrs.asdict()
    order = about.get(ORDER, {})
    for name, data in groups.items():
        first = [own for own in order.get(name, []) if own in data]
        groups[name] = data[[*first, *(own for own in data.data_vars if own not in first)]]
    tree = xr.DataTree.from_dict(groups)
    ours = (FINGERPRINT, FINISHED, ORDER)
    tree.attrs = {name: value for name, value in about.items() if name not in ours}
    return tree


class ZarrRecord(Record):
    """A record in a group of a Zarr store."""

    def __init__(self, group: Any, root: Any) -> None:
        super().__init__(resumes=True)
        self.group, self.root = group, root
        self._facts = json.loads(group.attrs.get(FACTS, "{}"))

    def part(self, name: str) -> Record:
        """Return the record of a part of the run."""
        if name not in self._parts:
            self._parts[name] = ZarrRecord(self.group.require_group(name), self.root)
        return self._parts[name]

    def array(self, name: str, shape: tuple[int, ...], block: tuple[int, ...], kind: str = "f8") -> Any:
        """Return an array, of zeros until it is written to; an empty one is not the store's."""
        if 0 in shape:
            return super().array(name, shape, block, kind)
        if name not in self._arrays:
            there = self.group.get(name)
            chunks = tuple(min(size, own) for size, own in zip(shape, block, strict=True))
            if there is None:
                there = self.group.create_array(name, shape=shape, chunks=chunks, dtype=kind, fill_value=0)
            self._arrays[name] = there
        return self._arrays[name]

    def of_posterior(
        self, name: str, dims: tuple[str, ...], shape: tuple[int, ...], block: tuple[int, ...]
    ) -> Any:
        """Return an array of float32 where the result will have it, with names of its dimensions."""
        place = self.root.require_group("posterior")
        chunks = tuple(min(size, own) for size, own in zip(shape, block, strict=True))
        how = {"chunks": chunks, "dtype": "f4", "fill_value": 0, "dimension_names": dims}
        return place.get(name) or place.create_array(name, shape=shape, **how)

    @property
    def facts(self) -> Mapping[str, Any]:
        """What was noted."""
        return self._facts

    def note(self, **facts: Any) -> None:
        """Note facts, all of them or none."""
        self._facts |= facts
        self.group.update_attributes({FACTS: json.dumps(self._facts)})

    def keep(self, name: str, values: np.ndarray) -> None:
        """Write an array of any shape, whole."""
        self.group.create_array(name, data=values, overwrite=True)

    def kept(self, name: str) -> np.ndarray:
        """Return an array that was written whole."""
        return np.asarray(self.group[name][...])
