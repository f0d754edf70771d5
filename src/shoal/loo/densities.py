"""Log densities of units at posterior draws: of rows given their effects, of levels without them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from shoal.design import Design, merge
from shoal.families import Rows
from shoal.loo.integrate import Integral, log_integrals, points
from shoal.loo.units import ROW, Inside, Trials, Units, inside
from shoal.new_levels import from_population, square_root
from shoal.pointwise import block_log_likelihood, block_mean, flat, row_log_likelihood
from shoal.posterior.layout import Gathered
from shoal.prior_draws import linear_predictor, phi_of
from shoal.results import Results
from shoal.row_blocks import BLOCK, blocks, part, shared_draws
from shoal.sample.programs import double, program

WIDEST = 4  # rows are padded to powers of this, so that few programs serve units of all sizes


@dataclass(frozen=True)
class Densities:
    """Log densities of some units.

    Attributes
    ----------
    units : (U,) int array
        Which.
    values : (S, U) array
        At each draw, the chains one after the other.
    method : tuple of str
        How the effects of each were integrated: "none", "exact", "quadrature", "importance sampling".
    error : (U,) array
        Mean over draws of the integrals' errors: of the log by quadrature, relative by importance sampling.
    means : (S, U) array or None
        Expected response of each, where there is one.
    """

    units: np.ndarray
    values: np.ndarray
    method: tuple[str, ...]
    error: np.ndarray
    means: np.ndarray | None = None


@dataclass(frozen=True)
class _Merged:
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


def densities(
    results: Results, units: Units, which: np.ndarray, cores: int, alone: bool = False
) -> Iterator[Densities]:
    """Yield the log densities of some units, a block of them at a time.

    Rows are asked about given the effects of their levels; levels, with their own effects integrated out.

    Parameters
    ----------
    which : (U,) int array
        Some of the units, ascending.
    cores : int
        Units whose effects are integrated side by side. LAPACK is to have one thread (`one_thread_lapack`).
    alone : bool
        A row that is all there is of a level has that level's effect integrated out, too: the same density
        left out, since nothing but its population is known of the level then.

    Raises
    ------
    ModelError
        If draws of effects are needed and were not kept.
    """
    if units.trials is not None:
        yield from _of_trials(results, units.trials, which)
    elif units.name == ROW and not alone:
        yield from _of_rows(results, which)
    elif units.name == ROW:
        anew = _redrawn(results, units)
        for block in _of_levels(results, units, which, cores):
            yield replace(block, means=_means(anew, block.units))
    else:
        yield from _of_levels(results, units, which, cores)


def _of_rows(results: Results, which: np.ndarray) -> Iterator[Densities]:
    wanted = np.zeros(results.model.designs[0].n_rows, bool)
    wanted[which] = True
    for where, values in row_log_likelihood(results):
        rows = np.arange(where.start, where.stop)[wanted[where]]
        if rows.size:
            methods, error = ("none",) * rows.size, np.zeros(rows.size)
            yield Densities(rows, values[:, wanted[where]], methods, error, _means(results, rows))


def _of_trials(results: Results, trials: Trials, which: np.ndarray) -> Iterator[Densities]:
    posterior, design = results.posterior, results.model.designs[0]
    shared = shared_draws(design, posterior)
    for where in blocks(len(which), posterior.sizes["chain"] * posterior.sizes["draw"]):
        some = which[where]
        rows, ones = trials.row[some], np.ones(len(some))
        each = Rows(trials.outcome[some], ones, design.rows.weight[rows], 0 * ones)
        values = block_log_likelihood(design, shared, posterior, rows, each)
        yield Densities(some, values, ("none",) * len(some), 0 * ones, _means(results, rows))


def _redrawn(results: Results, units: Units) -> Results:
    """Return the results, effects of levels that are at home in a unit drawn anew from their population."""
    posterior, rng = results.posterior.copy(), np.random.default_rng(0)
    for place in inside(results.model, units):
        levels = np.flatnonzero(place.home >= 0)
        for _, group in place.factor.groups if levels.size else ():
            root, values = square_root(group, posterior), posterior[group.r].values.copy()
            for level in levels:
                values[:, :, level] = from_population(group, posterior, root, rng)
            posterior[group.r] = posterior[group.r].copy(data=values)
        for name in place.factor.latents if levels.size else ():
            drawn = posterior[f"latent_{name}"].copy()
            drawn.values[:, :, levels] = rng.normal(size=(*drawn.shape[:2], len(levels)))
            posterior[f"latent_{name}"] = drawn
    return Results(results.model, xr.DataTree.from_dict({"posterior": posterior}))


def _means(results: Results, rows: np.ndarray) -> np.ndarray | None:
    """Return the expected response of some rows, (S, rows); None where there are several responses."""
    if len(results.model.designs) > 1:
        return None
    design, posterior = results.model.designs[0], results.posterior
    return block_mean(design, shared_draws(design, posterior), posterior, rows)


def _of_levels(results: Results, units: Units, which: np.ndarray, cores: int) -> Iterator[Densities]:
    posterior, model = results.posterior, results.model
    places = [place for place in inside(model, units) if (place.home >= 0).any()]
    merged = [_merged(design, _given(design, places), units) for design in model.designs]
    shared = [flat(shared_draws(m.design, posterior)) for m in merged]
    lam = [_loaded(place.factor, posterior) for place in places]
    nu = [_freedom(place.factor, posterior) for place in places]
    size = posterior.sizes["chain"] * posterior.sizes["draw"]
    for some in _blocks(which, np.sum([np.diff(m.starts) for m in merged], axis=0) * size):
        with ThreadPoolExecutor(cores) as pool:
            bases = [_bases(m, own, posterior, places, some) for m, own in zip(merged, shared, strict=True)]
            tasks = [
                pool.submit(_of_unit, int(unit), [b[i] for b in bases], merged, shared, places, lam, nu, size)
                for i, unit in enumerate(some)
            ]
            found = [task.result() for task in tasks]
        values, errors, methods = zip(*found, strict=True)
        yield Densities(some, np.stack(values, axis=1), methods, np.array([e.mean() for e in errors]))


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


def _merged(design: Design, given: Design, units: Units) -> _Merged:
    merged = merge(design, units.of_row)
    of_row = units.of_row[merged.first]
    order = np.argsort(of_row, kind="stable")
    counts = np.bincount(of_row, minlength=len(units.labels))
    constant = np.bincount(units.of_row, design.family.log_constant(design.rows), len(units.labels))
    rows = Rows(*(np.asarray(column)[order] for column in merged.rows))
    return _Merged(given, rows, merged.first[order], np.concatenate([[0], np.cumsum(counts)]), constant)


def _bases(
    m: _Merged,
    shared: dict[str, np.ndarray],
    posterior: xr.Dataset,
    places: Sequence[Inside],
    some: np.ndarray,
) -> list[np.ndarray]:
    """Return the linear predictor of each unit's rows without the effects to be integrated, (S, n) each."""
    rows = np.concatenate([np.arange(m.starts[u], m.starts[u + 1]) for u in some])
    design, effects = part(m.design, m.design, posterior, m.first[rows])
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
    size = posterior.sizes["chain"] * posterior.sizes["draw"]
    eta = np.broadcast_to(linear_predictor(design, draws), (size, len(rows)))
    return np.split(eta, np.cumsum(m.starts[some + 1] - m.starts[some])[:-1], axis=1)


