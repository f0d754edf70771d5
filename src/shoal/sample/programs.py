"""Compiled programs, kept by what they were compiled for.

A program is compiled once for a function, a static density and the shapes of its arguments; another fit of
the same shapes finds it here, another process in the persistent cache. Everything runs in double
precision, which JAX keeps per thread: every entry goes through `double`.
"""

from __future__ import annotations

import hashlib
import os
import platform
import threading
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np

# Chains and batches run in threads of our own, so a program needs no threads inside.
OPTIONS: dict[str, str | bool] = {"xla_cpu_multi_thread_eigen": False}
# XLA's fusion emitters double the compile time of these programs of many small operations; what they save
# is worth it only where a run takes longer than that. Not every release of jaxlib has the switch.
QUICK: dict[str, str | bool] = {**OPTIONS, "xla_cpu_use_fusion_emitters": False}

# Each holds a dozen memory mappings, of which Linux gives a process 65,530: beyond them the compiler crashes.
MOST_PROGRAMS = 512

_programs: dict[Hashable, Any] = {}
_locks: dict[Hashable, threading.Lock] = {}
_registry = threading.Lock()
_compiled = 0


def double() -> AbstractContextManager[Any]:
    """Return a context in which JAX computes in float64."""
    return jax.enable_x64(True)


def to_device(tree: Any) -> Any:
    """Return `tree` with every array as a float64 (or int64) device array."""
    with double():
        return jax.tree.map(jnp.asarray, tree)


def program(function: Callable[..., Any], static: Hashable, *arguments: Any, long: bool = False) -> Any:
    """Return ``function(static, *arguments)`` compiled for the shapes of `arguments`.

    Parameters
    ----------
    function : callable
        Traceable; its first argument is `static`.
    static : hashable
    *arguments
        Arrays, or trees of arrays, of the shapes and types of later calls.
    long : bool
        The program will run for seconds: optimise it fully.
    """
    leaves, tree = jax.tree.flatten(arguments)
    shapes = tuple((_shape(leaf), str(getattr(leaf, "dtype", type(leaf)))) for leaf in leaves)
    key = (function, static, tree, shapes, long)
    with _registry:
        lock = _locks.setdefault(key, threading.Lock())
    with lock:
        found = _programs.get(key)
        if found is None:
            persistent_cache()
            _make_room()
            with double():
                lowered = jax.jit(function, static_argnums=0).lower(static, *arguments)
                found = _programs[key] = lowered.compile(compiler_options=_known(long))
            _count()
    return found


def _count() -> None:
    global _compiled
    with _registry:
        _compiled += 1


def _make_room() -> None:
    """Forget all programs once there are many, ours and what JAX keeps of them."""
    with _registry:
        full = len(_programs) >= MOST_PROGRAMS
        if full:
            _programs.clear()
    if full:
        jax.clear_caches()


def _shape(leaf: Any) -> tuple[int, ...]:
    """Return the shape of an array, or of a description of one."""
    return leaf.shape if isinstance(leaf, jax.ShapeDtypeStruct) else np.shape(leaf)


@cache
def _known(long: bool) -> dict[str, str | bool]:
    """Return the compiler options that this jaxlib has, found out on a program of one operation."""
    known = {}
    for name, value in (OPTIONS if long else QUICK).items():
        try:
            jax.jit(jnp.negative).lower(0.0).compile(compiler_options={name: value})
        except jax.errors.JaxRuntimeError as problem:
            if "No such compile option" not in str(problem):
                raise
        else:
            known[name] = value
    return known


def compiled() -> int:
    """Return how many programs have been compiled in this process."""
    return _compiled


@cache
def persistent_cache() -> Path | None:
    """Keep compiled programs in the user's cache folder, unless JAX has one or ``SHOAL_CACHE=off``.

    The folder is named after the version of jaxlib and the processor: a program of another machine is
    never loaded. A folder that cannot be written means no cache, not an error.
    """
    setting = os.environ.get("SHOAL_CACHE", "")
    if setting == "off" or jax.config.values.get("jax_compilation_cache_dir"):
        return None
    root = Path(setting or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = root / "shoal" / f"jaxlib-{jaxlib.__version__}-{_processor()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return folder


def _processor() -> str:
    """Return a short name of the processor's type and features."""
    text = platform.machine() + platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        text += next((line for line in lines if line.startswith(("flags", "Features"))), "")
        text += next((line for line in lines if line.startswith("model name")), "")
    except OSError:
        text += platform.version()  # no /proc: the system's build tells processors apart well enough
    return hashlib.sha256(text.encode()).hexdigest()[:12]
