"""The first use of the engine on a machine: its kernels are compiled once, and kept for every later process."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import get_context
from typing import Any

from numba.core import event

from shoal.engine.progress import Progress
from shoal.families import FAMILIES
from shoal.priors.compiled import Compiled

ENGINE = ("sparse", "build", "handles", "density", "gradient", "coordinates", "moves", "independence")
NUTS = ("nuts_tree", "nuts_walk", "nuts_kernel")
ELSEWHERE = (
    "shoal.priors.densities",
    "shoal.priors.shrinkage",
    "shoal.families.row_functions",
    "shoal.model.terms.functions",
    "shoal.model.terms.student_effects",
    "shoal.scores.loo.kernel",
)
MESSAGE = "compiling for this machine (once, some 20 s)"


class _Announcement(event.Listener):
    """Names the stage when something is compiled; loading what is on disk says nothing."""

    def __init__(self, progress: Progress):
        self.progress, self.told = progress, False

    def on_start(self, happened: Any) -> None:
        """Hear that a function is being compiled."""
        if not self.told:
            self.told = True
            self.progress.stage(MESSAGE)

    def on_end(self, happened: Any) -> None:
        """Hear that it has been."""


@contextmanager
def announced(progress: Progress) -> Iterator[None]:
    """Tell `progress` if kernels have to be compiled meanwhile."""
    with event.install_listener("numba:compile", _Announcement(progress)):
        yield


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
