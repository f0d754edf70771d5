"""How a fit was made: data, plan, sampler, versions, and the lines that make it again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from shoal.engine.settings import Settings
from shoal.fit.results import Results
from shoal.model import Specification
from shoal.model.design import Design
from shoal.model.merged_rows import merge
from shoal.priors import Fixed, Prior, Shrunk
from shoal.report.figures import short
from shoal.report.parts import Cell, Table
from shoal.report.symbols import response_of


def summary_facts(results: Results) -> list[tuple[str, Cell]]:
    """Return what is known of the fit at a glance."""
    sizes, attrs = results.posterior.sizes, results.attrs
    model = results.model
    levels = [f"{len(labels):,} of {name}" for name, labels in model.factors.items()]
    dropped = [] if model.table.dropped is None else [("Rows dropped", str(model.table.dropped))]
    reduced = [] if model.table.reduction is None else [("Rows kept in", model.table.reduction.engine)]
    return [
        ("Rows", f"{model.designs[0].observations:,}"),
        *dropped,
        *reduced,
        ("Levels", ", ".join(levels) or "no grouping factor"),
        ("Draws", f"{_count(sizes['chain'], 'chain')} of {sizes['draw']:,}"),
        ("Sampler", str(attrs["sampler"])),
        ("Seed", str(attrs["seed"])),
        ("Sampled in", f"{sum(json.loads(attrs['seconds']).values()):.1f} s"),
    ]


def run_facts(results: Results) -> list[tuple[str, Cell]]:
    """Return what the run left behind: coordinates, sampler's own figures, seconds, versions, time."""
    attrs, seconds = results.attrs, json.loads(results.attrs["seconds"])
    reduction = results.model.table.reduction
    facts: list[tuple[str, Cell]] = [] if reduction is None else [("Rows", str(reduction))]
    facts.append(("Coordinates", str(attrs["sampled_coordinates"])))
    facts += [(name.replace("_", " "), _value(v)) for name, v in json.loads(attrs["sampler_facts"]).items()]
    facts += [(f"Seconds: {name}", f"{value:.2f}") for name, value in seconds.items()]
    if "wall_seconds" in attrs:
        facts.append(("Seconds: in all", f"{float(attrs['wall_seconds']):.2f}"))
    written = str(attrs["created_at"]).replace("T", " ").replace("+00:00", " UTC")
    facts += [("Written", written), ("shoal", str(attrs["inference_library_version"]))]
    return facts + [(name, str(number)) for name, number in json.loads(attrs["versions"]).items()]


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return short(float(value)) if isinstance(value, int | float) else str(value)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("s" if number > 1 else "")


def data_table(model: Specification) -> Table:
    """Return rows and levels of each response."""
    rows = [row for design in model.designs for row in _data_rows(design)]
    caption = (
        "What the model was fitted to. Rows equal in every predictor are merged where the family has "
        "sufficient statistics: that saves time and changes nothing."
    )
    return Table(caption, ["Response or factor", "What", "Number", "Rows each"], rows, words=2)


def _data_rows(design: Design) -> Iterator[list[Cell]]:
    name, merged = response_of(design), len(merge(design).first)
    yield [name, "rows", f"{design.observations:,}", ""]
    if design.counts is None and merged < design.n_rows:
        yield [name, "rows after merging", f"{merged:,}", ""]
    if design.categories:
        yield [name, "categories", str(len(design.categories)), ""]
    pairs = [(part, group) for part in design.parts for group in part.groups]
    for own, factor in pairs:
        sizes = own.sizes(factor)
        fewest, most = sizes.min(), sizes.max()
        each = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
        what = f"levels, of {own.parameter}" if own.parameter else "levels"
        yield [factor.name, what, f"{len(factor.labels):,}", each]
    for latent in (latent for part in design.parts for latent in part.latents):
        yield [latent.factor, f"levels of {latent.name}", f"{len(latent.labels):,}", ""]


