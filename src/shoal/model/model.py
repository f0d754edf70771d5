"""A model as data: formulas, designs, families and resolved priors."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any

import numpy as np

from shoal.errors import ModelError, PriorError, ShoalWarning, check_choice, listing
from shoal.families import Family, get_family
from shoal.formula import Formula, parse, parse_predictor
from shoal.model import checks
from shoal.model.build_design import build, needed
from shoal.model.checks import responses as response_checks
from shoal.model.default_priors import resolve
from shoal.model.design import Design
from shoal.model.grouping_factors import Group
from shoal.model.joined import join
from shoal.model.terms.all_terms import terms_of, variables_of
from shoal.model.terms.term import Term
from shoal.model.terms.variable import ResolvedPrior, Variable
from shoal.priors import Fixed, Prior
from shoal.tables import Table

MISSING = ("refuse", "drop")


@dataclass(frozen=True)
class Response:
    """One response of a model with several.

    Parameters
    ----------
    formula : str
    family : str or Family
    link : str, optional
        The family's own by default.
    predictors : mapping, optional
        From parameters of the family to formulas of their own linear predictors, ``{"sigma": "~ z"}``, or to
        numbers that they are held at, ``{"quantile": 0.9}``.
    """

    formula: str
    family: str | Family = "gaussian"
    link: str | None = None
    predictors: Mapping[str, str | float] = field(default_factory=dict)

    @property
    def formulas(self) -> tuple[Formula, dict[str, Formula]]:
        """That of the response, and those of parameters.

        Raises
        ------
        FormulaError, ModelError
        """
        formula = checks.columns_of_response(parse(self.formula), get_family(self.family, self.link))
        _check_names(
            "predictors-not-named", "predictors", self.predictors, "{'sigma': '~ z + (1 | g)'}", ModelError
        )
        texts: dict[str, Any] = {n: text for n, text in self.predictors.items() if n not in self.held}
        return formula, {n: parse_predictor(text, n, formula) for n, text in texts.items()}

    @property
    def held(self) -> dict[str, Prior]:
        """Parameters that are known, each with its value as a prior."""
        given: Mapping[str, Any] = self.predictors
        known = {n: v for n, v in given.items() if type(v) is not bool and isinstance(v, Real)}
        return {name: Fixed(float(value)) for name, value in known.items()}

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the formulas need, once."""
        formula, others = self.formulas
        return tuple(dict.fromkeys(c for f in (formula, *others.values()) for c in f.columns))


@dataclass(frozen=True)
class Specification:
    """A frozen model.

    Attributes
    ----------
    designs : tuple of Design
        One a response.
    priors : dict
        One `ResolvedPrior` per parameter: each population column, ``sd_<group>[<effect>]``, ``cor_<group>``,
        ``loading_<latent>``, ``cutpoints``, and the family's own.
    table : Table
        The columns the formulas use.
    covariances : mapping
        Known covariances between levels, as the user gave them.
    pooling : {"partial", "complete", "none"}
        Which variant of the user's model this is.
    """

    designs: tuple[Design, ...]
    priors: Mapping[str, ResolvedPrior]
    table: Table
    covariances: Mapping[str, Any] = field(default_factory=dict)
    pooling: str = "partial"

    @property
    def parts(self) -> tuple[Design, ...]:
        """All linear predictors: of each response, its own and those of its parameters."""
        return tuple(part for design in self.designs for part in design.parts)

    @property
    def terms(self) -> tuple[Term, ...]:
        """The parts of the model, each of which declares its parameters."""
        return terms_of(self.designs, self.priors)

    @property
    def variables(self) -> list[Variable]:
        """All variables of the posterior, in reading order."""
        return variables_of(self.terms, self.designs)

    @property
    def groups(self) -> tuple[Group, ...]:
        """The effects of all linear predictors on all grouping factors, each set once."""
        return tuple(
            {group.r: group for part in reversed(self.parts) for group in reversed(part.groups)}.values()
        )[::-1]

    @property
    def factors(self) -> dict[str, np.ndarray]:
        """Grouping factors and their level labels, those of latents included."""
        out = {group.name: group.labels for group in self.groups}
        for part in self.parts:
            out |= {latent.factor: latent.labels for latent in part.latents}
        return out

    @property
    def text(self) -> str:
        """The formulas, a line each."""
        texts = ((d.formula.text, *d.predictor_formulas.values()) for d in self.designs)
        return "\n".join(text for own in texts for text in own)

    @property
    def group_effects(self) -> tuple[str, ...]:
        """Names of the posterior variables that have one value a level, or a function of a basis."""
        return tuple(variable.name for variable in self.variables if variable.many)

    @property
    def stays(self) -> bool:
        """The rows are elsewhere, and those of the table do not make the model's density."""
        return any(design.stays for design in self.designs)

    def require_rows(self, what: str, instead: str, equal: bool = False, sums: bool = False) -> None:
        """Raise if the table is not in memory, for a question that needs its rows.

        Parameters
        ----------
        what, instead : str
            As `Reduction.refuse` takes them.
        equal : bool
            Rows that stand for equal ones, with their number, are enough.
        sums : bool
            So are rows of the same sums in each level.

        Raises
        ------
        ModelError
        """
        reduction = self.table.reduction
        enough = reduction is None or (sums and not reduction.stays) or (equal and not reduction.sums)
        if reduction is not None and not enough:
            raise reduction.refuse(what, instead)

    def response(self, name: str | None = None) -> Design:
        """Return the design of the response of that name, or the only one.

        Raises
        ------
        ModelError
            If there is no such response, or none is named and there are several.
        """
        designs = {design.formula.response.value.text: design for design in self.designs}
        if name is None and len(designs) == 1:
            return next(iter(designs.values()))
        if not isinstance(name, str) or name not in designs:
            given = "No response is named." if name is None else f"There is no response {name!r}."
            raise ModelError("unknown-response", given, f"One of {listing(designs)}.")
        return designs[name]

    def design_of(self, group: Group) -> Design:
        """Return the linear predictor that `group` belongs to."""
        return next(part for part in self.parts if any(g is group for g in part.groups))

    def with_responses(self, *ys: np.ndarray) -> Specification:
        """Return the same model of other responses, priors unchanged."""
        pairs = zip(self.designs, ys, strict=True)
        return replace(self, designs=tuple(design.with_response(y) for design, y in pairs))

    def without(self, rows: np.ndarray) -> Specification:
        """Return the same model without some rows, an (N,) bool array: of weight 0 in every response."""
        return replace(self, designs=tuple(design.without(rows) for design in self.designs))


