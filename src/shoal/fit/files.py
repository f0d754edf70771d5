"""Result files: netCDF that any ArviZ reads, with all that is needed to rebuild the model.

Loading parses a formula and reads numbers; it runs no code from the file.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from shoal.errors import FileError, ModelError, ShoalError, listing
from shoal.families import Family
from shoal.fit.file_kinds import check_name, engine_of, seal
from shoal.fit.file_structure import check_structure, reading
from shoal.fit.own_families import Families, checked, family_of
from shoal.fit.pointwise import at_draws
from shoal.fit.results import Results
from shoal.fit.whole_files import whole
from shoal.fit.zarr_record import read_tree
from shoal.model import Response, Specification, designs_of
from shoal.model.default_priors import resolve
from shoal.model.grouping_factors import safe
from shoal.model.terms.variable import ResolvedPrior
from shoal.model.variants import pooled
from shoal.priors import from_record
from shoal.tables import Dropped, Reduction, Table

LIKELIHOODS = "log_likelihoods"  # attribute: of some draws of each chain, as they were when they were written
REMEMBERED = 3

TABLES = ("settings", "seconds", "sampler_facts", "versions")  # attributes that are mappings, as JSON


def save(results: Results, path: str | Path) -> Path:
    """Write results to a netCDF file; the file appears whole or not at all.

    Raises
    ------
    FileError
        If the file cannot be written.
    """
    path = path_of(path)
    check_name(path)
    tree = results.tree.copy(deep=False)
    tree.attrs = dict(tree.attrs) | _likelihoods(results)
    # Made in memory: where the disk is full, HDF5 does not fail but ends the process.
    buffer = io.BytesIO()  # our own: a view of another's would outlive it
    tree.to_netcdf(buffer, engine="h5netcdf")
    content = buffer.getvalue()
    with whole(path) as part, part.open("wb") as file:
        file.write(content)
        file.write(seal(content))
    return path


def _likelihoods(results: Results) -> dict[str, str]:
    """Return the log likelihood of some draws, by which a reader sees that model and draws are the same."""
    try:
        return {LIKELIHOODS: json.dumps(at_draws(results, REMEMBERED)[1].tolist())}
    except ModelError:  # effects were not kept
        return {}


def load(path: str | Path, families: Families = ()) -> Results:
    """Read results written by `save`, or a checkpoint of a run that is done.

    Parameters
    ----------
    path : path
    families : Family or subclass of it, or sequence of them
        Families of the reader's own, for models that were fitted with one.

    Raises
    ------
    FileError
        If the file is missing, damaged, or not written by Shoal, or needs a family that is not given.
    ModelError
        If `families` holds anything else.
    """
    path, families = path_of(path), checked(families)
    engine = engine_of(path)
    if engine == "zarr":
        with reading(path):
            tree = read_tree(path)
        return results_of(tree, str(path), families)
    with reading(path):
        check_structure(path)
        with xr.open_datatree(path, engine=engine, phony_dims="sort") as tree:
            tree = tree.load()
    return results_of(tree, str(path), families)


def results_of(tree: xr.DataTree, place: str = "The tree", families: Families = ()) -> Results:
    """Return what `Fit.tree` or a file's tree holds as results, the model rebuilt from it.

    Parameters
    ----------
    tree : xarray.DataTree
        All groups and attributes of a fit of Shoal; it is kept, not copied.
    place : str
        Where the tree is from, for messages.
    families : Family or subclass of it, or sequence of them
        As `load` takes them.

    Raises
    ------
    FileError
        If the tree is not Shoal's, lacks a part, or needs a family that is not given.
    """
    if (library := tree.attrs.get("inference_library", "another program")) != "shoal":
        raise FileError(
            "file-of-another-program",
            f"{place} was written by {library}, not by Shoal.",
            "A result of Shoal.",
        )
    try:
        return Results(_model(tree, _families(tree, place, checked(families))), tree)
    except (FileError, MemoryError):
        raise
    except ShoalError as problem:
        found = f"The model in {place} cannot be rebuilt."
        raise FileError("file-not-a-model", found, str(problem)) from problem
    # A file may hold anything in place of any part, and reading it may fail in any way: the cause is kept.
    except Exception as problem:
        named = problem.args and isinstance(problem, KeyError | ValueError | TypeError)
        said = f": {problem.args[0]}" if named else ""
        missing = f"{place} lacks a part of the model, or has another in its place{said}."
        raise FileError("file-incomplete", missing, "A complete result file.") from problem


def path_of(given: str | Path) -> Path:
    """Return the path that names a file.

    Raises
    ------
    FileError
        If it is none.
    """
    needed = "A path, such as 'fit.nc'."
    try:
        path = Path(given)
    except TypeError as problem:
        raise FileError("not-a-path", f"The file was given as {given!r}.", needed) from problem
    if not path.name:
        raise FileError("not-a-path", f"The file was given as {str(given)!r}, which names none.", needed)
    return path


def _families(tree: xr.DataTree, place: str, given: Sequence[Family | type[Family]]) -> list[Family]:
    """Return the family of each response."""
    return [family_of(record, place, given) for record in json.loads(tree.attrs["family"])]


def _check_attributes(attrs: Mapping[Any, Any]) -> None:
    """Raise `ValueError` if what is said of the run is of another kind; older files say less of it."""
    for name in TABLES:
        if not isinstance(json.loads(attrs.get(name, "{}")), dict):
            raise ValueError(f"{name} is no table of names")
    int(attrs.get("seed", 0))


def _model(tree: xr.DataTree, families: list[Family]) -> Specification:
    _check_attributes(tree.attrs)
    formulas = json.loads(tree.attrs["formula"])
    # Files written before know of no predictors of parameters.
    predictors = json.loads(tree.attrs.get("predictors", json.dumps([{}] * len(formulas))))
    responses = [
        Response(text, family, predictors=own)
        for text, family, own in zip(formulas, families, predictors, strict=True)
    ]
    constant = tree["constant_data"].to_dataset()
    columns = {str(k): v for k, v in constant.data_vars.items() if str(k).startswith("column_")}
    missing_of = {name: constant.get(name.replace("column_", "missing_")) for name in columns}
    frame = pd.DataFrame(dict(_column(v, missing_of[name]) for name, v in columns.items()))
    # Files written before know of no rows that were dropped.
    table = Table(frame, tuple(frame.columns), _dropped(tree.attrs.get("dropped", "null")))
    if (record := json.loads(tree.attrs.get("reduction", "null"))) is not None:
        table = replace(table, reduction=Reduction.of(record, constant["counts"].to_numpy()))
    covariances = _covariances(responses, constant)
    rescor = bool(tree.attrs.get("rescor", False))
    designs = designs_of(responses, table, covariances, quiet=True, rescor=rescor)
    pooling = tree.attrs.get("pooling", "partial")
    designs = pooled(designs, pooling)
    known = resolve(designs, {})
    # Files written before have names without slashes here, too.
    written = {safe(name): name for name in known}
    priors = {written.get(name, name): prior for name, prior in _priors(tree.attrs["priors"]).items()}
    model = Specification(designs, priors, table, covariances, pooling)
    if missing := set(known) - set(priors):
        raise KeyError(f"the priors of {listing(sorted(missing))}")
    needed = {safe(variable.name) for variable in model.variables if not variable.many}
    posterior = tree["posterior"].data_vars
    if missing := needed - set(posterior):
        raise KeyError(f"the draws of {listing(sorted(missing))}")
    for name, draws in posterior.items():
        if draws.dims[:2] != ("chain", "draw") or draws.dtype.kind not in "fiub":
            raise ValueError(f"{name} is not of real numbers by chain and draw")
    for group in ("sample_stats", *(() if table.reduction else ("observed_data",))):
        if not tree[group].data_vars:
            raise KeyError(group)
    return model


def _dropped(text: str) -> Dropped | None:
    found = json.loads(text)
    if found is None:
        return None
    columns = tuple((name, n) for name, n in found["columns"])
    return Dropped(tuple(found["rows"]), found["of"], columns, found.get("unnumbered", 0))


def _covariances(responses: Sequence[Response], constant: xr.Dataset) -> dict[str, Any]:
    """Return the known covariances between levels, as they were given."""
    out: dict[str, Any] = {}
    formulas = [f for r in responses for f in (r.formulas[0], *r.formulas[1].values())]
    for name in set[str]().union(*(formula.matrices for formula in formulas)):
        matrix = constant[f"covariance_{name}"]
        row, column = (matrix[dim].values for dim in matrix.dims)
        out[name] = matrix.values
        if matrix.attrs["labelled"]:
            out[name] = pd.DataFrame(matrix.values, index=row, columns=column)
    return out


def _priors(text: str) -> dict[str, ResolvedPrior]:
    priors, records = {}, json.loads(text)
    if not isinstance(records, dict):
        raise ValueError("the priors are not a table of names")
    for name, record in records.items():
        default, centered = bool(record.pop("default")), bool(record.pop("centered"))
        joint = bool(record.pop("joint", False))  # files written before have none
        priors[name] = ResolvedPrior(from_record(record), default, centered, joint)
    return priors


def _column(variable: xr.DataArray, missing: xr.DataArray | None) -> tuple[str, Any]:
    """Return name and values of a stored column; the inverse of `results._constant`."""
    values, attrs = variable.to_numpy(), variable.attrs
    gone = np.zeros(len(values), bool) if missing is None else missing.to_numpy().astype(bool)
    if attrs.get("kind") == "bool":
        values = values.astype(bool)
    if "categories" in attrs:
        categories = json.loads(attrs["categories"])
        kept = [None if lacks else v for v, lacks in zip(_as_type_of(values, categories), gone, strict=True)]
        ordered = attrs.get("ordered") == "True"
        return attrs["column"], pd.Categorical(kept, categories=categories, ordered=ordered)
    if values.dtype.kind not in "iufb":
        text = [None if lacks else str(v) for v, lacks in zip(values, gone, strict=True)]
        return attrs["column"], pd.Series(text, dtype=object)
    return attrs["column"], values


def _as_type_of(values: np.ndarray, categories: list[Any]) -> list[Any]:
    kind = type(categories[0]) if categories else str
    return [kind(v) for v in values]
