"""The symbol of every parameter: what the equations use, and what stands beside names in tables."""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from shoal.model import Specification
from shoal.model.design import Curve, Design, Group, Latent
from shoal.model.terms.group_parameters import levels_of_row
from shoal.model.terms.variable import Element, Variable
from shoal.report.mathml import enclosed, listed, name, row, sub, subsup, words

# Of the families' own parameters and of what they print; others keep their names.
LETTERS = {"eta": "η", "sigma": "σ", "nu": "ν", "phi": "φ", "shape": "θ", "zi": "π", "cutpoint": "κ"}
INTERCEPT = "Intercept"


def response_of(design: Design) -> str:
    """Return the response as it is written in the formula."""
    return design.formula.response.value.text


def owners(design: Design) -> list[Markup]:
    """Return what indices begin with: the response where there are several, and the parameter predicted."""
    own = f"{design.parameter}_" if design.parameter else ""
    several = [words(response_of(design))] if design.prefix.removesuffix(own) else []
    return [*several, letter(design.parameter)] if own else several


def letter(text: str) -> Markup:
    """Return the letter of a family's parameter."""
    return name(LETTERS.get(text, text))


def indexed(base: Markup, design: Design, *index: Markup) -> Markup:
    """Return `base` with an index, behind that of its linear predictor."""
    parts = [*owners(design), *index]
    return sub(base, listed(parts)) if parts else base


def of_family(parameter: str, design: Design) -> Markup:
    """Return the symbol of a family's parameter; several responses may share it."""
    return letter(parameter) if parameter in design.shared else indexed(letter(parameter), design)


def at_row(column: str) -> Markup:
    """Return row i of a column."""
    return sub(words(column), name("i"))


def added(design: Design, *index: Markup) -> Markup:
    """Return what cutpoint j adds to the linear predictor of an ordered response."""
    several = [words(response_of(design))] if design.response_prefix else []
    return sub(name("δ"), listed([*several, *index, name("j")]))


def coefficient(design: Design, position: int, cutpoint: Markup | None = None) -> Markup:
    """Return the population coefficient of a column, or that of a cutpoint: α for the intercept, else β."""
    term = design.terms[position]
    if design.specific:
        several = [words(response_of(design))] if design.response_prefix else []
        return sub(name("β"), listed([*several, words(term), name("j") if cutpoint is None else cutpoint]))
    if term == INTERCEPT:
        return indexed(name("α"), design)
    return indexed(name("β"), design, words(term))


def at_level(factor: str) -> Markup:
    """Return the level of row i in a factor."""
    return row(words(factor), enclosed(name("i"), "[", "]"))


def of_row(group: Group) -> Markup:
    """Return the level of row i, or its levels where it has several."""
    factor = [words(group.name)] if group.by else []
    return listed([*factor, *map(at_level, levels_of_row(group))])


def of_effect(base: str, design: Design, group: Group, effect: str, levels: Markup | None = None) -> Markup:
    """Return a symbol that each effect of a grouping factor has; slopes are named above it.

    Parameters
    ----------
    base : str
        Such as ``r`` or ``τ``.
    levels : Markup, optional
        What stands for the factor in the index, such as the level of row i.
    """
    factor = words(group.name) if levels is None else levels
    # An id joins effects on several predictors: they are named after these, and the set after none.
    index = listed([factor] if group.sections else [*owners(design), factor])
    if effect == INTERCEPT:
        return sub(name(base), index)
    return subsup(name(base), index, enclosed(words(effect)))


def correlation(design: Design, group: Group) -> Markup:
    """Return the correlation matrix of a level's effects."""
    if group.sections:
        return sub(name("R"), words(group.name))
    return indexed(name("R"), design, words(group.name))


def degrees(design: Design, group: Group) -> Markup:
    """Return the degrees of freedom of Student-t effects."""
    return indexed(name("ν"), design, words(group.name))


def loading(design: Design, latent: Latent) -> Markup:
    """Return the loading of a latent in one response."""
    return indexed(name("λ"), design, words(latent.name))


