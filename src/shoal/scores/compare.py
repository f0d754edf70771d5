"""Several models of the same data, compared by how well they predict what was left out."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from shoal.errors import ModelError, check_choice, listing
from shoal.fit.given import check_fits, results_of
from shoal.fit.many import where
from shoal.fit.progress import shown
from shoal.fit.results import Results
from shoal.model import Specification
from shoal.scores.comparable import aligned, check_data, check_units
from shoal.scores.loo import Loo, loo
from shoal.scores.loo.units import ROW, Units, units_of
from shoal.scores.loo.weights import METHODS, weights

if TYPE_CHECKING:
    from shoal.drawing.picture import Picture

ALIKE = 4.0  # difference of elpd below which models predict alike, whatever its standard error
FEW = 100  # units below which the standard error of a difference says too little


@dataclass(frozen=True, repr=False, eq=False)
class Comparison:
    """Models in the order of their scores.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a model, best first: ``elpd`` with ``se``; ``elpd_diff`` from the best (0 or less) with
        ``diff_se``, the standard error of the sum of the units' differences; ``p``, effective parameters;
        ``weight``; ``bad_k``, units that cannot be relied on (`Loo.bad`); ``refits``.
    scores : dict of str to Loo
        In the same order.
    method : str
        How the weights were made.
    notes : tuple of str
        What to mind.
    """

    table: pd.DataFrame
    scores: dict[str, Loo]
    method: str
    notes: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """What was left out."""
        return next(iter(self.scores.values())).unit

    @property
    def question(self) -> str:
        """What the scores say: of several models whose effects differ, in the words of the best one."""
        return next(iter(self.scores.values())).question

    @property
    def left_out(self) -> str:
        """How many units were left out, and how."""
        first = next(iter(self.scores.values()))
        return f"{first.counted} left out{f' in {first.folds} folds' if first.folds else ' one by one'}."

    @property
    def about(self) -> str:
        """How the weights were made, and what the verdict calls worse."""
        return f"Weights by {self.method}. A model is called worse beyond two standard errors and {ALIKE:g}."

    @property
    def verdict(self) -> str:
        """Which models predict best, and which cannot be told from it."""
        best, *others = self.table.index
        doubted = [name for name, score in self.scores.items() if not score.ok]
        alike = [name for name in others if not self._worse(name)]
        worse = [name for name in others if self._worse(name)]
        words = f"{best!r} has the highest elpd."
        if doubted:
            words = f"Not to be relied on, by the scores of {listing(map(repr, doubted))}: {words}"
        if alike:
            words += f" These data do not tell it from {listing(map(repr, alike))}."
        if worse:
            words += f" Worse: {listing(map(repr, worse))}."
        return words

    def _worse(self, name: str) -> bool:
        difference, error = self.table.loc[name, ["elpd_diff", "diff_se"]]
        return bool(-difference > max(ALIKE, 2 * error))

    def plot(self) -> Picture:
        """Draw each model's difference from the best, with one and two standard errors."""
        from shoal.scores.pictures import differences

        return differences(self.table, self.unit, self.question)

    def __str__(self) -> str:
        table = self.table.round(2).to_string()
        return "\n".join([self.left_out, self.question, table, self.verdict, self.about, *self.notes])

    def __repr__(self) -> str:
        return str(self)


