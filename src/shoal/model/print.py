"""A model in words and mathematics."""

from __future__ import annotations

import re
from dataclasses import replace

from shoal.errors import counted
from shoal.model.coarse_rows import censoring, truncation
from shoal.model.design import Design
from shoal.model.merged_rows import merge
from shoal.model.model import Specification
from shoal.model.terms.variable import ResolvedPrior, Variable


def model_text(model: Specification, plan: str) -> str:
    """Return the model's equations, priors, groups and plan as text."""
    sections = [
        ("Model", [line for design in model.designs for line in _equations(model, design)]),
        ("Priors", _priors(model)),
        ("Data", _data(model)),
        ("Plan", plan.split("\n")),
    ]
    lines = [
        part
        for d in model.designs
        for part in (
            d.formula.text,
            *d.predictor_formulas.values(),
            f"family {d.family.name}, link {d.family.link}",
        )
    ]
    if model.pooling != "partial":
        lines.append(f"pooling {model.pooling}")
    for title, body in sections:
        lines += ["", title, *(f"  {line}" for line in body)]
    return "\n".join(lines)


def _equations(model: Specification, design: Design) -> list[str]:
    response = design.formula.response.value.text
    distribution = design.family.distribution(design.known_se, design.se_sigma)
    eta = f"eta_{design.prefix[:-1]}" if design.prefix else "eta"
    predicted = [part.parameter for part in design.predictors if not design.family.specific]
    names = {"eta": eta} | {name: design.named(name) for name in (*design.parameters, "cutpoint")}
    names |= {name: f"{names[name]}[i]" for name in predicted}
    distribution = re.sub(rf"\b({'|'.join(names)})\b", lambda word: names[word[0]], distribution)
    for item in design.items:
        distribution = distribution.replace("cutpoint[j]", f"cutpoint[{item}[i], j]")
    given = truncation(design.formula.response)
    distribution += f" given {given}" if given else ""
    lines = [f"{response}[i] ~ {distribution}"]
    if not design.family.joint:
        lines.append(f"{eta}[i] = {_sum(model, design)}")
    if design.family.specific:
        own = design.predictors[0].terms
        lines.append(f"cs[i, j] = {' + '.join(f'b[{term}[j]] {term}[i]' for term in own)}")
    for part in design.predictors if predicted else ():
        name = names[part.parameter]
        left = name if part.family.link == "identity" else f"{part.family.link}({name})"
        lines.append(f"{left} = {_sum(model, part)}")
    return lines + [line for term in model.terms for part in design.parts for line in term.equations(part)]


def _sum(model: Specification, part: Design) -> str:
    """Return a linear predictor as it is printed."""
    return " + ".join(one for term in model.terms for one in term.summands(part)) or "0"


def _priors(model: Specification) -> list[str]:
    width = max((len(name) for name in model.priors), default=0)
    wide = max((len(str(p.prior)) for p in model.priors.values()), default=0)
    variables = {name: variable for variable in model.variables for name in variable.priors}
    lines = []
    for name, p in model.priors.items():
        marks = notes_of(model, variables.get(name), p)
        lines.append(f"{name:<{width}}  {str(p.prior):<{wide}}  {', '.join(marks)}".rstrip())
    return lines


def notes_of(model: Specification, variable: Variable | None, given: ResolvedPrior) -> list[str]:
    """Return what is special about a prior, as words that follow it."""
    if variable is None:
        return given.notes("")
    others = (v for v in model.variables if v.prefix == variable.prefix and v.name != variable.name)
    slopes = any(v.kind == "coefficient" for v in others)
    plain = replace(given, centered=given.centered and (slopes or variable.kind == "sd"))
    marks = plain.notes(variable.kind)
    if any(part.parameter and part.prefix == variable.prefix for part in model.parts):
        marks = [mark.replace("on the mean", "on the linear predictor") for mark in marks]
    if variable.kind == "cutpoints":
        design = next(design for design in model.designs if design.prefix == variable.prefix)
        marks.append("each, in ascending order" if design.family.ordered_cutpoints else "each")
    sds = (v for v in model.variables if v.kind == "sd" and v.place == variable.place)
    own = next((v for v in sds if v.prefix == variable.prefix), None)
    if variable.kind == "correlation" and own and any(model.priors[name].centered for name in own.priors):
        marks.append("of effects at average columns")
    return marks


def _data(model: Specification) -> list[str]:
    lines = [str(model.table.dropped)] if model.table.dropped is not None else []
    if (reduction := model.table.reduction) is not None:
        lines.append(f"{reduction}")
    for design in model.designs:
        merged = len(merge(design).first)
        rows = counted(design.observations, "row")
        if reduction is not None:
            what = "rows of the same margins" if reduction.stays else "points of the same sums"
            rows += f", for which {design.n_rows:,} {what} stand" if reduction.sums else ""
        elif merged < design.n_rows:
            rows += f", merged into {merged:,} (equal in every predictor)"
        if unknown := int(design.absent.sum()):
            lack = "without this" if design.formula.response.subset else "with a missing"
            rows += f", {unknown:,} of them {lack} response"
        if nothing := int((design.rows.weight == 0).sum()) - unknown:
            rows += f", {nothing:,} of them of weight 0, which count for nothing"
        if unseen := censoring(design.rows):
            rows += f", {unseen}"
        lines.append(f"{design.prefix[:-1]}: {rows}" if design.prefix else rows)
        if (sets := design.thresholds) is not None and sets.labels is not None:
            least, most = min(sets.counts), max(sets.counts)
            each = counted(most, "cutpoint") if least == most else f"{least} to {most} cutpoints"
            lines.append(f"{sets.column}: {len(sets.labels):,} items, {each} each")
        pairs = [(part, group) for part in design.parts for group in part.groups]
        for own, group in pairs:
            sizes = own.sizes(group)
            least, most = int(sizes.min()), int(sizes.max())
            each = counted(most, "row") if least == most else f"{least:,} to {most:,} rows"
            levels, effects = counted(len(group.labels), "level"), ", ".join(group.unjoined.effects)
            name = f"{group.name}, of {own.parameter}" if own.parameter else group.name
            lines.append(f"{name}: {levels}, {each} each; effects: {effects}")
    return lines
