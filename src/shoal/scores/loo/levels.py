"""Log densities of all rows of levels, with the effects that only these rows tell of integrated out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from shoal.engine.threads import workers
from shoal.families import Rows
from shoal.families.predicted_parameters import COMMON
from shoal.fit.pointwise import flat
from shoal.fit.results import Results
from shoal.fit.row_blocks import BLOCK, part, shared_draws
from shoal.model.design import Design
from shoal.model.merged_rows import merge
from shoal.model.predictors import common_phi, linear_predictor
from shoal.scores.loo.effects import freedom, loaded, student_sets
from shoal.scores.loo.integrate import Integral, log_integrals
from shoal.scores.loo.units import Inside, Units, inside

LARGEST = 2**24  # numbers: rows of a unit times draws that are held at once


@dataclass(frozen=True)
class Merged:
    """The rows of one block of a response, sorted by unit; equal ones of a unit merged.

    Attributes
    ----------
    design : Design
        Without the effects that are integrated.
    block : int
        Of `Design.blocks`.
    rows : Rows
        (M,) entries.
    first : (M,) int array
        A row of the table that each stands for.
    starts : (U + 1,) int array
        Where the rows of each unit begin.
    constant : (U,) array
        Part of the log density that is free of parameters.
    """

    design: Design
    block: int
    rows: Rows
    first: np.ndarray
    starts: np.ndarray
    constant: np.ndarray


@dataclass(frozen=True)
class _Some:
    """Some draws of everything that is not integrated.

    Attributes
    ----------
    posterior : Dataset
    shared : list of dicts of (S, ...) arrays
        One a block: `row_blocks.shared_draws` of its response.
    phi : list of (S, k) arrays
        The families' parameters there.
    lam, nu : list of arrays
        Of each factor that has levels inside units: `effects.loaded` and `effects.freedom`.
    """

    posterior: xr.Dataset
    shared: list[dict[str, np.ndarray]]
    phi: list[np.ndarray]
    lam: list[np.ndarray]
    nu: list[np.ndarray]

    @property
    def size(self) -> int:
        """Number of draws, S."""
        return int(self.posterior.sizes["chain"] * self.posterior.sizes["draw"])


def of_levels(
    results: Results, units: Units, which: np.ndarray, cores: int
) -> Iterator[tuple[np.ndarray, np.ndarray, tuple[str, ...], np.ndarray]]:
    """Yield units, their log densities (S, U), and how their effects were integrated, with mean errors (U,).

    Raises
    ------
    ModelError
        If draws of effects are needed and were not kept.
    """
    model, posterior = results.model, results.posterior
    places = [place for place in inside(model, units) if (place.home >= 0).any()]
    merged = [m for design in model.designs for m in _merged(design, _given(design, places), units)]
    rows = np.sum([np.diff(m.starts) for m in merged], axis=0)
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    parts = [_some(merged, places, part) for part in _cut(posterior, int(rows[which].max()))]
    for block in _blocks(which, rows * chains * draws):
        found = [_at(part, merged, places, block, cores) for part in parts]
        values = [v.reshape(chains, -1, len(block)) for v, _, _ in found]
        joined = np.concatenate(values, axis=1).reshape(chains * draws, len(block))
        error = np.average([error for _, _, error in found], axis=0, weights=[part.size for part in parts])
        yield block, joined, found[0][1], error


def _cut(posterior: xr.Dataset, rows: int) -> list[xr.Dataset]:
    """Return draws of all chains in parts, so few that `rows` rows take no more than `LARGEST` numbers."""
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    size = max(1, LARGEST // (max(1, rows) * chains))
    return [posterior.isel(draw=slice(start, start + size)) for start in range(0, draws, size)]


def _some(merged: Sequence[Merged], places: Sequence[Inside], posterior: xr.Dataset) -> _Some:
    of_response = {id(m.design): flat(shared_draws(m.design, posterior)) for m in merged if not m.block}
    shared = [of_response[id(m.design)] for m in merged]
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    phi = [_packed(m, own) for m, own in zip(merged, shared, strict=True)]
    return _Some(
        posterior,
        shared,
        [np.broadcast_to(own, (chains * draws, *own.shape[-2:]))[..., 0] for own in phi],
        [loaded(place.factor, posterior) for place in places],
        [freedom(place.factor, posterior) for place in places],
    )


def _packed(m: Merged, draws: dict[str, np.ndarray]) -> np.ndarray:
    """Return the parameters of a block (S, k, 1); zeros for those with predictors of their own."""
    absent = {part.parameter: np.zeros((1, 1)) for part in m.design.predictors}
    sets = m.design.thresholds
    design = m.design if sets is None else replace(m.design, thresholds=sets.alone(m.block))
    return m.design.family.pack(absent | common_phi(design, draws))


def _at(
    some: _Some, merged: Sequence[Merged], places: Sequence[Inside], block: np.ndarray, cores: int
) -> tuple[np.ndarray, tuple[str, ...], np.ndarray]:
    """Return the log densities of some units at some draws (S, U), the methods, and mean errors (U,)."""
    bases = [_bases(m, own, some, places, block) for m, own in zip(merged, some.shared, strict=True)]
    with ThreadPoolExecutor(workers(cores)) as pool:
        tasks = [
            pool.submit(_of_unit, some, merged, places, int(unit), [b[i] for b in bases])
            for i, unit in enumerate(block)
        ]
        found = [task.result() for task in tasks]
    values, errors, methods = zip(*found, strict=True)
    return np.stack(values, axis=1), methods, np.array([error.mean() for error in errors])


def _blocks(which: np.ndarray, numbers: np.ndarray) -> Iterator[np.ndarray]:
    """Cut the units into blocks of about `BLOCK` numbers."""
    ends = np.cumsum(numbers[which])
    block = (ends - numbers[which]) // BLOCK
    for number in np.unique(block):
        yield which[block == number]


def _given(design: Design, places: Sequence[Inside]) -> Design:
    """Return a response without effects that are integrated for all levels: no draws are needed of them."""
    gone = {id(g) for p in places if (p.home >= 0).all() for _, g in p.factor.members}
    latents = {t.name for p in places if (p.home >= 0).all() for _, t in p.factor.loadings}

    def without(own: Design) -> Design:
        groups = tuple(g for g in own.groups if id(g) not in gone)
        return replace(own, groups=groups, latents=tuple(t for t in own.latents if t.name not in latents))

    return design.changed(without)


def _merged(design: Design, given: Design, units: Units) -> Iterator[Merged]:
    merged, count = merge(design, units.of_row), len(units.labels)
    constants = design.family.log_constant(design.rows.exact)
    every = design.blocks(np.arange(design.n_rows))
    for block, (where, own) in enumerate(zip(design.blocks(merged.first), every, strict=True)):
        of_row = units.of_row[merged.first[where]]
        order = where[np.argsort(of_row, kind="stable")]
        starts = np.concatenate([[0], np.cumsum(np.bincount(of_row, minlength=count))])
        constant = np.bincount(units.of_row[own], constants[own], count)
        yield Merged(given, block, merged.rows.at(order), merged.first[order], starts, constant)


def _bases(
    m: Merged, shared: dict[str, np.ndarray], some: _Some, places: Sequence[Inside], block: np.ndarray
) -> list[np.ndarray]:
    """Return the lines of each unit's rows without the effects to be integrated, (S, lines) each."""
    rows = np.concatenate([np.arange(m.starts[u], m.starts[u + 1]) for u in block])
    design, effects = part(m.design, m.design, some.posterior, m.first[rows])
    draws = shared | flat(effects)
    for place in places:
        for group in (g for own in m.design.parts for g in own.groups):
            if group.name == place.factor.name and group.root is None:
                # `part` numbers the levels anew: by order among those that are there.
                home = place.home[np.unique(group.index[m.first[rows]])] >= 0
                draws[group.r] = np.where(home[:, None], 0.0, draws[group.r])
        for latent in (t for own in m.design.parts for t in own.latents):
            if latent.factor == place.factor.name:
                home = place.home[np.unique(latent.index[m.first[rows]])] >= 0
                draws[f"latent_{latent.name}"] = np.where(home, 0.0, draws[f"latent_{latent.name}"])
    ends = np.cumsum(m.starts[block + 1] - m.starts[block])[:-1]
    etas = [np.broadcast_to(linear_predictor(own, draws), (some.size, len(rows))) for own in design.parts]
    return [
        np.concatenate(own, axis=1)
        for own in zip(*(np.split(eta, ends, axis=1) for eta in etas), strict=True)
    ]


