"""Functions that only compiled functions call: one version each, inside their callers."""

import math

import numba as nb
import pytest
from numba.core.codegen import JITCodeLibrary
from numba.core.registry import cpu_target

from compiling import compiled_functions
from shoal.priors.compiled import Compiled, inner
from shoal.priors.inner import linked_into_callers

SIGNATURE = nb.float64(nb.float64)


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(nb.config, "CACHE_DIR", str(tmp_path))


@inner
def power(x, n):
    product = 1.0
    for _ in range(n):
        product *= x
    return product


@inner
def checked(x):
    if x < 0:
        raise ValueError("x is below zero:", x)
    return math.sqrt(x)


def polynomial(x):
    return power(x, 2) + power(x, 3) + checked(x)


def root(x):
    return checked(power(x, 1))


def test_a_number_that_is_written_out_is_no_version_of_its_own():
    with compiled_functions() as made:
        assert Compiled(polynomial, SIGNATURE)(4.0) == 16 + 64 + 2
    assert made.count("power") == 1
    with compiled_functions() as made:  # what one caller compiled is there for the next
        assert Compiled(root, SIGNATURE)(9.0) == 3
    assert made == ["root"]


def test_it_has_no_machine_code_of_its_own_but_where_python_calls_it():
    assert Compiled(polynomial, SIGNATURE)(1.0) == 3.0
    (version,) = checked.overloads.values()
    assert not version.library.get_pointer_to_function(version.fndesc.llvm_func_name)
    assert checked(4) == 2.0 and power(2.0, 5) == 32.0


@pytest.mark.parametrize("again", [False, True], ids=["compiled now", "from disk"])
def test_what_it_raises_comes_through(again):
    """Its constants are in an environment, which code that has just come into memory is told."""
    if again:
        assert Compiled(root, SIGNATURE)(4.0) == 2.0
    with compiled_functions() as made:
        function = Compiled(root, SIGNATURE)
        with pytest.raises(ValueError) as caught:
            function(-1.0)
    assert caught.value.args == ("x is below zero:", -1.0)
    assert ("root" in made) is not again


def test_other_functions_of_the_process_are_compiled_as_before():
    """Whatever happens meanwhile, numba is left as it was found."""
    with pytest.raises(ZeroDivisionError), linked_into_callers():
        raise ZeroDivisionError
    codegen = cpu_target.target_context.codegen()
    assert codegen._library_class is JITCodeLibrary and "set_env" not in vars(codegen)
    helper = nb.njit(lambda x: x + 1)
    assert nb.njit(lambda x: 2 * helper(x))(3) == 8 and helper(1) == 2
