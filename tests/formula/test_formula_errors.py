"""What is wrong with a formula is said in words, with the token marked."""

import pytest

from shoal.errors import FormulaError
from shoal.formula import parse

# formula: (marked token, a piece of the message)
REFUSED = {
    "": ("", "empty"),
    "   ": ("", "empty"),
    "y": ("", "no '~'"),
    "~ x": ("~", "nothing left"),
    "y ~": ("", "nothing right"),
    "y ~ x ~ z": ("~", "one '~'"),
    "y ~ (x ~ z)": ("~", "one '~'"),
    "y ~ x |": ("|", "without parentheses"),
    "y ~ x | g": ("|", "without parentheses"),
    "y ~ x || g": ("||", "without parentheses"),
    "y ~ (x | g": ("(", "never closed"),
    "y ~ (x + (1 | g)": ("(", "never closed"),
    "y ~ log(x": ("(", "never closed"),
    "y ~ x)": (")", "no '('"),
    "y ~ (x | g | h)": ("|", "One bar"),
    "y ~ (| g)": ("|", "after '('"),
    "y ~ (1 |)": (")", "after '|'"),
    "y ~ (0 | g)": ("0", "no effects"),
    "y ~ x +": ("", "after '+'"),
    "y ~ * x": ("*", "after '~'"),
    "y ~ x z": ("z", "backticks"),
    "y ~ x.y": ("x.y", "`x.y`"),
    "y ~ x.mean()": ("x.mean", "not a function"),
    "y ~ np.log(x)": ("np.log", "Did you mean 'log'"),
    "y ~ logg(x)": ("logg", "Did you mean 'log'"),
    "y ~ group_mean(x, g)": ("group_mean", "not a function"),
    "y ~ poly(x, degre=2)": ("2", "Did you mean 'degree'"),
    "y ~ poly(x, 2, degree=2)": ("2", "twice"),
    "y ~ poly(x, degree=2, degree=3)": ("degree", "twice"),
    "y ~ poly(x, degree=2, True)": ("True", "after those without"),
    "y ~ poly(x, 1e3)": ("1e3", "whole number"),
    "y ~ poly(x, 101)": ("101", "whole number"),
    "y ~ poly(x, None)": ("None", "whole number"),
    "y ~ poly(x, z)": ("z", "as an option"),
    "y ~ poly()": ("poly()", "0 arguments"),
    "y ~ log(x, z)": ("log(x, z)", "one argument"),
    "y ~ log(poly(x, 2))": ("poly(x, 2)", "several columns"),
    "y ~ I(C(x))": ("C(x)", "several columns"),
    "y ~ C(x + z)": ("C(x + z)", "does not start with a column"),
    "y ~ C(x, contr.foo)": ("contr.foo", "as contrasts"),
    "y ~ C(x, 'a')": ("'a'", "as contrasts"),
    "y ~ C(x, contr.treatment(z))": ("z", "as an option"),
    "y ~ C(x, spans_intercept=False)": ("C(x, spans_intercept=False)", "does not know"),
    "y ~ C(x, levels=['a', 'a'])": ("['a', 'a']", "distinct"),
    "y ~ contr.sum": ("contr.sum", "outside C"),
    "y ~ x*(1 | g)": ("(1 | g)", "group term"),
    "y ~ (1 | g):x": ("(1 | g)", "group term"),
    "y ~ x - (1 | g)": ("(1 | g)", "taken away"),
    "y ~ (1 + (1 | h) | g)": ("(1 | h)", "group term"),
    "y ~ log((1 | g))": ("(1 | g)", "group term"),
    "y ~ (1 | g)^2": ("(1 | g)", "group term"),
    "y ~ (offset(o) | g)": ("offset(o)", "offset"),
    "y ~ x*offset(o)": ("offset(o)", "stands alone"),
    "y ~ x - offset(o)": ("offset(o)", "Write offset(-o)"),
    "y ~ offset(a, b)": ("offset(a, b)", "one argument"),
    "y ~ offset(poly(o, 2))": ("poly(o, 2)", "learns from all rows"),
    "y ~ 2 + x": ("2", "number 2"),
    "y ~ x - 0": ("0", "number -0"),
    "y ~ 2*x": ("2", "I(x / 2)"),
    "y ~ x/2": ("2", "I(x / 2)"),
    "y ~ x*(1 + z)": ("(1 + z)", "number inside a product"),
    "y ~ x + -z": ("-z", "sign in front"),
    "y ~ x^2": ("x^2", "I(x**2)"),
    "y ~ x:x": ("x:x", "I(x**2)"),
    "y ~ (x + z)^z": ("z", "exponent"),
    "y ~ (x + z)^0": ("0", "exponent"),
    "y ~ I(x^2)": ("x^2", "'**'"),
    "y ~ I(x:z)": ("x:z", "inside arithmetic"),
    "y ~ x - z": ("z", "not among the terms"),
    "y ~ 'x'": ("'x'", "backticks, not quotes"),
    "y ~ True": ("True", "needed"),
    "y ~ [x]": ("[x]", "needed"),
    "y ~ x[0]": ("[", "Subscripts"),
    "y ~ I(x > 1)": (">", "comparison"),
    "y ~ x == 1": ("==", "comparison"),
    "y ~ {x/2}": ("{", "I(...)"),
    "y ~ x %in% z": ("%", "interactions"),
    "y ~ .": (".", "Name the columns"),
    "y ~ 2x": ("2x", "backticks"),
    "y ~ `x": ("`", "Close the backtick"),
    "y ~ ``": ("`", "must be a name inside"),
    "y ~ 'x": ("'", "Close the string"),
    "y ~ x @ z": ("@", "backticks"),
    "y ~ (1 | g) + (1 | g)": ("(1 | g)", "twice"),
    "y ~ (1 | a/b) + (1 | a)": ("(1 | a)", "twice"),
    "y ~ (1 | a:b) + (1 | b:a)": ("(1 | b:a)", "twice"),
    "y ~ (x | g) + (1 + x || g)": ("(1 + x || g)", "twice"),
    "y ~ (1 | a + b)": ("a + b", "two terms"),
    "y ~ (1 | a*b)": ("a*b", "two terms"),
    "y ~ (1 | 2)": ("2", "grouping factor"),
    "y ~ (1 | a:a)": ("a:a", "twice"),
    "y ~ (1 | log(g))": ("log(g)", "grouping factor"),
    "y ~ (1 | gr(g, zerosum=True))": ("True", "Did you mean 'zero_sum'"),
    "y ~ (1 | gr(g, zero_sum=1))": ("1", "True or False"),
    "y ~ (1 | gr(g, h))": ("gr(g, h)", "one argument"),
    "y ~ gr(g)": ("gr(g)", "right of a bar"),
    "y ~ trials(n)": ("trials(n)", "left of '~'"),
    "y || trials(n) ~ x": ("||", "One bar"),
    "y | trials(n) | se(s) ~ x": ("|", "Join with '+'"),
    "y | n ~ x": ("n", "after the bar"),
    "y | trial(n) ~ x": ("trial(n)", "Did you mean 'trials'"),
    "y | trials(n) - se(s) ~ x": ("trials(n) - se(s)", "after the bar"),
    "y | trials(n) + trials(m) ~ x": ("trials(m)", "twice"),
    "y | se(s) + se(t) ~ x": ("se(t)", "twice"),
    "y | trials() ~ x": ("trials()", "one argument"),
    "y | se(s, sigm=True) ~ x": ("True", "Did you mean 'sigma'"),
    "y | se(s, sigma=1) ~ x": ("1", "True or False"),
    "y | se(s, sigma=x) ~ x": ("x", "as an option"),
    "scale(y) ~ x": ("scale(y)", "learns from all rows"),
    "1 ~ x": ("1", "no column"),
    "cbind(a, b) ~ x": ("cbind", "not a function"),
    "y ~ __x": ("__x", "underscores"),
    f"y ~ I({'9' * 400})": ("9" * 400, "too large"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_error_marks_the_token_and_names_the_remedy(text):
    token, piece = REFUSED[text]
    with pytest.raises(FormulaError) as caught:
        parse(text)
    error = caught.value
    assert error.formula == text
    assert text[slice(*error.span)] == token
    assert piece in str(error)
    assert error.found and (error.needed or error.remedy)


def test_the_second_of_two_equal_terms_is_marked():
    text = "y ~ (1 | g) + (1 | g)"
    with pytest.raises(FormulaError) as caught:
        parse(text)
    assert caught.value.span == (14, 21)


@pytest.mark.parametrize("value", [None, 3, b"y ~ x", ["y ~ x"]])
def test_a_formula_is_text(value):
    with pytest.raises(FormulaError, match="A formula is text"):
        parse(value)
