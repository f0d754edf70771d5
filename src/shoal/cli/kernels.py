"""Every compiled function of Shoal, compiled ahead of its first use."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context

from shoal.engine.progress import Progress
from shoal.families import FAMILIES
from shoal.priors.compiled import Compiled

ENGINE = ("sparse", "build", "handles", "density", "gradient", "coordinates", "moves")
NUTS = ("nuts_tree", "nuts_walk", "nuts_kernel")
ELSEWHERE = (
    "shoal.priors.densities",
    "shoal.priors.shrinkage",
    "shoal.families.row_functions",
    "shoal.model.terms.functions",
    "shoal.model.terms.student_effects",
    "shoal.scores.loo.kernel",
)


def kernels() -> list[tuple[str, str]]:
    """Return the module and name of every compiled function of Shoal."""
    names = [f"shoal.engine.{name}" for name in (*ENGINE, *NUTS)] + [*ELSEWHERE]
    names += sorted({f.__module__ for family in FAMILIES.values() for f in family.row_functions.values()})
    found = []
    for name in names:
        module = import_module(name)
        found += [
            (name, key)
            for key, value in vars(module).items()
            if isinstance(value, Compiled) and value.function.__module__ == name
        ]
    return found


def compile_kernel(kernel: tuple[str, str]) -> str:
    """Compile one function, or find it on disk; say whether."""
    module, name = kernel
    kernel_of: Compiled = getattr(import_module(module), name)
    return f"{name}: {kernel_of.compiled.stats}"


def warm(progress: Progress, cores: int) -> int:
    """Compile all kernels that are not on disk yet, several side by side; return how many there are."""
    todo = kernels()
    progress.stage("compiling", len(todo))
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        for _ in pool.map(compile_kernel, todo):
            progress.drawn(1)
    return len(todo)
