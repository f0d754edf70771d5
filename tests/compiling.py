"""What of the compiled engine is made, or used at all, meanwhile."""

from contextlib import contextmanager

from numba.core import event

from shoal.priors.compiled import Compiled


class _Names(event.Listener):
    def __init__(self):
        self.names = []

    def on_start(self, happened):
        self.names.append(happened.data["dispatcher"].py_func.__qualname__)

    def on_end(self, happened):
        pass


@contextmanager
def compiled_functions():
    """Yield the names of functions that are compiled meanwhile; those found on disk are none."""
    listener = _Names()
    with event.install_listener("numba:compile", listener):
        yield listener.names


@contextmanager
def used_kernels(monkeypatch):
    """Yield the names of kernels of the engine that are asked for meanwhile, compiled before or not."""
    names, made = [], Compiled.compiled.fget

    def asked(self):
        if self.function.__module__.startswith("shoal.engine."):
            names.append(f"{self.function.__module__}.{self.function.__qualname__}")
        return made(self)

    with monkeypatch.context() as patched:
        patched.setattr(Compiled, "compiled", property(asked))
        yield names
