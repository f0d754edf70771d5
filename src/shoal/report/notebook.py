"""What a notebook shows of a model or a fit: HTML that needs nothing else, and no program to be read."""

from __future__ import annotations

import secrets

from shoal.criticism.diagnosis import diagnose
from shoal.estimands import INTERVAL
from shoal.fit.results import Results
from shoal.model import Specification
from shoal.report.effects import kept
from shoal.report.equations import equations
from shoal.report.page import environment
from shoal.report.parameters import Parameters
from shoal.report.parts import Formulas, Part
from shoal.report.pictures import Pictures
from shoal.report.run import summary_facts
from shoal.report.sentences import sentences


def model_html(model: Specification, text: str) -> str:
    """Return a model in mathematics and words, with all that `text` says of it below."""
    written = Formulas([(e.pieces, e.note) for e in equations(model)])
    facts = {"formulas": model.text.split("\n"), "words": sentences(model), "text": text}
    return environment().get_template("notebook_model.html").render(parts=[written], **facts)


def fit_html(results: Results) -> str:
    """Return the verdict on a fit, its parameters against their priors, and what pooling did."""
    return (
        environment()
        .get_template("notebook_fit.html")
        .render(
            formulas=results.model.text.split("\n"),
            diagnosis=diagnose(results),
            anchored=False,
            facts=summary_facts(results),
            parts=_parts(results),
        )
    )


def _parts(results: Results) -> list[Part]:
    # Several fits stand in one notebook: their pictures share no names.
    pictures = Pictures(results, INTERVAL, name=f"shoal-{secrets.token_hex(4)}")
    parts: list[Part] = [*pictures.priors(), Parameters(results, INTERVAL).accuracy()]
    if results.model.groups and kept(results):
        part, group = next((part, group) for part in results.model.parts for group in part.groups)
        parts += pictures.group(part.prefix + group.name, group.effects[0])[:1]
    return parts
