"""What a request may hold, and what can be moved."""

import json

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from shoal.errors import ModelError, PriorError
from shoal.explore.choices import AT_REST, WHILE_MOVING, Choices, read_choices
from shoal.explore.controls import controls
from shoal.priors import LKJ, Exponential, HalfNormal, InverseGamma, middle
from shoal.priors import from_record as prior_of


def test_choices_are_read():
    text = {"priors": {"sd_g": {"kind": "Exponential", "rate": 2.0}}, "pooling": "none", "moving": True}
    choices = read_choices(json.dumps(text).encode())
    assert choices == Choices({"sd_g": Exponential(2.0)}, "none", moving=True)
    assert choices.draws == WHILE_MOVING and read_choices(b"{}").draws == AT_REST


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b'{"pooling": "some"}',
        b'{"pooling": ["none"]}',
        b'{"coordinates": "sideways"}',
        b'{"moving": "yes"}',
        b'{"draws": 1000000000}',
        b'{"group": 3}',
        b'{"priors": []}',
        b'{"priors": {"a": 1}}',
        b'{"priors": {"a": {"kind": "__import__", "name": "os"}}}',
        b'{"priors": {"a": {"kind": "Normal", "mu": "0"}}}',
        b'{"priors": {"a": {"kind": "Normal", "mu": NaN}}}',
        b'{"priors": {"a": {"kind": "Normal", "x": 1}}}',
        b'{"priors": {"a": {"kind": ["Normal"]}}}',
        b"[" * 100_000,
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises((ModelError, PriorError)):
        read_choices(text)


def model(**priors):
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"y": rng.normal(size=60), "x": rng.normal(size=60), "g": np.arange(60) % 6})
    return sl.Model("y ~ x + (1 + x | g)", data, priors=priors).specification


def test_every_prior_that_is_estimated_can_be_moved_to_its_own_kinds():
    found = {control["name"]: control for control in controls(model(sigma=sl.priors.Fixed(1.0)))}
    assert set(found) == {"Intercept", "x", "sd_g[Intercept]", "sd_g[x]", "cor_g"}
    assert set(found["cor_g"]["kinds"]) == {"LKJ"} and "default" in found["x"]["notes"]
    assert set(found["x"]["kinds"]) == {"Normal", "StudentT", "Laplace"}
    for control in found.values():
        for kind, arguments in control["kinds"].items():
            prior_of({"kind": kind, **{name: range["value"] for name, range in arguments.items()}})
            for argument in arguments.values():
                assert argument["low"] < argument["value"] < argument["high"]
                assert not argument["log"] or argument["low"] > 0


@pytest.mark.parametrize("prior", [HalfNormal(2.0), InverseGamma(3.0, 1.0), Exponential(0.1)])
def test_another_kind_has_about_the_same_size(prior):
    (control,) = (c for c in controls(model(sigma=prior)) if c["name"] == "sigma")
    draws = prior.draw(np.random.default_rng(1), 20_000)
    for kind, arguments in control["kinds"].items():
        other = prior_of({"kind": kind, **{name: range["value"] for name, range in arguments.items()}})
        share = (draws < np.median(other.draw(np.random.default_rng(2), 20_000))).mean()
        assert 0.35 < share < 0.65, (kind, middle(other))


def test_a_correlation_has_its_own():
    (control,) = (c for c in controls(model(cor_g=LKJ(3.0))) if c["name"] == "cor_g")
    assert control["kinds"]["LKJ"]["eta"]["value"] == 3.0
