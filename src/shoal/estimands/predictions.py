"""Predictions for fitted rows and for new ones, as draws or as a table, block of rows by block of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from shoal.errors import ModelError, check_choice
from shoal.estimands import interval_names
from shoal.estimands.population_mean import check_average, population_mean
from shoal.fit.results import Results
from shoal.fit.row_blocks import blocks, part, shared_draws, spread
from shoal.fit.support import require_possible
from shoal.model.design import Design
from shoal.model.grouping_factors import safe
from shoal.model.predictors import linear_predictor, noise_of_responses, phi_of, simulate
from shoal.model.replay import NEW_LEVELS, Replay, fitted, read_new, replay

KINDS = ("linear", "mean", "response")
RESPONSES = 2**31  # a stream of random numbers that no response has
LARGEST = 4 * 2**30  # bytes of draws that are returned whole


@dataclass(frozen=True)
class Request:
    """What is predicted, of one response.

    Attributes
    ----------
    fitted : Design
        As it was fitted.
    replay : Replay
        The rows to predict.
    posterior : Dataset
    kind : {"linear", "mean", "response"}
    new_levels : {"error", "population", "average", "zero"}
    seed : int
    number : int
        Of the response in the model.
    index : Index
        The table's own row labels.
    """

    fitted: Design
    replay: Replay
    posterior: xr.Dataset
    kind: str
    new_levels: str
    seed: int
    number: int
    index: pd.Index

    @property
    def name(self) -> str:
        """The response, as in ``observed_data``."""
        return safe(self.fitted.formula.response.value.text)

    @property
    def categories(self) -> tuple[Any, ...]:
        """Categories that have a probability each, or a linear predictor, or a column, or none."""
        family = self.fitted.family
        each = self.kind == "mean" or family.several or (self.kind == "linear" and family.joint)
        return self.fitted.categories if each else ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Chains, draws, rows and categories, if there are any."""
        sizes, rows = self.posterior.sizes, self.replay.design.n_rows
        return (sizes["chain"], sizes["draw"], rows, *([len(self.categories)] if self.categories else []))


def predict(
    results: Results,
    new: Any = None,
    kind: str = "mean",
    new_levels: str = "error",
    *,
    response: str | None = None,
    draws: int | None = None,
    seed: int = 0,
) -> xr.DataArray | xr.Dataset:
    """Return draws of predictions; see `Fit.predict`.

    Raises
    ------
    DataError, ModelError
    """
    questions = ask(results, new, kind, new_levels, response, draws, seed)
    size = sum(8 * int(np.prod(q.shape, dtype=float)) for q in questions)
    if size > LARGEST:
        raise ModelError(
            "result-too-large",
            f"The draws of {questions[0].replay.design.n_rows:,} rows take {size / 2**30:.1f} GB.",
            f"At most {LARGEST / 2**30:g} GB.",
            "predict_summary(...) keeps a block of rows at a time; or take fewer draws, or some of the rows.",
        )
    arrays = [_draws(q) for q in questions]
    if len(results.model.designs) == 1 or response is not None:
        return arrays[0]
    return xr.Dataset({array.name: array for array in arrays})


def predict_summary(
    results: Results,
    new: Any = None,
    kind: str = "mean",
    new_levels: str = "error",
    *,
    response: str | None = None,
    draws: int | None = None,
    seed: int = 0,
    prob: float = 0.9,
) -> pd.DataFrame | dict[str, pd.DataFrame]:
    """Return tables of predictions, one row per row; see `Fit.predict_summary`.

    Raises
    ------
    DataError, ModelError
    """
    interval_names(prob)
    questions = ask(results, new, kind, new_levels, response, draws, seed)
    for q in questions:
        if kind == "response" and q.fitted.family.joint and q.fitted.family.categorical:
            raise ModelError(
                "response-of-categories",
                f"The categories of {q.name!r} have no order: there is no mean of their draws.",
                "kind='mean', the probability of each category.",
            )
    tables = {q.name: _table(q, prob) for q in questions}
    if len(results.model.designs) == 1 or response is not None:
        return tables[questions[0].name]
    return tables