def _of_unit(
    some: _Some,
    merged: Sequence[Merged],
    places: Sequence[Inside],
    unit: int,
    base: Sequence[np.ndarray],
) -> tuple[np.ndarray, np.ndarray, str]:
    """Return the log density of one unit at each draw, its errors, and how its effects were integrated.

    Parameters
    ----------
    base : sequence of (S, lines) arrays
        Of each block, the linear predictors of the unit's rows without these effects.
    """
    there = [k for k, m in enumerate(merged) if m.starts[unit + 1] > m.starts[unit]]
    sides = [(m, slice(m.starts[unit], m.starts[unit + 1])) for m in (merged[k] for k in there)]
    phi = [some.phi[k] for k in there]
    own = [np.flatnonzero(place.home == unit) for place in places]
    # Many levels before few: the Cholesky factor of nested ones then has their precision's zeros.
    kept = sorted((i for i, levels in enumerate(own) if levels.size), key=lambda i: -own[i].size)
    factors = [places[i].factor for i in kept]
    found = [[_effects(places[i], *side, own[i]) for side in sides] for i in kept]
    kind = Integral(
        families=tuple(m.design.family for m, _ in sides),
        links=tuple(_links(m.design, own) for (m, _), own in zip(sides, phi, strict=True)),
        predictors=tuple(len(m.design.parts) for m, _ in sides),
        levels=tuple(own[i].size for i in kept),
        effects=tuple(f.effects for f in factors),
        student=tuple(map(student_sets, factors)),
    )
    value, error = log_integrals(
        kind,
        [m.rows.at(where) for m, where in sides],
        np.concatenate([base[k] for k in there], axis=1),
        phi,
        [np.concatenate([z for z, _ in parts]) for parts in found],
        [np.concatenate([level for _, level in parts]) for parts in found],
        [some.lam[i] for i in kept],
        [some.nu[i] for i in kept],
    )
    return value + sum(m.constant[unit] for m in merged), error, kind.method


