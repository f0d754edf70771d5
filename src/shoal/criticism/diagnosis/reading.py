"""Result files of any program that writes ArviZ's groups: netCDF of InferenceData or DataTree, and Zarr.

The groups are those of the InferenceData schema: https://python.arviz.org/en/stable/schema/schema.html.
Only the groups that a diagnosis reads are loaded: a file's pointwise log likelihoods may be larger than
memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from shoal.errors import FileError, ModelError, listing
from shoal.fit.file_kinds import engine_of
from shoal.fit.file_structure import check_structure, reading

GROUPS = ("posterior", "sample_stats", "prior", "log_prior", "observed_data", "constant_data")

STATISTICS = {
    "divergent__": "diverging",
    "divergent": "diverging",
    "treedepth__": "tree_depth",
    "treedepth": "tree_depth",
    "depth": "tree_depth",
    "maxdepth_reached": "reached_max_treedepth",
    "energy__": "energy",
    "accept_stat__": "acceptance_rate",
    "accept_stat": "acceptance_rate",
    "mean_tree_accept": "acceptance_rate",
    "acceptance_probability": "acceptance_rate",
    "n_leapfrog__": "n_steps",
    "n_leapfrog": "n_steps",
    "stepsize__": "step_size",
    "stepsize": "step_size",
    "lp__": "lp",
}
"""ArviZ's names of sampler statistics by those of CmdStan, nutpie, and older versions of PyMC and ArviZ."""


def groups_of(source: Any) -> dict[str, xr.Dataset]:
    """Return the groups of a file, a DataTree or an InferenceData that a diagnosis reads.

    Parameters
    ----------
    source : path, xarray.DataTree or arviz.InferenceData

    Returns
    -------
    dict of Dataset
        ``posterior`` is always there, with dims (chain, draw, ...); sampler statistics have ArviZ's names.

    Raises
    ------
    FileError
        A file that is missing, damaged, of another kind, or without a posterior.
    ModelError
        Something that holds no draws.
    """
    if isinstance(source, str | Path):
        return _checked(*_of_file(Path(source)), str(source))
    if isinstance(source, xr.DataTree):
        found = {name: source[name].to_dataset() for name in GROUPS if name in source.children}
        return _checked(found, source.attrs, "The tree")
    # InferenceData of ArviZ 0.x: a method tells its groups, each an attribute.
    if callable(names := getattr(source, "groups", None)):
        found = {name: getattr(source, name) for name in names() if name in GROUPS}
        return _checked(found, {}, "The InferenceData")
    raise ModelError(
        "not-draws",
        f"Draws were given as {type(source).__name__}.",
        "A file name, an xarray.DataTree, an arviz.InferenceData, or a fit of Shoal.",
    )


def attributes(path: Path) -> Mapping[Any, Any]:
    """Return the attributes of a file as a whole.

    Raises
    ------
    FileError
    """
    opened = _open(path)
    try:
        return dict(opened["/"].attrs)
    finally:
        _close(opened)


def _of_file(path: Path) -> tuple[dict[str, xr.Dataset], dict[Any, Any]]:
    """Return the groups of a file, and its own attributes."""
    opened = _open(path)
    try:
        with reading(path):
            found = {name: opened[f"/{name}"].load() for name in GROUPS if f"/{name}" in opened}
            if "posterior" not in found and {"chain", "draw"} <= set(opened["/"].dims):
                found["posterior"] = opened["/"].load()  # a Dataset of draws, saved alone
    finally:
        _close(opened)
    if not found.get("posterior", xr.Dataset()).data_vars:
        there = listing(sorted(name.strip("/") for name in opened if name != "/")) or "none"
        raise FileError(
            "file-without-posterior",
            f"{path} has no posterior draws; its groups: {there}.",
            "A file of draws, as arviz writes it: a group named posterior.",
        )
    return found, dict(opened["/"].attrs)


def _open(path: Path) -> dict[str, xr.Dataset]:
    """Return all groups of a file by their paths, values not read yet."""
    engine = engine_of(path)
    with reading(path):
        if engine == "zarr":
            return xr.open_groups(path, engine=engine)
        check_structure(path, GROUPS)
        return xr.open_groups(path, engine=engine, phony_dims="sort")


def _close(opened: Mapping[str, xr.Dataset]) -> None:
    for group in opened.values():
        group.close()


def _checked(found: dict[str, xr.Dataset], attrs: Mapping[Any, Any], what: str) -> dict[str, xr.Dataset]:
    """Return the groups with ArviZ's names, dims (chain, draw) first, and attributes with the posterior."""
    posterior = found.get("posterior", xr.Dataset())
    if not posterior.data_vars:
        raise ModelError("no-posterior", f"{what} has no posterior draws.", "A group named posterior.")
    if missing := {"chain", "draw"} - set(posterior.dims):
        raise ModelError(
            "posterior-dimensions",
            f"The posterior of {what} has no dimension {listing(sorted(missing))}; it has "
            f"{listing(map(str, posterior.dims))}.",
            "Draws by chain and draw.",
            "Give it two: posterior.expand_dims('chain'), or arviz's converters.",
        )
    if not posterior.sizes["chain"] * posterior.sizes["draw"]:
        raise ModelError(
            "posterior-empty",
            f"The posterior of {what} has no draws.",
            "One chain of a few hundred draws at least.",
        )
    if not _ordered(posterior).data_vars:
        kinds = listing(f"{name} ({v.dtype})" for name, v in posterior.data_vars.items())
        raise ModelError(
            "posterior-not-numbers",
            f"No variable of {what} holds real numbers by chain and draw: {kinds}.",
            "Draws of real numbers, with the dimensions chain and draw.",
            "Save the real and imaginary parts, or the text's codes, as variables of their own.",
        )
    stats = _renamed(found.get("sample_stats", xr.Dataset()))
    # CmdStan's columns end in two underscores; read without a converter they stand among the parameters.
    strays = {n for n in posterior.data_vars if str(n).endswith("__") and n in STATISTICS}
    if strays:
        stats = _renamed(posterior[sorted(strays, key=str)]).merge(stats, compat="override")
        posterior = posterior.drop_vars(strays)
    stats = stats[[n for n, v in stats.data_vars.items() if set(v.dims) == {"chain", "draw"}]]
    return {
        **found,
        "posterior": _ordered(posterior).assign_attrs({**attrs, **posterior.attrs}),
        "sample_stats": _ordered(stats),
        "prior": _ordered(found.get("prior", xr.Dataset())),
        "log_prior": _ordered(found.get("log_prior", xr.Dataset())),
    }


def _renamed(stats: xr.Dataset) -> xr.Dataset:
    """Return sampler statistics by ArviZ's names; one that is there already stays."""
    names = {old: new for old, new in STATISTICS.items() if old in stats.data_vars}
    taken: set[Any] = set(stats.data_vars)
    fresh: dict[str, str] = {}
    for old, new in names.items():
        if new not in taken:
            taken.add(new)
            fresh[old] = new
    return stats.rename_vars(fresh)


def _ordered(data: xr.Dataset) -> xr.Dataset:
    """Return the numeric variables that have chains and draws, those dims first."""
    kept = [
        n for n, v in data.data_vars.items() if {"chain", "draw"} <= set(v.dims) and v.dtype.kind in "fiub"
    ]
    return data[kept].transpose("chain", "draw", ..., missing_dims="ignore")