def ask(
    results: Results,
    new: Any,
    kind: str,
    new_levels: str,
    response: str | None,
    draws: int | None,
    seed: int,
) -> list[Request]:
    """Return what is to be predicted, response by response, with all that can be refused refused.

    Raises
    ------
    DataError, ModelError
    """
    for name, value, known in (("kind", kind, KINDS), ("new_levels", new_levels, NEW_LEVELS)):
        check_choice(name, value, known)
    check_integer("seed", seed, 0)
    if kind == "response" and new_levels == "average":
        raise ModelError(
            "average-of-observations",
            "kind='response' and new_levels='average'.",
            "An observation is of one level; expected responses are averaged over levels.",
            "new_levels='population' draws a new level's effects.",
        )
    every = results.model.designs
    designs = every if response is None else (results.model.response(response),)
    if kind == "linear" and (own := [design for design in designs if design.family.specific]):
        raise ModelError(
            "predictor-by-cutpoint",
            f"The linear predictor of {own[0].formula.response.value.text!r} differs between cutpoints.",
            "kind='mean', the probability of each category; scale='response' or 'probability' of a contrast.",
        )
    replays, index = _replays(results, designs, new, kind, new_levels)
    if kind == "response":
        require_possible(results)
    posterior = thinned(results.posterior, draws)
    return [
        Request(design, rows, posterior, kind, new_levels, int(seed), every.index(design), index)
        for design, rows in zip(designs, replays, strict=True)
    ]