def _of_unit(
    unit: int,
    base: Sequence[np.ndarray],
    merged: Sequence[_Merged],
    shared: Sequence[dict[str, np.ndarray]],
    places: Sequence[Inside],
    lam: Sequence[np.ndarray],
    nu: Sequence[np.ndarray],
    size: int,
) -> tuple[np.ndarray, np.ndarray, str]:
    """Return the log densities of one unit at each draw, their errors, and how they were integrated."""
    slices = [slice(m.starts[unit], m.starts[unit + 1]) for m in merged]
    widths = [_padded(s.stop - s.start) for s in slices]
    rows = tuple(_pad_rows(m, s, width) for m, s, width in zip(merged, slices, widths, strict=True))
    eta = tuple(np.pad(b, ((0, 0), (0, width - b.shape[1]))) for b, width in zip(base, widths, strict=True))
    phi = tuple(
        {name: value[:, 0] for name, value in phi_of(m.design, own).items()}
        for m, own in zip(merged, shared, strict=True)
    )
    z, level, counts, kept = [], [], [], []
    for number, place in enumerate(places):
        own = np.flatnonzero(place.home == unit)
        if own.size:
            kept.append(number)
            counts.append(1 << int(own.size - 1).bit_length())
            parts = [
                _effects(place, m, s, width, own) for m, s, width in zip(merged, slices, widths, strict=True)
            ]
            z.append(np.concatenate([p[0] for p in parts]))
            level.append(np.concatenate([p[1] for p in parts]))
    factors = [places[i].factor for i in kept]
    kind = Integral(
        families=tuple(m.design.family for m in merged),
        levels=tuple(counts),
        effects=tuple(f.effects for f in factors),
        student=tuple(map(_student_sets, factors)),
    )
    sets = points(kind.dimension if kind.method == "importance sampling" else 0)
    arguments = (
        rows,
        eta,
        phi,
        tuple(z),
        tuple(level),
        tuple(lam[i] for i in kept),
        tuple(nu[i] for i in kept),
        sets,
    )
    with double():
        value, error = program(log_integrals, kind, *arguments)(*arguments)
    return np.asarray(value) + sum(m.constant[unit] for m in merged), np.asarray(error), kind.method


