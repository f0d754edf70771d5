"""Hypotheses are read, and each is answered from the draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import xarray as xr

from shoal.errors import FormulaError, ModelError
from shoal.estimands.common import INTERVAL, interval_names
from shoal.estimands.hypotheses.evidence import Evidence, check_density, of_direction, of_point
from shoal.estimands.hypotheses.linear import linear
from shoal.estimands.hypotheses.names import Names
from shoal.estimands.hypotheses.priors import Form, Known, differences, prior_of
from shoal.estimands.hypotheses.reader import Hypothesis, read
from shoal.estimands.hypotheses.result import Hypotheses
from shoal.estimands.hypotheses.tokens import EXAMPLE
from shoal.estimands.predictions import check_integer
from shoal.fit.results import Results
from shoal.model import Specification


def ask(
    results: Results,
    hypotheses: str | Sequence[str] | Mapping[str, str],
    rope: tuple[float, float] | None = None,
    prob: float = INTERVAL,
    seed: int = 0,
) -> Hypotheses:
    """Return what the draws say of hypotheses; see `Fit.test`.

    Raises
    ------
    FormulaError, ModelError
    """
    interval_names(prob)
    check_integer("seed", seed, 0)
    bounds = _bounds(rope)
    texts = _texts(hypotheses)
    names = Names(results)
    asked = {label: read(text, names) for label, text in texts.items()}
    values = [hypothesis.difference(_draws(results, hypothesis)) for hypothesis in asked.values()]
    answers = _answers(results, list(asked.values()), values, bounds, seed)
    posterior = results.posterior
    draws = xr.DataArray(
        np.stack(values, axis=-1),
        {
            "chain": posterior.chain.values,
            "draw": posterior.draw.values,
            "hypothesis": list(asked),
        },
        ("chain", "draw", "hypothesis"),
    )
    return Hypotheses(draws, tuple(h.relation for h in asked.values()), answers, bounds, prob)


def _texts(hypotheses: Any) -> dict[str, str]:
    """Return the hypotheses by their labels, which are their texts where no others are given."""
    if isinstance(hypotheses, Mapping):
        found = {str(label): text for label, text in hypotheses.items()}
    elif isinstance(hypotheses, Sequence) and not isinstance(hypotheses, str):
        found = {text if isinstance(text, str) else repr(text): text for text in hypotheses}
    else:
        found = {hypotheses if isinstance(hypotheses, str) else repr(hypotheses): hypotheses}
    if not found:
        raise FormulaError("No hypothesis is given.", "One or several, as text.", EXAMPLE)
    return found


def _bounds(rope: Any) -> tuple[float, float] | None:
    if rope is None:
        return None
    pair = list(rope) if isinstance(rope, Sequence | np.ndarray) and not isinstance(rope, str) else []
    numbers = len(pair) == 2 and all(isinstance(x, Real) and not math.isnan(float(x)) for x in pair)
    if not numbers or not pair[0] < pair[1]:
        raise ModelError(f"rope={rope!r}.", "Two numbers, the smaller first.", "Such as rope=(-0.1, 0.1).")
    return float(pair[0]), float(pair[1])


def _draws(results: Results, hypothesis: Hypothesis) -> Callable[[str], np.ndarray]:
    """Return what gives the draws (chain, draw) of each quantity that a hypothesis names."""
    posterior = results.posterior

    def of(variable: str) -> np.ndarray:
        return posterior[variable].transpose("chain", "draw", ...).values

    return {name: quantity.draws(of) for name, quantity in hypothesis.quantities.items()}.__getitem__


def _answers(
    results: Results,
    hypotheses: Sequence[Hypothesis],
    values: Sequence[np.ndarray],
    rope: tuple[float, float] | None,
    seed: int,
) -> tuple[Evidence, ...]:
    """Return the evidence for each hypothesis: with priors that are known, or draws from all priors once."""
    model = results.model
    priors = [_prior(model, hypothesis, own) for hypothesis, own in zip(hypotheses, values, strict=True)]
    wanted = [i for i, (_, prior) in enumerate(priors) if prior is None]
    drawn = dict(zip(wanted, differences(model, [hypotheses[i] for i in wanted], seed), strict=True))
    out = []
    for i, (hypothesis, own, (form, prior)) in enumerate(zip(hypotheses, values, priors, strict=True)):
        try:
            out.append(_answer(hypothesis, own, form, drawn[i] if prior is None else prior))
        except ModelError as problem:
            if rope is None:  # which is an answer without a density
                raise _about(hypothesis, problem) from problem
            out.append(Evidence(math.nan, math.nan, math.nan, math.nan, note=problem.found))
    return tuple(out)


def _answer(
    hypothesis: Hypothesis, values: np.ndarray, form: Form, prior: Known | np.ndarray | ModelError
) -> Evidence:
    if isinstance(prior, ModelError):
        raise prior
    if hypothesis.relation == "=":
        return of_point(values, form, prior)
    return of_direction(hypothesis, values, prior)


def _about(hypothesis: Hypothesis, problem: ModelError) -> FormulaError:
    """Return the error with the hypothesis that it is about, marked."""
    span = (0, len(hypothesis.text))
    return FormulaError(problem.found, problem.needed, problem.remedy, formula=hypothesis.text, span=span)


def _prior(
    model: Specification, hypothesis: Hypothesis, values: np.ndarray
) -> tuple[Form, Known | ModelError | None]:
    """Return what a hypothesis is about, and its prior: None if draws have to tell, or why there is none."""
    found, point = linear(hypothesis), hypothesis.relation == "="
    try:
        if (found is not None and not found[1]) or not np.ptp(values) > 0:
            raise ModelError(
                "The difference of the two sides is the same at all draws.",
                "A hypothesis about a parameter that is estimated.",
            )
        if point:
            check_density(model, hypothesis, found)
        form, prior = (Form(), None) if found is None else prior_of(model, *found)
    except ModelError as problem:
        return Form(), problem
    # Of a direction only a normal prior's probability is written out.
    return form, prior if prior is not None and (point or prior.above() is not None) else None