def check_integer(name: str, value: Any, least: int, most: int | None = None) -> None:
    """Raise unless `value` is an integer of at least `least`, and at most `most`."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):
        span = f"of at least {least}" if most is None else f"from {least} to {most:,}"
        raise ModelError("number-out-of-range", f"{name}={value!r}.", f"{name} is an integer {span}.")


def thinned(posterior: xr.Dataset, draws: int | None) -> xr.Dataset:
    """Return some draws of each chain, evenly spread, or all."""
    if draws is None:
        return posterior
    check_integer("draws", draws, 1)
    there = posterior.sizes["draw"]
    if draws > there:
        raise ModelError(
            "number-out-of-range", f"draws={draws}.", f"The fit has {there} draws in each chain."
        )
    return posterior.isel(draw=spread(there, draws))


def _replays(
    results: Results, designs: Sequence[Design], new: Any, kind: str, new_levels: str
) -> tuple[list[Replay], pd.Index]:
    if new is None:
        results.model.require_rows(
            "A prediction of each row of the data",
            "Give the rows to be predicted: fit.predict(rows), predict_summary(rows).",
        )
        return [fitted(d) for d in designs], pd.RangeIndex(designs[0].n_rows)
    trials, se = kind != "linear", kind == "response"
    frame, learnt = read_new(new, designs, trials, se).frame, results.model.table.frame
    replays = [replay(d, learnt, frame, trials, se, new_levels) for d in designs]
    if new_levels == "average":
        for d, there in zip(designs, replays, strict=True):
            check_average(d, there.design)
    return replays, new.index if isinstance(new, pd.DataFrame) else frame.index


def _draws(q: Request) -> xr.DataArray:
    values = np.empty(q.shape)
    for where, block in predicted_blocks(q):
        values[:, :, where] = block
    dims = ["chain", "draw", "row", *([f"{q.fitted.prefix}category"] if q.categories else [])]
    coords: dict[str, Any] = {name: q.posterior[name].values for name in ("chain", "draw")}
    coords["row"] = np.arange(len(q.index))
    if not q.index.equals(pd.RangeIndex(len(q.index))):
        coords["index"] = ("row", q.index.to_numpy())
    if q.categories:
        coords[dims[-1]] = list(q.categories)
    family = q.fitted.family
    attrs: dict[str, Any] = {"kind": q.kind, "family": family.name, "link": family.link}
    attrs["new_levels"] = q.new_levels
    if q.kind == "response" and family.categorical:
        numbers = q.fitted.category_numbers.tolist()
        attrs["categories"] = dict(zip(map(str, q.fitted.categories), numbers, strict=True))
    return xr.DataArray(values, coords, dims, q.name, attrs)


def _table(q: Request, prob: float) -> pd.DataFrame:
    names = ["mean", "sd", *interval_names(prob)]
    columns = np.empty((len(names), *q.shape[2:]))
    for where, block in predicted_blocks(q):
        flat = block.reshape(-1, *block.shape[2:])
        columns[0, where], columns[1, where] = flat.mean(0), flat.std(0)
        columns[2:, where] = np.quantile(flat, [(1 - prob) / 2, (1 + prob) / 2], axis=0)
    index = q.index
    if q.categories:
        index = _with_categories(index, q.categories)
    table = pd.DataFrame(dict(zip(names, columns.reshape(len(names), -1), strict=True)), index=index)
    table.attrs = {"kind": q.kind, "family": q.fitted.family.name, "link": q.fitted.family.link}
    return table


def _with_categories(index: pd.Index, categories: tuple[Any, ...]) -> pd.MultiIndex:
    """Return every row label with every category, row by row."""
    repeated = index.repeat(len(categories))
    levels = [repeated.get_level_values(i) for i in range(repeated.nlevels)]
    labels = np.tile(np.array(categories, dtype=object), len(index))
    return pd.MultiIndex.from_arrays([*levels, labels], names=[*index.names, "category"])


def predicted_blocks(q: Request) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield rows and their predictions (chain, draw, rows[, categories])."""
    chains, draws, rows, *categories = q.shape
    shared = shared_draws(q.fitted, q.posterior)
    seed = q.seed if q.new_levels == "population" else None
    cut = blocks(rows, chains * draws * max([1, *categories]))
    residuals = q.fitted.residuals
    if residuals is not None and (q.kind == "response" or (q.kind == "mean" and residuals.lag)):
        cut = iter([slice(0, rows)])  # rows of a cluster are drawn together
    for number, where in enumerate(cut):
        design, effects = part(q.replay.design, q.fitted, q.posterior, where, seed)
        rng = np.random.default_rng([q.seed, q.number, number])
        noise = _noise(q, number, design.n_rows)
        if q.new_levels == "average" and q.kind == "mean":
            values = population_mean(
                q.fitted,
                q.replay.design,
                where,
                design,
                q.posterior,
                shared | effects,
                (chains, draws, design.n_rows),
                q.seed,
            )
        else:
            values = np.array(_values(q, design, shared | effects, rng, noise))
        values[:, :, q.replay.missing[where]] = np.nan
        yield where, values


def _noise(q: Request, block: int, rows: int) -> np.ndarray | None:
    """Return residuals that correlate with those of other responses, whichever of these is asked for."""
    if q.kind != "response" or not q.fitted.rescor:
        return None
    rng = np.random.default_rng([q.seed, RESPONSES, block])
    draws = {name: q.posterior[name].values.astype(float) for name in ("rescor", *q.fitted.shared)}
    return noise_of_responses(rng, q.fitted, draws, rows)[q.number]


def _values(
    q: Request,
    design: Design,
    draws: dict[str, np.ndarray],
    rng: np.random.Generator,
    noise: np.ndarray | None,
) -> np.ndarray:
    # A response of offsets alone has a linear predictor without draws.
    eta = np.broadcast_to(linear_predictor(design, draws), (*q.shape[:2], design.n_rows))
    if q.kind == "response":
        return design.as_in_the_table(simulate(design, rng, eta, draws, noise))
    if q.kind == "linear" and not design.family.joint:
        return eta
    if design.residuals is not None and design.residuals.lag:
        return design.residuals.mean(eta, draws)
    phi = phi_of(design, draws)
    if q.kind == "linear":
        return np.swapaxes(design.family.predictors(eta, phi), -1, -2)
    return design.family.mean(design.rows, eta, phi)
