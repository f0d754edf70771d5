"""Functions that are compiled when they are first called, and kept on disk for the next process.

Each kind of function has one explicit signature. A function with one is first class: compiled code that takes
an argument of its type takes any of them, and is itself compiled once for all. Importing compiles nothing.
"""

from __future__ import annotations

import functools
import hashlib
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import CodeType, FunctionType, ModuleType
from typing import Any, ClassVar

import numba as nb
from numba.core.dispatcher import Dispatcher

from shoal.priors.inner import Inner, linked_into_callers
from shoal.priors.machine_code import of_numba

# NumPy's error model: a division by zero is an infinity, and no branch.
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def inner(function: Callable[..., Any]) -> Inner:
    """Mark a function that compiled functions call.

    It has no file of its own: machine code kept for it would not know of changes in what it calls in turn.
    """
    return Inner(function, OPTIONS)


def relaxed(*flags: str) -> Callable[[Callable[..., Any]], Inner]:
    """Return what marks a function as `inner` does, and lets LLVM change its arithmetic as flags say."""
    return functools.partial(Inner, options={**OPTIONS, "fastmath": set(flags)})


NUMBER = nb.float64
VECTOR = nb.float64[::1]

PRIOR_SIGNATURE = NUMBER(NUMBER, VECTOR, VECTOR)
PRIOR_FUNCTION_TYPE = nb.types.FunctionType(PRIOR_SIGNATURE)
DERIVED_SIGNATURE = NUMBER(VECTOR, VECTOR, VECTOR)
DERIVED_FUNCTION_TYPE = nb.types.FunctionType(DERIVED_SIGNATURE)
DERIVED_ADJOINT_SIGNATURE = nb.void(VECTOR, VECTOR, VECTOR, VECTOR, VECTOR)
DERIVED_ADJOINT_FUNCTION_TYPE = nb.types.FunctionType(DERIVED_ADJOINT_SIGNATURE)


class Compiled:
    """A Python function and, once asked for, its compiled form.

    Parameters
    ----------
    function : callable
        Defined at the top level of a module, so that its machine code can be kept on disk.
    signature : numba signature
        The only one it is compiled for.
    """

    # What is called before a function is compiled, or read from disk: it may wait for another process.
    before: ClassVar[Callable[[Compiled], None] | None] = None
    _lock = threading.RLock()

    def __init__(self, function: Callable[..., Any], signature: Any):
        functools.update_wrapper(self, function)
        self.function = function
        self.signature = signature
        self._compiled: Any = None

    @property
    def compiled(self) -> Any:
        """Return the compiled function, from disk if this or another process has compiled it before."""
        if self._compiled is None:
            _undisturbed(self._make_ready)
        return self._compiled

    def _make_ready(self) -> None:
        with self._lock:
            if self._compiled is None:
                if Compiled.before is not None:
                    Compiled.before(self)
                self._compiled = self._compile()

    def _compile(self) -> Any:
        """Return the dispatcher; where machine code can be neither read nor kept on disk, it is made anew."""
        try:
            return self._made(cache=True)
        except (OSError, EOFError, RuntimeError, pickle.UnpicklingError):
            return self._made(cache=False)

    def _made(self, cache: bool) -> Any:
        dispatcher = nb.njit(cache=cache, **OPTIONS)(self.function)
        if cache:
            # Numba looks for changes in the function's own file, and not in those of what it calls.
            kept = dispatcher._cache
            kept._cache_file = of_numba(kept._cache_file, digest(self.function))
        with linked_into_callers():
            dispatcher.compile(self.signature)
        dispatcher.disable_compile()
        return dispatcher

    def __call__(self, *arguments: Any) -> Any:
        return self.compiled(*arguments)

    def __reduce__(self) -> str:
        """Pickle the function by its name, as functions are: another process compiles it for itself."""
        return str(self.function.__qualname__)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.function.__module__}.{self.function.__qualname__}>"


def _undisturbed(work: Callable[[], None]) -> None:
    """Do work where Ctrl-C cannot come between, and wait for it; the wait itself can be interrupted.

    Only the main thread hears of Ctrl-C. Inside LLVM's own lock it would leave that locked for ever, and the
    next fit would wait without end.
    """
    if threading.current_thread() is not threading.main_thread():
        work()
        return
    thread = ThreadPoolExecutor(1)
    try:
        thread.submit(work).result()
    finally:
        thread.shutdown(wait=False)


def digest(function: Callable[..., Any]) -> str:
    """Return a digest of what machine code is made of: a function, what it calls, and their constants."""
    found = hashlib.sha256()
    seen: set[Any] = set()
    waiting: list[Any] = [function]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Dispatcher):
            value = value.py_func
        if isinstance(value, FunctionType):
            if value not in seen:
                seen.add(value)
                for code in _codes(value.__code__):
                    found.update(code.co_code + repr((code.co_names, _plain(code.co_consts))).encode())
                    waiting += _globals(code, value.__globals__)
        elif isinstance(value, bool | int | float | complex | str | tuple):
            found.update(repr(value).encode())
    return found.hexdigest()


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a function's code and that of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _plain(constants: tuple[Any, ...]) -> list[Any]:
    return [constant for constant in constants if not isinstance(constant, CodeType)]


def _globals(code: CodeType, names: dict[str, Any]) -> Iterator[Any]:
    """Yield the values of global names in a function's code, and of those looked up in modules of ours."""
    ours = __name__.partition(".")[0] + "."
    for name in code.co_names:
        value = names.get(name)
        if isinstance(value, ModuleType) and value.__name__.startswith(ours):
            yield from (vars(value)[part] for part in code.co_names if part in vars(value))
        else:
            yield value


class PriorFunction(Compiled):
    """The log density of one kind of prior, as compiled code reads it.

    ``f(x, params, slope)`` returns the normalised log density at x and writes its derivative in x to
    ``slope[0]``; `params` are those of `Prior.params`.
    """

    def __init__(self, function: Callable[..., Any]):
        super().__init__(function, PRIOR_SIGNATURE)


class DerivedFunction(Compiled):
    """Numbers computed from several hyperparameters, as compiled code reads them.

    ``f(inputs, constants, outputs)`` fills `outputs` and returns what it adds to the log prior.
    """

    def __init__(self, function: Callable[..., Any]):
        super().__init__(function, DERIVED_SIGNATURE)


class DerivedAdjoint(Compiled):
    """Derivatives of a `DerivedFunction`, backwards.

    ``f(inputs, constants, outputs, outputs_bar, inputs_bar)`` adds to `inputs_bar` the derivatives in the
    inputs of any function, given its derivatives `outputs_bar` in the outputs.
    """

    def __init__(self, function: Callable[..., Any]):
        super().__init__(function, DERIVED_ADJOINT_SIGNATURE)


def compiled_as(signature: Any) -> Callable[[Callable[..., Any]], Compiled]:
    """Return a decorator: the function it decorates is compiled for `signature` when first called."""
    return functools.partial(Compiled, signature=signature)
