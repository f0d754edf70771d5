"""What a file is, from its name and its first bytes, before anything reads it."""

from __future__ import annotations

import os
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from shoal.errors import FileError
from shoal.fit.trial import readable

ZARR = (".zgroup", ".zmetadata", "zarr.json")
HDF5 = b"\x89HDF\r\n\x1a\n"
START = 512  # bytes that tell what a file is
ENDINGS = (".nc", ".nc4", ".netcdf", ".h5", ".hdf5")  # of the files that are written
SEAL = b"shoal\x00\x00\x01"  # with which the last bytes of a file begin, the checksum of all before them
CHECK = 4  # bytes of the checksum
AT_ONCE = 2**22  # bytes that are read


def check_name(path: Path) -> None:
    """Raise if a file of draws would have the name of another kind of file.

    Raises
    ------
    FileError
        Another ending.
    """
    if path.suffix.lower() not in ("", *ENDINGS):
        raise FileError(
            "result-file-ending",
            f"{path.name!r} ends in {path.suffix!r}, and draws are written as netCDF.",
            f"A name that ends in {', '.join(ENDINGS)}.",
            f"{path.with_suffix('.nc').name!r}, say; a table of the draws is "
            "fit.tree['posterior'].to_dataset().to_dataframe().",
        )


def damaged(path: Path) -> FileError:
    """Return the error for a file of the right kind that cannot be read to its end."""
    return FileError(
        "file-damaged",
        f"{path} is damaged: it begins as a netCDF 4 file, and cannot be read as one.",
        "A complete result file.",
        "It may have been cut off while it was written or copied: copy it again, or save the draws again.",
    )


def seal(content: bytes | memoryview) -> bytes:
    """Return what is written behind a file's content, the checksum: HDF5 reads no further than its own."""
    return SEAL + zlib.crc32(content).to_bytes(CHECK, "little")


def sealed(path: Path) -> bool:
    """Return whether a file ends in a checksum, and is as it was written.

    HDF5 returns the wrong numbers for most bits that were flipped, and knows nothing of it. Files of other
    programs, and older ones, have no checksum; one that was cut off has none, and HDF5 misses its end.

    Raises
    ------
    FileError
        It ends in the checksum of something else.
    """
    end = len(SEAL) + CHECK
    with path.open("rb") as file:
        size = path.stat().st_size - end
        if size < 0:
            return False
        file.seek(size)
        last = file.read(end)
        if not last.startswith(SEAL):
            return False
        file.seek(0)
        if _checksum(file, size) != last[len(SEAL) :]:
            raise FileError(
                "file-damaged",
                f"{path} is damaged: some of its bytes are not those that were written.",
                "The file as it was saved, whose last bytes are the checksum of all others.",
                "Copy it again, or save the draws again.",
            )
    return True


def _checksum(file: BinaryIO, size: int) -> bytes:
    """Return the checksum of the next `size` bytes."""
    found = 0
    while size > 0 and (content := file.read(min(size, AT_ONCE))):
        found, size = zlib.crc32(content, found), size - len(content)
    return found.to_bytes(CHECK, "little")


def engine_of(path: Path) -> str:
    """Return xarray's engine for a file, from its first bytes.

    Raises
    ------
    FileError
        If it is missing, empty, of another kind, or not as it was written.
    """
    if not os.path.exists(path):  # False of names that no file can have, at which Path.exists() fails
        raise FileError(
            "no-file", f"There is no file {path}.", "A result file: netCDF as arviz or `fit.save` writes it."
        )
    if path.is_dir():
        if not any((path / name).exists() for name in ZARR):
            raise FileError(
                "not-a-result-file",
                f"{path} is a folder, and no Zarr store.",
                "A result file, or a Zarr store.",
            )
        if find_spec("zarr") is None:
            raise FileError(
                "zarr-missing", f"{path} is a folder, as Zarr stores are.", "To read it: pip install zarr."
            )
        return "zarr"
    with path.open("rb") as file:
        start = file.read(START)
    if start.startswith(HDF5):
        about = path.stat()
        if not sealed(path) and not readable(str(path.resolve()), about.st_size, about.st_mtime_ns):
            raise damaged(path)
        return "h5netcdf"
    if not start:
        raise FileError("file-empty", f"{path} is empty.", "A complete result file.", "Save the draws again.")
    if start.startswith(b"CDF"):
        what, remedy = "netCDF 3, which has no groups", "Save the draws once more with arviz."
    elif start.lstrip().startswith((b"#", b"lp__")):
        what = "text, as CmdStan writes it"
        remedy = "Join the chains first: arviz.from_cmdstan(['chain_1.csv', …]).to_netcdf('fit.nc')."
    else:
        what, remedy = "of another kind", "Save the draws with arviz: to_netcdf('fit.nc')."
    raise FileError(
        "not-a-result-file",
        f"{path} is {what}.",
        "A netCDF 4 file (HDF5), as arviz or `fit.save` writes it.",
        remedy,
    )
