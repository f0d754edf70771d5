"""How large is the report of a fit, and how long does it take once the fit is loaded?

Usage: python benchmarks/report.py [FOLDER]

One row a data set: sampling is not counted. *load* is reading the file, *report* writing the page, the first
in its process, with the import of the plotting packages; *again* a second one. The goals are 5 seconds and
2 MB. With a folder, fits and pages are kept there.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _process import Table, fresh

MODELS = {
    "eight_schools": ("y | se(se) ~ 1 + (1 | school)", "gaussian", 1000),
    "bangladesh": ("use_contraception ~ urban + (1 + urban | district)", "bernoulli", 1000),
    "reedfrogs": ("surv | trials(density) ~ pred + size + (1 | tank)", "binomial", 1000),
    "trolley": ("response ~ action + intention + contact + (1 | id) + (1 | story)", "cumulative", 100),
    "chimpanzees": ("pulled_left ~ prosoc_left * condition + (1 | actor) + (1 | block)", "bernoulli", 1000),
    "radon": ("log_radon ~ floor + (1 + floor | county)", "gaussian", 1000),
}


def sample(name: str, file: str) -> dict[str, Any]:
    import shoal as sl

    formula, family, draws = MODELS[name]
    data = sl.load_dataset(name)
    data["tank"] = range(len(data))
    sl.Model(formula, data, family=family).fit(draws, seed=1, progress=False).save(file)
    return {}


def work(file: str) -> dict[str, Any]:
    import shoal as sl

    began = time.perf_counter()
    fit = sl.load(file)
    loaded = time.perf_counter()
    page = fit.report(Path(file).with_suffix(".html"))
    written = time.perf_counter()
    fit.report(page)
    again = time.perf_counter()
    return {
        "load": loaded - began,
        "report": written - loaded,
        "again": again - written,
        "MB": page.stat().st_size / 1e6,
        "pictures": page.read_text(encoding="utf-8").count("<svg"),
    }


def main(folder: Path) -> None:
    table = Table(f"{'data':>18}", "load", "report", "again", "MB", "pictures", "peak MB")
    for name in MODELS:
        file = str(folder / f"{name}.nc")
        fresh("report", "sample", name=name, file=file)
        answer = fresh("report", "work", file=file)
        table.row(
            name, *(answer[column] for column in ("load", "report", "again", "MB", "pictures", "peak MB"))
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as place:
            main(Path(place))
