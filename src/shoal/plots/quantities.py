"""The scalars that a plot of draws shows: chosen by name, constants and repetitions left out, counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from shoal.errors import ModelError, listing, nearest
from shoal.implied import scalars
from shoal.results import Results


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
    draws: dict[str, np.ndarray] = {}
    constant: list[str] = []
    beyond = 0
    for name, values in _asked(results, var_names):
        if not np.ptp(values) > 0:
            constant.append(name)
        elif name in draws:
            continue
        elif len(draws) < most:
            draws[name] = values
        else:
            beyond += 1
    if not draws:
        raise ModelError(
            f"All of {listing(constant)} are constant in this fit.",
            "A quantity that varies from draw to draw.",
            "Name another in var_names.",
        )
    notes = [f"{listing(constant, 3)} left out: fixed."] if constant else []
    if beyond:
        notes.append(
            f"The first {len(draws)} of {len(draws) + beyond:,} quantities; name others in var_names."
        )
    return Quantities(draws, " ".join(notes))


def _asked(results: Results, var_names: Sequence[str] | str | None) -> Iterator[tuple[str, np.ndarray]]:
    posterior = results.posterior
    if var_names is None:
        yield from scalars(posterior, results.hyperparameters())
        return
    names = [var_names] if isinstance(var_names, str) else list(var_names)
    if not names:
        raise ModelError("No variable is named.", f"Some of {listing(map(str, posterior.data_vars))}.")
    for name in names:
        if name in posterior:
            yield from scalars(posterior, [name])
        else:
            yield name, _single(results, posterior, name)


def _single(results: Results, posterior: xr.Dataset, name: Any) -> np.ndarray:
    """Return the draws of one scalar by its label."""
    variables = [str(v) for v in posterior.data_vars]
    # Variable names may hold brackets themselves: the longest that fits is meant.
    fitting = [v for v in variables if str(name).startswith(f"{v}[")]
    if fitting:
        of_variable = dict(scalars(posterior, [max(fitting, key=len)]))
        if name in of_variable:
            return of_variable[name]
        raise ModelError(f"There is no quantity {name!r}.", nearest(str(name), of_variable))
    effects = [e for e in results.model.group_effects if str(name).split("[")[0] == e]
    if effects:
        raise ModelError(
            f"The draws of {effects[0]} were not kept (store='none').",
            "Draws of the effects.",
            "Fit with store='single', which halves their memory.",
        )
    raise ModelError(f"There is no variable {name!r}.", nearest(str(name), variables))


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
