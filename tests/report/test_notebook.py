"""What a notebook shows: whole, without programs, its text escaped, its names its own."""

import pytest

from report.cases import MODELS, ODD, fit
from report.reading import Reader

SEVERAL = ["odd", "no groups", "not kept", "fixed", "ordered", "two responses", "curves"]


@pytest.mark.slow
@pytest.mark.parametrize("name", SEVERAL)
def test_models_and_fits_are_whole(name):
    for shown in (fit(name)._repr_html_(), fit(name).model._repr_html_()):
        read = Reader(shown)
        assert not read.named("script") and not [a for _, a in read.elements if set(a) & {"onclick", "src"}]
        assert fit(name).model.specification.text.split("\n")[0] in read.text


def test_a_fit_says_first_whether_to_trust_it():
    text = Reader(fit("ordered")._repr_html_()).text
    assert fit("ordered").diagnose().verdict in text
    assert text.index(fit("ordered").diagnose().verdict) < text.index("sd_h")


def test_labels_are_text():
    read = Reader(fit("odd")._repr_html_())
    assert not read.named("script") and not read.named("b") and not read.named("i")
    assert any(label in read.text for label in ODD)


def test_two_of_one_notebook_share_no_names():
    one, other = (Reader(fit("ordered")._repr_html_()).ids() for _ in range(2))
    assert one and not set(one) & set(other)


def test_a_model_says_its_priors():
    read = Reader(MODELS["ordered"][0]()._repr_html_())
    assert read.named("math") and "Exponential" in read.text
