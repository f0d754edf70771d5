"""Folders that hold checkpoints: told from other folders, and used by one process at a time."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from shoal.errors import FileError, ModelError, listing
from shoal.fit.fingerprint import differences
from shoal.fit.whole_files import ENDING, refused
from shoal.model.grouping_factors import safe

NEEDED = "A path where nothing is, or the checkpoint of the same run, such as 'run.zarr'."
NAMED = 6  # differences
LOCK = ".lock"  # says who has the folder, and is there for as long
LOCKS = os.name == "posix"  # Windows has no such locks: there no folder is held
LEFT = (f".*{ENDING}", "zarr.*.partial")  # by us and by Zarr, in a process that was killed while it wrote


def plainly(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run or fits depend on as it is read from a file.

    Raises
    ------
    ModelError
        What no file can hold.
    """

    def plain(value: Any) -> Any:
        if isinstance(value, np.generic):
            return value.item()
        raise TypeError(f"{value!r}")

    try:
        return dict(json.loads(json.dumps(about, default=plain)))
    except TypeError as problem:
        raise ModelError(
            "about-not-storable",
            f"about={about!r} cannot be written to the checkpoint: {problem}.",
            "Numbers and text, and lists and mappings of these by text.",
        ) from problem


def check(place: Path, mark: str) -> None:
    """Raise `FileError` if there is something else than a checkpoint, or no folder for one.

    Parameters
    ----------
    mark : str
        Name of the file that every checkpoint of its kind has.
    """
    _check_place(place)
    if place.is_dir() and not (place / mark).exists() and others_in(place):
        raise other_things(place)


def _check_place(place: Path) -> None:
    if place.is_file():
        raise FileError("not-a-checkpoint", f"The checkpoint {place} is a file.", NEEDED)
    if not place.parent.is_dir():
        needed = f"A folder that exists, to put {place.name} into."
        raise FileError("no-folder", f"There is no folder {place.parent}.", needed)


def inside(place: Path, name: str) -> Path:
    """Return the folder of one of several checkpoints, by its name, in a folder that is made if need be."""
    _check_place(place)
    try:
        place.mkdir(exist_ok=True)
    except OSError as problem:
        raise refused(place, problem) from problem
    return place / f"{safe(name)}.fits"


def others_in(place: Path) -> list[str]:
    """Return the names of what stands in a folder beside what a checkpoint has before its first file."""
    left = {path.name for pattern in LEFT for path in place.glob(pattern)}
    return sorted({path.name for path in place.iterdir()} - left - {LOCK})


def other_things(place: Path) -> FileError:
    """Return what is raised for a folder that is no checkpoint."""
    found = f"The checkpoint {place} is a folder with other things in it."
    return FileError("not-a-checkpoint", found, NEEDED)


def check_same(place: Path, there: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    """Raise `FileError` where what a checkpoint depends on differs from what is asked for now."""
    if found := list(differences(there, here)):
        raise FileError(
            "checkpoint-of-another-run",
            f"{place} holds another run: {listing(found, NAMED)}.",
            "A checkpoint of the same model, data and settings.",
            "Give another path, or delete that folder to begin anew.",
        )


@contextmanager
def claimed(place: Path, mark: str) -> Iterator[None]:
    """Have a folder, made if it is not there, that no other process has; and clear it of unfinished files.

    The system lets go of it when its process ends, however that ends.

    Raises
    ------
    FileError
        Another process has it, it is no checkpoint (`check`), or it cannot be written to.
    """
    check(place, mark)
    try:
        place.mkdir(exist_ok=True)
        lock = _locked(place) if LOCKS else None
    except OSError as problem:
        raise refused(place, problem) from problem
    try:
        for pattern in LEFT:
            for path in place.rglob(pattern):
                path.unlink(missing_ok=True)
        yield
    finally:
        if lock is not None:
            (place / LOCK).unlink(missing_ok=True)  # while it is ours
            lock.close()


def _locked(place: Path) -> IO[str]:
    """Return the lock of a folder as an open file: closed, by the system at the latest, it is let go."""
    while True:
        file = (place / LOCK).open("a+", encoding="utf-8")
        try:
            _lock(file, place)
        except BaseException:
            file.close()
            raise
        if os.fstat(file.fileno()).st_nlink:
            with suppress(OSError):  # no room: who has it is for readers alone
                file.truncate(0)
                file.write(f"process {os.getpid()} on {platform.node()}")
                file.flush()
            return file
        file.close()  # whoever had it took it away meanwhile


def _lock(file: IO[str], place: Path) -> None:
    import fcntl  # which systems have that have these locks

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as problem:
        file.seek(0)
        raise FileError(
            "checkpoint-in-use",
            f"The checkpoint {place} is in use by {file.read() or 'another process'}.",
            "One process at a time.",
            "Wait for that one, or end it: the same call then goes on from there. Or give another path.",
        ) from problem
    except OSError:  # a file system that has no locks
        return
