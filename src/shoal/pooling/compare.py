"""Complete, no and partial pooling of one model, by what each predicts of observations left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from shoal.api import Fit, Model
from shoal.comparison import Comparison, compared
from shoal.errors import ModelError
from shoal.estimands import effect_of, group_of
from shoal.loo import loo
from shoal.pooling.by_size import by_size
from shoal.pooling.settings import check_model, fitted, rows_or_trials, settings_for

if TYPE_CHECKING:
    from shoal.plots.picture import Picture

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
        against.
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
        from shoal.pooling.pictures import errors_by_size

        return errors_by_size(self.by_size, self.group, self.scale)

    def __str__(self) -> str:
        c = self.comparison
        return "\n".join(
            [
                f"Three ways of pooling the levels of {self.group}.",
                c.question,
                self.table.round(2).to_string(),
                c.verdict,
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
        A model without group terms, or that is a variant itself; unknown names; a level without truth.
    """
    spec = check_model(model).specification
    settings = settings_for(draws, chains, seed, cores)
    variants = {
        "complete": model.with_pooling("complete"),
        "none": model.with_pooling("none", sd),
        "partial": model,
    }
    fits = {name: fitted(variant, settings, progress) for name, variant in variants.items()}
    design, found = group_of(fits["partial"].results, group)
    k = effect_of(found, effect)
    what = unit or rows_or_trials(spec)
    scores = {name: loo(fit.results, what, refit, settings.cores) for name, fit in fits.items()}
    known = None if truth is None else _known(truth, found.labels.tolist(), found.name)
    sizes = by_size(fits, scores, design, found, k, known)
    response = design.formula.response.value.text
    scale = f"rmse in units of {'one trial' if design.formula.response.trials else response}"
    scale += "" if truth is None else "; error on the scale of the linear predictor"
    return PoolingComparison(
        compared(scores), {n: _parameters(f) for n, f in fits.items()}, sizes, fits, found.name, scale
    )


def _known(truth: Mapping[Any, float], labels: list[Any], group: str) -> list[float]:
    """Return the truth of each level."""
    given = {str(label): float(value) for label, value in dict(truth).items()}
    if missing := [label for label in labels if str(label) not in given]:
        raise ModelError(
            f"The truth of {len(missing)} of {len(labels)} levels of {group} is not given ({missing[0]!r}).",
            "A number for each level.",
        )
    return [given[str(label)] for label in labels]


def _parameters(fit: Fit) -> int:
    """Return how many numbers a draw holds that vary."""
    posterior = fit.results.posterior
    return sum(int((array.std(("chain", "draw")) > 0).sum()) for array in posterior.data_vars.values())
