"""A model in mathematics and words: every part is there, once, whatever it is called."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

import shoal as sl
from report.cases import COLUMN, FACTOR, odd_model
from shoal.families import FAMILIES
from shoal.report.equations import MOST_TERMS, equations
from shoal.report.mathml import SIGNS, expression, math
from shoal.report.sentences import sentences
from shoal.report.symbols import symbols
from test_model import model, several, table, toeplitz

MODELS = {
    "slopes": lambda: model("y ~ x + (1 + x | g) + (1 | h)"),
    "shrunk": lambda: model("y ~ x + w + (1 | g)", priors={"b": sl.priors.Horseshoe()}),
    "student": lambda: model("y ~ 1 + (1 | gr(g, dist='student'))", "student"),
    "ordered": lambda: model("grade ~ x + (1 | g)", "cumulative"),
    "several": several,
    "odd": odd_model,
}


def read(markup):
    """Return the text of MathML; it must be well formed."""
    return "".join(ElementTree.fromstring(f"<r>{markup}</r>").itertext())


def written(of):
    """Return each equation's text."""
    return ["".join(read(piece) for piece in e.pieces) for e in equations(of.specification)]


# Expressions


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("known_se", [False, True])
def test_nothing_that_a_family_prints_is_lost(name, known_se):
    printed = FAMILIES[name].distribution(known_se, known_se)
    expected = re.sub(r"sqrt\((.*?)\)|[\^\[\] ]", r"\1", printed).replace(" ", "").replace("^", "")
    for sign, shown in {**SIGNS, "expit": "logit⁻¹", "Phi": "Φ"}.items():
        expected = expected.replace(sign, shown)
    assert read(math(expression(printed, {}))) == expected


def test_roots_powers_and_indices_are_elements():
    markup = expression("sqrt(se^2 + sigma^2) + k[j]", {})
    assert [e.tag for e in ElementTree.fromstring(f"<r>{markup}</r>").iter()].count("msup") == 2
    assert "<msqrt>" in markup and "sqrt" not in read(markup)
    assert "<msub><mi>k</mi><mi>j</mi></msub>" in markup


@pytest.mark.parametrize("text", ["Normal(eta, sigma", "k[j", "sqrt(a + (b)"])
def test_a_bracket_without_its_partner_is_refused(text):
    with pytest.raises(ValueError, match="bracket"):
        expression(text, {})


# Equations


def test_eight_schools_in_mathematics():
    of = sl.Model("y | se(se) ~ 1 + (1 | school)", sl.load_dataset("eight_schools"))
    assert written(of) == ["yi∼Normal(ηi,sei)", "ηi=α+rschool[i]", "rschool∼Normal(0,τschool)"]
    assert equations(of.specification)[-1].note == "for each of the 8 levels of school"


def test_every_part_of_several_responses_names_its_response():
    lines = written(several())
    assert lines[:3] == [
        "biti∼Bernoulli(logit⁻¹(ηbit,i))",
        "ηbit,i=αbit+βbit,xxi+rbit,g[i]+λbit,uug[i]",
        "rbit,g∼Normal(0,τbit,g)",
    ]
    assert lines[-2:] == ["(ry,h,ry,h(x))∼MultiNormal(0,DRy,hD),D=diag(τy,h,τy,h(x))", "u∼Normal(0,1)"]


@pytest.mark.parametrize(
    ("of", "line"),
    [
        (lambda: model("y ~ 0 + (1 | g) + offset(log(o))", data=table(o=2.0)), "ηi=rg[i]+log(o)i"),
        (lambda: model("y ~ 0 + x"), "ηi=βxxi"),
        (lambda: model("grade ~ 1", "cumulative"), "ηi=0"),
        (lambda: model("y ~ 1 + (1 | gr(g, zero_sum=True))"), "∑grg=0"),
        (lambda: model("y ~ 1 + (1 | gr(g, dist='student'))"), "rg∼StudentT(νg,0,τg)"),
        (lambda: model("y ~ 1 + (1 | gr(g, cov=K))", covariances={"K": toeplitz(4)}), "rg=Lug,LL⊤=K"),
        (lambda: model("bit | trials(3) ~ 1", "binomial"), "biti∼Binomial(3,logit⁻¹(ηi))"),
        (lambda: model("y | se(s, sigma=True) ~ 1", data=table(s=1.0)), "yi∼Normal(ηi,si2+σ2)"),
        (lambda: model("grade ~ 1", "cumulative"), "gradei∼Cumulative,P(gradei≤j)=logit⁻¹(κj−ηi)"),
    ],
)
def test_special_parts_are_written(of, line):
    assert line in written(of())


def test_very_many_terms_are_counted():
    columns = np.random.default_rng(0).normal(size=(24, MOST_TERMS + 5))
    data = table(**{f"v{i}": column for i, column in enumerate(columns.T)})
    of = model(f"y ~ {' + '.join(f'v{i}' for i in range(MOST_TERMS + 5))}", data=data)
    predictor = equations(of.specification)[1]
    assert len(predictor.pieces) == MOST_TERMS and predictor.note == "⋯ and 6 terms more"


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_has_a_symbol_of_its_own(name):
    spec = MODELS[name]().specification
    known = symbols(spec)
    assert set(spec.priors) <= set(known)
    own = [read(known[p]) for p in spec.priors]
    assert len(set(own)) == len(own)


def test_names_are_written_as_they_are():
    lines = written(odd_model())
    assert f"β{COLUMN}{COLUMN}i" in lines[1] and f"{FACTOR}[i]" in lines[1]
    assert "<script" not in "".join(p for e in equations(odd_model().specification) for p in e.pieces)


# Words


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (
            lambda: model("y ~ x + (1 + x | g)"),
            ["24 rows of y", "4 levels of g", "mean and slope of x", "correlated"],
        ),
        (lambda: model("y ~ 1 + (1 | gr(g, zero_sum=True))"), ["an intercept alone", "sum to zero"]),
        (lambda: model("y ~ 1 + (1 | gr(g, dist='student'))"), ["Student-t tails"]),
        (lambda: model("y ~ 1 + (1 | g)").with_pooling("none"), ["fixed beforehand", "without pooling"]),
        (lambda: model("y ~ 1 + (1 | g)").with_pooling("complete"), ["complete pooling"]),
        (several, ["u is not observed", "shared by bit and y", "its sign"]),
        (lambda: model("grade ~ 1", "cumulative"), ["no population part beside the cutpoints"]),
        (lambda: model("y | weights(s) ~ 0 + x", data=table(s=2.0)), ["multiplied by s", "has slopes of x"]),
        (lambda: model("y | se(s) ~ 1", data=table(s=2.0)), ["standard error, s, is known"]),
        (lambda: model("bit | trials(3) ~ 1", "binomial"), ["successes of 3 trials", "log odds of bit"]),
    ],
)
def test_words_name_what_is_special(of, words):
    text = " ".join(sentences(of().specification))
    assert all(word.lower() in text.lower() for word in words), text
    plain = " ".join(sentences(model("y ~ x + (1 | g) + (1 | h)").specification))
    assert not any(w in plain for w in ("zero", "Student", "fixed", "not observed", "weights", "covary"))
