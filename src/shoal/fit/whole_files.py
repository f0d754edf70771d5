"""Files that appear whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shoal.errors import FileError

FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
ENDING = ".part"  # of what is being written, or was when its process ended


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield the name of a file to be written, which takes the place of `path` once it is complete.

    It is on disk before it takes the name, so that neither a killed process nor a machine that loses its
    power leaves a part of it there.

    Raises
    ------
    FileError
        If it cannot be written; what was there is left alone.
    """
    if not path.parent.is_dir():
        raise FileError(
            "no-folder",
            f"There is no folder {path.parent}.",
            f"A folder that exists, to write {path.name} into.",
        )
    part = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}{ENDING}")
    try:
        yield part
        with part.open("r+b") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as problem:
        raise refused(path, problem) from problem
    finally:
        part.unlink(missing_ok=True)


def refused(path: Path, problem: OSError) -> FileError:
    """Return what is raised where the system refuses to write at a path."""
    number = problem.errno  # which HDF5 keeps, but writes its own words around
    why = os.strerror(number) if number else "the system refuses it"
    needed = "Room on the disk." if number in FULL else "A folder you may write to."
    return FileError("file-not-writable", f"{path} cannot be written: {why}.", needed)
