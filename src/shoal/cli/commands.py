"""The commands: each reads its arguments, calls the public interface, and shows what comes back.

Heavy modules are imported inside the commands, so that help and lists of data sets appear at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shoal.cli.inputs import check_output, csv_text, find_dataset, model_of
from shoal.cli.options import (
    Coordinates,
    Cores,
    Data,
    FamilyName,
    FitsFolder,
    Force,
    Formula,
    Missing,
    Predictors,
    Priors,
    Probability,
    Sampler,
    Seed,
    Workers,
)
from shoal.cli.report import check_page
from shoal.cli.report import report as write_report
from shoal.cli.screen import Screen, complain, frame_table, show_diagnosis, table
from shoal.cli.warm import warm as compile_engine
from shoal.fit.file_kinds import check_name

if TYPE_CHECKING:
    import pandas as pd

    from shoal.api import Fit, Model

UNTRUSTWORTHY = 2
FIRST_ROWS = 5
PICTURES = (".png", ".svg", ".pdf")

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0; 1 bad input or usage; 2 draws, scores or calibrations that cannot be trusted; "
    "130 stopped by Ctrl-C.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"shoal {version('shoal')}")
        raise typer.Exit


@app.callback()
def shoal(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Bayesian multilevel models that sample well by construction."""


@app.command(
    epilog="Example: shoal fit 'use_contraception ~ 1 + (1 | district)' bangladesh --family bernoulli "
    "--prior 'sd_district=Exponential(1)' -o fit.nc"
)
def fit(
    formula: Formula,
    data: Data,
    family: FamilyName = "gaussian",
    prior: Priors = None,
    predictor: Predictors = None,
    missing: Missing = "refuse",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the draws to this netCDF file."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="PAGE", help="Write a page about the fit to this HTML file.")
    ] = None,
    force: Force = False,
    draws: Annotated[int, typer.Option(help="Kept draws of each chain.")] = 1000,
    chains: Annotated[int, typer.Option(help="Chains.")] = 4,
    seed: Seed = None,
    coordinates: Coordinates = "auto",
    sampler: Sampler = "auto",
    target_accept: Annotated[
        float | None, typer.Option(help="Acceptance that Hamiltonian samplers aim at.", show_default="auto")
    ] = None,
    warmup: Annotated[int, typer.Option(help="Iterations of each chain spent on its step size.")] = 200,
    cores: Cores = None,
    store: Annotated[
        str, typer.Option(help="Effects: auto, double, single, disk, replay, summaries, or none.")
    ] = "auto",
    checkpoint: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep the run in it, and go on from what it holds: run.zarr."),
    ] = None,
    prob: Probability = 0.9,
    effects: Annotated[bool, typer.Option("--effects", help="Show every level of the group, too.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show only what is wrong.")] = False,
) -> None:
    """Fit a model, and say what was found and whether to trust it.

    Exits with 2 if the draws cannot be trusted.
    """
    if output:
        check_output(output, force, data)
    if report:
        check_page(report, "--report")
        check_output(report, force, data)
        if report == output:
            raise typer.BadParameter("it is the file of the draws.", param_hint="--report")
    if output:
        check_name(output)
    model = model_of(formula, data, family, prior, predictor, missing)
    if effects and not model.specification.groups:
        raise typer.BadParameter("the model has no term such as (1 | group).", param_hint="--effects")
    if effects and store == "none":
        raise typer.BadParameter("it needs the draws that --store none leaves out.", param_hint="--effects")
    result = model.fit(
        draws,
        chains,
        seed,
        coordinates=coordinates,
        sampler=sampler,
        warmup=warmup,
        target_accept=target_accept,
        cores=cores,
        store=store,
        checkpoint=checkpoint,
        progress=False if quiet else None,
    )
    if output:  # before anything is shown: a reader that goes away must not cost the draws
        result.save(output)
    if report:
        result.report(report, prob=prob)
    trusted = _report(result, output, prob, effects, quiet)
    raise typer.Exit(0 if trusted else UNTRUSTWORTHY)


def _report(result: Fit, output: Path | None, prob: float, effects: bool, quiet: bool) -> bool:
    """Show a fit; return whether it can be trusted."""
    diagnosis = result.diagnose()
    trusted = diagnosis.trustworthy
    if quiet:
        for finding in diagnosis:
            if finding.severity != "note":
                complain(finding.severity, f"{finding.code}: {finding.evidence}")
        return trusted
    screen = Screen()
    screen.say(_headline(result.model))
    if not trusted:  # what cannot be trusted says so before its numbers
        show_diagnosis(screen, diagnosis)
        screen.say()
    screen.print(frame_table(result.summary(prob=prob).reset_index(names="")))
    screen.say(f"{100 * prob:g}% equal-tailed intervals (eti).", "dim")
    if effects:
        for design in result.model.specification.designs:
            for group in design.groups:
                _show_effects(screen, result.effects(design.prefix + group.name, prob=prob))
    screen.say("\n" + _run(result, output))
    if trusted:
        show_diagnosis(screen, diagnosis)
    return trusted


def _show_effects(screen: Screen, effects: pd.DataFrame) -> None:
    screen.say(f"\nLevels, on the scale of the {effects.attrs['scale']}")
    alike = [
        name
        for name, boring in (("effect", "Intercept"), ("at_edge", False))
        if (effects[name] == boring).all()
    ]
    shown = effects.drop(columns=alike)
    screen.print(frame_table(shown, words=1 if "effect" in alike else 2))


