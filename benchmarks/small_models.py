"""How long does a person wait for a small model, and for another fit of it?

Usage: python benchmarks/small_models.py

One row a model, seconds: the whole process, from the start of Python to the summary; then, in that process, a
second fit of the same model with another seed (refit). Above the table: `import shoal` alone, and Python
alone. What the first use on a machine costs is in `engine.py`.
"""

import subprocess
import sys
import time
from typing import Any

from _process import Table, fresh

MODELS = {
    "eight schools": ("eight_schools", "y | se(se) ~ 1 + (1 | school)", "gaussian"),
    "radon": ("radon", "log_radon ~ floor + (1 + floor | county)", "gaussian"),
    "Bangladesh": ("bangladesh", "use_contraception ~ 1 + (1 | district)", "bernoulli"),
    "Bangladesh, urban": ("bangladesh", "use_contraception ~ urban + (1 + urban | district)", "bernoulli"),
    "reed frogs": ("reedfrogs", "surv | trials(density) ~ 1 + (1 | tank)", "binomial"),
}


def work(name: str) -> dict[str, Any]:
    import shoal as sl

    dataset, formula, family = MODELS[name]
    data = sl.load_dataset(dataset)
    data["tank"] = range(len(data))
    model = sl.Model(formula, data, family=family)
    fit = model.fit(seed=1, progress=False)
    worst = float(fit.summary()[["ess_bulk", "ess_tail"]].min(axis=None))
    began = time.perf_counter()
    model.fit(seed=2, progress=False)
    refit = time.perf_counter() - began  # not part of what a first fit takes
    return {"refit": refit, "uncounted": refit, "ESS": worst, "sampler": fit.tree.attrs["sampler"]}


def alone(code: str) -> float:
    """Return seconds of a process that runs `code`, the best of five."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> None:
    print(f"Python alone {alone('pass'):.2f} s, import shoal {alone('import shoal'):.2f} s")
    table = Table(f"{'model':>18}", "seconds", "refit", "ESS", "sampler", "peak MB")
    for name in MODELS:
        measured = fresh("small_models", "work", name=name)
        table.row(name, *(measured[c] for c in ("seconds", "refit", "ESS", "sampler", "peak MB")))


if __name__ == "__main__":
    main()
