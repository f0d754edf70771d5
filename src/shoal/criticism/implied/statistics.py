"""Statistics of rows that are simulated from the priors, and the same of the data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from shoal.criticism.implied.outcome import Outcome
from shoal.model.design import Design, Group
from shoal.model.predictors import linear_predictor, phi_at, phi_of, simulate

BLOCK = 2**21  # numbers simulated at a time: draws times rows
EDGE = 0.01  # a probability closer to 0 or 1 than this is at the floor or at the ceiling
MOSTLY = 0.5  # share of rows at the edges that is worth a word

Draws = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Statement:
    """One quantity before the data.

    Attributes
    ----------
    about : str
        "parameter", or the response.
    quantity, prior, scale : str
    values : (S,) array
        Its draws.
    observed : float
        The same of the data; NaN where they have none.
    flag : str
        What is remarkable whatever the data say.
    """

    about: str
    quantity: str
    prior: str
    scale: str
    values: np.ndarray
    observed: float = np.nan
    flag: str = ""


def of_rows(outcome: Outcome, prior: Draws, draws: int, rng: np.random.Generator) -> Iterator[Statement]:
    """Yield statistics of the rows of one response; a row is one observation, whatever its weight.

    Of the first `draws` draws of `prior`, which may hold more.
    """
    design, name = outcome.design, outcome.design.formula.response.value.text
    compared = _statistics(outcome)
    values: dict[str, list[np.ndarray]] = {key: [] for key in compared}
    edges = []
    for part, count in _blocks(prior, draws, design.n_rows):
        eta = np.broadcast_to(linear_predictor(design, part), (count, design.n_rows))
        phi = phi_of(design, part)
        # A very wide prior overflows: such rows are infinite, and so are their statistics.
        with np.errstate(over="ignore", invalid="ignore"):
            rates = _rates(design, simulate(design, rng, eta, part))
            for key, (_, statistic) in compared.items():
                values[key].append(np.where(np.isnan(drawn := statistic(rates)), np.inf, drawn))
        if outcome.bounded:
            means = outcome.means(design.rows, eta, phi)
            edges.append(((means < EDGE) | (means > 1 - EDGE)).mean(-1))
    observed = _rates(design, design.responses)
    for key, (scale, statistic) in compared.items():
        yield Statement(name, key, "", scale, np.concatenate(values[key]), float(statistic(observed)))
    if edges:
        share = np.concatenate(edges)
        flag = "most rows at the floor or at the ceiling before any data" if share.mean() > MOSTLY else ""
        quantity = f"rows with a mean below {EDGE:g} or above {1 - EDGE:g}"
        yield Statement(name, quantity, "", "share of rows", share, flag=flag)


def _blocks(prior: Draws, draws: int, rows: int) -> Iterator[tuple[dict[str, np.ndarray], int]]:
    """Yield some of the first `draws` draws of every parameter at a time, and how many they are."""
    size = max(1, BLOCK // rows)
    for start in range(0, draws, size):
        count = min(size, draws - start)
        yield {key: value[start : start + count] for key, value in prior.items()}, count


def _rates(design: Design, y: np.ndarray) -> np.ndarray:
    """Return responses, as shares of their trials; of an ordered one, the number of the category."""
    trials = np.asarray(design.rows.trials, float)
    if design.family.categorical:
        return design.as_in_the_table(y)
    return y / (trials[:, None] if design.family.several else trials)


def _statistics(outcome: Outcome) -> dict[str, tuple[str, Callable[[np.ndarray], Any]]]:
    """Return statistics of rates (..., N) to (...), each with its scale."""
    design = outcome.design
    out: dict[str, tuple[str, Callable[[np.ndarray], Any]]] = {}
    trials = np.asarray(design.rows.trials, float)
    scale = design.formula.response.value.text
    scale = f"share of trials, {scale}" if (trials > 1).any() else scale
    if design.family.several:
        return _of_columns(design, trials)
    if design.family.categorical:
        scale = f"category number of {scale}"
        for number, label in zip(design.category_numbers, design.categories, strict=True):
            out[f"rows of category {label}"] = ("share of rows", partial(_share, number))
    else:
        out["mean"] = (scale, partial(np.average, axis=-1, weights=trials))
        if not (outcome.bounded and np.isin(design.rows.y / trials, (0, 1)).all()):  # else the mean says it
            out["sd between rows"] = (scale, partial(np.std, axis=-1))
        if not outcome.bounded:
            out["smallest"] = (scale, partial(np.min, axis=-1))
            out["largest"] = (scale, partial(np.max, axis=-1))
    for group in {group.name: group for part in design.parts for group in part.groups}.values():
        out[f"sd between means of levels, {group.name}"] = (scale, partial(_spread, group, trials))
    return out


def _of_columns(design: Design, trials: np.ndarray) -> dict[str, tuple[str, Callable[[np.ndarray], Any]]]:
    """Return statistics of the shares (..., N, C) of a response of several columns, each with its scale."""
    out: dict[str, tuple[str, Callable[[np.ndarray], Any]]] = {}
    groups = {group.name: group for part in design.parts for group in part.groups}.values()
    for place, label in enumerate(design.categories):
        own: dict[str, Callable[[np.ndarray], Any]] = {
            f"mean of {label}": partial(np.average, axis=-1, weights=trials),
            f"sd between rows, {label}": partial(np.std, axis=-1),
        }
        own |= {f"sd between means of levels, {g.name}, {label}": partial(_spread, g, trials) for g in groups}
        out |= {name: (f"share of {label}", partial(_column, place, one)) for name, one in own.items()}
    return out


def _column(place: int, statistic: Callable[[np.ndarray], Any], rates: np.ndarray) -> Any:
    return statistic(rates[..., place])


def _share(number: float, rates: np.ndarray) -> Any:
    return (rates == number).mean(axis=-1)


def _spread(group: Group, trials: np.ndarray, rates: np.ndarray) -> Any:
    """Return the sd over the levels of a group of their rows' mean."""
    row, level, _ = group.entries
    order = row[np.argsort(level, kind="stable")]
    starts = np.cumsum(group.counts) - group.counts
    sums = np.add.reduceat((rates * trials)[..., order], starts, axis=-1)
    return (sums / np.add.reduceat(trials[order], starts)).std(axis=-1)


