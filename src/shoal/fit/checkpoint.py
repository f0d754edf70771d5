"""Runs that are kept on disk while they go, so that the same call goes on where one was killed.

A folder, a Zarr store, holds what was learnt before sampling, each block of draws with the state of its chain
behind it, and a fingerprint of all that the draws depend on. When the run is done the folder holds its result
in their place, with the groups of a result file.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from shoal.engine.record import Record
from shoal.errors import FileError, listing
from shoal.fit.files import path_of
from shoal.fit.fingerprint import differences
from shoal.fit.results import Results
from shoal.fit.whole_files import ENDING
from shoal.fit.zarr_record import (
    FINGERPRINT,
    FINISHED,
    METADATA,
    ORDER,
    RUN,
    ZarrRecord,
    open_store,
    read_tree,
)
from shoal.model import Specification
from shoal.model.grouping_factors import safe

NAMED = 6  # differences
LEFT = (f".*{ENDING}", "zarr.*.partial")  # by us and by Zarr, in a process that was killed while it wrote


def kept(
    path: str | Path,
    model: Specification,
    fingerprint: Mapping[str, Any],
    sample: Callable[[Record], Results],
) -> Results:
    """Return the result of a run that is kept in a folder: what stands there, gone on with if it is not done.

    Parameters
    ----------
    path : path
        Made if it is not there.
    fingerprint : mapping
        All that the draws depend on (`fingerprint.fingerprint`).
    sample : callable
        Takes the record of the run, makes what it lacks, and returns the result.

    Raises
    ------
    FileError
        If the folder holds a run of another model, other data or other settings, or something else.
    """
    place = path_of(path)
    root = _root(place)
    here = json.loads(json.dumps(fingerprint))
    if FINGERPRINT not in root.attrs:
        root.update_attributes({FINGERPRINT: json.dumps(here)})
    elif found := list(differences(json.loads(root.attrs[FINGERPRINT]), here)):
        raise FileError(
            "checkpoint-of-another-run",
            f"{place} holds another run: {listing(found, NAMED)}.",
            "A checkpoint of the same model, data and settings.",
            "Give another path, or delete that folder to begin anew.",
        )
    for pattern in LEFT:
        for left in place.rglob(pattern):
            left.unlink(missing_ok=True)
    if not root.attrs.get(FINISHED, False):
        _finish(root, sample(ZarrRecord(root.require_group(RUN), root)))
    shutil.rmtree(place / RUN, ignore_errors=True)
    return Results(model, read_tree(place))


def seed_of(path: str | Path) -> int | None:
    """Return the seed of the run that is kept at a path; None where there is none."""
    place = path_of(path)
    found = _root(place).attrs.get(FINGERPRINT) if (place / METADATA).exists() else None
    return None if found is None else int(json.loads(found)["seed"])


def _root(place: Path) -> Any:
    """Return the root of the store at a path; raise if there is something else than a checkpoint."""
    needed = "A path where nothing is, or the checkpoint of the same run, such as 'run.zarr'."
    if place.is_file():
        raise FileError("not-a-checkpoint", f"The checkpoint {place} is a file.", needed)
    if not place.parent.is_dir():
        needed = f"A folder that exists, to put {place.name} into."
        raise FileError("no-folder", f"There is no folder {place.parent}.", needed)
    ours = not place.exists() or not any(place.iterdir()) or (place / METADATA).exists()
    root = open_store(place) if ours else None
    if root is None or (FINGERPRINT not in root.attrs and (root.attrs or any(True for _ in root.keys()))):
        found = f"The checkpoint {place} is a folder with other things in it."
        raise FileError("not-a-checkpoint", found, needed)
    return root


def _finish(root: Any, results: Results) -> None:
    """Write the groups and the attributes of a result, and last that it is finished."""
    for name, node in results.tree.children.items():
        data = _plain(node.to_dataset())  # beside the draws that are there already
        data.to_zarr(root.store.root, group=name, mode="a", consolidated=False, zarr_format=3)
    if hasattr(os, "sync"):  # all of them on disk before the result counts
        os.sync()
    about = {name: _number(value) for name, value in results.tree.attrs.items()}
    order = {name: list(map(str, node.data_vars)) for name, node in results.tree.children.items()}
    order["posterior"] = [safe(variable.name) for variable in results.model.variables]
    root.update_attributes(about | {ORDER: order, FINISHED: True})


def _plain(data: xr.Dataset) -> xr.Dataset:
    """Return data whose texts have any length, as Zarr has no other kind that is sure to stay."""
    texts = {name: data[name].astype(object) for name in data.variables if data[name].dtype.kind == "U"}
    return data.assign_coords({n: v for n, v in texts.items() if n in data.coords}).assign(
        {n: v for n, v in texts.items() if n not in data.coords}
    )


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