def compare(
    models: Mapping[str, Any],
    unit: str | None = None,
    *,
    refit: bool = False,
    method: str = "stacking",
    cores: int | None = None,
    workers: int | None = None,
    client: Any = None,
    checkpoint: str | Path | None = None,
    progress: bool | None = None,
) -> Comparison:
    """Compare models of the same data by leave-one-out cross-validation.

    Parameters
    ----------
    models : mapping of str to Fit or Loo
        Fits, whose scores are computed here, or scores (of `Fit.loo`, or of `kfold` with the same folds).
    unit : str, optional
        What is left out of fits, as in `Fit.loo`: by default rows. A column that one of the models has serves
        all of them.
    refit : bool
        Fit anew without each unit whose Pareto k is too large; of fits only.
    method : {"stacking", "bb-pseudo-bma", "pseudo-bma"}
        Of the weights: stacking finds the mixture of the models that predicts best; the others weigh each by
        its own score.
    cores : int, optional
        All by default.
    workers, client, checkpoint
        Of the fits made anew, as in `shoal.kfold`; with `refit` only. The fits of each model are kept in a
        folder of its name inside the checkpoint.
    progress : bool, optional
        Show a progress bar of the fits made anew; by default on a terminal.

    Returns
    -------
    Comparison

    Raises
    ------
    ModelError
        Fewer than two models, other data, other units or folds, responses on different scales; a place for
        fits without `refit`.

    Notes
    -----
    A difference below 4 is small, and with fewer than 100 units its standard error is too small: Sivula,
    Magnusson, Matamoros and Vehtari (2020), arXiv:2008.10296. Weights: Yao, Vehtari, Simpson and Gelman
    (2018), Bayesian Analysis 13, 917-1007.

    Examples
    --------
    >>> print(sl.compare({"with": fit, "without": fit_without}, unit="g"))
    12 levels of g left out one by one.
    The question: how well the rows of a new level of g are predicted together, its effects unknown (g).
               elpd    se  elpd_diff  diff_se     p  weight  bad_k  refits
    model
    with     -9...       0.0...
    without -10...
    ...
    """
    check_fits(models)
    if len(models) < 2:
        raise ModelError(
            "fewer-than-two-models", f"{len(models)} models are given.", "Two or more, to be compared."
        )
    check_choice("method", method, METHODS)
    at = where(cores, workers, client, checkpoint, refit)
    given = {str(name): model for name, model in models.items()}
    if len(given) < len(models):
        raise ModelError(
            "fit-name", f"Two models have one name: {listing(map(repr, models))}.", "Names that differ."
        )
    fits = {name: results_of(m) for name, m in given.items() if not isinstance(m, Loo)}
    check_data({name: fit.model for name, fit in fits.items()})
    scores = {name: model for name, model in given.items() if isinstance(model, Loo)}
    _check_asked(scores, fits, unit, refit)
    units = _units({name: fit.model for name, fit in fits.items()}, ROW if unit is None else unit)
    with shown(progress if refit else False, 0, "fits") as bar:
        for name, fit in fits.items():
            try:
                scores[name] = loo(fit, units[name], refit, cores, bar, at.within(name))
            except ModelError as problem:
                raise ModelError(
                    problem.code, f"{name!r}: {problem.found}", problem.needed, problem.remedy
                ) from problem
    scores = {name: scores[name] for name in given}
    return compared(scores, method)


def _check_asked(
    scores: Mapping[str, Loo], fits: Mapping[str, Results], unit: str | None, refit: bool
) -> None:
    """Refuse arguments about fits that the scores given contradict."""
    for name, score in scores.items():
        if unit is not None and score.unit != unit:
            raise ModelError(
                "scores-of-other-units",
                f"unit={unit!r}, and {name!r} is a score of {score.described}.",
                "Scores of that unit, or fits.",
            )
    if refit and not fits:
        raise ModelError(
            "refit-of-scores",
            "refit=True beside scores alone.",
            "Fits; or scores of fit.loo(..., refit=True).",
        )


def _units(models: Mapping[str, Specification], unit: str) -> dict[str, Units]:
    """Return the units of each model: its own, or another's where it has no such column.

    Raises
    ------
    ModelError
        If none has them.
    """
    found, problems = dict[str, Units](), dict[str, ModelError]()
    for name, model in models.items():
        try:
            found[name] = units_of(model, unit)
        except ModelError as problem:
            problems[name] = problem
    if problems and not found:
        name, first = next(iter(problems.items()))
        raise ModelError(first.code, f"{name!r}: {first.found}", first.needed, first.remedy) from first
    return {name: found.get(name) or next(iter(found.values())) for name in models}


def compared(scores: Mapping[str, Loo], method: str = "stacking") -> Comparison:
    """Return the comparison of scores of the same units.

    Raises
    ------
    ModelError
        Other units or folds.
    """
    scores = aligned(scores)
    check_units(scores)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("ignore", DeprecationWarning)  # arviz-stats 0.8 calls pandas in an old way
        warnings.simplefilter("always", UserWarning)
        shares = weights(scores, method)
    said = [" ".join(str(warning.message).split()) for warning in heard]
    order = sorted(scores, key=lambda name: -scores[name].elpd)
    best = scores[order[0]]
    rows = {}
    for name in order:
        score = scores[name]
        away = (score.pointwise["elpd"] - best.pointwise["elpd"]).to_numpy()
        number = score.alike.sum()
        scatter = score.alike @ (away - score.alike @ away / number) ** 2
        rows[name] = {
            "elpd": score.elpd,
            "se": score.se,
            "elpd_diff": float(score.alike @ away),
            "diff_se": float(np.sqrt(number / (number - 1) * scatter)),
            "p": score.p,
            "weight": shares[name],
            "bad_k": len(score.bad),
            "refits": score.refits,
        }
    ordered = {name: scores[name] for name in order}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")
    return Comparison(table, ordered, method, (*_cautions(ordered), *said))


def _cautions(scores: Mapping[str, Loo]) -> list[str]:
    bad = {name: score for name, score in scores.items() if not score.ok}
    out = [f"{name!r}: {score.complaint}" for name, score in bad.items()]
    out += dict.fromkeys(score.advice for score in bad.values() if score.advice)
    count = int(next(iter(scores.values())).alike.sum())
    if count < FEW:
        out.append(f"{count} units are few: standard errors of differences are too small.")
    return out
