"""The scalars of a posterior that a sensitivity is asked of, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from shoal.errors import ModelError, as_known, listing, nearest, spelt
from shoal.estimands import levels as draws_of_levels
from shoal.estimands.scalars import scalars
from shoal.fit.results import Results


def quantities(
    results: Results, var_names: Sequence[str] | str | None = None, levels: str | None = None
) -> dict[str, np.ndarray]:
    """Return draws (chain, draw) of scalars by name, such as ``sd_district[Intercept]``.

    Parameters
    ----------
    var_names : sequence of str, optional
        Posterior variables, or single quantities of them; by default all but those with one value a level.
    levels : str, optional
        A grouping factor: the coefficients of its levels, population part plus deviation, instead.

    Raises
    ------
    ModelError
        Unknown names, none at all, both arguments, effects that were not kept.
    """
    if levels is not None:
        if var_names is not None:
            raise ModelError(
                "names-and-levels",
                f"var_names={var_names!r} beside levels={levels!r}.",
                "Posterior variables, or the coefficients of one factor's levels.",
                "Ask for two tables.",
            )
        own = draws_of_levels(results, levels)
        return dict(scalars(own.to_dataset(), [str(own.name)], results.model, ", "))
    given: Any = results.hyperparameters() if var_names is None else var_names
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, Iterable) or not all(isinstance(name, str) for name in given):
        raise ModelError("not-names", f"var_names={var_names!r}.", "A name, or a list of names.")
    if not (names := list(given)):
        raise ModelError(
            "nothing-named",
            "No quantity is named.",
            f"Some of {listing(map(str, results.posterior.data_vars))}.",
        )
    return {key: draws for name in names for key, draws in _named(results, name)}


def _named(results: Results, name: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the scalars of a variable, or the one that is meant."""
    posterior = results.posterior
    variables = list(map(str, posterior.data_vars))
    if (variable := as_known(name, variables)) in variables:
        yield from scalars(posterior, [variable], results.model, ", ")
        return
    # Names of variables may hold brackets themselves: the longest that fits is meant.
    fitting = sorted((v for v in variables if spelt(name).startswith(spelt(f"{v}["))), key=len)
    if not fitting:
        lost = [v for v in results.model.group_effects if v not in variables and name.startswith(v)]
        remedy = f"The draws of {lost[0]} were not kept: fit with store='single'." if lost else ""
        raise ModelError(
            "unknown-variable", f"There is no variable {name!r}.", remedy or nearest(name, variables)
        )
    within = dict(scalars(posterior, fitting[-1:], results.model, ", "))
    # Other tables leave out the blanks after commas.
    if (found := as_known(name, within)) not in within:
        raise ModelError("unknown-quantity", f"There is no quantity {name!r}.", nearest(name, within))
    yield found, within[found]
