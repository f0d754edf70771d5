"""Draws with their names: the result of a fit as an ArviZ-shaped DataTree."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import xarray as xr

from shoal import groups
from shoal.model import Specification
from shoal.posterior.posterior import Posterior
from shoal.priors import to_record
from shoal.sample.target import Draws, Settings

LARGEST_IN_DOUBLE = 512 * 2**20  # bytes of group effects; more are kept in float32 by default
STORES = ("auto", "double", "single", "none")


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
        """Posterior draws."""
        return self.tree["posterior"].to_dataset()

    @property
    def stats(self) -> xr.Dataset:
        """Statistics of the sampler, by draw."""
        return self.tree["sample_stats"].to_dataset()

    @property
    def attrs(self) -> dict[str, Any]:
        """How the fit was made."""
        return {str(k): v for k, v in self.tree.attrs.items()}

    def hyperparameters(self) -> list[str]:
        """Names of all posterior variables but the group effects."""
        effects = self.model.group_effects
        return [str(name) for name in self.posterior.data_vars if name != effects]


def storage(model: Specification, settings: Settings, store: str) -> str:
    """Return how group effects are kept: "double", "single" or "none".

    ``"auto"`` keeps float64 while they fit into `LARGEST_IN_DOUBLE`.
    """
    if store != "auto":
        return store
    group = model.design.group
    size = 8 * settings.chains * settings.draws * group.z.shape[1] * len(group.labels) if group else 0
    return "double" if size <= LARGEST_IN_DOUBLE else "single"


def assemble(
    posterior: Posterior, draws: Draws, settings: Settings, seconds: Mapping[str, float], notes: list[str]
) -> Results:
    """Name the draws and say how they were made.

    Parameters
    ----------
    seconds : mapping
        Wall time by stage.
    notes : list of str
        What happened on the way, e.g. that NUTS took over.
    """
    model = posterior.model
    chain, draw = np.arange(settings.chains), np.arange(settings.draws)
    coords = {"chain": chain, "draw": draw}
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(_variables(posterior, draws), coords={**coords, **_group_coords(model)}),
            "sample_stats": xr.Dataset(
                {name: (("chain", "draw"), values) for name, values in draws.stats.items()}, coords=coords
            ),
            "observed_data": _observed(model),
            "constant_data": _constant(model),
        }
    )
    tree.attrs = {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "inference_library": "shoal",
        "inference_library_version": version("shoal"),
        "versions": json.dumps({name: version(name) for name in ("jax", "numpy", "xarray")}),
        "formula": model.formula.text,
        "family": model.family.name,
        "priors": json.dumps(_prior_records(model)),
        "plan": str(posterior.plan),
        "sampled_coordinates": "integrated" if posterior.plan.integrate else posterior.plan.coordinates,
        "sampler": draws.sampler,
        "sampler_facts": json.dumps(draws.facts),
        "notes": json.dumps(notes),
        "seed": int(settings.seed) if settings.seed < 2**63 else str(settings.seed),  # netCDF has 64 bits
        "seconds": json.dumps({name: round(value, 3) for name, value in seconds.items()}),
    }
    return Results(model, tree)


def _variables(posterior: Posterior, draws: Draws) -> dict[str, Any]:
    """Return posterior variables as (dims, values), in reading order."""
    model, s = posterior.model, posterior.structure
    point, group = draws.point, posterior.model.design.group
    out: dict[str, Any] = {}
    for i, name in enumerate(model.design.columns):
        out[name] = (("chain", "draw"), point.beta[..., i])
    if group:
        effect = f"{group.name}_effect"
        out[f"sd_{group.name}"] = (("chain", "draw", effect), point.values[..., list(s.sd)])
        if s.partial:
            partial = point.values[..., list(s.partial)]
            matrix = groups.correlations(partial, s.blocks, s.n_effects)
            out[f"cor_{group.name}"] = (("chain", "draw", effect, f"{effect}_bis"), matrix)
    for name, i in s.phi:
        out[name] = (("chain", "draw"), point.values[..., i])
    if group and point.r.shape[-1]:
        out[f"r_{group.name}"] = (("chain", "draw", group.name, effect), np.swapaxes(point.r, -1, -2))
    return out


def _group_coords(model: Specification) -> dict[str, Any]:
    group = model.design.group
    if not group:
        return {}
    effects = list(group.effects)
    coords: dict[str, Any] = {group.name: group.labels, f"{group.name}_effect": effects}
    if any(len(b) > 1 for b in group.blocks):
        coords[f"{group.name}_effect_bis"] = effects
    return coords


def _observed(model: Specification) -> xr.Dataset:
    name = model.formula.response.value.text.replace("/", "∕")
    return xr.Dataset({name: ("row", model.design.rows.y)}, coords={"row": np.arange(model.design.n_rows)})


def _constant(model: Specification) -> xr.Dataset:
    """Return the table's columns, with what netCDF cannot say (categories, booleans) in attributes."""
    columns: dict[str, Any] = {}
    for name in model.formula.columns:
        column = model.table.frame[name]
        values, kind = column.to_numpy(), {"column": name}
        if str(column.dtype) == "category":
            kind["categories"] = json.dumps(column.cat.categories.tolist())
            kind["ordered"] = str(column.cat.ordered)
            values = column.astype(column.cat.categories.dtype).to_numpy()
        if values.dtype == bool:
            kind["kind"], values = "bool", values.astype(np.int8)
        if values.dtype.kind not in "iuf":
            values = values.astype(str).astype(object)
        columns[f"column_{len(columns)}"] = ("row", values, kind)
    return xr.Dataset(columns)


def _prior_records(model: Specification) -> dict[str, Any]:
    return {
        name: {**to_record(p.prior), "default": p.default, "centered": p.centered}
        for name, p in model.priors.items()
    }
