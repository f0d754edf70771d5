"""Draws with their names: the result of a fit as an ArviZ-shaped DataTree."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from shoal.engine.settings import Chains, Settings
from shoal.errors import ModelError
from shoal.fit.own_families import record_of
from shoal.fit.posterior import Posterior
from shoal.model import Specification
from shoal.model.grouping_factors import ESCAPED, safe
from shoal.model.terms.variable import Variable
from shoal.priors import to_record

SUMMARIES = "level_summaries"  # a group of the tree
KEPT = ("warmup", "target_accept", "thin")  # settings, beside those that draws themselves tell


@dataclass(frozen=True)
class Results:
    """A fitted model.

    Attributes
    ----------
    model : Specification
    tree : xarray.DataTree
        Groups ``posterior``, ``sample_stats``, ``observed_data``, ``constant_data``; attributes say how it
        was made.
    """

    model: Specification
    tree: xr.DataTree

    @property
    def posterior(self) -> xr.Dataset:
        """Posterior draws, named as the formula has it: the tree's names are without slashes."""
        found = self.tree["posterior"].to_dataset()
        if not any(ESCAPED in str(name) for name in (*found.data_vars, *found.dims)):
            return found
        written = (name for variable in self.model.variables for name in (variable.name, *variable.dims))
        return _renamed(found, {safe(name): name for name in written})

    def with_posterior(self, posterior: xr.Dataset) -> Results:
        """Return results of the same model that hold some draws and nothing else."""
        return Results(self.model, xr.DataTree.from_dict({"posterior": escaped(posterior)}))

    @property
    def stats(self) -> xr.Dataset:
        """Statistics of the sampler, by draw."""
        return self.tree["sample_stats"].to_dataset()

    @property
    def summaries(self) -> xr.Dataset | None:
        """Summaries of levels whose draws were not kept, None where there are none."""
        return self.tree[SUMMARIES].to_dataset() if SUMMARIES in self.tree.children else None

    @property
    def attrs(self) -> dict[str, Any]:
        """How the fit was made."""
        return {str(k): v for k, v in self.tree.attrs.items()}

    def hyperparameters(self) -> list[str]:
        """Names of all posterior variables but those with one value a level."""
        effects = self.model.group_effects
        return [str(name) for name in self.posterior.data_vars if name not in effects]


def not_kept(name: str) -> ModelError:
    """Return the error where draws of group effects are needed and there are none."""
    return ModelError(
        "effects-not-kept",
        f"The draws of {name} were not kept (store='none' or 'summaries').",
        "A fit with the draws of the effects.",
        "Fit with store='single', which halves their memory, or with store='disk' and "
        "checkpoint='run.zarr', which leaves them on disk.",
    )


def escaped(data: xr.Dataset) -> xr.Dataset:
    """Return data with the names of its variables and dimensions as a tree takes them."""
    return _renamed(data, {name: safe(name) for name in map(str, (*data.data_vars, *data.dims))})


def _renamed(data: xr.Dataset, names: Mapping[str, str]) -> xr.Dataset:
    there = [name for name in map(str, (*data.data_vars, *data.dims)) if names.get(name, name) != name]
    return data.rename({name: names[name] for name in there})


def scalar_name(name: str, array: xr.DataArray, position: int) -> str:
    """Return the name of one scalar of a variable, such as ``r_district[7, Intercept]``."""
    dims, shape = array.dims[2:], array.shape[2:]
    where = zip(dims, np.unravel_index(position, shape), strict=True)
    labels = ", ".join(str(array[dim].values[i]) for dim, i in where)
    return f"{name}[{labels}]" if labels else name


