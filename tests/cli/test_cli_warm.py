"""The command `shoal warm`: every function is compiled once, and found on disk the next time."""

import importlib
import os
import pkgutil

import pytest

import shoal
from shoal.cli import kernels as all_kernels
from shoal.cli.kernels import kernels
from shoal.cli.run import run
from shoal.priors.compiled import Compiled

# Two that take no time to compile: a whole warm takes a minute.
QUICK = [("shoal.priors.densities", f"{name}_density") for name in ("normal", "exponential")]


@pytest.fixture
def warm(capsys, monkeypatch, tmp_path):
    """Run the command on an empty folder of machine code: exit code, both outputs, files with their times."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))  # of the processes that compile
    monkeypatch.setattr(all_kernels, "kernels", QUICK.copy)

    def invoke():
        code = run(["warm"])
        out, err = capsys.readouterr()
        return code, out, err, {path.name: os.stat(path).st_mtime_ns for path in tmp_path.rglob("*.nb*")}

    return invoke


def test_a_second_run_compiles_nothing(warm):
    code, out, err, files = warm()
    assert (code, err) == (0, "") and out.startswith("2 compiled functions are ready (")
    assert len([name for name in files if name.endswith(".nbc")]) == len(QUICK)
    assert warm()[3] == files


def test_every_compiled_function_is_among_them():
    everywhere = set()
    for found in pkgutil.walk_packages(shoal.__path__, "shoal."):
        if found.name.startswith("shoal.export."):  # of an optional package
            continue
        module = importlib.import_module(found.name)
        own = {name: value for name, value in vars(module).items() if isinstance(value, Compiled)}
        everywhere |= {(found.name, n) for n, f in own.items() if f.function.__module__ == found.name}
    assert len(everywhere) > 50 and set(kernels()) == everywhere and len(kernels()) == len(everywhere)