def _links(design: Design, phi: np.ndarray) -> tuple[int, ...]:
    """Return how each of the packed parameters comes from its predictor; cutpoints have none."""
    return design.links + (COMMON,) * (phi.shape[1] - len(design.links))


def _effects(place: Inside, m: Merged, where: slice, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return z (lines, M, J) of a unit's rows of one response, and the levels (lines, M).

    z is zero for levels of several units; levels are numbered among those that are the unit's own.
    """
    parts = [_of_predictor(place, part, m.first[where], own) for part in m.design.parts]
    return np.concatenate([z for z, _ in parts]), np.concatenate([level for _, level in parts])


def _of_predictor(
    place: Inside, part: Design, table_rows: np.ndarray, own: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return `_effects` of one linear predictor."""
    # The design here may lack groups: the factor's own members say whose predictor this is.
    owner = next((d for d in place.factor.owners if d.prefix == part.prefix), None)
    if owner is None:
        members = place.factor.belonging(place.factor.owners[0])[0].shape[1]
        level = np.zeros((len(table_rows), members), np.int64)
        return np.zeros((*level.shape, place.factor.n_columns)), level
    there, weight = (part[table_rows] for part in place.factor.belonging(owner))
    level = np.minimum(np.searchsorted(own, there), len(own) - 1)
    counts = np.where(own[level] == there, weight, 0.0)
    return counts[:, :, None] * place.factor.columns(owner, table_rows)[:, None], level
