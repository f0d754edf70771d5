"""Log densities of all rows of levels, with the effects that only these rows tell of integrated out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from shoal.families import Rows
from shoal.fit.pointwise import flat
from shoal.fit.results import Results
from shoal.fit.row_blocks import BLOCK, part, shared_draws
from shoal.model.design import Design, merge
from shoal.model.predictors import linear_predictor, phi_of
from shoal.sample.programs import double, program
from shoal.scores.loo.effects import freedom, loaded, student_sets
from shoal.scores.loo.integrate import SAMPLING, Integral, log_integrals, points
from shoal.scores.loo.units import Inside, Units, inside

LARGEST = 2**24  # numbers: rows of a unit, padded, times draws that are held at once
MANY = 256  # rows of a unit


@dataclass(frozen=True)
class Merged:
    """The rows of one response, sorted by unit; equal ones of a unit merged.

    Attributes
    ----------
    design : Design
        Without the effects that are integrated.
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
        One a response: `row_blocks.shared_draws`.
    phi : tuple of dicts of (S, ...) arrays
        The families' parameters.
    lam, nu : list of arrays
        Of each factor that has levels inside units: `effects.loaded` and `effects.freedom`.
    """

    posterior: xr.Dataset
    shared: list[dict[str, np.ndarray]]
    phi: tuple[dict[str, np.ndarray], ...]
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
    merged = [_merged(design, _given(design, places), units) for design in model.designs]
    rows = np.sum([np.diff(m.starts) for m in merged], axis=0)
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    parts = [_some(merged, places, part) for part in _cut(posterior, int(rows[which].max()))]
    for block in _blocks(which, rows * chains * draws):
        found = [_at(part, merged, places, block, cores) for part in parts]
        values = [v.reshape(chains, -1, len(block)) for v, _, _ in found]
        joined = np.concatenate(values, axis=1).reshape(chains * draws, len(block))
        yield block, joined, found[0][1], np.mean([error for _, _, error in found], axis=0)


def _cut(posterior: xr.Dataset, rows: int) -> list[xr.Dataset]:
    """Return draws of all chains in parts, so few that `rows` rows take no more than `LARGEST` numbers."""
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    most = max(1, LARGEST // (_padded(rows) * chains))
    # A divisor of the number of draws: one program for all parts.
    size = next(n for n in range(min(most, draws), 0, -1) if draws % n == 0)
    return [posterior.isel(draw=slice(start, start + size)) for start in range(0, draws, size)]


def _some(merged: Sequence[Merged], places: Sequence[Inside], posterior: xr.Dataset) -> _Some:
    shared = [flat(shared_draws(m.design, posterior)) for m in merged]
    phi = [phi_of(m.design, own) for m, own in zip(merged, shared, strict=True)]
    return _Some(
        posterior,
        shared,
        tuple({name: value[:, 0] for name, value in own.items()} for own in phi),
        [loaded(place.factor, posterior) for place in places],
        [freedom(place.factor, posterior) for place in places],
    )


def _at(
    some: _Some, merged: Sequence[Merged], places: Sequence[Inside], block: np.ndarray, cores: int
) -> tuple[np.ndarray, tuple[str, ...], np.ndarray]:
    """Return the log densities of some units at some draws (S, U), the methods, and mean errors (U,)."""
    bases = [_bases(m, own, some, places, block) for m, own in zip(merged, some.shared, strict=True)]
    with ThreadPoolExecutor(cores) as pool:
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
    gone = {id(g) for p in places if (p.home >= 0).all() for _, g in p.factor.groups}
    latents = {t.name for p in places if (p.home >= 0).all() for _, t in p.factor.loadings}
    return replace(
        design,
        groups=tuple(g for g in design.groups if id(g) not in gone),
        latents=tuple(t for t in design.latents if t.name not in latents),
    )


def _merged(design: Design, given: Design, units: Units) -> Merged:
    merged = merge(design, units.of_row)
    of_row = units.of_row[merged.first]
    order = np.argsort(of_row, kind="stable")
    counts = np.bincount(of_row, minlength=len(units.labels))
    constant = np.bincount(units.of_row, design.family.log_constant(design.rows), len(units.labels))
    rows = Rows(*(np.asarray(column)[order] for column in merged.rows))
    return Merged(given, rows, merged.first[order], np.concatenate([[0], np.cumsum(counts)]), constant)


def _bases(
    m: Merged, shared: dict[str, np.ndarray], some: _Some, places: Sequence[Inside], block: np.ndarray
) -> list[np.ndarray]:
    """Return the linear predictor of each unit's rows without the effects to be integrated, (S, n) each."""
    rows = np.concatenate([np.arange(m.starts[u], m.starts[u + 1]) for u in block])
    design, effects = part(m.design, m.design, some.posterior, m.first[rows])
    draws = shared | flat(effects)
    for place in places:
        for group in design.groups:
            if group.name == place.factor.name and group.root is None:
                # `part` numbers the levels anew: by order among those that are there.
                own = place.home[np.unique(place.level[m.first[rows]])] >= 0
                draws[group.r] = np.where(own[:, None], 0.0, draws[group.r])
        for latent in design.latents:
            if latent.factor == place.factor.name:
                own = place.home[np.unique(place.level[m.first[rows]])] >= 0
                draws[f"latent_{latent.name}"] = np.where(own, 0.0, draws[f"latent_{latent.name}"])
    eta = np.broadcast_to(linear_predictor(design, draws), (some.size, len(rows)))
    return np.split(eta, np.cumsum(m.starts[block + 1] - m.starts[block])[:-1], axis=1)


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
    base : sequence of (S, n) arrays
        Of each response, the linear predictor of the unit's rows without these effects.
    """
    slices = [slice(m.starts[unit], m.starts[unit + 1]) for m in merged]
    widths = [_padded(s.stop - s.start) for s in slices]
    sides = list(zip(merged, slices, widths, strict=True))
    own = [np.flatnonzero(place.home == unit) for place in places]
    kept = [i for i, levels in enumerate(own) if levels.size]
    factors = [places[i].factor for i in kept]
    rows = [[_effects(places[i], *side, own[i]) for side in sides] for i in kept]
    kind = Integral(
        families=tuple(m.design.family for m in merged),
        levels=tuple(1 << int(own[i].size - 1).bit_length() for i in kept),
        effects=tuple(f.effects for f in factors),
        student=tuple(map(student_sets, factors)),
    )
    arguments: Any = (
        tuple(_pad_rows(*side) for side in sides),
        tuple(np.pad(b, ((0, 0), (0, width - b.shape[1]))) for b, width in zip(base, widths, strict=True)),
        some.phi,
        tuple(np.concatenate([z for z, _ in parts]) for parts in rows),
        tuple(np.concatenate([level for _, level in parts]) for parts in rows),
        tuple(some.lam[i] for i in kept),
        tuple(some.nu[i] for i in kept),
        points(kind.dimension if kind.method == SAMPLING else 0),
    )
    with double():
        value, error = program(log_integrals, kind, *arguments)(*arguments)
    return np.asarray(value) + sum(m.constant[unit] for m in merged), np.asarray(error), kind.method


def _padded(count: int) -> int:
    """Return a number of rows that many units share: a power of four, of two for many rows, or zero."""
    width = 1
    while width < count:
        width *= 4 if width < MANY else 2
    return width if count else 0


def _pad_rows(m: Merged, where: slice, width: int) -> Rows:
    """Return the rows of a unit, and behind them rows of weight zero."""
    missing = width - (where.stop - where.start)
    columns = [
        np.pad(np.asarray(c, float)[where], (0, missing), "edge" if width else "empty") for c in m.rows
    ]
    rows = Rows(*columns)
    return rows._replace(weight=np.where(np.arange(width) < width - missing, rows.weight, 0.0))


def _effects(
    place: Inside, m: Merged, where: slice, width: int, own: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return z (width, J) of a unit's rows of one response, zero for levels of several units, and the levels.

    Levels are numbered among those that are the unit's own.
    """
    table_rows = m.first[where]
    # The design here may lack groups: the factor's own members say whose response this is.
    owner = next(
        (d for d, _ in (*place.factor.groups, *place.factor.loadings) if d.prefix == m.design.prefix), None
    )
    z = np.zeros((width, place.factor.n_columns))
    level = np.zeros(width, np.int64)
    if owner is None:
        return z, level
    values, _ = place.factor.columns(owner, table_rows)
    found = np.searchsorted(own, place.level[table_rows])
    found = np.minimum(found, len(own) - 1)
    mine = own[found] == place.level[table_rows]
    z[: len(table_rows)] = np.where(mine[:, None], values, 0.0)
    level[: len(table_rows)] = found
    return z, level
