"""What the rows alone say of groups and trait, before any model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from shoal.model.design import Design
from shoal.studies.confounding.question import Question


@dataclass(frozen=True)
class Facts:
    """Figures that decide what each model can say.

    Attributes
    ----------
    groups : int
    median : float
        Rows of a group, in the median.
    within_share : float
        Share of the trait's variance that lies within groups.
    reliability : float
        Share of the variance of a mean over `median` rows that is not the error of the mean: by one-way
        analysis of variance. NaN where the trait is constant.
    alike : int
        Groups all of whose outcomes sit at one end of their range.
    correlation : float
        Of the groups' means of the trait with the group's trait; NaN without one.
    """

    groups: int
    median: float
    within_share: float
    reliability: float
    alike: int
    correlation: float

    @property
    def tied(self) -> bool:
        """Whether the groups' means go with the group's trait beyond two standard errors of chance."""
        return bool(abs(self.correlation) > 2 / np.sqrt(self.groups))


def facts_of(question: Question, outcome: Design) -> Facts:
    """Return the figures of a question, whose outcome has this design."""
    by_group = pd.Series(question.frame[question.trait].to_numpy(dtype=float)).groupby(question.index)
    sizes, means = by_group.size().to_numpy(), by_group.mean().to_numpy()
    median = float(np.median(sizes))
    within, between = _variances(by_group.var(ddof=0).to_numpy(), sizes, means)
    signal = between + within / median
    total = between + within
    return Facts(
        groups=len(sizes),
        median=median,
        within_share=within / total if total > 0 else float("nan"),
        reliability=between / signal if signal > 0 else float("nan"),
        alike=_alike(question, outcome),
        correlation=_correlation(question, means),
    )


def _variances(inside: np.ndarray, sizes: np.ndarray, means: np.ndarray) -> tuple[float, float]:
    """Return variances within and between groups by the moments of a one-way layout of unequal sizes.

    Searle, Casella and McCulloch (1992), Variance Components, section 3.6.
    """
    rows, groups = sizes.sum(), len(sizes)
    within = float((sizes * inside).sum() / (rows - groups))
    mean_square = float((sizes * (means - np.average(means, weights=sizes)) ** 2).sum() / (groups - 1))
    size = (rows - (sizes**2).sum() / rows) / (groups - 1)
    return within, max(0.0, float((mean_square - within) / size))


def _alike(question: Question, outcome: Design) -> int:
    low, high = outcome.edges
    ends = pd.DataFrame({"low": low, "high": high}).groupby(question.index).all()
    return int(ends.any(axis=1).sum())


def _correlation(question: Question, means: np.ndarray) -> float:
    if question.group_trait is None:
        return float("nan")
    trait = question.frame[question.group_trait].groupby(question.index).first().to_numpy(dtype=float)
    if np.ptp(trait) == 0 or np.ptp(means) == 0:
        return float("nan")
    return float(np.corrcoef(means, trait)[0, 1])
