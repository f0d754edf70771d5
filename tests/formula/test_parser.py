"""What a formula means: its parts, their canonical text, and the columns they need."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refusals import refused
from shoal.formula import Expression, GroupTerm, LatentTerm, parse
from shoal.formula.algebra import expand
from shoal.formula.reader import read_piece

POPULATION = {
    "x": "1 + x",
    "1": "1",
    "0": "0",
    "-1": "0",
    "0 + x": "0 + x",
    "x - 1": "0 + x",
    "x + 0": "0 + x",
    "-1 + x": "0 + x",
    "0 + x + 1": "1 + x",
    "x + z + x": "1 + x + z",
    "x*z": "1 + x + z + x:z",
    "z:x + x": "1 + x + z:x",
    "x:z + z:x": "1 + x:z",
    "x*z - x": "1 + z + x:z",
    "x*z*w - x:z:w": "1 + x + z + w + x:z + x:w + z:w",
    "(x + z + w)^2": "1 + x + z + w + x:z + x:w + z:w",
    "(x + z)**2": "1 + x + z + x:z",
    "a/b": "1 + a + a:b",
    "a/b/c": "1 + a + a:b + a:b:c",
    "(a + b)/c": "1 + a + b + a:b:c",
    "a/(b + c)": "1 + a + a:b + a:c",
    "(x + z):w": "1 + x:w + z:w",
    "x + (z + w)": "1 + x + z + w",
    "(0 + x) + z": "0 + x + z",
    "x + z:w*v": "1 + x + v + z:w + z:w:v",
    "log( x )": "1 + log(x)",
    "I(x**2)": "1 + I(x ** 2)",
    "I((x + z)/w - -x)": "1 + I((x + z) / w - -x)",
    "I(x - (z - w))": "1 + I(x - (z - w))",
    "I((-x)**2)": "1 + I((-x) ** 2)",
    "I(2**-x**3)": "1 + I(2 ** -x ** 3)",
    "poly(x, 2, raw = True)": "1 + poly(x, 2, raw=True)",
    'C(d, contr.treatment("b"))': "1 + C(d, contr.treatment('b'))",
    "C(d, contr.sum)": "1 + C(d, contr.sum)",
    "C(d, contr.sum())": "1 + C(d, contr.sum)",
    "C(d, levels=['a', \"it's\"])": "1 + C(d, levels=['a', \"it's\"])",
    "bs(x, df=5, knots=None)": "1 + bs(x, df=5, knots=None)",
    "scale(log(x)):z": "1 + scale(log(x)):z",
    "`my col` + `x`": "1 + `my col` + x",
    "`class` + class": "1 + `class`",
    "log + C + `log`": "1 + log + C",
    "ünï + 身長": "1 + ünï + 身長",
    "`a.b`:`c:d ~ (`": "1 + `a.b`:`c:d ~ (`",
    "x\n + z": "1 + x + z",
    "group_mean(x,g)": "1 + group_mean(x, g)",
    "group_mean( log(x)/2, a : b ):z": "1 + group_mean(log(x) / 2, a:b):z",
    "I(x-group_mean(x, `my g`))": "1 + I(x - group_mean(x, `my g`))",
    "poly(group_mean(x, g), 2)": "1 + poly(group_mean(x, g), 2)",
    "latent*group_mean": "1 + latent + group_mean + latent:group_mean",
}


@pytest.mark.parametrize("text", POPULATION)
def test_population_is_expanded_into_terms_with_an_explicit_intercept(text):
    assert parse(f"y ~ {text}").population.text == POPULATION[text]


@pytest.mark.parametrize("text", POPULATION)
def test_canonical_text_is_a_fixed_point(text):
    expression = parse(f"y ~ {text}").population
    assert parse(f"y ~ {expression.text}").population == expression


GROUPS = {
    "(1 | g)": [("1", ("g",), True, False)],
    "(x | g)": [("1 + x", ("g",), True, False)],
    "(1 + x | g)": [("1 + x", ("g",), True, False)],
    "(0 + x | g)": [("0 + x", ("g",), True, False)],
    "(x - 1 | g)": [("0 + x", ("g",), True, False)],
    "(x || g)": [("1 + x", ("g",), False, False)],
    "(x*z | g)": [("1 + x + z + x:z", ("g",), True, False)],
    "(1 | a:b)": [("1", ("a", "b"), True, False)],
    "(1 | a:b:c)": [("1", ("a", "b", "c"), True, False)],
    "(1 | a/b)": [("1", ("a",), True, False), ("1", ("a", "b"), True, False)],
    "(1 | a/b/c)": [("1", f, True, False) for f in (("a",), ("a", "b"), ("a", "b", "c"))],
    "(1 | a/(b:c))": [("1", ("a",), True, False), ("1", ("a", "b", "c"), True, False)],
    "(x || gr(g, zero_sum=True))": [("1 + x", ("g",), False, True)],
    "(x | gr(a/b, zero_sum=False))": [("1 + x", f, True, False) for f in (("a",), ("a", "b"))],
    "(1 | g) + (0 + x | g)": [("1", ("g",), True, False), ("0 + x", ("g",), True, False)],
    "(1 | `my group`)": [("1", ("my group",), True, False)],
    "((1 | g))": [("1", ("g",), True, False)],
    "(group_mean(x, h) | g)": [("1 + group_mean(x, h)", ("g",), True, False)],
    "(poly(x, 2) | g)": [("1 + poly(x, 2)", ("g",), True, False)],
}


@pytest.mark.parametrize("text", GROUPS)
def test_group_terms(text):
    found = parse(f"y ~ {text}").groups
    assert [(g.effects.text, g.factor, g.correlated, g.zero_sum) for g in found] == GROUPS[text]


GR = {
    "gr(g)": (False, "normal", None),
    "gr(g, dist='student')": (False, "student", None),
    'gr(g, dist="normal")': (False, "normal", None),
    "gr(g, cov=K)": (False, "normal", "K"),
    "gr(g, cov=`my K`)": (False, "normal", "my K"),
    "gr(g, cov=K, dist='student')": (False, "student", "K"),
    "gr(g, cov=K, zero_sum=False)": (False, "normal", "K"),
    "gr(g, zero_sum=True, dist='student')": (True, "student", None),
}


@pytest.mark.parametrize("text", GR)
def test_options_of_a_grouping_factor(text):
    formula = parse(f"y ~ (1 + x | {text})")
    (group,) = formula.groups
    assert (group.zero_sum, group.dist, group.cov) == GR[text]
    assert (group.effects.text, group.factor) == ("1 + x", ("g",))
    assert formula.columns == ("y", "x", "g")


@given(
    factor=st.sampled_from([("a",), ("a", "b"), ("a", "b", "c")]),
    zero_sum=st.sampled_from([None, False, True]),
    dist=st.sampled_from([None, "normal", "student"]),
    cov=st.sampled_from([None, "K"]),
    data=st.data(),
)
def test_options_in_any_order_mean_the_same(factor, zero_sum, dist, cov, data):
    given_options = {"zero_sum": zero_sum, "dist": dist and repr(dist), "cov": cov}
    options = [f"{name}={value}" for name, value in given_options.items() if value is not None]
    text = f"y ~ (1 | gr({', '.join([':'.join(factor), *data.draw(st.permutations(options))])}))"
    if cov and zero_sum:
        with refused("cov-with-zero-sum"):
            parse(text)
        return
    expected = GroupTerm(Expression("1", ()), factor, True, bool(zero_sum), dist or "normal", cov)
    assert parse(text).groups == (expected,)
    assert parse(text).columns == ("y", *factor)


def test_nested_factors_share_their_options():
    groups = parse("y ~ (1 | gr(a/b, dist='student', zero_sum=True))").groups
    assert [(g.factor, g.dist, g.zero_sum) for g in groups] == [
        (("a",), "student", True),
        (("a", "b"), "student", True),
    ]


LATENTS = {
    "latent(u | g)": ("1", [("u", ("g",))]),
    "0 + latent(u | g)": ("0", [("u", ("g",))]),
    "x + latent(u | a:b) + z": ("1 + x + z", [("u", ("a", "b"))]),
    "x + latent(u | a:(b:c))": ("1 + x", [("u", ("a", "b", "c"))]),
    "latent(v | g) + (1 | g) + latent(u | g)": ("1", [("v", ("g",)), ("u", ("g",))]),
    "latent(u | `my group`) + latent": ("1 + latent", [("u", ("my group",))]),
    "((latent((u | g))))": ("1", [("u", ("g",))]),
}


@pytest.mark.parametrize("text", LATENTS)
def test_latent_terms(text):
    formula = parse(f"y ~ {text}")
    found = [(latent.name, latent.factor) for latent in formula.latents]
    assert (formula.population.text, found) == LATENTS[text]


def test_factors_of_latent_terms_are_columns_but_their_names_are_not():
    text = "y ~ x + latent(u | a:b) + latent(v | g) + (1 | g)"
    formula = parse(text)
    assert formula.columns == ("y", "x", "g", "a", "b")
    assert formula.latents == (LatentTerm("u", ("a", "b")), LatentTerm("v", ("g",)))
    cut = [text[slice(*latent.span)] for latent in formula.latents]
    assert cut == ["latent(u | a:b)", "latent(v | g)"]


def test_every_part_of_a_formula_is_found():
    text = (
        "log(y) | trials(n) + se(s, sigma=True) + weights(w) "
        "~ x*z + offset(log(o)) + (1 + v | g) + (x || gr(h, zero_sum=True))"
    )
    formula = parse(text)
    assert formula.text == text
    assert formula.response.value == Expression("log(y)", ("y",))
    assert formula.response.trials == Expression("n", ("n",))
    assert formula.response.se == Expression("s", ("s",))
    assert formula.response.se_sigma
    assert formula.response.weights == Expression("w", ("w",))
    assert formula.population == Expression("1 + x + z + x:z", ("x", "z"))
    assert formula.offsets == (Expression("log(o)", ("o",)),)
    assert formula.groups == (
        GroupTerm(Expression("1 + v", ("v",)), ("g",)),
        GroupTerm(Expression("1 + x", ("x",)), ("h",), correlated=False, zero_sum=True),
    )
    assert formula.columns == ("y", "n", "s", "w", "x", "z", "o", "v", "g", "h")


def test_sigma_is_absent_unless_asked_for():
    assert not parse("y | se(s) ~ 1").response.se_sigma
    assert not parse("y | se(s, sigma=False) ~ 1").response.se_sigma


def test_numbers_may_stand_for_trials_and_standard_errors():
    formula = parse("y | trials(10) + se(0.5) ~ 1")
    assert formula.response.trials == Expression("10", ())
    assert formula.response.se == Expression("0.5", ())


def test_several_offsets_are_kept_in_order():
    assert [o.text for o in parse("y ~ offset(a) + x + offset(2 * b)").offsets] == ["a", "2 * b"]


def test_columns_are_columns_only():
    formula = parse("y ~ C(d, contr.treatment('a')) + bs(x, df=5, extrapolation='clip') + `C` + log(I(z))")
    assert formula.columns == ("y", "d", "x", "C", "z")
    assert parse("y ~ scale(group_mean(x + z, a:b)) + (1 | g)").columns == ("y", "x", "z", "a", "b", "g")


def test_spans_point_into_the_text():
    text = "log(y) | trials(n) ~ x + offset(o) + (z | g)"
    formula = parse(text)
    (group,) = formula.groups
    cut = [
        text[slice(*part.span)] for part in (formula.response.value, formula.offsets[0], group, group.effects)
    ]
    assert cut == ["log(y)", "o", "(z | g)", "z"]


def test_an_expansion_longer_than_a_formula_may_be_is_read_again():
    names = [f"a_rather_long_name_{i}" for i in range(60)]
    expression = parse(f"y ~ ({' + '.join(names)})^2").population
    assert len(expression.text) > 10_000
    assert expand(read_piece(expression.text), expression.text).expression("", (0, 0)) == expression


def test_a_long_sum_is_read():
    names = [f"x{i}" for i in range(1_000)]
    assert parse("y ~ " + " + ".join(names)).columns == ("y", *names)
