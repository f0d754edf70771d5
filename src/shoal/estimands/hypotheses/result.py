"""What the draws say of hypotheses: a table, and sentences that say what was asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from shoal.errors import listing
from shoal.estimands.common import describe
from shoal.estimands.hypotheses.evidence import Evidence, share
from shoal.estimands.table import Estimates

DIRECTION = (
    "Of a direction, probability is the share of the draws in which it holds, evidence_ratio its odds, and "
    "bayes_factor these odds over those before the data."
)
POINT = (
    "Of a point, evidence_ratio is the posterior density over the prior density there (Savage-Dickey), and "
    "probability that of the point, were it as probable before the data as all else."
)


@dataclass(frozen=True, repr=False)
class Hypotheses:
    """Hypotheses about parameters, and what the draws say of them.

    Attributes
    ----------
    draws : xarray.DataArray
        Left side less right side of each, dims (chain, draw, hypothesis).
    relations : tuple of str
        "<", ">" or "=" of each.
    evidence : tuple of Evidence
        Of each.
    rope : tuple of float, optional
        Region of practical equivalence: bounds of a difference that means nothing in practice.
    prob : float
        Probability of the table's interval.
    """

    draws: xr.DataArray
    relations: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    rope: tuple[float, float] | None
    prob: float

    @property
    def table(self) -> pd.DataFrame:
        """One row a hypothesis.

        * ``mean``, ``sd`` and the interval: of the left side less the right one.
        * ``probability``, with its Monte Carlo error ``mcse``; ``evidence_ratio``; ``bayes_factor``: as the
          sentences below the table say. NaN of a point that is too far out to tell, or has no density.
        * ``in_rope``, with ``mcse_in_rope``: probability that the difference is within `rope`.
        """
        rows = []
        for values, found in zip(np.moveaxis(self.draws.values, -1, 0), self.evidence, strict=True):
            row = {
                **describe(values, self.prob),
                "probability": found.probability,
                "mcse": found.mcse,
                "evidence_ratio": found.ratio,
                "bayes_factor": found.bayes_factor,
            }
            if self.rope is not None:
                row["in_rope"], row["mcse_in_rope"] = share(
                    (values >= self.rope[0]) & (values <= self.rope[1])
                )
            rows.append(row)
        table = Estimates(rows, index=pd.Index(self.draws["hypothesis"].values, name="hypothesis"))
        table.attrs = {"notes": self.notes}
        return table

    @property
    def densities(self) -> pd.DataFrame:
        """Of each point: the posterior and the prior density of the difference at 0, with their errors.

        Errors are relative: of finitely many draws and of smoothing, 0 of a prior density that is known.
        """
        labels = self.draws["hypothesis"].values
        rows = {
            label: (
                np.exp(found.posterior.log),
                found.posterior.error,
                np.exp(found.prior.log),
                found.prior.error,
            )
            for label, found in zip(labels, self.evidence, strict=True)
            if found.posterior is not None and found.prior is not None
        }
        columns = ["posterior", "posterior_error", "prior", "prior_error"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("hypothesis")

    @property
    def notes(self) -> list[str]:
        """The sentences printed below the table."""
        labels = list(map(str, self.draws["hypothesis"].values))
        by_note: dict[str, list[str]] = {}
        for label, found in zip(labels, self.evidence, strict=True):
            if found.note:
                by_note.setdefault(found.note, []).append(label)
        out = ["Mean, sd and interval are of the left side less the right one."]
        out += [DIRECTION] if set(self.relations) & {"<", ">"} else []
        out += [POINT] if "=" in self.relations else []
        if self.rope is not None:
            low, high = self.rope
            out.append(f"In_rope is the probability that this difference is within {low:g} and {high:g}.")
        return out + [f"{listing(names)}: {note}" for note, names in by_note.items()]

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str | None:
        return self.table._repr_html_()
