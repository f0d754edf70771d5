"""What leaving out gives: a score with its errors, unit by unit, and the question that it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from shoal.engine.rules import SETS
from shoal.errors import listing
from shoal.scores.loo.integrate import EXACT, NONE, SAMPLING
from shoal.scores.loo.units import ROW

METHODS = PSIS, REFIT = "psis", "refit"
COARSE = 0.1  # error of a unit's integral beyond which importance sampling of draws cannot rely on it


@dataclass(frozen=True, repr=False, eq=False)
class Loo:
    """Expected log predictive density (elpd) of units left out: rows, or all rows of a level.

    Attributes
    ----------
    unit : str
        "row", "trial", "observation", or the factor whose levels were left out.
    question : str
        What the score says, in a sentence.
    pointwise : pandas.DataFrame
        One row a unit, in its order.

        * ``n``: rows of the table; of single trials and observations, those that are alike, whose figures are
          those of each.
        * ``elpd``: log density, left out; ``within``: log mean density under the fit that had the unit.
        * ``pareto_k``: of its importance weights, NaN for a fit without the unit; ``mcse`` of ``elpd``.
        * ``predicted``: of rows and trials, the expected response with the unit left out: of one trial where
          rows have them, of an ordered one the mean category number.
        * ``method``: "psis" or "refit".
        * ``integral``: how group effects were integrated, "none", "exact", "quadrature" or "importance
          sampling"; ``integral_error``: absolute of the log by quadrature, relative by importance sampling,
          averaged over draws.
    draws : int
    good_k : float
        Pareto shape up to which importance sampling is reliable with so many draws.
    advice : str
        What else to ask, and how; may be empty.
    folds : int
        0 for one unit at a time; otherwise units were left out so many sets of them at a time.
    data : str
        A digest of the responses and of the rows of each unit, by which `compare` knows scores that compare.
    single : bool
        Units are single trials of binomial rows, or single observations.
    """

    unit: str
    question: str
    pointwise: pd.DataFrame
    draws: int
    good_k: float
    advice: str = ""
    folds: int = 0
    data: str = ""
    single: bool = False

    @property
    def alike(self) -> np.ndarray:
        """How many units each row of `pointwise` stands for, (U,): singles that are alike, otherwise 1."""
        counts = self.pointwise["n"].to_numpy()
        return counts if self.single else np.ones_like(counts)

    @property
    def counted(self) -> str:
        """How many units there are, in words."""
        number = int(self.alike.sum())
        s = "" if number == 1 else "s"
        plain = self.single or self.unit == ROW
        return f"{number:,} {self.unit}{s}" if plain else f"{number:,} level{s} of {self.unit}"

    @property
    def described(self) -> str:
        """What was left out, and how."""
        what = f"{self.unit}s" if self.single or self.unit == ROW else f"levels of {self.unit}"
        return f"{what} in {self.folds} folds" if self.folds else f"{what} one by one"

    @property
    def elpd(self) -> float:
        """Sum over units; higher is better."""
        return float(self.alike @ self.pointwise["elpd"])

    @property
    def se(self) -> float:
        """Standard error of `elpd`, from the scatter of the units."""
        values, counts = self.pointwise["elpd"].to_numpy(), self.alike
        number = counts.sum()
        return float(np.sqrt(number / (number - 1) * (counts @ (values - self.elpd / number) ** 2)))

    @property
    def p(self) -> float:
        """Effective number of parameters: how much more the fit says of units it has seen; NaN for folds."""
        return float(self.alike @ (self.pointwise["within"] - self.pointwise["elpd"]))

    @property
    def mcse(self) -> float:
        """Standard error of `elpd` by computation: of finitely many draws, and of the effects' integrals."""
        table = self.pointwise
        # Draws share sets of points; on a grid the error is what it is at every draw.
        shared = np.where(table["integral"] == SAMPLING, SETS, 1)
        variance = table["mcse"] ** 2 + table["integral_error"] ** 2 / shared
        return float(np.sqrt(self.alike.astype(float) ** 2 @ variance))

    @property
    def bad(self) -> np.ndarray:
        """Labels of the units that cannot be relied on: Pareto k above `good_k`, or a coarse integral."""
        return self.pointwise.index[unreliable(self.pointwise, self.good_k)].to_numpy()

    @property
    def refits(self) -> int:
        """Units that were left out of a fit of their own."""
        return int((self.pointwise["method"] == REFIT).sum())

    @property
    def ok(self) -> bool:
        """Every unit can be relied on: its Pareto k is at most `good_k`, and its integral is not coarse."""
        return not len(self.bad)

    @property
    def elpd_data(self) -> Any:
        """The same as arviz-stats has it, an ``ELPDData`` on the log scale: for its functions and plots."""
        return elpd_data(self)

    def __str__(self) -> str:
        how = f"Cross-validation in {self.folds} folds" if self.folds else "Leave one out"
        parameters = "" if self.folds else f", effective parameters {self.p:.1f}"
        lines = [
            f"{how}: {self.counted}.",
            self.question,
            f"elpd {self.elpd:.1f} (se {self.se:.1f}){parameters}; Monte Carlo error {self.mcse:.2g}, "
            f"{self.draws:,} draws.",
            *self._about_k(),
            *self._about_integrals(),
            *self._about_se(),
        ]
        return "\n".join([*lines, self.advice] if self.advice else lines)

    def __repr__(self) -> str:
        return str(self)

    def _about_k(self) -> list[str]:
        lines = []
        smoothed = self.pointwise["pareto_k"].dropna()
        if len(smoothed):
            worst = f"worst {smoothed.max():.2f} ({smoothed.idxmax()})"
            if smoothed.max() <= self.good_k:
                lines.append(f"Pareto k: none above {self.good_k:.2f}, {worst}.")
        if not self.ok:
            lines.append(self.complaint)
        if self.refits and not self.folds:
            lines.append(f"In place of importance sampling, {self.refits:,} fitted anew without the unit.")
        return lines

    @property
    def complaint(self) -> str:
        """What is wrong with the units in `bad`; empty without any."""
        if self.ok:
            return ""
        table, count = self.pointwise, len(self.pointwise)
        heavy = table.index[table["pareto_k"] > self.good_k]
        coarse = [label for label in self.bad if label not in set(heavy)]
        words = []
        if len(heavy):
            words.append(
                f"Pareto k above {self.good_k:.2f} for {len(heavy):,} of {count:,} units ({listing(heavy)}): "
                "the draws of the whole fit cannot stand for one without them."
            )
        if coarse:
            words.append(
                f"The integral over the effects is too coarse for {len(coarse):,} of {count:,} units "
                f"({listing(coarse)})."
            )
        if not self.folds:
            words.append("loo(..., refit=True) fits anew without each of these.")
        return " ".join([*words, "This elpd is unreliable."])

    def _about_se(self) -> list[str]:
        if self.single or self.unit == ROW or self.pointwise["n"].nunique() == 1:
            return []
        return [
            "The se is the scatter between levels, their sizes included: sl.compare has that of a difference "
            "between models."
        ]

    def _about_integrals(self) -> list[str]:
        table = self.pointwise
        how = [name for name in table["integral"].unique() if name != NONE]
        if not how:
            return []
        error = table["integral_error"].max()
        whose = "levels that are one row" if self.unit == ROW else f"the {self.unit} left out"
        words = f"Effects of {whose} are integrated out: {' and '.join(how)}"
        return [f"{words}." if how == [EXACT] else f"{words}, error at most {error:.1g} a draw."]


