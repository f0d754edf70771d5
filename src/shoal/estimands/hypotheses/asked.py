"""Hypotheses are read, and each is answered from the draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from shoal.errors import FormulaError, ModelError
from shoal.estimands.common import INTERVAL, interval_names
from shoal.estimands.hypotheses.evidence import Evidence, Root, check_density, of_direction, of_point
from shoal.estimands.hypotheses.linear import linear
from shoal.estimands.hypotheses.names import Names
from shoal.estimands.hypotheses.priors import Form, differences, prior_of
from shoal.estimands.hypotheses.reader import Hypothesis, read
from shoal.estimands.hypotheses.result import Hypotheses
from shoal.estimands.hypotheses.roots import roots
from shoal.estimands.hypotheses.tokens import EXAMPLE
from shoal.estimands.predictions import check_integer
from shoal.fit.results import Results
from shoal.formula.tree import Column, Number


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
    if isinstance(hypotheses, np.ndarray | pd.Series | pd.Index):
        hypotheses = hypotheses.tolist()
    if isinstance(hypotheses, Mapping):
        found = {str(label): text for label, text in hypotheses.items()}
    elif isinstance(hypotheses, Sequence) and not isinstance(hypotheses, str):
        found = {text if isinstance(text, str) else repr(text): text for text in hypotheses}
    else:
        found = {hypotheses if isinstance(hypotheses, str) else repr(hypotheses): hypotheses}
    if not found:
        raise FormulaError("no-hypothesis", "No hypothesis is given.", "One or several, as text.", EXAMPLE)
    return found


def _bounds(rope: Any) -> tuple[float, float] | None:
    if rope is None:
        return None
    pair = list(rope) if isinstance(rope, Sequence | np.ndarray) and not isinstance(rope, str) else []
    numbers = len(pair) == 2 and all(isinstance(x, Real) and not math.isnan(float(x)) for x in pair)
    if not numbers or not pair[0] < pair[1]:
        raise ModelError(
            "rope-not-an-interval",
            f"rope={rope!r}.",
            "Two numbers, the smaller first.",
            "Such as rope=(-0.1, 0.1).",
        )
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
    questions = [_question(results, own, there) for own, there in zip(hypotheses, values, strict=True)]
    wanted = [i for i, question in enumerate(questions) if question.wanted is not None]
    asked = [own for i in wanted if (own := questions[i].wanted) is not None]
    drawn = dict(zip(wanted, differences(results.model, asked, seed), strict=True))
    out = []
    for i, (hypothesis, question) in enumerate(zip(hypotheses, questions, strict=True)):
        try:
            out.append(question.answer(hypothesis, drawn.get(i)))
        except ModelError as problem:
            if rope is None:  # which is an answer without a density
                raise _about(hypothesis, problem) from problem
            out.append(Evidence(math.nan, math.nan, math.nan, math.nan, note=problem.found))
    return tuple(out)


@dataclass(frozen=True)
class Question:
    """What is to be known of a hypothesis.

    Attributes
    ----------
    values : (chain, draw) array
        Left side less the right one.
    roots : tuple of Root
        Where both are equal, of a point; of a direction, what the prior's probability is of.
    wanted : Hypothesis, optional
        Whose difference is to be drawn from the priors.
    problem : ModelError, optional
        Why there is no answer.
    own : bool
        What is drawn is the quantity of a curved difference, and not the difference.
    """

    values: np.ndarray
    roots: tuple[Root, ...] = ()
    wanted: Hypothesis | None = None
    problem: ModelError | None = None
    own: bool = False

    def answer(self, hypothesis: Hypothesis, drawn: np.ndarray | None) -> Evidence:
        """Return the evidence, with draws (1, draws) of what is `wanted`."""
        if self.problem is not None:
            raise self.problem
        if hypothesis.relation != "=":
            prior = self.roots[0].prior if drawn is None else drawn
            assert prior is not None
            return of_direction(hypothesis, self.values, prior)
        roots = []
        for root in self.roots:
            before = root.prior
            if before is None:
                assert drawn is not None
                before = root.form.constant + root.form.weight * drawn if self.own else drawn
            roots.append(replace(root, prior=before))
        return of_point(roots)


def _question(results: Results, hypothesis: Hypothesis, values: np.ndarray) -> Question:
    """Return what is to be known of a hypothesis, or why there is no answer."""
    model, found, point = results.model, linear(hypothesis), hypothesis.relation == "="
    try:
        _check_varies(results, hypothesis, values)
        if point and found is None and len(hypothesis.quantities) == 1:
            return _curved(results, hypothesis, values)
        if point:
            check_density(model, hypothesis, found)
        form, prior = (Form(), None) if found is None else prior_of(model, *found)
    except ModelError as problem:
        return Question(values, problem=problem)
    # Of a direction only a normal prior's probability is written out.
    known = prior if prior is not None and (point or prior.above() is not None) else None
    return Question(values, (Root(form, values, known),), None if known is not None else hypothesis)


def _curved(results: Results, hypothesis: Hypothesis, values: np.ndarray) -> Question:
    """Return what is to be known of a point of a curve in one quantity: densities of that at all roots.

    Raises
    ------
    ModelError
    """
    ((name, quantity),) = hypothesis.quantities.items()
    model, own = results.model, _draws(results, hypothesis)(name)
    support = prior_of(model, 0.0, dict.fromkeys(quantity.elements, 1.0))[0].support
    found = []
    for at, slope in roots(hypothesis, own, support):
        check_density(model, hypothesis, (at, dict.fromkeys(quantity.elements, 1.0)))
        form, prior = prior_of(model, -slope * at, dict.fromkeys(quantity.elements, slope))
        if prior is None:  # of all that is drawn the line is in the quantity itself
            form = Form(-slope * at, slope, support)
        found.append(Root(form, slope * (own - at), prior))
    alone = replace(hypothesis, left=Column(name), right=Number(0.0))
    known = all(root.prior is not None for root in found)
    return Question(values, tuple(found), None if known else alone, own=True)


def _check_varies(results: Results, hypothesis: Hypothesis, values: np.ndarray) -> None:
    """Refuse a difference that is one number.

    Raises
    ------
    ModelError
    """
    found = linear(hypothesis)
    nothing = found is not None and not found[1]
    if not nothing and np.ptp(values) > 0:
        return
    of = _draws(results, hypothesis)
    if nothing or not any(np.ptp(of(name)) > 0 for name in hypothesis.quantities):
        raise ModelError(
            "hypothesis-constant",
            "The difference of the two sides is the same at all draws.",
            "A hypothesis about a parameter that is estimated.",
        )
    raise ModelError(
        "hypothesis-rounded",
        f"Rounding makes the difference of the two sides {values.flat[0]:g} at all draws: what varies in it "
        "is too small beside the rest.",
        "Sides of which the draws tell a difference.",
        "The summary has the range of the parameter.",
    )


def _about(hypothesis: Hypothesis, problem: ModelError) -> FormulaError:
    """Return the error with the hypothesis that it is about, marked."""
    span = (0, len(hypothesis.text))
    return FormulaError(
        problem.code, problem.found, problem.needed, problem.remedy, formula=hypothesis.text, span=span
    )
