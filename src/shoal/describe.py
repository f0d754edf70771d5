"""A model in words and mathematics."""

from __future__ import annotations

from shoal.design import Group, merge
from shoal.model import Specification
from shoal.posterior.plan import Plan


def model_text(model: Specification, plan: Plan) -> str:
    """Return the model's equations, priors, groups and plan as text."""
    sections = [
        ("Model", _equations(model)),
        ("Priors", _priors(model)),
        ("Data", _data(model)),
        ("Plan", [f"- {reason}" for reason in plan.reasons]),
    ]
    lines = [model.formula.text, f"family {model.family.name}, link {model.family.link}"]
    for title, body in sections:
        lines += ["", title, *(f"  {line}" for line in body)]
    return "\n".join(lines)


def _equations(model: Specification) -> list[str]:
    design, response = model.design, model.formula.response.value.text
    group = design.group
    parts = [c if c == "Intercept" else f"{_b(c)} {c}[i]" for c in design.columns]
    if group:
        where = f"[{group.name}[i]]"
        parts += [
            f"r_{group.name}{where}" if e == "Intercept" else f"r_{group.name}{where}[{e}] {e}[i]"
            for e in group.effects
        ]
    parts += [f"offset {o.text}[i]" for o in model.formula.offsets]
    lines = [
        f"{response}[i] ~ {model.family.distribution(design.known_se, design.se_sigma)}",
        f"eta[i] = {' + '.join(parts) or '0'}",
    ]
    return lines + (_group_equations(group) if group else [])


def _b(column: str) -> str:
    return f"b[{column}]"


def _group_equations(group: Group) -> list[str]:
    name, lines = group.name, []
    for block in group.blocks:
        if len(block) == 1:
            effect = group.effects[block[0]]
            lines.append(f"r_{name}[g][{effect}] ~ Normal(0, sd_{name}[{effect}])")
        else:
            inside = ", ".join(group.effects[i] for i in block)
            lines.append(f"r_{name}[g][{inside}] ~ MultiNormal(0, D cor_{name} D), D = diag(sd_{name})")
    if group.zero_sum:
        lines.append(f"sum over {name} of each effect = 0: the population part is the mean of these levels")
    return lines


def _priors(model: Specification) -> list[str]:
    width = max((len(name) for name in model.priors), default=0)
    wide = max((len(str(p.prior)) for p in model.priors.values()), default=0)
    lines = []
    for name, p in model.priors.items():
        marks = ["default"] if p.default else []
        marks += ["on the mean at average columns"] if p.centered and len(model.design.columns) > 1 else []
        lines.append(f"{name:<{width}}  {str(p.prior):<{wide}}  {', '.join(marks)}".rstrip())
    return lines


def _data(model: Specification) -> list[str]:
    design, group = model.design, model.design.group
    merged = len(merge(design, model.family).offset)
    rows = f"{design.n_rows:,} rows"
    if merged < design.n_rows:
        rows += f", merged into {merged:,} (equal in every predictor)"
    if not group:
        return [rows]
    counts = group.counts
    return [
        rows,
        f"{group.name}: {len(group.labels):,} levels, {counts.min():,} to {counts.max():,} rows each; "
        f"effects: {', '.join(group.effects)}",
    ]
