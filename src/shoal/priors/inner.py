"""Functions that only compiled functions call: machine code inside their callers, and nowhere else.

numba treats every function alike: it optimises each, with all that it calls, makes it machine code and
wraps it for Python; then the caller takes it in and does all of that again. An engine of a hundred
functions, ten deep, is optimised ten times over. Here an inner function is linked into its caller as it
is, and the outermost one is optimised once: the first fit on a machine compiles in half the time.

What this needs of numba (its libraries of code and the environments that functions find their constants in)
is no public interface; pyproject.toml pins the minor version.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar

import numba as nb
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import CPUDispatcher, cpu_target

WITHOUT_WRAPPERS = {"nopython": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


class Inner(CPUDispatcher):
    """A function for compiled callers; where Python calls it, as tests do, it is compiled once more.

    Parameters
    ----------
    function : callable
        Any function that numba can compile.
    options : mapping
        Those of ``numba.njit``.
    """

    def __init__(self, function: Callable[..., Any], options: Mapping[str, Any]):
        super().__init__(function, targetoptions={**options, **WITHOUT_WRAPPERS})

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Compile one version for all numbers: by itself numba makes one for each that is written out."""
        plain = {name: nb.types.unliteral(value) for name, value in kws.items()}
        return super().get_call_template(tuple(map(nb.types.unliteral, args)), plain)

    @cached_property
    def _for_python(self) -> Any:
        options = {name: value for name, value in self.targetoptions.items() if name not in WITHOUT_WRAPPERS}
        return nb.njit(**options)(self.py_func)

    def __call__(self, *arguments: Any) -> Any:
        return self._for_python(*arguments)


class _Linked(JITCodeLibrary):
    """The code of one function: not optimised by itself, nor run, unless Python can call it."""

    waiting: ClassVar[dict[str, Any]] = {}  # environments of code that is not in memory yet, by symbol

    def finalize(self) -> None:
        if any(_is_wrapper(function) for function in self._final_module.functions):
            super().finalize()
            _place(self._codegen, _Linked.waiting)
            return
        self._raise_if_finalized()
        for library in dict.fromkeys(self._linking_libraries):
            self._reload_init.update(library._reload_init)
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalize_dynamic_globals()
        self._finalized = True


def _is_wrapper(function: Any) -> bool:
    """Return whether a function of a module is what Python calls."""
    return not function.is_declaration and function.name.startswith("_ZN7cpython")


def _place(codegen: Any, environments: dict[str, Any]) -> None:
    """Tell the code that is in memory where its environments are, and strike them off `environments`."""
    for name in [name for name in environments if codegen._engine.is_symbol_defined(name)]:
        address = codegen._engine.get_global_value_address(name)
        ctypes.c_void_p.from_address(address).value = id(environments.pop(name))


@contextmanager
def linked_into_callers() -> Iterator[None]:
    """Compile inner functions into their callers meanwhile; no other thread compiles anything."""
    with global_compiler_lock:
        codegen = cpu_target.target_context.codegen()

        def keep(name: str, environment: Any) -> None:
            _Linked.waiting[name] = environment
            _place(codegen, _Linked.waiting)

        codegen._library_class, codegen.set_env = _Linked, keep
        try:
            yield
        finally:
            del codegen._library_class, codegen.set_env
