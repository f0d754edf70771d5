"""Fit the cases, and show each beside what was published."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table
from rich.text import Text

from shoal.api import Fit, Model
from shoal.errors import ModelError, nearest
from shoal.studies.demo.cases import PARTS, Figure, Published, cases

if TYPE_CHECKING:
    from rich.console import Console

SEED = 1
NONE = "–"


@dataclass(frozen=True)
class Outcome:
    """A case with our figures.

    Attributes
    ----------
    case : Published
    figures : tuple of Figure
        Ours, in the order of the published ones.
    sds : tuple of float
        Posterior standard deviation of each.
    rhat : float
        Worst of the figures.
    divergences : int
    seconds : float
        From table to draws, compilation included.
    again : bool
        The planned sampler failed its checks, and NUTS took over.
    trusted : bool
        No finding of `Fit.diagnose` is an error.
    """

    case: Published
    figures: tuple[Figure, ...]
    sds: tuple[float, ...]
    rhat: float
    divergences: int
    seconds: float
    again: bool
    trusted: bool


def run(console: Console, only: str | None = None, draws: int = 1000) -> bool:
    """Fit one part of the demonstration, or all, and print what was found beside what was published.

    Parameters
    ----------
    console : rich.console.Console
    only : str, optional
        One of `cases.PARTS`.
    draws : int
        Of each of four chains.

    Returns
    -------
    bool
        All fits can be trusted.

    Raises
    ------
    ModelError
        There is no part called `only`.
    """
    if only not in (None, *PARTS):
        raise ModelError(
            "unknown-choice", f"The demonstration has no part {only!r}.", "", nearest(str(only), PARTS)
        )
    began, outcomes = time.perf_counter(), []
    for part in PARTS if only is None else (only,):
        done = [outcome(case, draws) for case in cases(part)]
        console.print(Text(PARTS[part], style="bold"))
        for line in dict.fromkeys(_model(o.case) for o in done):
            console.print(Text(line, style="dim"))
        console.print(table(done), Text())
        outcomes += done
    text = closing(outcomes, 4 * draws, time.perf_counter() - began)
    console.print(Text(text))
    return all(o.trusted for o in outcomes)


def _model(case: Published) -> str:
    given = ", ".join(f"{name} ~ {prior}" for name, prior in case.priors.items())
    return f"{case.formula}\n  {given}"


def outcome(case: Published, draws: int) -> Outcome:
    """Fit a case."""
    from arviz_stats.base import array_stats

    data = case.data()
    began = time.perf_counter()
    fit = Model(case.formula, data, case.family, case.priors).fit(draws, seed=SEED)
    seconds = time.perf_counter() - began
    samples = [_samples(fit, figure) for figure in case.figures]
    return Outcome(
        case,
        tuple(_figure(published, x, case.prob) for published, x in zip(case.figures, samples, strict=True)),
        tuple(float(x.std()) for x in samples),
        max(float(array_stats.rhat(x)) for x in samples),
        int(fit.tree["sample_stats"]["diverging"].sum()),
        seconds,
        "sampling again" in json.loads(fit.tree.attrs["seconds"]),
        fit.diagnose().trustworthy,
    )


def _samples(fit: Fit, figure: Figure) -> np.ndarray:
    """Return the draws of a quantity, (chains, draws)."""
    frame = fit.to_frame([term.split("[")[0] for term in figure.terms])
    return frame[list(figure.terms)].sum(axis=1).to_numpy().reshape(fit.tree["posterior"].sizes["chain"], -1)


def _figure(published: Figure, x: np.ndarray, prob: float) -> Figure:
    from arviz_stats.base import array_stats

    low, high = array_stats.hdi(x.ravel(), prob=prob)
    bulk, tail = array_stats.ess(x, method="bulk"), array_stats.ess(x, method="tail", prob=0.9)
    return Figure(published.name, published.terms, float(x.mean()), low, high, float(bulk), float(tail))


def table(outcomes: Sequence[Outcome]) -> Table:
    """Return published figures beside ours: one line a quantity, below a line on each fit as a whole."""
    summary = f"mean [{100 * outcomes[0].case.prob:g}% HDI]"
    out = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    for title in ("", f"published\n\n{summary}", f"Shoal\n\n{summary}"):
        out.add_column(title)
    for title in ("published\nESS\nbulk/tail", "Shoal\nESS\nbulk/tail"):
        out.add_column(title, justify="right")
    for o in outcomes:
        out.add_row(
            o.case.title,
            _status(o.case.rhat, o.case.divergences),
            _status(o.rhat, o.divergences, o.seconds, o.again, o.trusted),
            *(_pair(*worst(figures), "≥ ") for figures in (o.case.figures, o.figures)),
            style="cyan" if o.trusted else "red",
        )
        for published, ours in zip(o.case.figures, o.figures, strict=True):
            sizes = (_pair(f.bulk, f.tail) for f in (published, ours))
            out.add_row(f"  {published.name}", _summary(published), _summary(ours), *sizes)
    return out


def worst(figures: Iterable[Figure]) -> tuple[float, float]:
    """Return the least bulk and the least tail effective sample size; NaN if none is known."""
    figures = list(figures)
    bulk = [f.bulk for f in figures if not math.isnan(f.bulk)]
    tail = [f.tail for f in figures if not math.isnan(f.tail)]
    return min(bulk, default=math.nan), min(tail, default=math.nan)


def _status(
    rhat: float | None,
    divergences: float | None,
    seconds: float | None = None,
    again: bool = False,
    trusted: bool = True,
) -> str:
    first = [] if rhat is None else [f"R-hat {max(rhat, 1):.2f}"]
    first += [] if seconds is None else [f"{seconds:.1f} s"]
    lines = [", ".join(first)] + ([] if divergences is None else [f"{divergences:.0f} divergences"])
    lines += ["by NUTS at second try"] if again else []
    lines += [] if trusted else ["not to be trusted"]
    return "\n".join(line for line in lines if line) or NONE


def _summary(f: Figure) -> str:
    if math.isnan(f.mean):
        return NONE
    # Two digits of the interval's width, at most the three decimals that were published.
    decimals = min(3, max(0, math.ceil(1.4 - math.log10(f.high - f.low))))
    return f"{f.mean:.{decimals}f} [{f.low:.{decimals}f}, {f.high:.{decimals}f}]"


def _pair(bulk: float, tail: float, lead: str = "") -> str:
    known = [f"{v:.0f}" for v in (bulk, tail) if not math.isnan(v)]
    return lead + "/".join(known) if known else NONE


def closing(outcomes: Sequence[Outcome], draws: int, seconds: float) -> str:
    """Return a paragraph on all fits together; every number is computed from them."""
    bulk, tail = worst(f for o in outcomes for f in o.figures)
    divergences, rhat = sum(o.divergences for o in outcomes), max(o.rhat for o in outcomes)
    sentences = [
        f"{_count(len(outcomes), 'fit')} in {seconds:.0f} s: {_count(divergences, 'divergence')}, worst R-hat"
        f" {rhat:.3f}, worst ESS {bulk:,.0f} (bulk) and {tail:,.0f} (tail) of {draws:,} draws."
    ]
    bulk, tail = worst(f for o in outcomes for f in o.case.figures)
    rhat = max(o.case.rhat for o in outcomes if o.case.rhat)
    sizes = " and ".join(f"{size:,.0f}" for size in (bulk, tail) if not math.isnan(size))
    sentences.append(f"Worst of the published figures: R-hat {rhat:.2f}, ESS {sizes}.")
    sentences += _distance(outcomes)
    again = [_name(o.case) for o in outcomes if o.again]
    if again:
        sentences.append(
            f"The planned sampler failed its checks, and NUTS took over, in: {'; '.join(again)}."
        )
    doubtful = [_name(o.case) for o in outcomes if not o.trusted]
    if doubtful:
        sentences.append(f"Not to be trusted: {'; '.join(doubtful)}.")
    return " ".join(sentences)


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def _name(case: Published) -> str:
    return case.title.replace("\n", ", ")


def _distance(outcomes: Sequence[Outcome]) -> list[str]:
    """Say how far the published means are from ours."""
    distances = [
        (abs(theirs.mean - ours.mean) / sd, f"{theirs.name} of {_name(o.case)} (its ESS: {theirs.bulk:.0f})")
        for o in outcomes
        for theirs, ours, sd in zip(o.case.figures, o.figures, o.sds, strict=True)
        if not math.isnan(theirs.mean)
    ]
    if not distances:
        return []
    far, which = max(distances)
    near = sum(distance < 0.1 for distance, _ in distances)
    return [
        f"Of {len(distances)} published means {near} lie within 0.1 posterior standard deviations of ours;"
        f" the farthest lies {far:.2f} away: {which}."
    ]
