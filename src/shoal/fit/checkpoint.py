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
from shoal.fit.checkpoint_folder import check_same, claimed, other_things, others_in, plainly
from shoal.fit.files import path_of
from shoal.fit.results import Results
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
        If the folder holds a run of another model, other data or other settings, or something else, or
        another process is at it.
    """
    place = path_of(path)
    _there(place)
    with claimed(place, METADATA):
        root, here = open_store(place), plainly(fingerprint)
        if FINGERPRINT in root.attrs:
            check_same(place, json.loads(root.attrs[FINGERPRINT]), here)
        else:
            root.update_attributes({FINGERPRINT: json.dumps(here)})
        if not root.attrs.get(FINISHED, False):
            _finish(root, sample(ZarrRecord(root.require_group(RUN), root)))
        shutil.rmtree(place / RUN, ignore_errors=True)
    return Results(model, read_tree(place))


def done(path: str | Path, model: Specification, fingerprint: Mapping[str, Any]) -> Results | None:
    """Return the result of a run that is kept in a folder; None where there is none, or none yet.

    Raises
    ------
    FileError
        If it is of another model, other data or other settings.
    """
    place = path_of(path)
    root = _there(place)
    if root is None or not root.attrs.get(FINISHED, False):
        return None
    check_same(place, json.loads(root.attrs[FINGERPRINT]), plainly(fingerprint))
    shutil.rmtree(place / RUN, ignore_errors=True)  # of a process that was killed when all was done
    return Results(model, read_tree(place))


def seed_of(path: str | Path) -> int | None:
    """Return the seed of the run that is kept at a path; None where there is none."""
    root = _there(path_of(path))
    found = None if root is None else root.attrs.get(FINGERPRINT)
    return None if found is None else int(json.loads(found)["seed"])


def _there(place: Path) -> Any:
    """Return the root of the store at a path, None where there is none; raise if it is another program's."""
    if not (place / METADATA).exists():
        return None
    root = open_store(place)
    if FINGERPRINT not in root.attrs and (root.attrs or others_in(place) != [METADATA]):
        raise other_things(place)
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
