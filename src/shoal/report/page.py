"""The page: its sections in order, and the template that writes them."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from shoal.criticism.diagnosis import diagnose
from shoal.fit.results import Results
from shoal.report.effects import effect_tables, explained, kept, variance_table
from shoal.report.equations import equations
from shoal.report.parameters import Parameters
from shoal.report.parts import Code, Facts, Formulas, Heading, Part, Points, Section, Sentences
from shoal.report.pictures import MOST_EFFECTS, Pictures
from shoal.report.run import again, data_table, run_facts, summary_facts
from shoal.report.sentences import sentences
from shoal.report.symbols import response_of

NO_GROUPS = "The model has no group terms, so there is nothing that could be pooled."
NOT_KEPT = (
    "The draws of the group effects were not kept (store='none'), so there is nothing to say of single "
    "levels. Fit with store='auto' to see them."
)
AGAIN = "From the same table and with the same versions this gives the same draws."
AGAIN_OLD = (
    "From the same table and with the same versions this gives the same draws, unless warmup or "
    "target_accept were set: the version of Shoal that wrote this file did not record them."
)


def page(results: Results, prob: float) -> str:
    """Return a fit as one HTML page that needs nothing else.

    Parameters
    ----------
    prob : float
        Probability of the intervals.
    """
    parameters, pictures = Parameters(results, prob), Pictures(results, prob)
    return (
        environment()
        .get_template("page.html")
        .render(
            title=_title(results),
            formulas=results.model.text.split("\n"),
            diagnosis=diagnose(results),
            anchored=True,
            facts=summary_facts(results),
            sections=_sections(results, parameters, pictures),
            version=results.attrs["inference_library_version"],
        )
    )


@cache
def environment() -> Environment:
    """Return what writes the templates: all text is escaped."""
    return Environment(
        loader=PackageLoader("shoal.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _title(results: Results) -> str:
    """Return the responses and what groups them."""
    model = results.model
    names = " and ".join(response_of(design) for design in model.designs)
    return f"{names} by {' and '.join(model.factors)}" if model.factors else names


def _sections(results: Results, parameters: Parameters, pictures: Pictures) -> list[Section]:
    model, prob = results.model, parameters.prob
    written = Formulas([(e.pieces, e.note) for e in equations(model)])
    told = AGAIN if "settings" in results.attrs else AGAIN_OLD
    plan = str(results.attrs["plan"]).removeprefix("- ").split("\n- ")
    return [
        Section("model", "The model", [written, Sentences(sentences(model))]),
        Section("priors", "Priors and posteriors", [*pictures.priors(), parameters.priors()]),
        Section("parameters", "Parameters", [parameters.accuracy()]),
        Section("effects", "Group effects", _effects(results, pictures, prob)),
        Section("variance", "Where the variance lies", _variance(results, prob)),
        Section("predictive", "Predictive check", pictures.predictive()),
        Section("chains", "Chains", pictures.chains(parameters)),
        Section("run", "How it was made", [Points(plan), data_table(model), Facts(run_facts(results))]),
        Section("again", "Make it again", [Sentences([told]), Code(again(results))]),
    ]


def _effects(results: Results, pictures: Pictures, prob: float) -> list[Part]:
    """Return pictures and tables of every effect of every grouping factor."""
    if not results.model.groups:
        return [Sentences([NO_GROUPS])]
    if not kept(results) and results.summaries is None:
        return [Sentences([NOT_KEPT])]
    parts: list[Part] = []
    tables = [
        (design, group, effect, table)
        for whole in results.model.designs
        for design in (whole.predictors if whole.family.joint else (whole,))
        for group in design.groups
        for effect, table in effect_tables(results, design, group, prob).items()
    ]
    for count, (design, group, effect, table) in enumerate(tables):
        of = f"{response_of(design)}, " if design.prefix else ""
        drawn = pictures.group(design.prefix + group.name, effect) if count < MOST_EFFECTS else []
        parts += [Heading(f"{of}{group.name}: {effect}"), *drawn, table]
    if len(tables) > MOST_EFFECTS:
        text = f"The first {MOST_EFFECTS} of {len(tables)} group effects are drawn; all have tables."
        parts.append(Sentences([text]))
    return parts


def _variance(results: Results, prob: float) -> list[Part]:
    designs = results.model.designs
    there = [d for d in designs if d.groups or d.latents]
    parts: list[Part] = [variance_table(results, d, prob) for d in there] or [Sentences([NO_GROUPS])]
    return parts + [explained(results, d, prob) for d in designs]
