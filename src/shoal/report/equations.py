"""A model as equations: pieces of MathML between which a line may break."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from shoal.errors import listing
from shoal.model import Specification
from shoal.model.bases.areas import Areas
from shoal.model.bases.hilbert import Hilbert
from shoal.model.bases.steps import Steps
from shoal.model.coarse_rows import censoring, truncation
from shoal.model.design import Curve, Design, Group
from shoal.model.terms.group_parameters import in_a_row
from shoal.report.mathml import (
    enclosed,
    expression,
    listed,
    math,
    name,
    number,
    relation,
    row,
    sign,
    sub,
    sup,
    words,
)
from shoal.report.symbols import (
    INTERCEPT,
    added,
    at_level,
    at_row,
    coefficient,
    correlation,
    degrees,
    indexed,
    letter,
    loading,
    of_curve,
    of_effect,
    of_family,
    of_row,
    response_of,
)

MOST_TERMS = 30  # of a linear predictor; more would be no help to a reader


@dataclass(frozen=True)
class Equation:
    """One statement of a model.

    Attributes
    ----------
    pieces : tuple of Markup
        Formulas; lines break between them.
    note : str
        Words that follow.
    """

    pieces: tuple[Markup, ...]
    note: str = ""


def equations(model: Specification) -> list[Equation]:
    """Return the distribution of every response, its linear predictor, and that of all effects."""
    out = []
    sets = {group.r: group for group in model.groups}  # each once, whatever predictors it enters
    for design in model.designs:
        parts = design.predictors if design.family.joint else design.parts
        if design.family.specific:
            parts = (design, design.predictors[0])  # those of all cutpoints have the same columns
        out += [_distribution(design), *map(_predictor, parts)]
        for part in design.parts:
            for group in (group for group in part.groups if sets[group.r] is group):
                out += _effects(part, group)
            out += [_curve(part, curve) for curve in part.curves]
    latents = {latent.name: latent for part in model.parts for latent in part.latents}
    for latent in latents.values():
        standard = row(name("Normal"), enclosed(listed([number(0), number(1)])))
        note = f"for each of the {len(latent.labels):,} levels of {latent.factor}"
        out.append(Equation((math(words(latent.name), relation("∼"), standard),), note))
    return out


def _distribution(design: Design) -> Equation:
    """Return what the rows of a response are drawn from, as its family prints it."""
    r, response = design.formula.response, at_row(response_of(design))
    symbols = {p: of_family(p, design) for p in design.scalars}
    symbols |= {part.parameter: _parameter(part) for part in design.predictors}
    symbols["cs_j"] = added(design, name("i"))
    symbols |= {"eta": indexed(letter("eta"), design, name("i")), "y": response}
    item = [at_level(sets.column)] if (sets := design.thresholds) is not None and sets.column else []
    symbols["cutpoint_j"] = indexed(letter("cutpoint"), design, *item, name("j"))
    if r.trials:
        symbols["trials"] = number(r.trials.text) if r.trials.text.isdigit() else at_row(r.trials.text)
    if r.se:
        symbols["se"] = at_row(r.se.text)
    text = design.family.distribution(design.known_se, design.se_sigma)
    text = text.replace("cutpoint[j]", "cutpoint_j").replace("cs[i, j]", "cs_j")
    pieces = [math(response, relation("∼")), math(expression(text, symbols))]
    notes = [f"each row's log density times its weight {r.weights.text}"] if r.weights else []
    if design.residuals is not None:
        notes.append(design.residuals.words())
    if given := truncation(r):
        notes.append(f"given {given}")
    if unseen := censoring(design.rows):
        notes.append(unseen)
    if design.categories:
        order = "lowest first" if design.family.ordinal else "the first against which others are compared"
        notes.append(f"for the categories {listing(design.categories, 12)}, {order}")
    return Equation(tuple(pieces), "; ".join(notes))


def _parameter(part: Design) -> Markup:
    """Return a parameter that has a predictor, in row i; of several responses, the one it belongs to."""
    several = [words(response_of(part))] if part.response_prefix else []
    return sub(letter(part.parameter), listed([*several, name("i")]))


def _left(part: Design) -> Markup:
    """Return what equals a linear predictor: eta, or a parameter on the scale of its link."""
    if not part.parameter:
        return indexed(letter("eta"), part, name("i"))
    if part.specific:
        return added(part, name("i"))
    value = _parameter(part)
    return value if part.family.link == "identity" else row(name(part.family.link), enclosed(value))


def _predictor(design: Design) -> Equation:
    """Return the linear predictor, one piece a term."""
    terms = [
        coefficient(design, k) if term == INTERCEPT else row(coefficient(design, k), at_row(term))
        for k, term in enumerate(design.terms)
    ]
    for group in design.groups:
        for k in group.own:
            r = of_effect("r", design, group, group.effects[k], of_row(group))
            term = str(group.own_terms[k])
            terms.append(r if term == INTERCEPT else row(r, at_row(term)))
    for latent in design.latents:
        value = sub(words(latent.name), at_level(latent.factor))
        terms.append(row(loading(design, latent), value))
    terms += [sub(of_curve("f", design, curve), name("i")) for curve in design.curves]
    terms += [at_row(offset.text) for offset in design.formula.offsets]
    left = _left(design)
    first, *rest = terms[:MOST_TERMS] or [number(0)]
    more = len(terms) - MOST_TERMS
    pieces = [math(left, relation("="), first), *(math(relation("+"), term) for term in rest)]
    return Equation(tuple(pieces), f"⋯ and {more:,} terms more" if more > 0 else "")


def _effects(design: Design, group: Group) -> list[Equation]:
    """Return the distribution of a level's effects, block by block, and what binds levels together."""
    base = "r" if group.root is None else "u"  # a known covariance mixes independent levels u
    each = f"for each of the {len(group.labels):,} levels of {group.name}"
    each += f"; in row i: {in_a_row(group)}" if group.weight is not None else ""
    out = [Equation(_block(design, group, base, block), each) for block in group.blocks]
    if group.zero_sum:
        over = Markup("<munder><mo>∑</mo>{}</munder>").format(words(group.name))
        sums = (
            math(over, of_effect(base, design, group, e), relation("="), number(0)) for e in group.effects
        )
        note = f"the population part is the mean of these {len(group.labels):,} levels"
        out.append(Equation(tuple(sums), note))
    if group.root is not None:
        out.append(_mixed(design, group))
    return out


