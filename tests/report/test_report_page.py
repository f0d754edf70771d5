"""The page: whole for every structure of model, safe whatever the data are called, light."""

import os

import numpy as np
import pandas as pd
import pytest

from refusals import refused
from report.cases import FACTOR, MODELS, ODD, fit, written
from report.reading import Reader
from shoal.drawing.picture import Picture
from shoal.drawing.style import new_figure
from shoal.fit import files
from shoal.report import drawings
from shoal.report.drawings import drawing
from shoal.report.page import page
from shoal.report.pictures import Pictures

SECTIONS = ["model", "priors", "parameters", "effects", "variance", "predictive", "chains", "run", "again"]
PICTURES = {  # priors, two an effect, one check and one a factor, chains and their ranks
    "odd": 1 + 4 + 2 + 2,
    "no groups": 1 + 0 + 1 + 2,
    "not kept": 1 + 0 + 0 + 2,
    "one chain": 1 + 4 + 2 + 2,
    "fixed": 0 + 2 + 2 + 0,
    "ordered": 1 + 2 + 2 + 2,
    "two responses": 1 + 4 + 3 + 2,
    "covariance": 1 + 4 + 3 + 2,
    "curves": 1 + 2 + 2 + 2,
}
NAMES = [pytest.param(n, marks=[pytest.mark.slow] * (n in ("covariance", "one chain"))) for n in MODELS]
EXCUSES = {
    "no groups": ["no group terms"],
    "not kept": ["nothing to say of single levels", "new responses need them"],
    "fixed": ["Every parameter is fixed"],
}


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_whole(name):
    text = written(name)
    read = Reader(text)
    assert [a["id"] for a in read.named("section")] == ["verdict", *SECTIONS]
    assert len(read.named("svg")) == PICTURES[name]
    assert read.named("math") and read.named("table")
    for excuse in EXCUSES.get(name, ["Make it again"]):
        assert excuse in read.text
    assert len(text.encode()) < 2e6


@pytest.mark.parametrize("name", NAMES)
def test_a_page_points_at_itself_alone(name):
    read = Reader(written(name))
    ids = read.ids()
    assert len(set(ids)) == len(ids)
    assert read.pointed_at() <= set(ids)
    assert read.addresses() == []
    assert not {"script", "iframe", "object", "base", "form"} & {tag for tag, _ in read.elements}
    assert not [key for _, a in read.elements for key in a if key.startswith("on")]


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_and_table_is_described(name):
    read = Reader(written(name))
    for svg in read.named("svg"):
        assert svg["role"] == "img" and len(svg["aria-label"]) > 40
    assert len(read.named("figcaption")) == len(read.named("figure"))
    assert {th["scope"] for th in read.named("th")} == {"col", "row"}
    assert all(a.get("aria-label") for _, a in read.elements if a.get("role") == "region")


def test_labels_are_text_wherever_they_stand():
    read = Reader(written("odd"))
    for label in ODD:
        # In tables as they are; pictures cut those that are long.
        assert read.text.count(label) >= 2, label
    assert f"y by {FACTOR}" in read.text
    assert not {"b", "i"} & {tag for tag, _ in read.elements}  # the column and the factor are called so


def test_labels_in_pictures_are_neither_cut_by_nor_typeset_for_a_dollar_sign():
    texts = written("odd").split("<text")
    assert any(">$x_1$<" in text for text in texts)
    assert any("&lt;script&gt;alert(1)&lt;/script&gt;" in text for text in texts)


def test_the_verdict_comes_first_with_its_findings():
    name, diagnosis = "ordered", fit("ordered").diagnose()
    assert not diagnosis.trustworthy  # 120 draws are few
    text = written(name)
    read = Reader(text)
    assert [a["class"] for a in read.named("section") if a.get("id") == "verdict"] == ["verdict bad"]
    assert text.index('id="verdict"') < text.index('id="model"')
    for finding in diagnosis:
        for part in (finding.severity, finding.code, finding.evidence, finding.remedy):
            assert " ".join(part.split()) in " ".join(read.text.split())


def test_the_plan_and_the_interval_are_stated():
    text = Reader(page(fit("no groups")._results, 0.5)).text
    assert "Integrated exactly" in text
    assert (
        "equal-tailed 50%" in text
        and "25%" in text
        and "75%" in text
        and "90%" not in text.split("Predictive")[0]
    )


