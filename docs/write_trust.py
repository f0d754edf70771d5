"""Write trust.md from what was run: calibration.csv of benchmarks/calibration.py."""

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
    yield f"| family | layout | {' | '.join(MOVES)} | first run |"
    yield f"| --- | --- |{' --- |' * (len(MOVES) + 1)}"
    for (name, layout), own in kept[kept["layout"] != "-"].groupby(["model", "layout"], sort=False):
        by_move = {row.move: cell(row) for row in own.itertuples()}
        cells = [name, layout, *(by_move.get(move, "") for move in MOVES), own["date"].min()]
        yield f"| {' | '.join(cells)} |"


def cell(row):
    """Return the p-value of a row, marked where it failed."""
    return f"{row.smallest_p:.2g}" if row.verdict == "calibrated" else f"**{row.smallest_p:.2g}**"


def page():
    """Return the text of trust.md."""
    kept = pd.read_csv(DOCS / "calibration.csv")
    parts = [HEAD, summary(kept), "", "### Terms", "", *terms(kept), "", "### Families", ""]
    return "\n".join([*parts, "p by move of the sampler; bold where it failed.", "", *families(kept), ""])


if __name__ == "__main__":
    (DOCS / "trust.md").write_text(page(), encoding="utf-8")
