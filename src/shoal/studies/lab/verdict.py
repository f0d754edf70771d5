"""A comparison as text: the table of its runs, and the verdict."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
import pandas as pd

NONE = "–"
WIDTH = 200  # characters; the table takes what it needs
RAN = "ran"


def runs(table: pd.DataFrame) -> str:
    """Return the runs that gave draws as a table, and below it the reasons of those that did not."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    out = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    out.add_column("run")
    for title in ("trust", "diverged", "ESS bulk", "tail", "least of", "R-hat", "accepted", "steps"):
        out.add_column(title, justify="left" if title == "least of" else "right")
    for title in ("seconds", "compiling", "ESS/s", "z"):
        out.add_column(title, justify="right")
    for label, row in table[table["outcome"] == RAN].iterrows():
        out.add_row(*(Text(cell) for cell in (str(label), *_cells(row))))
    page = io.StringIO()
    Console(file=page, width=WIDTH, color_system=None).print(out)
    lines = [line.rstrip() for line in page.getvalue().splitlines()]
    lines += [f"{label}: {row['outcome']}." for label, row in table[table["outcome"] != RAN].iterrows()]
    return "\n".join(lines)


def _cells(row: pd.Series) -> list[str]:
    least = "ess_bulk_of" if row["ess_bulk"] <= row["ess_tail"] else "ess_tail_of"
    return [
        "yes" if row["trustworthy"] else "no",
        f"{row['divergences']:,}",
        _whole(row["ess_bulk"]),
        _whole(row["ess_tail"]),
        row[least],
        _number(row["r_hat"], 3),
        _number(row["acceptance"], 2),
        _whole(row["steps"]),
        _number(row["seconds"], 2),
        _number(row["seconds_compiling"], 2),
        _whole(row["ess_per_second"]),
        _number(row["z"], 1),
    ]


def _whole(value: float) -> str:
    return _number(value, 0)


def _number(value: float, decimals: int) -> str:
    return NONE if np.isnan(value) else f"{value:,.{decimals}f}"


def verdict(table: pd.DataFrame, references: Mapping[str, str], limit: float) -> str:
    """Return which coordinates can be trusted, the figures that say so, and whether sound runs agree."""
    ran = table[table["outcome"] == RAN]
    if ran.empty:
        return "No run gave draws."
    parts = {str(name): part for name, part in ran.groupby("coordinates", sort=False)}
    lines = [_first_line(parts), *(_reasons(name, part, limit) for name, part in parts.items())]
    return "\n".join([*lines, *_agreement(ran, references, limit)])


def _first_line(parts: Mapping[str, pd.DataFrame]) -> str:
    """Name the coordinates that can be trusted in all, in some and in none of their runs."""
    share = {name: float(part["trustworthy"].mean()) for name, part in parts.items()}
    every = [name for name, s in share.items() if s == 1]
    some = [name for name, s in share.items() if 0 < s < 1]
    none = [name for name, s in share.items() if s == 0]
    if not every and not some:
        return "Trust none of these draws."
    sentence = [f"Trust {_join(every) if every else 'no coordinates throughout'}"]
    sentence += [f"{_join(some)} in some of the runs"] if some else []
    sentence += [f"not {_join(none)}"] if none else []
    return "; ".join(sentence) + "."


def _reasons(name: str, part: pd.DataFrame, limit: float) -> str:
    """Return the figures of all runs in one set of coordinates."""
    sizes = part[["ess_bulk", "ess_tail"]].min(axis=1)
    few, many = int(part["divergences"].min()), int(part["divergences"].max())
    worst = "worst " if len(part) > 1 else ""
    count = f"{few:,} to {many:,}" if few < many else f"{many:,}" if many else "no"
    figures = [f"{count} divergence{'s' * (count != '1')}"]
    if part["r_hat"].notna().any():
        figures.append(f"{worst}R-hat {part['r_hat'].max():.3f}")
    figures.append(f"{worst}effective size {sizes.min():,.0f}")
    if (far := part[part["z"] > limit]).size:
        label = far["z"].idxmax()
        figures.append(f"{far['z'].max():.1f} standard errors from the reference in {far.at[label, 'z_of']}")
    sound = f", {int(part['trustworthy'].sum())} of {len(part)} runs trustworthy" if len(part) > 1 else ""
    return f"  {name}{sound}: {', '.join(figures)}."


def _agreement(ran: pd.DataFrame, references: Mapping[str, str], limit: float) -> list[str]:
    """Say whether the trustworthy runs of each posterior agree; an untrustworthy run proves nothing."""
    lines = []
    for prior, part in ran.groupby("prior", sort=False):
        several = f" with priors {prior}" if ran["prior"].nunique() > 1 else ""
        if str(prior) not in references:
            lines.append(f"No run{several} can be trusted, so there is nothing to compare them with.")
            continue
        others = part[part["trustworthy"] & part["z"].notna()]
        if others.empty:
            continue
        reference, label = references[str(prior)], others["z"].idxmax()
        z, of = others.at[label, "z"], others.at[label, "z_of"]
        if z <= limit:
            lines.append(
                f"Trustworthy runs{several} agree with {reference} within {z:.1f} Monte Carlo standard "
                f"errors (chance: up to {limit:.1f})."
            )
        else:
            lines.append(
                f"{label} and {reference} both look sound but differ by {z:.1f} Monte Carlo standard errors "
                f"in {of}: one of them has not seen the whole posterior. Draw more of both."
            )
    return lines


def _join(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
