"""What a file is, from its name and its first bytes, before anything reads it."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from shoal.errors import FileError

ZARR = (".zgroup", ".zmetadata", "zarr.json")
HDF5 = b"\x89HDF\r\n\x1a\n"
START = 512  # bytes that tell what a file is
ENDINGS = (".nc", ".nc4", ".netcdf", ".h5", ".hdf5")  # of the files that are written


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


def engine_of(path: Path) -> str:
    """Return xarray's engine for a file, from its first bytes.

    Raises
    ------
    FileError
        If it is missing, empty or of another kind.
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