def symbols(model: Specification) -> dict[str, Markup]:
    """Return the symbol of every parameter, by its name among the priors and in summaries."""
    designs = {part.prefix: part for part in model.parts}
    out: dict[str, Markup] = {}
    for variable in (v for v in model.variables if not v.many):
        design, symbol = designs[variable.prefix], SYMBOLS[variable.kind]
        out[variable.name] = symbol(variable, design, None)
        for element in variable.elements():
            name = f"{variable.name}[{','.join(element.labels)}]" if element.labels else variable.name
            out[name] = symbol(variable, design, element)
            out.setdefault(element.prior, out[name])
    return out


def _coefficient(variable: Variable, design: Design, element: Element | None) -> Markup:
    between = variable.name.removesuffix("]").rpartition("[")[2]
    return coefficient(design, variable.place, words(between) if design.specific else None)


def _scale(variable: Variable, design: Design, element: Element | None) -> Markup:
    """Return the symbol of a slope's scale; of all of them, that of the slopes, whose prior they share."""
    if element is None:
        return indexed(name("β"), design)
    return indexed(name("s"), design, words(design.terms[design.columns.index(element.labels[0])]))


def _cutpoint(variable: Variable, design: Design, element: Element | None) -> Markup:
    index = [words(label) for label in element.labels] if element else [name("j")]
    return indexed(letter("cutpoint"), design, *index)


def _sd(variable: Variable, design: Design, element: Element | None) -> Markup:
    effect = element.labels[0] if element else INTERCEPT
    return of_effect("τ", design, design.groups[variable.place], effect)


def _correlation(variable: Variable, design: Design, element: Element | None) -> Markup:
    return correlation(design, design.groups[variable.place])


def _degrees(variable: Variable, design: Design, element: Element | None) -> Markup:
    return degrees(design, design.groups[variable.place])


def _loading(variable: Variable, design: Design, element: Element | None) -> Markup:
    return loading(design, design.latents[variable.place])


def _imputed(variable: Variable, design: Design, element: Element | None) -> Markup:
    return indexed(name("β"), design, words(design.imputed[variable.place].term.column))


def _unknown(variable: Variable, design: Design, element: Element | None) -> Markup:
    at = [words(label) for label in element.labels] if element else [name("i")]
    return sub(words(response_of(design)), listed(at))


def of_curve(base: str, design: Design, curve: Curve) -> Markup:
    """Return a symbol of a curve: the curve itself, its standard deviation, its lengthscale."""
    return indexed(name(base), design, words(curve.name))


def _of_curve(base: str) -> Callable[[Variable, Design, Element | None], Markup]:
    """Return the symbol of a curve's parameter: of each of several, with its label above it."""

    def symbol(variable: Variable, design: Design, element: Element | None) -> Markup:
        curve = design.curves[variable.place]
        if element is None or not element.labels:
            return of_curve(base, design, curve)
        index = words(curve.name)
        if design.prefix:
            index = listed([words(response_of(design)), index])
        return subsup(name(base), index, enclosed(words(element.labels[0])))

    return symbol


def _of_family(variable: Variable, design: Design, element: Element | None) -> Markup:
    shared = variable.name in design.shared
    return of_family(variable.name if shared else variable.name.removeprefix(design.prefix), design)


def _of_residuals(variable: Variable, design: Design, element: Element | None) -> Markup:
    at = listed([words(label) for label in element.labels]) if element and element.labels else None
    base = "φ" if design.residuals is not None and design.residuals.kind == "ar" else "ρ"
    return indexed(name(base), design, *([at] if at is not None else []))


SYMBOLS: dict[str, Callable[[Variable, Design, Element | None], Markup]] = {
    "coefficient": _coefficient,
    "scale": _scale,
    "cutpoints": _cutpoint,
    "sd": _sd,
    "correlation": _correlation,
    "degrees": _degrees,
    "loading": _loading,
    "imputed": _imputed,
    "unknown": _unknown,
    "sds": _of_curve("τ"),
    "lengthscale": _of_curve("ℓ"),
    "share": _of_curve("ρ"),
    "monotonic": _of_curve("β"),
    "simplex": _of_curve("ζ"),
    "family": _of_family,
    "residual": _of_residuals,
}
