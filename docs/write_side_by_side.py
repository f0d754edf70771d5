"""Write side_by_side.md and its two pictures from side_by_side.csv, which `benchmarks/run` writes."""

import sys
from pathlib import Path

import pandas as pd
from matplotlib.lines import Line2D

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "benchmarks"))

from peers import PEERS  # noqa: E402
from peers.cases import CASES, EFFECTS, SECTIONS, SERIES  # noqa: E402

from shoal.drawing.picture import Picture  # noqa: E402
from shoal.drawing.style import COLOURS, new_figure, quiet  # noqa: E402

COLOUR = dict(zip(PEERS, COLOURS, strict=True))
NAME = {key: peer.name for key, peer in PEERS.items()}

HEAD = """# Side by side

What the same models of the same tables take in Shoal and in other programs, with the same priors.
Everything here is written from what `benchmarks/run` measured; it makes an environment of its own with
pinned versions, and goes on where it stopped. Cases are in `benchmarks/peers/cases.py`, and how each
program writes them in `benchmarks/peers/in_*.py`.

* A run is a whole process: imports, reading the table, compiling, four chains of 1,000 draws after 1,000
  iterations of adaptation (Shoal's own, however long), and a summary of all parameters. *Cold* begins with
  empty folders of compiled code, *warm* is the same run once more. CPU s and peak MB (of the largest
  process) are of the warm run.
* *ESS* is the smallest effective sample size, of bulk and of tails, of *all* quantities, levels included,
  computed by the same functions for all programs; *ESS/s* the smaller of the two a second of the warm run.
* *z* is the largest difference of a posterior mean from Shoal's, in Monte Carlo standard errors, of all
  quantities. Where two programs are right, it is above the number in brackets once in a thousand times.
  **Where it is above, the posteriors do not agree, and speeds are not compared:** such an ESS/s is in
  brackets.
* PyMC and NumPyro sample standardised effects, or the effects themselves where rows say much of each level;
  Bambi's are its own default. PyMC is sampled by nutpie, NumPyro on the CPU in double precision, a chain a
  thread.
* lme4 and glmmTMB give a point estimate, without priors (by REML or Laplace's approximation): seconds alone
  compare.
"""


def number(value):
    """Return a number with the digits it deserves."""
    if pd.isna(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}" if abs(value) < 10 else f"{value:.0f}"


def read():
    """Return the lines that were kept, with what is derived from them."""
    kept = pd.read_csv(DOCS / "side_by_side.csv", keep_default_na=False)
    kept = kept[kept["case"].isin(list(CASES)) & kept["peer"].isin(list(PEERS))].copy()
    text = ("case", "peer", "state", "status", "why", "versions", "machine", "date")
    for name in kept.columns.difference(text):
        kept[name] = pd.to_numeric(kept[name])
    kept["section"] = [CASES[name].section for name in kept["case"]]
    kept["size"] = [CASES[name].size for name in kept["case"]]
    kept["rate"] = kept[["ess_bulk", "ess_tail"]].min(axis=1) / kept["seconds"]
    kept["agrees"] = kept["z"] <= kept["z_bound"]
    order = {name: number for number, name in enumerate([*CASES, *PEERS])}
    return kept.sort_values(["case", "peer"], key=lambda column: column.map(order), kind="stable")


def warm(kept):
    """Return the warm runs that ended."""
    return kept[(kept["state"] == "warm") & kept["status"].isin(["ok", "estimate"])]


def wins(kept):
    """Yield a line for each case in which another program is faster, or has more draws a second."""
    ran = warm(kept)
    for case, own in ran.groupby("case", sort=False):
        ours, others = own[own["peer"] == "shoal"], own[own["peer"] != "shoal"]
        if not len(ours) or not len(others):
            continue
        ours = ours.iloc[0]
        said = []
        drawn = others[(others["status"] == "ok") & others["agrees"]]
        for row in drawn[drawn["rate"] > ours.rate].itertuples():
            said.append(
                f"{NAME[row.peer]} has {number(row.rate)} effective draws a second, Shoal {number(ours.rate)}"
            )
        for row in drawn[drawn["seconds"] < ours.seconds].itertuples():
            said.append(f"{NAME[row.peer]} takes {taken(row)}, Shoal {taken(ours)}")
        points = others[(others["status"] == "estimate") & (others["seconds"] < ours.seconds)]
        for row in points.itertuples():
            said.append(
                f"{NAME[row.peer]}'s estimate takes {number(row.seconds)} s, Shoal {number(ours.seconds)} s"
            )
        if said:
            yield f"* {CASES[case].words}: {'; '.join(said)}."