def specify(
    responses: Sequence[Response],
    table: Table,
    priors: Mapping[str, Prior] | None = None,
    covariances: Mapping[str, Any] | None = None,
    missing: str = "refuse",
    rescor: bool = False,
) -> Specification:
    """Parse, read and resolve a model.

    Parameters
    ----------
    missing : {"refuse", "drop"}
        What becomes of rows with missing values.
    rescor : bool
        The residuals of gaussian responses, or of student ones, correlate in each row.

    Raises
    ------
    FormulaError, DataError, ModelError, PriorError
    """
    if not isinstance(rescor, bool):
        raise ModelError("unknown-choice", f"rescor={rescor!r}.", "True or False.")
    check_choice("missing", missing, MISSING)
    _check_names("covariances-not-named", "covariances", covariances, "{'K': matrix}", ModelError)
    check_priors(priors)
    if missing == "drop":
        formulas = [(own, *others.values()) for own, others in (r.formulas for r in responses)]
        table = table.without_missing(dict.fromkeys(c for own in formulas for c in needed(own)))
        if table.dropped is not None:
            warnings.warn(f"{table.dropped}.", ShoalWarning, stacklevel=3)
    response_checks.names([response.formulas[0] for response in responses])
    designs = designs_of(responses, table, covariances or {}, rescor=rescor)
    columns = dict.fromkeys(c for response in responses for c in response.columns)
    priors = _with_held(responses, designs, priors or {})
    return Specification(designs, resolve(designs, priors), table.select(tuple(columns)), covariances or {})


def _with_held(
    responses: Sequence[Response], designs: Sequence[Design], priors: Mapping[str, Prior]
) -> dict[str, Prior]:
    """Return the priors given, and those of parameters that are held at a number."""
    out = dict(priors)
    for response, design in zip(responses, designs, strict=True):
        checks.predictors(response.held, design.formula, design.family)
        for own, prior in response.held.items():
            name = design.named(own)
            if name in priors or out.get(name, prior) != prior:
                raise ModelError(
                    "held-with-prior",
                    f"{name!r} is held, {prior}, and has the prior {out[name]}.",
                    "One of them.",
                )
            out[name] = prior
    return out


def check_priors(priors: Any) -> None:
    """Raise `PriorError` unless priors are a mapping from names, or None."""
    _check_names("priors-not-named", "priors", priors, "{'sigma': sl.priors.Exponential(1)}", PriorError)


def _check_names(
    code: str, what: str, given: Any, example: str, error: type[ModelError] | type[PriorError]
) -> None:
    """Raise unless `given` is a mapping from names, or None."""
    if given is not None and not isinstance(given, Mapping):
        found = f"The {what} are of type {type(given).__name__}."
        raise error(code, found, "A mapping from names.", f"{what}={example}.")
    if odd := [name for name in given or () if not isinstance(name, str)]:
        found = f"The {what} have the name {odd[0]!r}."
        raise error(code, found, "Names are text.", f"{what}={example}.")


def designs_of(
    responses: Sequence[Response],
    table: Table,
    covariances: Mapping[str, Any],
    *,
    quiet: bool = False,
    rescor: bool = False,
) -> tuple[Design, ...]:
    """Return the design of each response, names prefixed if there are several.

    Raises
    ------
    FormulaError, DataError, ModelError
    """
    if not responses:
        raise ModelError("no-responses", "The model has no response.", "At least one formula.")
    both = [r.formulas for r in responses]
    formulas = [formula for formula, _ in both]
    names = [f.response.value.text for f in formulas]
    if len(set(names)) < len(names):
        raise ModelError(
            "responses-share-column",
            f"Two formulas have the same response ({listing(names)}).",
            "One formula a response.",
        )
    response_checks.order(formulas)
    every = [f for formula, others in both for f in (formula, *others.values())]
    response_checks.latent_names(every, table, quiet)
    designs = tuple(
        build(
            formula,
            table,
            get_family(response.family, response.link),
            predictors=predictors,
            prefix=f"{name}_" if len(names) > 1 else "",
            covariances=covariances,
            measured={f.response.value.name for f in formulas if f.response.mi_se is not None},
            quiet=quiet,
        )
        for (formula, predictors), response, name in zip(both, responses, names, strict=True)
    )
    if rescor:
        response_checks.correlated(designs)
        designs = tuple(replace(design, rescor=True) for design in designs)
    response_checks.shared(designs)
    response_checks.imputed(designs)
    designs = join(designs)
    response_checks.distinct(designs)
    unused = set(covariances).difference(*(formula.matrices for formula in every))
    if unused:
        raise ModelError(
            "matrix-not-used",
            f"No term uses the matrix {listing(sorted(unused))}.",
            "For example (1 | gr(g, cov=K)), or car(W, gr=g).",
        )
    return designs
