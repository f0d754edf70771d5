"""The five models of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shoal.api import Model
from shoal.families import Family
from shoal.formula.tree import quote
from shoal.model import Response
from shoal.model.default_priors import resolve
from shoal.model.design import Design
from shoal.priors import Prior
from shoal.studies.confounding.estimators import FIXED, LATENT, MULTILEVEL, MUNDLAK, NAIVE
from shoal.studies.confounding.priors import chosen, is_chance
from shoal.studies.confounding.question import Question

WIDE = 10.0  # sd of fixed effects of a chance, in log odds; other families have a wide one of their own


@dataclass(frozen=True)
class Kinds:
    """Families of outcome and trait, and the outcome's link."""

    family: str | Family
    link: str | None
    trait_family: str | Family


def models_of(
    question: Question, kinds: Kinds, estimators: Sequence[str], priors: Mapping[str, Prior]
) -> dict[str, Model]:
    """Return the model of each estimator, with its priors.

    Raises
    ------
    FormulaError, DataError, ModelError, PriorError
    """
    # Fixed effects are those of the multilevel model without pooling.
    written = {name: MULTILEVEL if name == FIXED else name for name in estimators}
    plain = {name: _written(question, kinds, name) for name in dict.fromkeys(written.values())}
    own = chosen(question, {name: model.specification for name, model in plain.items()}, priors)
    out = {}
    for name, model in plain.items():
        spec = model.specification
        out[name] = Model._of(replace(spec, priors=resolve(spec.designs, own[name])))
    return {name: _fixed(question, out[MULTILEVEL]) if name == FIXED else out[name] for name in estimators}


def _written(question: Question, kinds: Kinds, name: str) -> Model:
    """Return the model of an estimator with Shoal's default priors."""
    formula = outcome_formula(question)
    group, latent = f"(1 | {quote(question.group)})", f"latent({question.latent} | {quote(question.group)})"
    if name == LATENT:
        predictors = [quote(column) for column in question.trait_covariates]
        trait = f"{quote(question.trait)} ~ {' + '.join([*predictors, latent])}"
        # The trait comes first: it says most of the latent, whose sign is that of its first loading.
        responses = [
            Response(trait, kinds.trait_family),
            Response(f"{formula} + {group} + {latent}", kinds.family, kinds.link),
        ]
        return Model(responses, question.frame)
    extra = {NAIVE: "", MULTILEVEL: f" + {group}", MUNDLAK: f" + {question.mean_term} + {group}"}
    return Model(formula + extra[name], question.frame, kinds.family, link=kinds.link)


def outcome_formula(question: Question) -> str:
    """Return the part of the outcome's formula that all models share."""
    trials = "" if question.trials is None else f" | trials({quote(question.trials)})"
    predictors = " + ".join(quote(column) for column in (*question.effects, *question.covariates))
    return f"{quote(question.outcome)}{trials} ~ {predictors}"


def _fixed(question: Question, multilevel: Model) -> Model:
    """Return the multilevel model without pooling: a wide prior of known sd for each group alone."""
    design = outcome_design(question, multilevel)
    wide = WIDE * design.family.scale(design.rows)[1] if is_chance(design.family) else None
    return multilevel.with_pooling("none", sd=wide)


def outcome_design(question: Question, model: Model) -> Design:
    """Return the design of the outcome, in the latent model one of two responses."""
    return model.specification.response(quote(question.outcome))


def coefficient(question: Question, model: Model, term: str) -> str:
    """Return the posterior name of the outcome's coefficient of a column or a term, such as ``y_x``."""
    design = outcome_design(question, model)
    return design.columns[design.terms.index(term)]