def unreliable(table: pd.DataFrame, good_k: float) -> np.ndarray:
    """Return which units of a pointwise table cannot be relied on, (U,).

    A noisy integral makes noisy weights, whose bias no number of draws takes away; as the density itself, in
    the mean over the draws of a fit without the unit, it may be three times as noisy.
    """
    most = np.where(table["method"] == REFIT, 3 * COARSE, COARSE)
    return np.asarray((table["pareto_k"] > good_k) | (table["integral_error"] > most))


def elpd_data(score: Loo, offset: np.ndarray | float = 0.0) -> Any:
    """Return the ``ELPDData`` of a score, as arviz-stats has it: one class (0.8), or one of each kind (1.x).

    Parameters
    ----------
    offset : (U,) array
        Taken from the log density of each unit.
    """
    import xarray as xr
    from arviz_stats import utils

    alike, table = score.alike, score.pointwise
    labels = np.repeat(table.index.to_numpy(), alike)

    def along(values: np.ndarray) -> xr.DataArray:
        return xr.DataArray(np.repeat(values, alike), {score.unit: labels}, (score.unit,))

    elpd = table["elpd"].to_numpy() - offset
    common: dict[str, Any] = {
        "elpd": float(alike @ elpd),
        "se": score.se,
        "p": score.p,
        "n_samples": score.draws,
        "n_data_points": int(alike.sum()),
        "scale": "log",
        "warning": not score.ok,
        "good_k": score.good_k,
        "elpd_i": along(elpd),
        "pareto_k": None if score.folds else along(table["pareto_k"].to_numpy()),
    }
    if score.folds:
        common["n_folds"] = score.folds
    kind = getattr(utils, "ELPDDataLOOKFold" if score.folds else "ELPDDataLOO", None)
    if kind is None:  # before arviz-stats 1.3, one class had all kinds
        one_for_all: Any = utils.ELPDData
        return one_for_all(kind="loo_kfold" if score.folds else "loo", **common)
    return kind(**common)