def between_levels(
    outcome: Outcome, prior: Draws, draws: int, rng: np.random.Generator
) -> Iterator[Statement]:
    """Yield, for each grouping factor and latent, how far two levels taken at random are apart.

    For each draw two levels, at one row of the table taken at random and with all other effects at zero:
    sampling error has no part in it, so the data have no such number.
    """
    design = outcome.design
    name = design.formula.response.value.text
    at = rng.integers(design.n_rows, size=draws)
    rows = design.rows.at(at)
    phi = phi_at(design, prior, at)
    columns = zip(design.columns, design.x.T, strict=True)
    base = design.offset[at] + sum((prior[c] * column[at] for c, column in columns), np.zeros(draws))
    for factor, effects in _effects(design, prior, at):
        one, other = pairs(effects.shape[1], draws, rng)
        each = np.arange(draws)
        apart = outcome.difference(rows, base + effects[each, one], base + effects[each, other], phi)
        yield Statement(name, f"between two levels of {factor}", "", outcome.words, apart)


def pairs(levels: int, draws: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return two different levels for each draw, taken at random, (draws,) each."""
    one = rng.integers(levels, size=draws)
    return one, (one + rng.integers(1, levels, size=draws)) % levels


def _effects(design: Design, prior: Draws, at: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield what each factor's levels add to the linear predictor at one row a draw, (S, G)."""
    for group in design.groups:
        yield group.name, np.einsum("sgk,sk->sg", prior[group.r], group.z[at])
    for latent in design.latents:
        effects = prior[latent.loading][:, None] * prior[f"latent_{latent.name}"]
        yield f"{latent.factor}, by {latent.name}", effects
