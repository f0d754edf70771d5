"""The scalars that a plot of draws shows: chosen by name, constants and repetitions left out, counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import xarray as xr

from shoal.errors import ModelError, as_known, listing, nearest
from shoal.estimands import group_of
from shoal.estimands import levels as levels_of
from shoal.estimands.scalars import scalars
from shoal.fit.results import Results, not_kept


@dataclass(frozen=True)
class Quantities:
    """Scalars of a posterior, or of a prior, with their draws.

    Attributes
    ----------
    draws : dict of (chain, draw) arrays
        By name, such as ``sd_district[Intercept]``.
    note : str
        What was left out, as sentences for a caption; empty if nothing was.
    """

    draws: dict[str, np.ndarray]
    note: str


def choose(results: Results, var_names: Sequence[str] | str | None, most: int) -> Quantities:
    """Return the quantities that a plot shows.

    Parameters
    ----------
    var_names : sequence of str, optional
        Posterior variables, or single quantities such as ``r_district[7,Intercept]``; by default all
        variables but those with one value a level.
    most : int
        The number of quantities that the plot has room for; the first ones are taken.

    Raises
    ------
    ModelError
        An unknown name, effects that were not kept, or quantities that are all constant.
    """
    names = _names(results, var_names)
    chosen, constant = _gathered(_asked(results, names), most)
    if not chosen.draws:
        raise _all_constant(constant)
    return chosen


def choose_each(
    fits: Mapping[str, Results], var_names: Sequence[str] | str | None, most: int, levels: str | None = None
) -> dict[str, Quantities]:
    """Return the quantities that a plot of several fits shows: of each fit those that it has.

    Parameters
    ----------
    fits : mapping of str to Results
    var_names : sequence of str, optional
        As in `choose`; each in at least one of the fits.
    most : int
        Of each fit.
    levels : str, optional
        A grouping factor: the coefficients of its levels, too, and by default nothing else.

    Raises
    ------
    ModelError
        No fits, and as in `choose`.
    """
    if not fits:
        raise ModelError("no-fits", "There are no fits.", "A mapping from names to fits.")
    asked: dict[str, list[str]] = {}
    for fit, results in fits.items():
        asked[fit] = [] if levels is not None and var_names is None else _names(results, var_names)
    out, constant = {}, list[str]()
    for fit, results in fits.items():
        # A name that no fit has is refused below, by the first.
        names = [n for n in asked[fit] if _has(results, n) or not any(_has(f, n) for f in fits.values())]
        of_levels = [] if levels is None else _level_coefficients(results, levels)
        out[fit], fixed = _gathered(chain(_asked(results, names), of_levels), most)
        constant += fixed
    if not any(quantities.draws for quantities in out.values()):
        raise _all_constant(constant)
    return out


def notes(chosen: Mapping[str, Quantities]) -> str:
    """Return what was left out of a plot of several fits, said once where it is the same of all."""
    all_notes = {quantities.note for quantities in chosen.values()}
    if len(all_notes) == 1:
        return all_notes.pop()
    return " ".join(f"{fit}: {quantities.note}" for fit, quantities in chosen.items() if quantities.note)


def _gathered(asked: Iterable[tuple[str, np.ndarray]], most: int) -> tuple[Quantities, list[str]]:
    """Return the first quantities that vary, each once, and the names of constant ones."""
    draws: dict[str, np.ndarray] = {}
    constant: list[str] = []
    beyond = 0
    for name, values in asked:
        if not np.ptp(values) > 0:
            constant.append(name)
        elif name in draws:
            continue
        elif len(draws) < most:
            draws[name] = values
        else:
            beyond += 1
    left_out = [f"{listing(constant, 3)} left out: fixed."] if constant else []
    if beyond:
        left_out.append(
            f"The first {len(draws)} of {len(draws) + beyond:,} quantities; name others in var_names."
        )
    return Quantities(draws, " ".join(left_out)), constant


def _all_constant(names: Sequence[str]) -> ModelError:
    return ModelError(
        "all-constant",
        f"All of {listing(names)} are constant in this fit.",
        "A quantity that varies from draw to draw.",
        "Name another in var_names.",
    )


def _names(results: Results, var_names: Sequence[str] | str | None) -> list[str]:
    if var_names is None:
        return results.hyperparameters()
    given: Any = [var_names] if isinstance(var_names, str) else var_names
    if not isinstance(given, Sequence) or not all(isinstance(name, str) for name in given):
        raise ModelError("not-names", f"var_names={var_names!r}.", "A name, or a list of names.")
    variables = list(map(str, results.posterior.data_vars))
    names = [as_known(name, variables) for name in given]
    if not names:
        raise ModelError(
            "nothing-named",
            "No variable is named.",
            f"Some of {listing(map(str, results.posterior.data_vars))}.",
        )
    return names


def _has(results: Results, name: str) -> bool:
    """Return whether a fit has a variable or a single quantity of that name."""
    posterior = results.posterior
    of = [str(v) for v in posterior.data_vars if name.startswith(f"{v}[")]
    return (
        name in posterior.data_vars
        or bool(of)
        and name in dict(scalars(posterior, [max(of, key=len)], results.model))
    )


def _level_coefficients(results: Results, group: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the coefficients of levels, population plus deviation, as ``district[7]``, ``district[7,x]``."""
    _, found = group_of(results, group)
    draws = levels_of(results, group)
    own = draws[..., 0] if found.effects == ("Intercept",) else draws
    for name, values in scalars(own.to_dataset(name="levels"), ["levels"], results.model):
        yield f"{group}{name.removeprefix('levels')}", values


def _asked(results: Results, names: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    posterior = results.posterior
    for name in names:
        if name in posterior.data_vars:
            yield from scalars(posterior, [name], results.model)
        else:
            yield name, _single(results, posterior, name)


def _single(results: Results, posterior: xr.Dataset, name: Any) -> np.ndarray:
    """Return the draws of one scalar by its label."""
    variables = [str(v) for v in posterior.data_vars]
    # Variable names may hold brackets themselves: the longest that fits is meant.
    fitting = [v for v in variables if str(name).startswith(f"{v}[")]
    if fitting:
        of_variable = dict(scalars(posterior, [max(fitting, key=len)], results.model))
        if name in of_variable:
            return of_variable[name]
        raise ModelError(
            "unknown-quantity", f"There is no quantity {name!r}.", nearest(str(name), of_variable)
        )
    effects = [e for e in results.model.group_effects if str(name).split("[")[0] == e]
    if effects:
        raise not_kept(effects[0])
    raise ModelError("unknown-variable", f"There is no variable {name!r}.", nearest(str(name), variables))


def divergent(results: Results) -> np.ndarray:
    """Return which draws ended a divergent trajectory, (chain, draw); none where none is recorded."""
    stats, sizes = results.stats, results.posterior.sizes
    if "diverging" not in stats:
        return np.zeros((sizes["chain"], sizes["draw"]), bool)
    return stats["diverging"].values.astype(bool)


def divergences(results: Results) -> str:
    """Return how many draws ended a divergent trajectory, as a sentence."""
    where = divergent(results)
    if not where.any():
        return "No divergence."
    return f"{where.sum():,} of {where.size:,} draws end a divergent trajectory."
