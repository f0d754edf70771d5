"""Write trust.md from what was run: calibration.csv and mutations.csv, of the benchmarks of these names.

And from the tables of references that the tests keep.
"""

import json
from pathlib import Path

import pandas as pd

DOCS = Path(__file__).parent
REFERENCES = DOCS.parent / "tests" / "references" / "tables"
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
each (1,500 where those that are kept would be correlated); p is the smallest p-value of a row's tests
times their number. A row whose p is below 0.005 is run again by another seed with twice as many tables,
and has failed if p is below it once more.

Three rows have failed (p below 1e-4 of 400 tables), and were run again after what they found was mended:
asym_laplace with intercepts, whose quantile is a parameter (kinks were taken for curvature), and dirichlet
with intercepts and with correlated slopes (effects began too far from their mode, where shares underflow).
Tables of shares that underflow are no draws of the model, so slopes of categorical, multinomial and
dirichlet rows have narrower priors since; that they are calibrated with the wide ones was not shown.
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


REFERENCE = """## References

Means and sds that are known from elsewhere are found again, within the Monte Carlo errors of both sides.

* By **quadrature**, where few dimensions are left once the effects are integrated: `tests/test_agreement.py`
  by every sampler and set of coordinates, `tests/hard/` for groups and rows that are hard.
* **posteriordb**, whose reference draws Stan made (Magnusson et al. 2024, arXiv:2407.04967), below.
* **Long runs** of models that no quadrature reaches, below.
* **Published figures** of classic tables: `tests/references/test_published.py`.
"""

OF_POSTERIORDB = """### posteriordb

`tests/references/test_posteriordb.py`, with the priors of the Stan programs, and 10,000 draws on their side:
every mean and every sd is within 4.5 errors.
"""

OF_LONG_RUNS = """### Long runs

`python tests/references/make.py` samples each model twice, by the moves that Shoal chooses and by NUTS in
non-centred coordinates, which is told nothing of what was learnt for the first, and keeps averages of both
where all means and sds agree. *Apart* is the largest difference of the two, in their errors.
`tests/references/test_long_runs.py` holds ordinary fits against them.
"""


def posteriordb():
    """Return a line for each table whose posteriors are found again, and for each kind that is left out."""
    kept = json.loads((REFERENCES / "posteriordb.json").read_text(encoding="utf-8"))
    posteriors = pd.Series({name: len(own["names"]) for name, own in kept["posteriors"].items()})
    yield from ("| data | posteriors | parameters |", "| --- | --- | --- |")
    for data, own in posteriors.groupby(posteriors.index.str.partition("-").get_level_values(0), sort=False):
        names = [name.partition("-")[2] for name in own.index]
        yield f"| {data} | {', '.join(names)} | {', '.join(map(str, own))} |"
    yield from ("", "| with reference draws, but left out | because |", "| --- | --- |")
    yield from (f"| {names} | {why} |" for names, why in kept["left_out"].items())


def long_runs():
    """Return a line for each model that was sampled twice."""
    kept = json.loads((REFERENCES / "long_runs.json").read_text(encoding="utf-8"))
    yield from ("| model | numbers | by | and by | apart | made |", "| --- | --- | --- | --- | --- | --- |")
    for name, own in kept.items():
        cells = (own["first"], own["second"], own["apart"], own["made"])
        yield f"| {name.replace('_', ' ')} | {len(own['names'])} | {' | '.join(map(str, cells))} |"


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
            REFERENCE,
            OF_POSTERIORDB,
            *posteriordb(),
            "",
            OF_LONG_RUNS,
            *long_runs(),
            "",
        ]
    )


if __name__ == "__main__":
    (DOCS / "trust.md").write_text(page(), encoding="utf-8")
