"""A formula is data: no text can run code, recurse without end, or raise anything but a FormulaError."""

import ast
import builtins
import inspect
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import shoal.formula
from refusals import refused
from shoal.errors import FormulaError
from shoal.formula import Expression, design_matrix, evaluate, functions, parse, register_function
from shoal.formula.functions import BASES, CONTRASTS, STANDARDISING

ATTACKS = [
    "__import__('os')",
    "__import__('os').system('true')",
    "().__class__",
    "().__class__.__bases__[0].__subclasses__()",
    'open("x")',
    "eval('1')",
    "exec('1')",
    "getattr(x, 'y')",
    "x.__class__",
    "`x`.__class__",
    "log.__globals__",
    "I(x.__class__)",
    "C(x, contr.treatment.__init__)",
    "C(x, contr.__class__)",
    "poly(x, degree=open('x'))",
    "poly(x, _state=x)",
    "bs(x, _state=[1])",
    "scale(x, **x)",
    "log(*x)",
    "lambda: 1",
    "lambda x: x",
    "I(lambda x: x)",
    "(a := 1)",
    "I(a := 1)",
    "f'{x}'",
    'f"{__import__(1)}"',
    "[i for i in x]",
    "x if x else z",
    "x; import os",
    "x\x00",
    "\x00",
    "ｌｏｇ(x)",
    "lоg(x)",  # the o is Cyrillic
    "＿＿import＿＿('os')",
    "x\\\n.y",
    "np.load('x')",
    "hashed(x)",
    "lag(x)",
    "group_mean(x, open('x'))",
    "group_mean(open('x'), x)",
    "group_mean(x, x.__class__)",
    "latent(open('x') | x)",
    "latent(x.__class__ | x)",
    "latent(u | open('x'))",
    "gr(x, cov=open('x'))",
    "gr(x, dist=x.__class__)",
    "group_mean(" * 300 + "x" + ", x)" * 300,
    "latent(" * 300 + "u | x" + ")" * 300,
    "'%s' % x",
    "'\\x41'",
    "x # comment",
    "I('a' * 999999999)",
    "bs(x, df=99999999)",
    "poly(x, 99999999)",
    "(" * 4_000,
    "(" * 9_000 + ")" * 9_000,
    "(" * 400 + "x" + ")" * 400,
    "-" * 3_000 + "x",
    "I(x" + "**x" * 1_000 + ")",
    "log(" * 300 + "x" + ")" * 300,
    "poly(x, " + "[" * 200 + "]" * 200 + ")",
    "+" * 9_000,
]
TOO_LONG = ["x+" * 4_000 + "x", "x" * 10_001]
PLACES = ["y ~ {}", "{} ~ x", "y ~ offset({})", "y ~ (1 | {})", "y ~ ({} | g)", "y | trials({}) ~ x"]


@pytest.mark.parametrize("attack", [*ATTACKS, *TOO_LONG], ids=lambda text: ascii(text[:30]))
@pytest.mark.parametrize("place", PLACES)
def test_attacks_are_refused_everywhere(attack, place):
    with pytest.raises(FormulaError):
        parse(place.format(attack))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda text: ascii(text[:30]))
def test_an_expression_that_was_never_parsed_is_refused_too(attack):
    forged = Expression(attack, ("x",))
    with pytest.raises(FormulaError):
        evaluate(forged, {"x": np.ones(2)})
    with pytest.raises(FormulaError):
        design_matrix(forged, pd.DataFrame({"x": [1.0, 2.0]}))


@pytest.mark.parametrize("name", [n for n in dir(builtins) if n != "abs"])
def test_builtins_cannot_be_called(name):
    with pytest.raises(FormulaError):
        parse(f"y ~ {name}(x)")


EXPLOSIONS = [
    "*".join(f"x{i}" for i in range(40)),
    "(" + "+".join(f"x{i}" for i in range(300)) + ")^10",
    "(a + b + c + d + e + f + g + h + i + j + k + l)^9",
    "(a + b + c + d)^99999999",
    "/".join(["(" + "+".join(f"{c}{i}" for i in range(120)) + ")" for c in "abcdefghij"]),
    "(" + "+".join(f"x{i}" for i in range(900)) + "):" + ":".join(f"z{i}" for i in range(900)),
    "*".join(["(a+b+c+d+e+f+g+h+i)^9"] * 180),
    ":".join(["(" + "+".join(f"{c}{i}" for i in range(99)) + ")" for c in "abcdefghij"]),
]


