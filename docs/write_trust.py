"""Write trust.md from what was run: calibration.csv and mutations.csv, of the benchmarks of these names."""

from pathlib import Path

import pandas as pd

DOCS = Path(__file__).parent
MOVES = ("auto", "alternating", "hmc", "nuts")

HEAD = """# Trust

What is done so that draws are those of the posterior, and what was found. Everything here is written from the
output of one command, which is named; run it again where a figure matters to you.

## Simulation-based calibration

Parameters are drawn from the prior, responses are simulated from them, and the model is fitted: the true
values must rank uniformly among the posterior's draws, and so must the joint log likelihood (Talts et
al. 2018; Modrák et al. 2023). `python benchmarks/calibration.py` runs the rows below, one after another,
and goes on where it stopped; `scripts/nightly` gives it an hour, and CI runs a few rows of today's tenth
with fewer simulations. A row is 200 simulated tables of 100 rows and 10 levels, one chain of 300 draws
each; p is the smallest p-value of a row's tests times their number. A row whose p is below 0.005 is run
again by another seed with twice as many tables, and has failed if p is below it once more.
"""


def summary(kept):
    """Return what the rows say together."""
    failed = (kept["verdict"] != "calibrated").sum()
    repeated = (kept["simulations"] > 200).sum()
    dates = f"{kept['date'].min()} to {kept['date'].max()}"
    return (
        f"{len(kept)} rows were run, {dates}: {len(kept) - failed} calibrated, {failed} not; {repeated} of "
        f"them at the second attempt. {kept['divergent'].sum():.0f} of {kept['simulations'].sum():,.0f} "
        "fits had divergent trajectories. A row that is not in the table was not run yet."
    )


def terms(kept):
    """Return a line for each term and kind of model."""
    yield "| model | tables | quantities | p | seed | date | verdict |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for row in kept[kept["layout"] == "-"].itertuples():
        cells = (row.model, row.simulations, row.quantities, f"{row.smallest_p:.3g}", row.seed, row.date)
        yield f"| {' | '.join(map(str, cells))} | {row.verdict} |"


def families(kept):
    """Return a line for each family in each layout, with p by each move."""
    yield f"| family | layout | {' | '.join(MOVES)} | oldest run |"
    yield f"| --- | --- |{' --- |' * (len(MOVES) + 1)}"
    for (name, layout), own in kept[kept["layout"] != "-"].groupby(["model", "layout"], sort=False):
        by_move = {row.move: cell(row) for row in own.itertuples()}
        cells = [name, layout, *(by_move.get(move, "") for move in MOVES), own["date"].min()]
        yield f"| {' | '.join(cells)} |"


def cell(row):
    """Return the p-value of a row, marked where it failed."""
    return f"{row.smallest_p:.2g}" if row.verdict == "calibrated" else f"**{row.smallest_p:.2g}**"


MUTATIONS = """## Mutations

A test is worth what it notices. `python benchmarks/mutations.py` changes one sign, factor, number, order
or index of one function at a time in a copy of the package, and runs the tests that are named for its
file until one fails. What no test notices is answered: by a new test, or by the reason why it changes
nothing.
"""


def mutations():
    """Return what became of the mutants, a line for each file, and every survivor with its answer."""
    kept = pd.read_csv(DOCS / "mutations.csv", keep_default_na=False)
    survived = kept[kept["killed_by"] == ""]
    answered = (survived["answer"] != "").sum()
    yield (
        f"{len(kept)} mutants: {len(kept) - len(survived)} killed, {answered} answered, "
        f"{len(survived) - answered} open."
    )
    yield from ("", "| file | mutants | killed | by |", "| --- | --- | --- | --- |")
    for file, own in kept.groupby("file", sort=False):
        killed = own[own["killed_by"] != ""]
        by = killed["killed_by"].str.split("::").str[-1].value_counts().index[:3]
        yield f"| {file} | {len(own)} | {len(killed)} | {', '.join(by)} |"
    if len(survived):
        yield from ("", "| survivor | before | after | answer |", "| --- | --- | --- | --- |")
    for row in survived.itertuples():
        yield f"| {row.file}, {row.function} | `{row.before}` | `{row.after}` | {row.answer or 'open'} |"


def page():
    """Return the text of trust.md."""
    kept = pd.read_csv(DOCS / "calibration.csv")
    parts = [HEAD, summary(kept), "", "### Terms", "", *terms(kept), "", "### Families", ""]
    return "\n".join(
        [
            *parts,
            "p by move of the sampler; bold where it failed.",
            "",
            *families(kept),
            "",
            MUTATIONS,
            *mutations(),
            "",
        ]
    )


if __name__ == "__main__":
    (DOCS / "trust.md").write_text(page(), encoding="utf-8")