def first_runs(kept):
    """Yield a line for each program that is sooner where nothing was ever compiled."""
    cold = kept[(kept["state"] == "cold") & (kept["status"] == "ok")]
    seconds = cold.pivot_table(index="case", columns="peer", values="seconds", aggfunc="last", sort=False)
    if "shoal" not in seconds:
        return
    for peer in seconds.columns.drop("shoal"):
        sooner = seconds[seconds[peer] < seconds["shoal"]]
        if len(sooner):
            theirs, ours = (f"{own.min():.0f} to {own.max():.0f}" for own in (sooner[peer], sooner["shoal"]))
            yield (
                f"* On a machine that never ran either, {NAME[peer]} is sooner in {len(sooner)} of "
                f"{seconds[peer].notna().sum()} cases: {theirs} s, Shoal {ours} s, once for all models."
            )


def taken(row):
    """Return the seconds of a run with its worst effective size."""
    return f"{number(row.seconds)} s (worst ESS {number(min(row.ess_bulk, row.ess_tail))})"


COLUMNS = (
    *("case", "program", "cold s", "warm s", "CPU s", "bulk ESS", "tail ESS", "ESS/s", "divergent"),
    *("R-hat", "peak MB", "z"),
)


def table(kept):
    """Yield a line for each case and program that was run; the most effective draws a second are bold."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{' --- |' * 2}{' --: |' * (len(COLUMNS) - 2)}"
    for case, own in kept[~kept["status"].isin(["lacking", "missing"])].groupby("case", sort=False):
        ran = warm(own)
        best = ran.loc[ran["agrees"], "rate"].max()
        words = CASES[case].words
        for peer, lines in own.groupby("peer", sort=False):
            cells = [words, NAME[peer], *seconds(lines), *quality(warm(lines), best)]
            yield f"| {' | '.join(cells)} |"
            words = ""


def seconds(lines):
    """Return the cold and the warm seconds of one case by one program, or why there are none."""
    told = {row.state: outcome(row) for row in lines.itertuples()}
    return told.get("cold", ""), told.get("warm", "")


def outcome(row):
    """Return seconds, or why a run did not end."""
    if row.status in ("ok", "estimate"):
        return number(row.seconds)
    if row.status == "limit":
        return row.why if row.why.startswith("not tried") else f"more than {row.why}"
    return f"failed: {row.why}"


def quality(ran, best):
    """Return the cells after the seconds."""
    if not len(ran):
        return [""] * 8
    row = next(ran.itertuples())
    if row.status == "estimate":
        return [number(row.processor), *["–"] * 5, number(row.peak_mb), "point estimate"]
    rate = number(row.rate)
    rate = f"({rate})" if not row.agrees else f"**{rate}**" if row.rate == best else rate
    compared = "not compared" if pd.isna(row.z) else f"{row.z:.1f} ({row.z_bound:.1f})"
    z = "" if row.peer == "shoal" else compared
    sizes = (number(row.ess_bulk), number(row.ess_tail))
    return [
        number(row.processor),
        *sizes,
        rate,
        number(row.divergences),
        f"{row.r_hat:.3f}",
        number(row.peak_mb),
        z,
    ]


def growth(kept):
    """Yield a table of one series: seconds of each size by each program, and effective draws a second."""
    peers = [peer for peer in PEERS if peer in set(kept["peer"])]
    yield f"| {kept['section'].iloc[0]} | {' | '.join(NAME[peer] for peer in peers)} |"
    yield f"|{' --: |' * (len(peers) + 1)}"
    for size, own in kept.groupby("size"):
        row = {line.peer: cell(line) for line in own[own["state"] == "warm"].itertuples()}
        yield f"| {size:,} | {' | '.join(row.get(peer, '') for peer in peers)} |"


def cell(line):
    """Return the seconds of one size by one program, and the effective draws a second if they agree."""
    if line.status in ("lacking", "missing"):
        return ""
    if line.status == "estimate":
        return f"{number(line.seconds)} s"
    if line.status != "ok":
        return outcome(line)
    return f"{number(line.seconds)} s, {number(line.rate) if line.agrees else 'another posterior'}"


def rates(kept):
    """Draw effective draws a second of all cases but series, by program."""
    ran = warm(kept)
    drawn = ran[(ran["status"] == "ok") & ran["agrees"] & ~ran["section"].isin(SERIES)]
    names = list(dict.fromkeys(drawn["case"]))
    figure = new_figure(8.5, 1.0 + 0.24 * len(names))
    axes = quiet(figure.add_subplot())
    for peer, own in drawn.groupby("peer", sort=False):
        places = [names.index(case) for case in own["case"]]
        axes.plot(own["rate"], places, "o", color=COLOUR[peer], markersize=5)
    axes.set(xscale="log", xlabel="effective draws a second of the worst quantity, whole processes, warm")
    axes.set_yticks(range(len(names)), [CASES[name].words for name in names], fontsize=8)
    axes.invert_yaxis()
    axes.grid(axis="y", color="0.92")
    named(figure, drawn)
    caption = "Effective draws a second of the worst quantity, where posteriors agree."
    return Picture(figure, drawn[["case", "peer", "rate"]], caption)


def named(figure, drawn):
    """Put the names of the programs that are drawn above a figure, by their colours."""
    peers = [peer for peer in PEERS if peer in set(drawn["peer"])]
    marks = [Line2D([], [], marker="o", linestyle="", color=COLOUR[peer]) for peer in peers]
    figure.legend(marks, [NAME[p] for p in peers], loc="outside upper center", ncols=6, frameon=False)


def grown(kept):
    """Draw seconds by size of each series, by program."""
    ran = warm(kept)
    drawn = ran[ran["section"].isin(SERIES)]
    figure = new_figure(8.5, 6.0)
    for place, section in enumerate(SERIES):
        axes = quiet(figure.add_subplot(2, 2, place + 1))
        for peer, own in drawn[drawn["section"] == section].groupby("peer", sort=False):
            axes.plot(own["size"], own["seconds"], "o-", color=COLOUR[peer], markersize=4)
        scale = "linear" if section == EFFECTS else "log"
        axes.set(xscale=scale, yscale="log", xlabel=section.lower(), ylabel="seconds")
    named(figure, drawn)
    caption = "Seconds of whole processes by size; a line ends where a process failed or was stopped."
    return Picture(figure, drawn[["case", "peer", "size", "seconds"]], caption)


def summary(kept):
    """Return what was run, with what, where and when."""
    dates = f"{kept['date'].min()} to {kept['date'].max()}"
    versions = sorted({text for text in kept["versions"] if text})
    machines = " and ".join(sorted(set(kept["machine"])))
    text = f"Measured {dates}, on a machine with {machines}, by {'; '.join(versions)}."
    missing = kept[kept["status"] == "missing"].drop_duplicates("peer")
    return " ".join(
        [text, *(f"{NAME[row.peer]} was not measured: {row.why}." for row in missing.itertuples())]
    )


def lacks():
    """Yield what programs cannot do, so that they are not in all tables."""
    for peer in PEERS.values():
        if peer.lacks:
            yield f"* {peer.name}: {', '.join(sorted(peer.lacks))}"


def page(kept, pictures):
    """Return the text of side_by_side.md."""
    if not len(kept):
        return f"{HEAD}\nNothing was measured yet.\n"
    parts = [HEAD, summary(kept), "", "## Where another program wins", ""]
    lines = [*first_runs(kept), *wins(kept)]
    parts += lines or ["In no case that was run is another program faster than Shoal."]
    parts += ["", "What a program cannot do is not in the tables:", "", *lacks(), ""]
    for section in (section for section in SECTIONS if section not in SERIES):
        if len(own := kept[kept["section"] == section]):
            parts += [f"## {section}", "", *table(own), ""]
    parts += pictures.get("rates", [])
    sections = [section for section in SERIES if section in set(kept["section"])]
    if sections:
        parts += ["## How cost grows", "", GROWTH, ""]
    for section in sections:
        parts += [*growth(kept[kept["section"] == section]), ""]
    return "\n".join([*parts, *pictures.get("grown", [])])


GROWTH = """Seconds of a whole process, and effective draws a second. Each ran after a fit of the same
model to the rows of 20 levels: what depends on the size of a table is compiled again. A program that was
stopped, or failed, is not tried at larger sizes."""


def main():
    """Write the page and the pictures of what was measured."""
    kept, pictures = read(), {}
    for name, draw in (("rates", rates), ("grown", grown)):
        series = warm(kept)["section"].isin(SERIES)
        if len(warm(kept)[series if name == "grown" else ~series]):
            picture, file = draw(kept), f"side_by_side_{name}.svg"
            (DOCS / file).write_text(picture.svg(), encoding="utf-8")
            pictures[name] = [f"![{picture.caption}]({file})", "", picture.caption, ""]
    (DOCS / "side_by_side.md").write_text(page(kept, pictures), encoding="utf-8")


if __name__ == "__main__":
    main()
