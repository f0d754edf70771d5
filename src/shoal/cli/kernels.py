"""Every compiled function of Shoal, compiled ahead of its first use."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context

from shoal.engine.collection import without_collection
from shoal.engine.progress import Progress
from shoal.priors.compiled import Compiled

ROOMS = (
    "shoal.priors",
    "shoal.families",
    "shoal.engine",
    "shoal.engine.rounds",
    "shoal.model.terms",
    "shoal.scores.loo",
)


def kernels() -> list[tuple[str, str]]:
    """Return the module and name of every compiled function of Shoal."""
    return [
        (name, key)
        for name in _modules()
        for key, value in vars(import_module(name)).items()
        if isinstance(value, Compiled) and value.function.__module__ == name
    ]


def _modules() -> Iterator[str]:
    """Yield the names of the modules that may hold compiled functions, those of smaller ones first."""
    for room in ROOMS:
        yield from (f"{room}.{module.name}" for module in pkgutil.iter_modules(import_module(room).__path__))


def compile_kernel(kernel: tuple[str, str]) -> str:
    """Compile one function, or find it on disk; say whether."""
    module, name = kernel
    kernel_of: Compiled = getattr(import_module(module), name)
    with without_collection():
        return f"{name}: {kernel_of.compiled.stats}"


def warm(progress: Progress, cores: int) -> int:
    """Compile all kernels that are not on disk yet, several side by side; return how many there are."""
    todo = kernels()
    progress.stage("compiling", len(todo))
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        for _ in pool.map(compile_kernel, todo):
            progress.drawn(1)
    return len(todo)