def _block(design: Design, group: Group, base: str, block: tuple[int, ...]) -> tuple[Markup, ...]:
    """Return the distribution of effects that are correlated with each other, or of a single one."""
    effects = [group.effects[k] for k in block]
    left = [of_effect(base, design, group, e) for e in effects]
    sds = [of_effect("τ", design, group, e) for e in effects]
    kind = "StudentT" if group.student else "Normal"
    inside = [degrees(design, group), number(0)] if group.student else [number(0)]
    if len(block) == 1:
        return (math(*left, relation("∼"), name(kind), enclosed(listed([*inside, *sds]))),)
    covariance = row(name("D"), correlation(design, group), name("D"))
    right = row(name(f"Multi{kind}"), enclosed(listed([*inside, covariance])))
    return (
        math(enclosed(listed(left)), relation("∼")),
        math(right, sign(",")),
        math(name("D"), relation("="), row(name("diag"), enclosed(listed(sds)))),
    )


def _curve(design: Design, curve: Curve) -> Equation:
    """Return what a curve is made of, and the distribution of that."""
    left, basis = of_curve("f", design, curve), curve.basis
    each = f"for each of the {len(curve.levels):,} levels of {curve.term.by}" if curve.levels else ""
    if isinstance(basis, Steps):
        total = row(number(basis.size), of_curve("β", design, curve))
        shares = row(
            Markup("<munder><mo>∑</mo>{}</munder>").format(words("steps")), of_curve("ζ", design, curve)
        )
        note = f"the sum is over the steps of {basis.name} up to that of row i, of {basis.size}"
        return Equation((math(sub(left, name("i")), relation("="), total, shares),), note)
    if isinstance(basis, Areas):
        inside = listed(
            [of_curve("τ", design, curve), *([of_curve("ρ", design, curve)] if basis.kind != "icar" else [])]
        )
        note = f"of {len(basis.labels):,} areas {basis.name} and their neighbours"
        return Equation((math(left, relation("∼")), math(words(basis.kind.upper()), enclosed(inside))), note)
    functions = row(Markup("<munder><mo>∑</mo>{}</munder>").format(name("k")), sub(name("u"), name("k")))
    if isinstance(basis, Hilbert):
        inside = listed([of_curve("τ", design, curve), of_curve("ℓ", design, curve)])
        note = f"by {basis.functions:,} eigenfunctions"
        pieces = (math(left, relation("∼")), math(words("GaussianProcess"), enclosed(inside)))
        return Equation(pieces, f"{note}, {each}" if each else note)
    columns = sub(name("B"), name("k"))
    inside = listed([number(0), of_curve("τ", design, curve)])
    pieces = (
        math(left, relation("="), functions, columns, sign(",")),
        math(sub(name("u"), name("k")), relation("∼"), name("Normal"), enclosed(inside)),
    )
    note = "B are natural cubic splines without their straight part"
    return Equation(pieces, f"{note}, {each}" if each else note)


def _mixed(design: Design, group: Group) -> Equation:
    """Return how a known covariance between levels enters: through its lower Cholesky factor."""
    factor, known = name("L"), words(group.cov)
    pieces = [
        math(
            of_effect("r", design, group, e),
            relation("="),
            factor,
            of_effect("u", design, group, e),
            sign(","),
        )
        for e in group.effects
    ]
    pieces.append(math(factor, sup(factor, name("⊤")), relation("="), known))
    return Equation(tuple(pieces), f"the known covariance between the levels of {group.name}")