def _padded(count: int) -> int:
    """Return the next power of `WIDEST`, or zero."""
    width = 1
    while width < count:
        width *= WIDEST
    return width if count else 0


def _pad_rows(m: _Merged, where: slice, width: int) -> Rows:
    """Return the rows of a unit, and behind them rows of weight zero."""
    missing = width - (where.stop - where.start)
    columns = [
        np.pad(np.asarray(c, float)[where], (0, missing), "edge" if width else "empty") for c in m.rows
    ]
    rows = Rows(*columns)
    return rows._replace(weight=np.where(np.arange(width) < width - missing, rows.weight, 0.0))


def _effects(
    place: Inside, m: _Merged, where: slice, width: int, own: np.ndarray
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


def _student_sets(factor: Gathered) -> tuple[tuple[int, ...], ...]:
    """Return the sets of effects that are multivariate Student-t, numbered over all groups of the factor."""
    sets, at = [], 0
    for _, group in factor.groups:
        if group.student:
            sets += [tuple(at + k for k in block) for block in group.blocks]
        at += len(group.effects)
    return tuple(sets)


def _freedom(factor: Gathered, posterior: xr.Dataset) -> np.ndarray:
    """Return the degrees of freedom of each of these sets, (S, sets)."""
    size = posterior.sizes["chain"] * posterior.sizes["draw"]
    columns = [
        posterior[group.nu].values.astype(float).ravel()
        for _, group in factor.groups
        if group.student
        for _ in group.blocks
    ]
    return np.stack(columns, axis=1) if columns else np.zeros((size, 0))


def _loaded(factor: Gathered, posterior: xr.Dataset) -> np.ndarray:
    """Return Λ at each draw, (S, J, K): roots of the groups' covariances, then the loadings of latents."""
    size = posterior.sizes["chain"] * posterior.sizes["draw"]
    ordinary = sum(len(group.effects) for _, group in factor.groups)
    lam = np.zeros((size, ordinary + len(factor.loadings), factor.effects))
    at = 0
    for _, group in factor.groups:
        end = at + len(group.effects)
        lam[:, at:end, at:end] = square_root(group, posterior).reshape(size, end - at, end - at)
        at = end
    for j, (_, latent) in enumerate(factor.loadings):
        column = ordinary + factor.latents.index(latent.name)
        lam[:, ordinary + j, column] = posterior[latent.loading].values.astype(float).ravel()
    return lam
