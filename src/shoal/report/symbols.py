"""The symbol of every parameter: what the equations use, and what stands beside names in tables."""

from __future__ import annotations

from markupsafe import Markup

from shoal.model import Specification
from shoal.model.design import Design, Group, Latent
from shoal.report.mathml import enclosed, listed, name, row, sub, subsup, words

# Of the families' own parameters and of what they print; others keep their names.
LETTERS = {"eta": "η", "sigma": "σ", "nu": "ν", "phi": "φ", "shape": "θ", "zi": "π", "cutpoint": "κ"}
INTERCEPT = "Intercept"


def response_of(design: Design) -> str:
    """Return the response as it is written in the formula."""
    return design.formula.response.value.text


def letter(text: str) -> Markup:
    """Return the letter of a family's parameter."""
    return name(LETTERS.get(text, text))


def indexed(base: Markup, design: Design, *index: Markup) -> Markup:
    """Return `base` with an index; with several responses the response comes first."""
    parts = [words(response_of(design))] if design.prefix else []
    parts += index
    return sub(base, listed(parts)) if parts else base


def at_row(column: str) -> Markup:
    """Return row i of a column."""
    return sub(words(column), name("i"))


def coefficient(design: Design, position: int) -> Markup:
    """Return the population coefficient of a column: α for the intercept, else β."""
    term = design.terms[position]
    if term == INTERCEPT:
        return indexed(name("α"), design)
    return indexed(name("β"), design, words(term))


def of_effect(base: str, design: Design, group: Group, effect: str, at: Markup | None = None) -> Markup:
    """Return a symbol that each effect of a grouping factor has; slopes are named above it.

    Parameters
    ----------
    base : str
        Such as ``r`` or ``τ``.
    at : Markup, optional
        What follows the factor in the index, such as the level of row i.
    """
    factor = words(group.name) if at is None else row(words(group.name), at)
    index = listed([words(response_of(design)), factor]) if design.prefix else factor
    if effect == INTERCEPT:
        return sub(name(base), index)
    return subsup(name(base), index, enclosed(words(effect)))


def correlation(design: Design, group: Group) -> Markup:
    """Return the correlation matrix of a level's effects."""
    return indexed(name("R"), design, words(group.name))


def degrees(design: Design, group: Group) -> Markup:
    """Return the degrees of freedom of Student-t effects."""
    return indexed(name("ν"), design, words(group.name))


def loading(design: Design, latent: Latent) -> Markup:
    """Return the loading of a latent in one response."""
    return indexed(name("λ"), design, words(latent.name))


def symbols(model: Specification) -> dict[str, Markup]:
    """Return the symbol of every parameter, by its name among the priors and in summaries."""
    return {key: symbol for design in model.designs for key, symbol in symbols_of(design).items()}


def symbols_of(design: Design) -> dict[str, Markup]:
    """Return the symbols of one response's parameters, by name."""
    out = {column: coefficient(design, i) for i, column in enumerate(design.columns)}
    for i, term in enumerate(term for term in design.terms if term != INTERCEPT):
        out[f"{design.prefix}scale_b[{design.columns[design.terms.index(term)]}]"] = indexed(
            name("s"), design, words(term)
        )
        if not i:
            out[f"{design.prefix}b"] = indexed(name("β"), design)
    if design.family.ordinal:
        out[design.cutpoints] = indexed(letter("cutpoint"), design, name("j"))
        between = zip(design.categories, design.categories[1:], strict=False)
        for low, high in between:
            label = f"{low}|{high}"
            out[f"{design.cutpoints}[{label}]"] = indexed(letter("cutpoint"), design, words(label))
    for group in design.groups:
        out |= {f"{group.sd}[{e}]": of_effect("τ", design, group, e) for e in group.effects}
        out |= {group.cor: correlation(design, group), group.nu: degrees(design, group)}
    out |= {latent.loading: loading(design, latent) for latent in design.latents}
    return out | {design.prefix + p: indexed(letter(p), design) for p in design.parameters}
