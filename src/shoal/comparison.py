"""Several models of the same data, compared by how well they predict what was left out."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from shoal.errors import ModelError, listing, nearest
from shoal.loo import Loo, loo
from shoal.loo.arviz import METHODS, weights
from shoal.loo.units import ROW
from shoal.model import Specification
from shoal.plots.comparisons import check_fits, results_of
from shoal.progress import shown

if TYPE_CHECKING:
    from shoal.plots.picture import Picture

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
        ``weight``; ``bad_k``, units whose Pareto k is too large to rely on; ``refits``.
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
        alike = [name for name in others if not self._worse(name)]
        worse = [name for name in others if self._worse(name)]
        words = f"{best!r} has the highest elpd."
        if alike:
            words += f" Not to be told from it by these data: {listing(map(repr, alike))}."
        if worse:
            words += f" Worse: {listing(map(repr, worse))}."
        return words

    def _worse(self, name: str) -> bool:
        difference, error = self.table.loc[name, ["elpd_diff", "diff_se"]]
        return bool(-difference > max(ALIKE, 2 * error))

    def plot(self) -> Picture:
        """Draw each model's difference from the best, with one and two standard errors."""
        from shoal.plots.elpd import differences

        return differences(self.table, self.unit, self.question)

    def __str__(self) -> str:
        table = self.table.round(2).to_string()
        return "\n".join([self.left_out, self.question, table, self.verdict, self.about, *self.notes])

    def __repr__(self) -> str:
        return str(self)


def compare(
    models: Mapping[str, Any],
    unit: str = ROW,
    *,
    refit: bool = False,
    method: str = "stacking",
    cores: int | None = None,
    progress: bool | None = None,
) -> Comparison:
    """Compare models of the same data by leave-one-out cross-validation.

    Parameters
    ----------
    models : mapping of str to Fit or Loo
        Fits, whose scores are computed here, or scores (of `Fit.loo`, or of `kfold` with the same folds).
        Scores hold no responses: those of other data are known by the names and sizes of their units alone.
    unit : str
        What is left out, as in `Fit.loo`; of fits only.
    refit : bool
        Fit anew without each unit whose Pareto k is too large; of fits only.
    method : {"stacking", "bb-pseudo-bma", "pseudo-bma"}
        Of the weights: stacking finds the mixture of the models that predicts best; the others weigh each by
        its own score.
    cores : int, optional
        All by default.
    progress : bool, optional
        Show a progress bar of the fits made anew; by default on a terminal.

    Returns
    -------
    Comparison

    Raises
    ------
    ModelError
        Fewer than two models, other data, other units or folds, responses on different scales.

    Notes
    -----
    A difference below 4 is small, and with fewer than 100 units its standard error is too small: Sivula,
    Magnusson, Matamoros and Vehtari (2020), arXiv:2008.10296. Weights: Yao, Vehtari, Simpson and Gelman
    (2018), Bayesian Analysis 13, 917-1007.

    Examples
    --------
    >>> print(compare({"with": fit_a, "without": fit_b}, unit="district"))
    """
    check_fits(models)
    if len(models) < 2:
        raise ModelError(f"{len(models)} models are given.", "Two or more, to be compared.")
    if method not in METHODS:
        raise ModelError(
            f"method={method!r}.", f"One of {', '.join(METHODS)}.", nearest(str(method), METHODS)
        )
    given = {str(name): model for name, model in models.items()}
    if len(given) < len(models):
        raise ModelError(f"Two models have one name: {listing(map(repr, models))}.", "Names that differ.")
    fits = {name: results_of(m) for name, m in given.items() if not isinstance(m, Loo)}
    _check_data({name: fit.model for name, fit in fits.items()})
    scores: dict[str, Loo] = {}
    with shown(progress, 0, "fits") as bar:
        for name, model in given.items():
            try:
                scores[name] = model if isinstance(model, Loo) else loo(fits[name], unit, refit, cores, bar)
            except ModelError as problem:
                raise ModelError(f"{name!r}: {problem.found}", problem.needed, problem.remedy) from problem
    return compared(scores, method)


