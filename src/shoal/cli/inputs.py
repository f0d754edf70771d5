"""What the arguments of a command stand for, checked before anything is sampled."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from shoal.cli.predictor_text import parse_predictors
from shoal.cli.prior_text import parse_priors
from shoal.errors import DataError, FileError, nearest
from shoal.tables.datasets import Dataset, describe, load_dataset

if TYPE_CHECKING:
    import pandas as pd

    from shoal.api import Model

SHIPPED = "dataset:"


def find_data(data: str) -> pd.DataFrame | Path:
    """Return the table that a DATA argument names: a file, files, or a data set that comes with Shoal.

    ``dataset:radon`` is always the shipped one; plain ``radon`` is, unless there is a file of that name.

    Raises
    ------
    DataError
        The name is neither.
    """
    if data.startswith(SHIPPED):
        return load_dataset(data.removeprefix(SHIPPED))
    path, known = Path(data), [dataset.name for dataset in describe()]
    if path.exists() or path.suffix or len(path.parts) > 1:
        return path
    if data in known:
        return load_dataset(data)
    raise DataError(
        "unknown-data", f"{data!r} is neither a file nor a data set of Shoal.", "", nearest(data, known)
    )


def model_of(
    formula: str,
    data: str,
    family: str,
    prior: list[str] | None,
    predictor: list[str] | None,
    missing: str,
) -> Model:
    """Return the model that a formula, a DATA argument and options stand for.

    Raises
    ------
    ShoalError
        Whatever is wrong with one of them.
    """
    from shoal.api import Model

    predictors = parse_predictors(predictor or [])
    priors = parse_priors(prior or [])
    return Model(formula, find_data(data), family, priors, predictors=predictors, missing=missing)


def find_dataset(name: str) -> Dataset:
    """Return the record of a shipped data set.

    Raises
    ------
    DataError
        There is none of that name.
    """
    known = {dataset.name: dataset for dataset in describe()}
    name = name.removeprefix(SHIPPED)
    if name not in known:
        raise DataError("unknown-data-set", f"There is no data set named {name!r}.", "", nearest(name, known))
    return known[name]


def csv_text(dataset: Dataset) -> str:
    """Return a shipped data set as its file holds it."""
    content = (resources.files("shoal.tables.datasets") / dataset.file).read_bytes()
    return (gzip.decompress(content) if dataset.file.endswith(".gz") else content).decode("utf-8")


def check_ending(
    path: Path | None, endings: Sequence[str], option: str, force: bool, files: Sequence[Path]
) -> None:
    """Make sure that an output of some kind, if there is to be one, can be written.

    Raises
    ------
    typer.BadParameter
        Another ending.
    FileError
        As `check_output` raises of any of `files`, which are read.
    """
    if path is None:
        return
    if path.suffix.lower() not in endings:
        raise typer.BadParameter(f"{path.name!r} ends in none of {', '.join(endings)}.", param_hint=option)
    for file in files:
        check_output(path, force, str(file))


def check_output(path: Path, force: bool, data: str) -> None:
    """Make sure that `path` can be written, without writing it.

    Raises
    ------
    FileError
        It exists and `force` is not given, it is no file or that of `data`, or its folder cannot be written.
    """
    if path.exists():
        if Path(data).exists() and path.samefile(data):
            raise FileError("output-is-data", f"{path} is the data.", "Another name for the result.")
        if not path.is_file():
            raise FileError(
                "output-not-a-file", f"{path} is not a file.", "The name of a file that may be written."
            )
        if not force:
            raise FileError(
                "output-exists", f"{path} exists already.", "Another name, or --force to overwrite it."
            )
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as problem:
        raise FileError(
            "folder-not-writable",
            f"Nothing can be written in the folder {str(path.parent)!r}: {problem.strerror}.",
            "A folder that exists and that you may write to.",
        ) from problem
