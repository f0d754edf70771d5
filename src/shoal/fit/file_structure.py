"""What an HDF5 file consists of, looked at before any of it is read.

A file may name groups that hold themselves, through which no walk ends, parts of other files, and datasets of
any size that take no room in it. Draws need none of these.
"""

from __future__ import annotations

import warnings
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shoal.engine.memory import installed
from shoal.errors import FileError, ShoalError
from shoal.fit.file_kinds import damaged

MOST_OBJECTS = 100_000


def check_structure(path: Path, read: Container[str] | None = None) -> None:
    """Refuse links that are no names of parts of this file, and parts that no memory holds.

    Parameters
    ----------
    read : container of str, optional
        Groups at the top of the file that will be read; all by default.

    Raises
    ------
    FileError
    OSError, ValueError, KeyError, RuntimeError
        As h5py raises of damaged files; see `reading`.
    """
    import h5py

    size, found = 0, 0
    with h5py.File(path, "r") as file:
        seen = {_address(file)}
        waiting: list[tuple[Any, bool]] = [(file, True)]
        while waiting:
            group, counts = waiting.pop()
            for name in group:
                part = _part(path, group, name)
                found += 1
                if isinstance(part, h5py.Dataset):
                    size += part.size * part.dtype.itemsize if counts and part.size else 0
                elif isinstance(part, h5py.Group):
                    if _address(part) in seen or found > MOST_OBJECTS:
                        raise _strange(path, f"its group {part.name!r} holds itself, or has no end")
                    seen.add(_address(part))
                    top = read is not None and group.name == "/"
                    waiting.append((part, name in (read or ()) if top else counts))
    if size > installed():
        raise FileError(
            "file-too-large",
            f"{path} holds {size / 1e9:,.0f} GB of numbers.",
            f"No more than the {installed() / 1e9:,.0f} GB of this machine.",
            "Read it on a larger machine, or save fewer draws.",
        )


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Read a file by libraries whose words are not for users: whatever they trip over is damage to it.

    Raises
    ------
    FileError
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (ShoalError, MemoryError):
            raise
        # h5py, its filters, h5netcdf and xarray raise errors of many classes on damaged bytes. What it was
        # stays with the error, as its cause.
        except Exception as problem:
            raise damaged(path) from problem


def _part(path: Path, group: Any, name: str) -> Any:
    """Return what a group holds under a name, if it is in this file."""
    import h5py

    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise _strange(path, f"its part {name!r} is a link")
    return group[name]


def _address(part: Any) -> int:
    import h5py

    return int(h5py.h5o.get_info(part.id).addr)


def _strange(path: Path, what: str) -> FileError:
    return FileError(
        "file-links", f"{path} is no file of draws: {what}.", "A file as arviz or `fit.save` writes it."
    )
