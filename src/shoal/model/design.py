"""The arrays of one linear predictor: rows, population columns, grouping factors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from shoal.families import Family, Rows
from shoal.families.category_specific import AtCutpoint
from shoal.families.parameter import Parameter
from shoal.families.predicted_parameters import CODES, COMMON, JOINT
from shoal.formula.formula import Formula
from shoal.formula.matrix import DesignSpec
from shoal.model.curves import Curve
from shoal.model.grouping_factors import Group, Latent
from shoal.model.imputed import Imputed
from shoal.model.outcomes import Outcomes
from shoal.model.residuals import Residuals
from shoal.model.spatial import Spatial
from shoal.model.thresholds import Thresholds

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Curve", "Design", "Group", "Imputed", "Latent"]


@dataclass(frozen=True)
class Design(Outcomes):
    """Everything numeric about one linear predictor that does not depend on parameters.

    That of a response holds those of its family's parameters that have predictors of their own.

    Attributes
    ----------
    formula : Formula
    family : Family
        Knows the categories of a categorical response. Of a parameter's predictor, the `Parameter`.
    rows : Rows
        Response, one entry per row of the table.
    offset : (N,) array
    x : (N, P) array
        Population columns; those of curves last.
    terms : tuple of str
        Their names in the formula.
    columns : tuple of str
        Their names in the posterior.
    groups : tuple of Group
    latents : tuple of Latent
    curves : tuple of Curve
    spec : DesignSpec
        Replays the columns of `x` but those of curves (and, for an ordered response, the Intercept before
        them) on new data.
    averages : (P,) array
        Average of each population column over the observations. Default priors of an Intercept speak of it,
        so it stays as it was learnt when rows are left out or others are read.
    scatter : (P, P) array
        How the population columns spread together about their averages; learnt once, as these.
    prefix : str
        ``<response>_`` where a model has several responses, ``<parameter>_`` of a parameter's predictor.
    imputed : tuple of Imputed
        Predictors with unknown values.
    missing : (N,) bool array, optional
        Rows whose response is not known: they have weight 0.
    predictors : tuple of Design
        Of the family's parameters, those that are not common to all rows, in the order of `parameters`.
    residuals : Residuals or Spatial, optional
        How those of gaussian rows correlate, or rows depend on their neighbours, unless they are independent.
    rescor : bool
        They correlate with those of the other responses of a row.
    thresholds : Thresholds, optional
        Which cutpoints the rows of an ordered response have.
    counts : (N,) array, optional
        Of a table that is not in memory: how many of its rows each row stands for.
    stays : bool
        Which rows a level has is known elsewhere alone: these have the levels, and apart from them all else.
    categories : tuple
        Labels of a categorical response, of an ordered one the lowest first; empty for others.
    """

    formula: Formula
    family: Family
    rows: Rows
    offset: np.ndarray
    x: np.ndarray
    terms: tuple[str, ...]
    columns: tuple[str, ...]
    groups: tuple[Group, ...]
    latents: tuple[Latent, ...]
    curves: tuple[Curve, ...]
    spec: DesignSpec
    averages: np.ndarray
    scatter: np.ndarray
    prefix: str = ""
    imputed: tuple[Imputed, ...] = ()
    missing: np.ndarray | None = None
    predictors: tuple[Design, ...] = ()
    residuals: Residuals | Spatial | None = None
    rescor: bool = False
    thresholds: Thresholds | None = None
    categories: tuple[Any, ...] = ()
    counts: np.ndarray | None = None
    stays: bool = False

    @property
    def unknown(self) -> np.ndarray:
        """Rows whose response is estimated, (N,) bool: it is missing, or measured with an error."""
        if self.formula.response.mi_se is not None and not self.parameter:
            return np.ones(self.n_rows, bool)
        return self.absent if self.formula.response.mi else np.zeros(self.n_rows, bool)

    @property
    def unknowns(self) -> tuple[str, ...]:
        """Posterior names of unknown values of other responses that the rows depend on."""
        own = (own for part in self.parts for own in part.imputed if (own.index >= 0).any())
        return tuple(dict.fromkeys(predictor.unknown for predictor in own))

    @property
    def parts(self) -> tuple[Design, ...]:
        """The response's own linear predictor, and those of parameters."""
        return (self, *self.predictors)

    @property
    def predictor_formulas(self) -> dict[str, str]:
        """The formulas of these parameters, as written."""
        return {part.parameter: part.formula.text for part in self.predictors if not self.family.specific}

    @property
    def parameter(self) -> str:
        """The parameter whose predictor this is; empty for a response's own."""
        return self.family.name if isinstance(self.family, Parameter) else ""

    @property
    def specific(self) -> bool:
        """Whether this is what a cutpoint adds to the linear predictor of an ordered response."""
        return isinstance(self.family, AtCutpoint)

    @property
    def response_prefix(self) -> str:
        """``<response>_`` where a model has several responses."""
        return self.prefix.removesuffix(f"{self.parameter}_") if self.parameter else self.prefix

    @property
    def unjoined(self) -> Design:
        """The design with the groups that an id joins as each predictor has them alone."""
        return self.changed(lambda part: replace(part, groups=tuple(g.unjoined for g in part.groups)))

    def changed(self, change: Callable[[Design], Design]) -> Design:
        """Return the design with each of its parts changed."""
        return replace(change(self), predictors=tuple(change(part) for part in self.predictors))

    @property
    def known_se(self) -> bool:
        """The response has known standard errors."""
        return self.formula.response.se is not None

    @property
    def se_sigma(self) -> bool:
        """There is a residual sigma besides known standard errors."""
        return self.formula.response.se_sigma

    @property
    def parameters(self) -> tuple[str, ...]:
        """The family's own parameters besides cutpoints, without prefix."""
        return self.family.parameters(self.known_se, self.se_sigma)

    @property
    def scalars(self) -> tuple[str, ...]:
        """Those of them that are common to all rows."""
        predicted = {part.parameter for part in self.predictors}
        return tuple(name for name in self.parameters if name not in predicted)

    @property
    def shared(self) -> tuple[str, ...]:
        """Those of `parameters` that responses have in common, whose residuals correlate."""
        return self.family.of_row if self.rescor else ()

    def named(self, parameter: str) -> str:
        """Return the posterior name of one of `parameters`."""
        return parameter if parameter in self.shared else self.prefix + parameter

    @property
    def links(self) -> tuple[int, ...]:
        """How each of `parameters` comes from its predictor, or that it has none, as compiled code has it."""
        own = {part.parameter: CODES[part.family.link] for part in self.predictors}
        own |= dict.fromkeys(self.family.together, JOINT)
        return tuple(own.get(name, COMMON) for name in self.parameters)

    @property
    def exactly_gaussian(self) -> bool:
        """Rows are normal around the linear predictor with one common sigma, or known errors.

        They are quadratic in the effects whatever the hyperparameters, so sums of them are all that is
        needed.
        """
        several = (self.known_se and self.se_sigma) or self.predictors
        return self.family.linear_gaussian and not several

    def gaussian_response(self, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return precisions of exactly gaussian rows, in units of sigma; responses less `offset`."""
        rows = self.rows
        weight = rows.weight / rows.se**2 if self.known_se else np.asarray(rows.weight, float)
        weight = np.where(self.unknown, 0.0, weight)  # its density is that of what it measures
        return weight, self.family.normal_response(rows) - offset

    @property
    def correlated(self) -> bool:
        """Residuals correlate, with each other or with those of other responses."""
        return self.residuals is not None or self.rescor

    @property
    def spreads(self) -> np.ndarray:
        """Standard deviation of each population column over the observations, (P,)."""
        return np.sqrt(np.average((self.x - self.averages) ** 2, axis=0, weights=self.row_weight))

    def effect_spreads(self, group: Group) -> np.ndarray:
        """Scale of each effect's column, (K,): its standard deviation, or its size if it is constant.

        Of a section of levels whose rows were all left out it is that of all rows.
        """
        z, weight = group.z, self.row_weight * (1.0 if group.weight is None else group.weight.any(axis=1))
        weight = weight if weight.any() else np.ones(len(z))
        size = np.sqrt(np.average(z**2, axis=0, weights=weight))
        sd = np.sqrt(np.average((z - np.average(z, axis=0, weights=weight)) ** 2, axis=0, weights=weight))
        return np.where(sd > 1e-12 * size, sd, np.where(size > 0, size, 1.0))

    def matched(self, group: Group) -> tuple[int, ...]:
        """For each effect of `group`, the population column of the same term, or -1.

        Where weights of memberships do not sum to one, no coefficient is what all levels share.
        """
        if not group.averaging:
            return (-1,) * len(group.effects)
        return tuple(self.terms.index(e) if e in self.terms else -1 for e in group.own_terms)

    def sizes(self, group: Group) -> np.ndarray:
        """Return how many rows of the table each level of a group has, (G,)."""
        if self.counts is None:
            return group.counts
        row, level, _ = group.entries
        return np.rint(np.bincount(level, self.counts[row], len(group.labels))).astype(int)

    @property
    def observations(self) -> int:
        """Rows of the table, wherever it is."""
        return self.n_rows if self.counts is None else int(np.rint(self.counts.sum()))

    def place_of(self, part: Group | Latent | Curve | Imputed) -> int:
        """Return the place of a group among the response's, of another part among those of its kind."""
        kinds: tuple[tuple[Group | Latent | Curve | Imputed, ...], ...] = (
            *(self.groups, self.latents, self.curves, self.imputed),
        )
        return next(i for parts in kinds for i, own in enumerate(parts) if own is part)

    @property
    def predicting(self) -> tuple[str, ...]:
        """Columns of the table that predict otherwise than by naming a level, parameters too."""
        names: list[str] = []
        for part in self.parts:
            names += [*part.spec.expression.columns, *(c for o in part.formula.offsets for c in o.columns)]
            names += [c for group in part.groups for spec in group.specs for c in spec.expression.columns]
            names += [c for group in part.groups if group.membership for c in group.membership.columns]
            names += [group.by.column for group in part.groups if group.by]
            names += [c for curve in part.curves for c in curve.term.columns]
            names += [own.term.column for own in part.imputed]
        names += self.items
        return tuple(dict.fromkeys(names))

    def on(self, frame: pd.DataFrame) -> Design:
        """Return the design with the population columns and the curves of another table's rows."""
        curves = tuple(curve.read(frame) for curve in self.curves)
        x = np.concatenate([self.spec.apply(frame), *(curve.population for curve in curves)], axis=1)
        # An ordered response has cutpoints in place of the Intercept, which is the first column.
        imputed = tuple(own.read(frame) for own in self.imputed)
        return replace(self, x=x[:, x.shape[1] - len(self.terms) :], curves=curves, imputed=imputed)

    def with_response(self, y: np.ndarray) -> Design:
        """Return the same design with another response, (N,) or of several columns (N, C), unchecked."""
        y = np.asarray(y, float)
        if self.family.several:
            return self._with_rows(y=y[:, 0], columns=y[:, 1:].T, known=None)
        return self._with_rows(y=y, known=None)

    def _with_rows(self, **columns: np.ndarray | None) -> Design:
        rows = self.rows._replace(**columns)
        return self.changed(lambda part: replace(part, rows=rows))

    @property
    def counting(self) -> Design:
        """The same design on the rows that count: those whose weight is above zero."""
        kept = np.flatnonzero(self.rows.weight)
        return self if len(kept) == self.n_rows else self.changed(lambda part: part.at(kept))

    def at(self, kept: np.ndarray) -> Design:
        """Return the design on some rows; its predictors stay."""
        return replace(
            self,
            rows=self.rows.at(kept),
            offset=self.offset[kept],
            x=self.x[kept],
            groups=tuple(group.at(kept) for group in self.groups),
            latents=tuple(replace(latent, index=latent.index[kept]) for latent in self.latents),
            curves=tuple(curve.at(kept) for curve in self.curves),
            imputed=tuple(own.at(kept) for own in self.imputed),
            missing=None if self.missing is None else self.missing[kept],
            thresholds=None if self.thresholds is None else self.thresholds.at(kept),
            residuals=self.residuals.at(kept) if self.residuals else None,
            counts=None if self.counts is None else self.counts[kept],
        )

    def without(self, rows: np.ndarray) -> Design:
        """Return the same design with the weight of some rows, an (N,) bool array, at zero.

        Shapes, levels and averages stay, so that priors do and no program is compiled anew.
        """
        return self._with_rows(weight=np.where(rows, 0.0, self.rows.weight))