def again(
    results: Results,
    data: str = "...  # the same table",
    file: str | None = None,
    moved: Mapping[str, Prior] | None = None,
) -> str:
    """Return Python that writes the same model and draws the same numbers.

    Parameters
    ----------
    data : str
        What reads the table.
    file : str, optional
        A file of a fit of the model, which holds its table.
    moved : mapping, optional
        Priors that are other than the file's.
    """
    model, sizes = results.model, results.posterior.sizes
    if file is None:
        lines = ["import shoal as sl", "", f"data = {data}"]
        lines += [f"{name} = ...  # the same covariance" for name in model.covariances]
        lines.append(f"model = sl.Model({_model(model)})")
    else:
        lines = ["import shoal as sl", "", f"model = sl.load({file!r}).model"]
        lines += [f"model = model.with_priors({_priors(moved)})"] if moved else []
    if model.pooling != "partial":
        lines.append(f"model = model.with_pooling({model.pooling!r}{_sd_argument(model)})")
    settings = (
        f"draws={sizes['draw']}, chains={sizes['chain']}, seed={results.attrs['seed']}{_asked(results)}"
    )
    return "\n".join([*lines, f"fit = model.fit({settings})"])


def _asked(results: Results) -> str:
    """Return the settings that were the user's choice, as far as the result tells."""
    sampler, coordinates = results.attrs["sampler"], results.attrs["sampled_coordinates"]
    settings = json.loads(results.attrs.get("settings", "{}"))
    out = "".join(
        f", {name}={value!r}" for name, value in settings.items() if value != getattr(Settings, name)
    )
    if f"Sampled by {sampler}, as asked." in results.attrs["plan"]:
        out += f", sampler={sampler!r}"
    return out if coordinates in ("integrated", "transport") else f"{out}, coordinates={coordinates!r}"


def _sd_argument(model: Specification) -> str:
    """Return the argument for the sds that the user gave: one number for all effects, or each by its name."""
    asked = _asked_sds(model)
    if not asked:
        return ""
    everywhere = len(asked) == sum(len(group.effects) for group in model.groups)
    alike = everywhere and len(set(asked.values())) == 1
    return f", sd={next(iter(asked.values())) if alike else asked!r}"


def _asked_sds(model: Specification) -> dict[str, float]:
    """Return the sds that the user gave to effects without pooling."""
    if model.pooling != "none":
        return {}
    given = {f"{g.sd}[{e}]": model.priors[f"{g.sd}[{e}]"] for g in model.groups for e in g.effects}
    return {n: p.prior.value for n, p in given.items() if not p.default and isinstance(p.prior, Fixed)}


def _predictors(design: Design) -> str:
    """Return the argument for the predictors of a family's parameters."""
    given = design.predictor_formulas
    return f", predictors={given!r}" if given else ""


def _priors(priors: Mapping[str, Prior]) -> str:
    """Return priors by name, a line each."""
    inside = "".join(f"    {name!r}: sl.priors.{prior!r},\n" for name, prior in priors.items())
    return f"{{\n{inside}}}"


def _model(model: Specification) -> str:
    """Return the arguments of `Model`."""
    if len(model.designs) == 1:
        (design,) = model.designs
        parts = [repr(design.formula.text), "data", f"family={str(design.family)!r}{_predictors(design)}"]
    else:
        inside = "".join(
            f"    sl.Response({d.formula.text!r}, {d.family.name!r}, {d.family.link!r}{_predictors(d)}),\n"
            for d in model.designs
        )
        parts = [f"[\n{inside}]", "data"]
    beside = _asked_sds(model)
    given = {
        name: p.prior
        for name, p in model.priors.items()
        if not p.default and not isinstance(p.prior, Shrunk) and name not in beside
    }
    if given:
        parts.append(f"priors={_priors(given)}")
    if model.table.dropped is not None:
        parts.append("missing='drop'")
    if model.designs[0].rescor:
        parts.append("rescor=True")
    if model.covariances:
        parts.append("covariances={" + ", ".join(f"{name!r}: {name}" for name in model.covariances) + "}")
    return ", ".join(parts)