def compared(scores: Mapping[str, Loo], method: str = "stacking") -> Comparison:
    """Return the comparison of scores of the same units.

    Raises
    ------
    ModelError
        Other units or folds.
    """
    scores = _aligned(scores)
    _check_units(scores)
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
        mean = score.alike @ away / score.alike.sum()
        rows[name] = {
            "elpd": score.elpd,
            "se": score.se,
            "elpd_diff": float(score.alike @ away),
            "diff_se": float(np.sqrt(score.alike @ (away - mean) ** 2)),
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


def _aligned(scores: Mapping[str, Loo]) -> dict[str, Loo]:
    """Return the scores with their units in the order of the first one's.

    The levels of a grouping factor may stand in another order than those of a column that is none.
    """
    order = next(iter(scores.values())).pointwise.index
    out = {}
    for name, score in scores.items():
        own = score.pointwise.index
        alike = len(own) == len(order) and own.is_unique and own.isin(order).all()
        out[name] = replace(score, pointwise=score.pointwise.loc[order]) if alike else score
    return out


def _check_units(scores: Mapping[str, Loo]) -> None:
    (name, first), *others = scores.items()
    for other, score in others:
        if (score.unit, score.folds) != (first.unit, first.folds):
            raise ModelError(
                f"{name!r} leaves out {first.described}, {other!r} {score.described}.",
                "Scores of the same units, left out in the same way.",
                "Fits among them are scored by unit=..., by default 'row'.",
            )
        same = score.pointwise.index.equals(first.pointwise.index)
        if not (same and np.array_equal(score.pointwise["n"], first.pointwise["n"])):
            raise ModelError(
                f"{name!r} and {other!r} leave out different {first.unit}s "
                f"({first.counted} and {score.counted}).",
                "Models of the same data.",
            )
        if first.folds and not np.array_equal(score.pointwise["fold"], first.pointwise["fold"]):
            raise ModelError(
                f"The {first.folds} folds of {name!r} and {other!r} hold different {first.unit}s.",
                "Scores of the same folds.",
                "kfold(...) with the same k, by, stratify and seed.",
            )


def _check_data(models: Mapping[str, Specification]) -> None:
    """Refuse models of different responses."""
    pairs = list(models.items())
    for (name, first), (other, model) in zip(pairs, pairs[1:], strict=False):
        texts = [[d.formula.response.value.text for d in m.designs] for m in (first, model)]
        if texts[0] != texts[1]:
            raise ModelError(
                f"{name!r} predicts {listing(texts[0])}, {other!r} {listing(texts[1])}.",
                "The same responses: densities of different quantities cannot be compared.",
                "A transformed response has another scale: log(y) ~ … and y ~ …, family lognormal, differ.",
            )
        for a, b in zip(first.designs, model.designs, strict=True):
            if a.family.discrete != b.family.discrete:
                raise ModelError(
                    f"{name!r} gives {texts[0][0]} a {_kind(a.family.discrete)}, {other!r} a "
                    f"{_kind(b.family.discrete)} (family {a.family} and {b.family}).",
                    "Either of both: a density depends on the response's unit, a probability does not.",
                )
            if what := _differing(a, b):
                raise ModelError(
                    f"{name!r} and {other!r} have other {what}.",
                    "Models of the same rows, in the same order.",
                    "Fit both to one table.",
                )


def _kind(discrete: bool) -> str:
    return "probability" if discrete else "density"


def _differing(a: Any, b: Any) -> str:
    """Return what the rows of two designs do not share."""
    if a.n_rows != b.n_rows:
        return f"numbers of rows ({a.n_rows:,} and {b.n_rows:,})"
    y, other = _observed(a), _observed(b)
    if a.categories and b.categories and a.categories != b.categories:
        return f"categories ({listing(a.categories)}; {listing(b.categories)})"
    if not np.array_equal(y, other):
        same = np.array_equal(np.sort(y), np.sort(other))
        return f"responses ({'in another order' if same else 'of other values'})"
    if not np.array_equal(a.rows.trials, b.rows.trials):
        return "trials"
    return "" if np.array_equal(a.rows.weight, b.rows.weight) else "weights"


def _observed(design: Any) -> np.ndarray:
    """Return the responses, (N,): of an ordered one the numbers of its categories."""
    y = np.asarray(design.rows.y, float)
    return design.category_numbers[y.astype(int)] if design.family.ordinal else y