def assemble(
    posterior: Posterior,
    draws: Chains,
    variables: Mapping[str, Any],
    settings: Settings,
    seconds: Mapping[str, float],
    notes: list[str],
    summaries: xr.Dataset | None = None,
) -> Results:
    """Name the draws and say how they were made.

    Parameters
    ----------
    variables : dict
        Posterior variables by name, as a Dataset takes them: their dimensions and draws.
    seconds : mapping
        Wall time by stage.
    notes : list of str
        What happened on the way, e.g. that NUTS took over.
    summaries : Dataset, optional
        Of levels whose draws are not kept (`level_summaries`).
    """
    model = posterior.model
    chain, draw = np.arange(settings.chains), np.arange(settings.draws)
    coords = {"chain": chain, "draw": draw}
    tree = xr.DataTree.from_dict(
        {
            "posterior": escaped(
                xr.Dataset(variables, coords={**coords, **coords_of(posterior.assembled.declared)})
            ),
            "sample_stats": xr.Dataset(
                {name: (("chain", "draw"), values) for name, values in draws.stats.items()}, coords=coords
            ),
            "observed_data": observed_data(model),
            "constant_data": _constant(model),
            **({} if summaries is None else {SUMMARIES: summaries}),
        }
    )
    tree.attrs = {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "inference_library": "shoal",
        "inference_library_version": version("shoal"),
        "versions": json.dumps({name: version(name) for name in ("numba", "numpy", "xarray")}),
        "formula": json.dumps([d.formula.text for d in model.designs]),
        "family": json.dumps([record_of(d.family) for d in model.designs]),
        "predictors": json.dumps([d.predictor_formulas for d in model.designs]),
        "rescor": int(any(design.rescor for design in model.designs)),
        "pooling": model.pooling,
        "reduction": json.dumps(None if model.table.reduction is None else model.table.reduction.record()),
        "dropped": json.dumps(None if model.table.dropped is None else asdict(model.table.dropped)),
        "priors": json.dumps(prior_records(model)),
        "plan": str(posterior.plan),
        "sampled_coordinates": "integrated" if posterior.plan.integrate else posterior.plan.coordinates,
        "sampler": draws.sampler,
        "sampler_facts": json.dumps(draws.facts),
        "notes": json.dumps(notes),
        "settings": json.dumps({name: getattr(settings, name) for name in KEPT}),
        "seed": int(settings.seed) if settings.seed < 2**63 else str(settings.seed),  # netCDF has 64 bits
        "seconds": json.dumps({name: round(value, 3) for name, value in seconds.items()}),
    }
    return Results(model, tree)


def coords_of(variables: Iterable[Variable]) -> dict[str, Any]:
    """Return the labels of all dimensions of parameters: levels, effects, neighbouring categories."""
    return {dim: np.asarray(labels) for variable in variables for dim, labels in variable.dims.items()}


def observed_data(model: Specification) -> xr.Dataset:
    """Return the responses; of an ordered one, the number of the category (`Design.category_numbers`).

    There are none of a table that is not in memory: what stands for its rows is no response of one.
    """
    if model.table.reduction is not None:
        return xr.Dataset(attrs={"not_in_memory": str(model.table.reduction)})
    data = {
        safe(d.formula.response.value.text): (("row", *d.category_dims), d.observed) for d in model.designs
    }
    labels = {dim: list(d.categories) for d in model.designs for dim in d.category_dims}
    return xr.Dataset(data, coords={"row": np.arange(model.designs[0].n_rows), **labels})


def _constant(model: Specification) -> xr.Dataset:
    """Return the table's columns, with what netCDF cannot say (categories, booleans) in attributes."""
    columns: dict[str, Any] = {}
    reduction = model.table.reduction
    names = dict.fromkeys(c for part in model.parts for c in part.formula.columns)
    for number, name in enumerate(names if reduction is None else map(str, model.table.frame)):
        column = model.table.frame[name]
        values, kind = column.to_numpy(), {"column": name}
        if str(column.dtype) == "category":
            kind["categories"] = json.dumps(column.cat.categories.tolist())
            kind["ordered"] = str(column.cat.ordered)
            values = column.cat.categories.to_numpy()[column.cat.codes]  # of those that are missing, the last
        if values.dtype.kind != "f" and (missing := column.isna().to_numpy()).any():
            columns[f"missing_{number}"] = ("row", missing.astype(np.int8))
        if values.dtype == bool:
            kind["kind"], values = "bool", values.astype(np.int8)
        if values.dtype.kind not in "iuf":
            values = values.astype(str).astype(object)
        columns[f"column_{number}"] = ("row", values, kind)
    if reduction is not None:
        columns["counts"] = ("row", reduction.counts)
    for name, given in model.covariances.items():
        dims = [f"covariance_{name}_{side}" for side in ("row", "column")]
        frame = pd.DataFrame(given)
        labels = {dims[0]: frame.index.to_numpy(), dims[1]: frame.columns.to_numpy()}
        labelled = hasattr(given, "columns")
        columns[f"covariance_{name}"] = xr.DataArray(
            frame.to_numpy(float), dims=dims, coords=labels, attrs={"labelled": int(labelled)}
        )
    return xr.Dataset(columns)


def prior_records(model: Specification) -> dict[str, Any]:
    """Return every prior as data."""
    return {
        name: {**to_record(p.prior), "default": p.default, "centered": p.centered, "joint": p.joint}
        for name, p in model.priors.items()
    }
