"""Complete, no and partial pooling of one model, by what each predicts of observations left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from shoal.api import Fit, Model
from shoal.errors import ModelError
from shoal.fit.progress import shown
from shoal.model import Specification
from shoal.scores.compare import Comparison, compared
from shoal.scores.loo import loo
from shoal.scores.loo.units import units_of
from shoal.studies.pooling.by_size import by_size
from shoal.studies.pooling.settings import (
    Between,
    between,
    check_model,
    fitted,
    is_number,
    rows_or_trials,
    settings_for,
)

if TYPE_CHECKING:
    from shoal.drawing.picture import Picture

WAYS = ("complete", "none", "partial")


@dataclass(frozen=True, repr=False, eq=False)
class PoolingComparison:
    """Three fits of one model, and how well each predicts.

    Attributes
    ----------
    comparison : Comparison
        Scores by leave-one-out, effective parameters, differences, weights.
    actual : dict of str to int
        Parameters that each way has, all effects and hyperparameters counted, to hold the effective ones
        against; those that are fixed are none.
    by_size : pandas.DataFrame
        One row a size of level and way of pooling: ``levels``, ``observations``, ``log_score`` (mean log
        density of an observation left out), ``rmse`` (root mean square of what was observed less what was
        expected, left out; missing where no single observation is left out), and ``error`` where the truth is
        known: mean distance of the levels' coefficients from it.
    fits : dict of str to Fit
        "complete", "none" and "partial".
    group : str
    scale : str
        Of ``rmse`` and ``error``.
    """

    comparison: Comparison
    actual: dict[str, int]
    by_size: pd.DataFrame
    fits: dict[str, Fit]
    group: str
    scale: str

    @property
    def table(self) -> pd.DataFrame:
        """The comparison's table, with the number of ``parameters`` beside the effective ones, ``p``."""
        table = self.comparison.table.copy()
        table.insert(list(table).index("p") + 1, "parameters", pd.Series(self.actual))
        return table

    def plot(self) -> Picture:
        """Draw the errors of the three ways by the size of the levels."""
        from shoal.studies.pooling.pictures import errors_by_size

        return errors_by_size(self.by_size, self.group, self.scale)

    def __str__(self) -> str:
        c = self.comparison
        return "\n".join(
            [
                f"Three ways of pooling the levels of {self.group}.",
                c.question,
                self.table.round(2).to_string(),
                c.verdict,
                c.about,
                "",
                f"By the size of the levels ({self.scale}):",
                self.by_size.round(3).to_string(),
                *c.notes,
            ]
        )

    def __repr__(self) -> str:
        return str(self)


def compare(
    model: Model,
    group: str | None = None,
    *,
    effect: str | None = None,
    unit: str | None = None,
    refit: bool = False,
    sd: float | Mapping[str, float] | None = None,
    truth: Mapping[Any, float] | None = None,
    draws: int = 1000,
    chains: int = 4,
    seed: int = 1,
    cores: int | None = None,
    progress: bool | None = None,
) -> PoolingComparison:
    """Fit a model with complete, no and partial pooling, and compare what they predict.

    Parameters
    ----------
    model : Model
    group, effect : str, optional
        The grouping factor by whose sizes errors are told apart, and the effect that `truth` is about; needed
        where there are several.
    unit : str, optional
        What is left out, as in `Fit.loo`: by default one observation, a row or a single trial of a row.
    refit : bool
        As in `Fit.loo`.
    sd : float or mapping, optional
        Of the levels' prior without pooling, as in `Model.with_pooling`.
    truth : mapping, optional
        From levels to their true coefficients (population plus deviation) on the scale of the linear
        predictor, of simulated data.
    draws, chains, seed, cores, progress
        As in `Model.fit`.

    Returns
    -------
    PoolingComparison

    Raises
    ------
    ModelError
        A model without group terms, or that is a variant itself; unknown names; a level without truth, or
        whose truth is no number; units that have rows of several levels.
    """
    spec = check_model(model).specification
    settings = settings_for(draws, chains, seed, cores)
    variants = {
        "complete": model.with_pooling("complete"),
        "none": model.with_pooling("none", sd),
        "partial": model,
    }
    found = between(spec, group, effect)
    what = rows_or_trials(spec) if unit is None else unit
    _check_unit(spec, found, what)
    known = None if truth is None else _known(truth, found.group.labels.tolist(), found.group.name)
    fits = {name: fitted(variant, settings, progress) for name, variant in variants.items()}
    with shown(progress, 0, "fits") as bar:
        scores = {name: loo(fit.results, what, refit, settings.cores, bar) for name, fit in fits.items()}
    sizes = by_size(fits, scores, found, known)
    return PoolingComparison(
        compared(scores),
        {name: _parameters(fit) for name, fit in fits.items()},
        sizes,
        fits,
        found.group.name,
        _scale(found, sizes),
    )


def _check_unit(model: Specification, found: Between, unit: str) -> None:
    """Refuse units whose errors belong to no single level."""
    units = units_of(model, unit)
    pairs = len(np.unique(np.stack([units.of_row, found.group.index]), axis=1).T)
    if pairs > len(np.unique(units.of_row)):
        name = found.group.name
        raise ModelError(
            "several-levels-a-row",
            f"unit={unit!r}, and some of these have rows of several levels of {name}.",
            f"Units within the levels of {name}, whose errors are told by the levels' sizes.",
            f"sl.compare({{'partial': …, 'none': …}}, unit={unit!r}) compares fits of `with_pooling`.",
        )


def _scale(found: Between, sizes: pd.DataFrame) -> str:
    """Return the words for the scales of the errors in `sizes`."""
    response = found.design.formula.response
    words = [f"log_score per {'trial' if response.trials else 'observation'}"]
    if "rmse" in sizes:
        words.append(f"rmse in units of {'one trial' if response.trials else response.value.text}")
    if "error" in sizes:
        words.append("error on the scale of the linear predictor")
    return "; ".join(words)


def _known(truth: Mapping[Any, float], labels: list[Any], group: str) -> list[float]:
    """Return the truth of each level."""
    if not isinstance(truth, Mapping):
        raise ModelError(
            "truth-unreadable",
            f"truth is of type {type(truth).__name__}.",
            f"A mapping from levels of {group}.",
        )
    given = {str(label): value for label, value in truth.items()}
    if missing := [label for label in labels if str(label) not in given]:
        raise ModelError(
            "truth-incomplete",
            f"The truth of {len(missing)} of {len(labels)} levels of {group} is not given ({missing[0]!r}).",
            "A number for each level.",
            "truth={level: population coefficient + deviation, …}.",
        )
    for label in labels:
        if not is_number(given[str(label)]):
            raise ModelError(
                "truth-unreadable", f"The truth of {label!r} is {given[str(label)]!r}.", "A number."
            )
    return [float(given[str(label)]) for label in labels]


def _parameters(fit: Fit) -> int:
    """Return how many numbers are free to vary from draw to draw."""
    results = fit.results
    count = 0
    for name, array in results.posterior.data_vars.items():
        varies = (array.max(("chain", "draw")) > array.min(("chain", "draw"))).values
        matrix = any(name == group.cor for group in results.model.groups)
        count += int((np.tril(varies, -1) if matrix else varies).sum())
    # Effects that sum to zero over the levels: the last follows from the others.
    return count - sum(len(group.effects) for group in results.model.groups if group.zero_sum)
