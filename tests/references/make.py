"""Make the references of long runs: ``python tests/references/make.py [case ...]``.

Each model of `long_runs` is sampled twice, at length: by the moves that Shoal chooses, and by NUTS in
non-centred coordinates. The two share the log density of the model, which other tests hold against oracles,
and nothing else: the second is told nothing of what was learnt of the posterior for the first. Only where all
means and sds of both agree are they written to ``tables/long_runs.json``, as averages of the two. Cases that
are there already are left alone, unless they are named.
"""

import json
import sys
from datetime import date
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from references.agreement import LIMIT, away
from references.long_runs import CASES, KEPT, fingerprint, kept, quantities
from shoal.engine.convergence import mcse_mean, mcse_sd

FIRST = {"draws": 10_000, "thin": 2, "seed": 11}
SECOND = {
    "draws": 10_000,
    "warmup": 2_000,
    "seed": 12,
    "sampler": "nuts",
    "coordinates": "noncentered",
    "target_accept": 0.99,
}


def summary(draws):
    """Return means, their errors, sds and their errors, (4, V)."""
    return np.stack([draws.mean((1, 2)), mcse_mean(draws), draws.std((1, 2)), mcse_sd(draws)])


def together(first, second):
    """Return two summaries as one, each mean and sd weighted by the inverse of its squared error."""
    out = np.empty_like(first)
    for value, error in ((0, 1), (2, 3)):
        weights = np.stack([first[error], second[error]]) ** -2.0
        out[value] = (weights * np.stack([first[value], second[value]])).sum(0) / weights.sum(0)
        out[error] = weights.sum(0) ** -0.5
    return out


def reference(name):
    """Return what is kept of a case, or None where its two runs disagree."""
    case = CASES[name]
    model = case.model()
    fits = [model.fit(progress=False, **settings) for settings in (FIRST, SECOND)]
    for fit in fits:
        if not fit.diagnose().trustworthy:
            print(f"{name}: {fit.diagnose()}")
            return None
    names, first = quantities(fits[0])
    other, second = quantities(fits[1])
    assert names == other
    summaries = summary(first), summary(second)
    apart = np.abs(away(first, *summaries[1]))
    if apart.max() > LIMIT:
        worst = names[int(apart.max(1).argmax())]
        print(f"{name}: the runs are {apart.max():.1f} errors apart, of {worst}.")
        return None
    numbers = [[float(f"{value:.7g}") for value in row] for row in together(*summaries)]
    return {
        "made": str(date.today()),
        "first": f"{fits[0].tree.attrs['sampler']}, {first[0].size:,} draws",
        "second": f"NUTS, non-centred, {second[0].size:,} draws",
        "apart": round(float(apart.max()), 2),
        "table": fingerprint(case.rows()),
        "names": names,
        **dict(zip(("mean", "mcse_mean", "sd", "mcse_sd"), numbers, strict=True)),
    }


def write(cases):
    """Write all cases, a line to each list."""
    lines = []
    for name in (name for name in CASES if name in cases):
        items = ",\n".join(f'  "{key}": {json.dumps(value)}' for key, value in cases[name].items())
        lines.append(f'"{name}": {{\n{items}\n }}')
    KEPT.write_text("{\n " + ",\n ".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:] or [name for name in CASES if name not in kept()]:
        made = reference(name)
        if made is not None:
            write(kept() | {name: made})
            print(f"{name}: {made['apart']} errors apart at most, of {len(made['names'])} quantities.")