def _headline(model: Model) -> str:
    design, family = model.design, model.design.family
    parts = [f"{family.name}, {family.link} link", f"{design.observations:,} rows"]
    parts += [f"{len(group.labels):,} levels of {group.name}" for group in design.groups]
    return f"{model.specification.text}\n{', '.join(parts)}\n"


def _run(result: Fit, output: Path | None) -> str:
    about, sizes = result.tree.attrs, result.tree["posterior"].sizes
    text = (
        f"{sizes['chain']} chains of {sizes['draw']:,} draws by {about['sampler']}, seed {about['seed']}, "
        f"{about['wall_seconds']:.1f} s."
    )
    return f"{text} Written to {output}." if output else text


@app.command(epilog="Example: shoal check 'log_radon ~ 1 + floor + (1 + floor | county)' radon")
def check(
    formula: Formula,
    data: Data,
    family: FamilyName = "gaussian",
    prior: Priors = None,
    predictor: Predictors = None,
    missing: Missing = "refuse",
) -> None:
    """Read formula and data, and print the model, its priors and how it would be sampled."""
    Screen().say(str(model_of(formula, data, family, prior, predictor, missing)), hang=2)


app.command("report", epilog="Example: shoal report fit.nc -o report.html")(write_report)


@app.command(epilog="Example: shoal datasets radon --csv > radon.csv")
def datasets(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One of them.")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Write the table as CSV.")] = False,
) -> None:
    """List the data sets that come with Shoal, or show one: where it comes from, and its first rows."""
    from shoal.tables.datasets import describe

    screen = Screen()
    if name is None:
        if csv:
            raise typer.BadParameter("it needs the name of a data set.", param_hint="--csv")
        rows = ((d.name, f"{d.rows:,}", d.what) for d in describe())
        screen.print(table(("name", "rows", "what"), rows, words=3))
        return
    dataset = find_dataset(name)
    text = csv_text(dataset)
    if csv:
        sys.stdout.write(text)
        return
    screen.say(f"{dataset.name}: {dataset.rows:,} rows\n")
    screen.say(f"{dataset.what}\n\nSource: {dataset.source}\nLicence: {dataset.licence}\n")
    header, *first = (line.split(",") for line in text.splitlines()[: FIRST_ROWS + 1])
    screen.print(table(header, first, words=len(header)))


@app.command(
    epilog="Example: shoal sbc 'y | se(se) ~ 1 + (1 | school)' eight_schools "
    "--prior 'Intercept=Normal(0, 5)' --prior 'sd_school=HalfNormal(5)' --plot ranks.png"
)
def sbc(
    formula: Formula,
    data: Data,
    family: FamilyName = "gaussian",
    prior: Priors = None,
    predictor: Predictors = None,
    missing: Missing = "refuse",
    simulations: Annotated[int, typer.Option(help="Simulated tables.")] = 200,
    seed: Annotated[int, typer.Option(help="Same seed, same ranks.")] = 0,
    coordinates: Coordinates = "auto",
    sampler: Sampler = "auto",
    cores: Cores = None,
    workers: Workers = None,
    checkpoint: FitsFolder = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the ranks into this PNG, SVG or PDF file.")
    ] = None,
    force: Force = False,
) -> None:
    """Check by simulation that what is sampled is the posterior of the model.

    Simulated tables have the predictors of DATA and responses drawn from the priors. Exits with 2 if the
    ranks of the true values are not uniform.
    """
    if plot:
        if plot.suffix.lower() not in PICTURES:
            known = ", ".join(PICTURES)
            raise typer.BadParameter(f"{plot.name!r} ends in none of {known}.", param_hint="--plot")
        check_output(plot, force, data)
    model = model_of(formula, data, family, prior, predictor, missing)
    from shoal.criticism.calibration import sbc
    from shoal.fit import progress
    from shoal.fit.whole_files import whole

    with progress.shown(None, simulations, "fits") as bar:
        calibration = sbc(
            model.specification,
            simulations,
            seed=seed,
            coordinates=coordinates,
            sampler=sampler,
            cores=cores,
            workers=workers,
            checkpoint=checkpoint,
            progress=bar,
        )
    if plot:
        with whole(plot) as part:
            calibration.plot().savefig(part, format=plot.suffix[1:].lower())
    screen = Screen()
    screen.say(_headline(model))
    screen.print(frame_table(calibration.summary().reset_index(names="")))
    screen.say(f"\n{calibration.verdict}", "green" if calibration.ok else "bold")
    raise typer.Exit(0 if calibration.ok else UNTRUSTWORTHY)


app.command("warm", epilog="Example: shoal warm")(compile_engine)


@app.command(epilog="Example: shoal demo --only eight_schools")
def demo(
    only: Annotated[
        str | None,
        typer.Option(help="One part: eight_schools, bangladesh, one_way or slopes.", show_default="all"),
    ] = None,
) -> None:
    """Fit models that other samplers found hard, beside the figures that were published for them."""
    from shoal.studies.demo import run

    raise typer.Exit(0 if run(Screen(), only) else UNTRUSTWORTHY)
