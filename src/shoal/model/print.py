"""A model in words and mathematics."""

from __future__ import annotations

import re

from shoal.errors import counted
from shoal.model.design import Design, Group, merge
from shoal.model.model import Specification


def model_text(model: Specification, plan: str) -> str:
    """Return the model's equations, priors, groups and plan as text."""
    sections = [
        ("Model", [line for design in model.designs for line in _equations(design)] + _latents(model)),
        ("Priors", _priors(model)),
        ("Data", _data(model)),
        ("Plan", plan.split("\n")),
    ]
    lines = [
        part
        for d in model.designs
        for part in (d.formula.text, f"family {d.family.name}, link {d.family.link}")
    ]
    if model.pooling != "partial":
        lines.append(f"pooling {model.pooling}")
    for title, body in sections:
        lines += ["", title, *(f"  {line}" for line in body)]
    return "\n".join(lines)


def _equations(design: Design) -> list[str]:
    response = design.formula.response.value.text
    eta = f"eta_{design.prefix[:-1]}" if design.prefix else "eta"
    parts = [
        name if term == "Intercept" else f"b[{name}] {term}[i]"
        for term, name in zip(design.terms, design.columns, strict=True)
    ]
    for group in design.groups:
        where = f"[{group.name}[i]]"
        parts += [
            f"{group.r}{where}" if e == "Intercept" else f"{group.r}{where}[{e}] {e}[i]"
            for e in group.effects
        ]
    parts += [f"{t.loading} latent_{t.name}[{t.factor}[i]]" for t in design.latents]
    parts += [f"offset {o.text}[i]" for o in design.formula.offsets]
    distribution = design.family.distribution(design.known_se, design.se_sigma)
    names = {"eta": eta} | {name: design.prefix + name for name in (*design.parameters, "cutpoint")}
    distribution = re.sub(rf"\b({'|'.join(names)})\b", lambda word: names[word[0]], distribution)
    lines = [f"{response}[i] ~ {distribution}", f"{eta}[i] = {' + '.join(parts) or '0'}"]
    return lines + [line for group in design.groups for line in _group_equations(group)]


def _group_equations(group: Group) -> list[str]:
    name, lines = group.name, []
    kind = f"StudentT({group.nu}, " if group.student else "Normal("
    for block in group.blocks:
        if len(block) == 1:
            effect = group.effects[block[0]]
            lines.append(f"{group.r}[g][{effect}] ~ {kind}0, {group.sd}[{effect}])")
        else:
            inside = ", ".join(group.effects[i] for i in block)
            lines.append(f"{group.r}[g][{inside}] ~ Multi{kind}0, D {group.cor} D), D = diag({group.sd})")
    if group.zero_sum:
        lines.append(f"sum over {name} of each effect = 0: the population part is the mean of these levels")
    if group.root is not None:
        lines.append(f"levels of {name} have the known covariance given, times these variances")
    return lines


def _latents(model: Specification) -> list[str]:
    found = {latent.name: latent for design in model.designs for latent in design.latents}
    return [
        f"latent_{name}[g] ~ Normal(0, 1) over {latent.factor}; its first loading is above zero"
        for name, latent in found.items()
    ]


def _priors(model: Specification) -> list[str]:
    width = max((len(name) for name in model.priors), default=0)
    wide = max((len(str(p.prior)) for p in model.priors.values()), default=0)
    slopes = {d.prefix for d in model.designs if len(d.columns) > (not d.family.ordinal)}
    ordered = {d.cutpoints for d in model.designs if d.family.ordinal}
    lines = []
    for name, p in model.priors.items():
        marks = ["default"] if p.default else []
        if p.centered and name.removesuffix("Intercept").removesuffix("cutpoints") in slopes:
            marks.append("on the mean at average columns")
        if name in ordered:
            marks.append("each, in ascending order")
        lines.append(f"{name:<{width}}  {str(p.prior):<{wide}}  {', '.join(marks)}".rstrip())
    return lines


def _data(model: Specification) -> list[str]:
    lines = []
    for design in model.designs:
        merged = len(merge(design).first)
        rows = counted(design.n_rows, "row")
        if merged < design.n_rows:
            rows += f", merged into {merged:,} (equal in every predictor)"
        lines.append(f"{design.prefix[:-1]}: {rows}" if design.prefix else rows)
        for group in design.groups:
            least, most = int(group.counts.min()), int(group.counts.max())
            each = counted(most, "row") if least == most else f"{least:,} to {most:,} rows"
            levels, effects = counted(len(group.labels), "level"), ", ".join(group.effects)
            lines.append(f"{group.name}: {levels}, {each} each; effects: {effects}")
    return lines
