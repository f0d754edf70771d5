"""A whole formula: its parts, and what it needs of a table."""

from __future__ import annotations

from dataclasses import dataclass

from shoal.formula.terms import (
    CurveTerm,
    Expression,
    GroupTerm,
    ImputedTerm,
    LatentTerm,
    ResidualTerm,
    ResponseTerm,
)


@dataclass(frozen=True)
class Formula:
    """A parsed formula.

    Parameters
    ----------
    text : str
        As the user wrote it.
    response : ResponseTerm
    population : Expression
        Right-hand side for formulaic; group terms, offsets, latent terms and curves removed; the intercept
        is explicit (``1 + x`` or ``0 + x``).
    offsets : tuple of Expression
    groups : tuple of GroupTerm
    latents : tuple of LatentTerm
    curves : tuple of CurveTerm
    imputed : tuple of ImputedTerm
    residuals : ResidualTerm, optional
    specific : Expression, optional
        What stands in ``cs(...)``, whose effects differ from cutpoint to cutpoint.
    """

    text: str
    response: ResponseTerm
    population: Expression
    offsets: tuple[Expression, ...] = ()
    groups: tuple[GroupTerm, ...] = ()
    latents: tuple[LatentTerm, ...] = ()
    curves: tuple[CurveTerm, ...] = ()
    imputed: tuple[ImputedTerm, ...] = ()
    residuals: ResidualTerm | None = None
    specific: Expression | None = None

    @property
    def right(self) -> str:
        """The text from ``~`` on."""
        return self.text[self.text.index("~", self.response.value.span[1]) :]

    @property
    def matrices(self) -> set[str]:
        """Names of the matrices between levels that it needs."""
        found = {group.cov for group in self.groups} | {curve.matrix for curve in self.curves}
        found |= {self.residuals.matrix} if self.residuals else set()
        return {name for name in found if name is not None}

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column the formula needs, once."""
        names = [c for part in self.response.parts for c in part.columns]
        return tuple(dict.fromkeys([*names, *self.predicting, *(term.column for term in self.imputed)]))

    @property
    def predicting(self) -> tuple[str, ...]:
        """Every column right of ``~`` but those of imputed predictors, once."""
        names = [c for p in (self.population, *self.offsets) for c in p.columns]
        names += self.specific.columns if self.specific else ()
        names += [c for g in self.groups for c in (*g.effects.columns, *g.columns)]
        names += [c for latent in self.latents for c in latent.factor]
        names += [c for curve in self.curves for c in curve.columns]
        names += self.residuals.columns if self.residuals else ()
        return tuple(dict.fromkeys(names))
