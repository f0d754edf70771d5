"""What is compiled before its first use is all that is ever compiled."""

import pkgutil
from importlib import import_module

import shoal
from shoal.engine.first_use import kernels
from shoal.priors.compiled import Compiled

OPTIONAL = ("pymc", "nutpie", "pytensor")


def test_every_compiled_function_of_the_package_is_among_the_kernels():
    found = set()
    for module in pkgutil.walk_packages(shoal.__path__, "shoal."):
        try:
            contents = vars(import_module(module.name))
        except ModuleNotFoundError as problem:
            assert problem.name in OPTIONAL
            continue
        for name, value in contents.items():
            if isinstance(value, Compiled) and value.function.__module__ == module.name:
                found.add((module.name, name))
    assert len(found) > 50
    assert found == set(kernels()) and len(kernels()) == len(found)