@pytest.mark.parametrize("text", EXPLOSIONS, ids=lambda text: text[:20])
@pytest.mark.parametrize("place", ["y ~ {}", "y ~ ({} | g)", "y ~ z * ({})"])
def test_expansions_without_end_are_refused(text, place):
    with pytest.raises(FormulaError, match="terms|factors|exponent"):
        parse(place.format(text))


def test_deep_but_legal_nesting_is_read():
    assert parse("y ~ " + "(" * 50 + "x" + ")" * 50).columns == ("y", "x")
    deepest = "I(" + "(x + z * " * 45 + "x" + ")" * 45 + ")"
    assert parse(f"y ~ {deepest}").columns == ("y", "x", "z")


def test_column_names_between_backticks_are_only_ever_looked_up():
    name = "__import__('os').system('false')"
    frame = pd.DataFrame({name: [1.0, 2.0]})
    matrix = design_matrix(parse(f"y ~ `{name}` + I(`{name}` * 2)").population, frame)
    assert matrix.values[:, 2].tolist() == [2.0, 4.0]


def test_no_module_of_this_package_evaluates_text():
    for path in Path(shoal.formula.__file__).parent.glob("*.py"):
        called = {n.func.id for n in ast.walk(ast.parse(path.read_text("utf8")))
                  if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}  # fmt: skip
        assert not called & {"eval", "exec", "compile", "__import__"}, path


def test_formulaic_evaluates_no_text(monkeypatch):
    from formulaic.materializers import base

    def refuse(*args, **kwargs):
        raise AssertionError("formulaic was handed text to evaluate")

    monkeypatch.setattr(base, "stateful_eval", refuse)
    frame = pd.DataFrame({"x": np.arange(8.0), "my d": list("abababab")})
    text = "y ~ x*`my d` + poly(x, 2) + bs(x, df=4) + scale(log1p(x)) + C(`my d`, contr.sum):x"
    matrix = design_matrix(parse(text).population, frame)
    np.testing.assert_array_equal(matrix.spec.apply(frame), matrix.values)


PIECES = [
    *("y", "x", "g", "é", "x.y", "`b c`", "'a'", "1", "0", "2.5", "None", " ", "\n", "\x00"),
    *("~", "|", "||", "(", ")", "+", "-", "*", ":", "^", "**", "/", ",", "=", "[", "]", "."),
    *("log(", "poly(", "C(", "contr.sum", "offset(", "trials(", "se(", "gr("),
    *("zero_sum=True", "degree=2", "levels=[", "dist='student'", "cov=K"),
    *("group_mean(", "latent(", "group_mean(x, g)", "latent(u | g)", "gr(g, cov=K)", " + ", "(1 | "),
]


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=25).map("".join)))
def test_any_text_parses_or_raises_a_formula_error(text):
    for candidate in (text, f"y ~ {text}", f"{text} ~ x"):
        try:
            formula = parse(candidate)
        except FormulaError as error:
            assert error.span is None or 0 <= error.span[0] <= error.span[1] <= len(candidate)
        else:
            again = parse(f"y ~ {formula.population.text}").population
            assert again == formula.population


def test_a_registered_function_can_be_called(monkeypatch):
    monkeypatch.setattr(functions, "_registered", {})
    register_function("hypot", np.hypot)
    assert evaluate(parse("hypot(a, 4) ~ 1").response.value, {"a": np.array([3.0])}).tolist() == [5.0]
    matrix = design_matrix(parse("y ~ 0 + hypot(a, b)").population, pd.DataFrame({"a": [3.0], "b": [4.0]}))
    assert matrix.names == ("hypot(a, b)",) and matrix.values.tolist() == [[5.0]]
    register_function("hypot", np.maximum)  # a user may replace their own
    with refused("unknown-option", match="no argument 'c'"):
        parse("y ~ hypot(a, c=1)")


@pytest.mark.parametrize(
    "name", ["log", "C", "trials", "_f", "__f", "a.b", "a b", "", "lambda", "True", "1a"]
)
def test_names_that_cannot_be_registered(name):
    with pytest.raises(FormulaError):
        register_function(name, np.log)


def test_only_functions_can_be_registered():
    with refused("function-not-registered"):
        register_function("f", 3)


def test_listed_arguments_are_those_of_formulaic():
    from formulaic.transforms import TRANSFORMS, ContrastsRegistry

    for name, arguments in (STANDARDISING | BASES).items():
        data, *rest = inspect.signature(TRANSFORMS[name]).parameters
        assert [n for n in rest if n in arguments] == list(arguments)
        assert set(rest) - set(arguments) <= {"_state", "cyclic"}
    for name, arguments in CONTRASTS.items():
        contrast = getattr(ContrastsRegistry, name.removeprefix("contr."))
        assert tuple(inspect.signature(contrast).parameters) == arguments