def test_a_file_of_an_earlier_version_has_a_page():
    """Their settings were not recorded, and the page says so."""
    results = fit("no groups")._results
    earlier = results.tree.copy()
    earlier.attrs = {name: value for name, value in results.attrs.items() if name != "settings"}
    text = Reader(page(files.results_of(earlier), 0.9)).text
    assert "did not record" in text and "warmup=" not in text
    assert "did not record" not in Reader(written("no groups")).text


@pytest.mark.parametrize(("room", "drawn"), [(50, 50), (7, 6), (1, 0)])
def test_new_responses_take_the_room_there_is(room, drawn, monkeypatch):
    """Of two chains as many data sets each; where not even one fits, a sentence."""
    results = fit("ordered")._results
    monkeypatch.setattr("shoal.report.pictures.LARGEST", 8 * room * results.model.designs[0].n_rows)
    monkeypatch.setattr("shoal.plots.ppc.INTERVALS", 0)
    parts = Pictures(results, 0.9).predictive()
    if not drawn:
        (sentence,) = parts
        assert "take more than 4 GB" in sentence.texts[0]
        return
    assert len(parts) == 2 and all(f"{drawn} simulated data sets" in part.caption for part in parts)


# Writing


def test_a_page_is_written_and_overwritten(tmp_path, monkeypatch):
    monkeypatch.setattr("shoal.report.page.page", lambda results, prob: written("no groups"))
    path = tmp_path / "page.html"
    path.write_text("before")
    assert fit("no groups").report(path) == path
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert os.listdir(tmp_path) == ["page.html"]


def test_a_page_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("shoal.report.page.page", lambda results, prob: written("no groups"))
    with refused("no-folder"):
        fit("no groups").report(tmp_path / "absent" / "page.html")
    (tmp_path / "page.html").mkdir()
    with refused("file-not-writable"):
        fit("no groups").report(tmp_path / "page.html")
    assert os.listdir(tmp_path) == ["page.html"]


def test_other_endings_and_probabilities_are_refused(tmp_path):
    with refused("output-ending"):
        fit("no groups").report(tmp_path / "page.pdf")
    with refused("probability-out-of-range", match="prob=1.5"):
        fit("no groups").report(tmp_path / "page.html", prob=1.5)
    assert os.listdir(tmp_path) == []


# Pictures


def picture(marks=3, title="Ω </svg> 東京 é"):
    figure = new_figure()
    axes = figure.subplots()
    axes.plot(np.arange(marks), np.random.default_rng(0).normal(size=marks), "o")
    axes.set(title=title, xlabel='"&')
    return Picture(figure, pd.DataFrame(), 'What is <drawn> & "said"')


def test_pictures_of_one_page_share_no_id():
    one, two = (Reader(drawing(picture(), name).svg) for name in ("a", "b"))
    assert one.ids() and not set(one.ids()) & set(two.ids())
    assert one.pointed_at() and one.pointed_at() <= set(one.ids())


def test_a_picture_scales_and_keeps_its_text():
    read = Reader(drawing(picture(), "a").svg)
    (svg,) = read.named("svg")
    assert "width" not in svg and svg["viewbox"] and svg["style"].startswith("max-width: 504pt")
    assert svg["aria-label"] == 'What is <drawn> & "said"'
    assert "Ω </svg> 東京 é" in read.text and '"&' in read.text
    assert not read.named("style") and not read.named("metadata")


def test_coordinates_are_rounded_and_do_not_move():
    plain = picture(200, title="").svg()
    light = str(drawing(picture(200, title=""), "a").svg)
    before, after = (Reader(s).named("use") for s in (plain, light))
    places = [[float(u[k]) for u in uses for k in ("x", "y")] for uses in (before, after)]
    np.testing.assert_allclose(places[1], places[0], atol=0.0051)
    assert len(light) < 0.9 * len(plain)


def test_many_marks_become_pixels_and_text_stays(monkeypatch):
    monkeypatch.setattr(drawings, "HEAVY", 2000)
    heavy = drawing(picture(2000), "a")
    read = Reader(heavy.svg)
    assert [image["xlink:href"][:22] for image in read.named("image")] == ["data:image/png;base64,"]
    assert "Ω </svg> 東京 é" in read.text
    assert not Reader(drawing(picture(1999), "b").svg).named("image")
