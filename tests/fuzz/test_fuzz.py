"""Inputs made at random: each gives a model or a fit, or an error of Shoal that says why not."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import shoal as sl
from bad_inputs import setting
from fuzz.formulas import broken, formulas
from fuzz.frames import frames
from fuzz.outcome import examples, outcome
from shoal.errors import ShoalError
from shoal.families import FAMILIES
from shoal.priors import KINDS

TABLE = setting.table().assign(**{"a b": lambda t: t.z + 1})
FAMILY = st.sampled_from(["gaussian", "gaussian", *FAMILIES])
MATRICES = {
    "W": pd.DataFrame(np.roll(np.eye(6), 1, 0) + np.roll(np.eye(6), -1, 0), list("abcdef"), list("abcdef")),
    "K": pd.DataFrame(np.eye(6) + 0.2, list("abcdef"), list("abcdef")),
}
FEW = {"draws": 5, "chains": 1, "warmup": 10, "seed": 1, "cores": 1, "progress": False}


def shown(model):
    """Return a model that can be printed, if it is one."""
    if not isinstance(model, ShoalError):
        assert str(model) and repr(model) and model.priors
    return model


def model_of(formula, table=TABLE, family="gaussian", **others):
    used = {name: matrix for name, matrix in MATRICES.items() if name in formula}
    return lambda: shown(sl.Model(formula, table, family, covariances=used or None, **others))


@examples(40)
@given(formulas, FAMILY)
def test_formulas(formula, family):
    outcome(model_of(formula, family=family))


@examples(40)
@given(broken())
def test_broken_formulas(formula):
    outcome(model_of(formula))


@examples(15)
@given(broken(), st.sampled_from(["sigma", "nu", "phi", "mu", "", "shape"]))
def test_predictors_of_parameters(formula, name):
    outcome(lambda: sl.Model("y ~ x", TABLE, predictors={name: formula}))


@examples(40)
@given(
    frames(),
    st.sampled_from(
        [
            "y ~ x",
            "y ~ x + (1 | g)",
            "y ~ (x | g)",
            "y ~ C(x)",
            "y ~ s(x)",
            "y ~ 1",
            "y ~ mo(x)",
            "y | se(x) ~ 1",
            "y | weights(x) ~ g",
        ]
    ),
    FAMILY,
)
def test_frames(frame, formula, family):
    outcome(model_of(formula, frame, family, missing="drop" if len(frame) % 2 else "refuse"))


@examples(20)
@given(
    st.dictionaries(
        st.one_of(
            st.sampled_from(
                ["b", "x", "Intercept", "sd", "sd_g", "cor", "cor_g", "sigma", "sd_g[x]", "b_x", ""]
            ),
            st.text(max_size=4),
        ),
        st.one_of(st.sampled_from([*KINDS.values()]), st.none(), st.floats(), st.text(max_size=5)),
        max_size=3,
    ),
    st.lists(
        st.one_of(st.floats(), st.integers(), st.none(), st.text(max_size=2), st.booleans()), max_size=3
    ),
)
def test_priors(kinds, arguments):
    def made(kind):
        try:
            return kind(*arguments) if isinstance(kind, type) else kind
        except TypeError as problem:  # Python's own, of a call with too many arguments or too few
            assert "__init__" in str(problem)
            return kind

    def model():
        priors = {name: made(kind) for name, kind in kinds.items()}
        return shown(sl.Model("y ~ x + (1 + x | g)", TABLE, priors=priors))

    outcome(model)


@examples(6)
@given(formulas)
def test_fits(formula):
    """Of gaussian rows, whose functions are compiled once."""
    model = outcome(model_of(formula))
    if isinstance(model, sl.Model) and len(model.design.columns) < 12:
        fit = outcome(lambda: model.fit(**FEW))
        if isinstance(fit, sl.Fit):
            outcome(fit.summary)
            outcome(fit.predict)


@pytest.fixture(scope="module")
def fit():
    return sl.Model("y ~ x + f + (1 + x | g)", TABLE).fit(**FEW | {"draws": 20})


WORDS = st.one_of(
    st.sampled_from(
        ["x", "f", "g", "y", "nosuch", "", "response", "all", "fitted", "population", None, 3, -1, 0.5, True]
    ),
    st.floats(),
    st.lists(st.sampled_from(["x", "f", "g", "a", "low", 1, None]), max_size=2),
    st.dictionaries(
        st.sampled_from(["x", "f", "g", 3]),
        st.sampled_from([None, 1, "a", "low", [1, 2], [], np.nan]),
        max_size=2,
    ),
)
ASKED = {
    "effect": ["x", "by", "at", "over", "levels", "scale", "grid", "points", "response", "draws"],
    "slope": ["x", "kind", "by", "at", "over", "levels", "scale"],
    "contrast": ["settings", "hypothesis", "by", "group", "levels", "effect", "at", "scale"],
    "predict": ["new", "kind", "new_levels", "response", "draws", "seed"],
    "summary": ["var_names", "levels", "prob", "kind"],
    "ranks": ["group", "effect", "best", "top", "prob"],
    "effects": ["group", "prob"],
    "icc": ["at", "response", "prob"],
    "test": ["hypotheses", "rope", "prob", "seed"],
    "loo": ["unit", "cores"],
    "sensitivity": ["var_names", "levels", "threshold"],
}
QUESTIONS = st.sampled_from([*ASKED]).flatmap(
    lambda name: st.tuples(st.just(name), st.dictionaries(st.sampled_from(ASKED[name]), WORDS, max_size=3))
)


@examples(40)
@given(question=QUESTIONS)
def test_questions(fit, question):
    name, arguments = question
    needed = {"effect": {"x": "x"}, "slope": {"x": "x"}, "test": {"hypotheses": "x > 0"}}.get(name, {})
    outcome(lambda: getattr(fit, name)(**needed | arguments))


@examples(25)
@given(text=st.one_of(broken(), st.text(alphabet="xfg0123456789.+-*/()[]<>=, ", max_size=20)))
def test_hypotheses(fit, text):
    outcome(lambda: fit.test(text))
