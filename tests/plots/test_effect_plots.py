"""Pictures of effects draw the numbers of the table, and the data behind them."""

import numpy as np
import pandas as pd
import pytest
from made_fits import CATEGORIES, made, model, table

from refusals import refused


@pytest.fixture(scope="module")
def fit():
    return made(model("y ~ x + h + grade + (1 + x | g)"))


@pytest.fixture(scope="module")
def binary():
    return made(model("bit ~ x + grade + (1 | g)", "bernoulli"))


def lines(picture):
    return [line for axes in picture.figure.axes for line in axes.get_lines()]


def part(picture, shown):
    return picture.numbers[picture.numbers["shown"] == shown]


def test_a_curve_and_its_band_are_the_table(fit):
    picture, effect = fit.plot.effect("x", points=7), fit.effect("x", points=7)
    (line,) = lines(picture)
    np.testing.assert_allclose(line.get_xdata(), effect.grid["x"])
    np.testing.assert_allclose(line.get_ydata(), effect.table["median"])
    np.testing.assert_allclose(part(picture, "expected")["eti90_ub"], effect.table["eti90_ub"])
    assert effect.population in picture.caption and "60 rows of the data" in picture.caption
    np.testing.assert_allclose(part(picture, "observed")["observed"], table()["y"])


def test_colours_are_categories_and_panels_what_is_left(fit):
    picture = fit.plot.effect("x", by=["grade", "h"], points=4)
    assert len(lines(picture)) == 9 and len(picture.figure.axes) == 3
    assert [axes.get_title() for axes in picture.figure.axes] == ["h = 0", "h = 1", "h = 2"]
    drawn = sum(len(own.get_offsets()) for axes in picture.figure.axes for own in axes.collections[:3])
    assert drawn == 60  # rows stand in the panel and the colour that are theirs
    (legend,) = picture.figure.legends
    written = [text.get_text() for text in legend.get_texts()]
    assert written == ["grade = " + word.replace("$", r"\$") for word in CATEGORIES]


def test_levels_have_thin_lines_and_numbers_their_mean_and_sd(fit):
    assert len(lines(fit.plot.effect("x", by="g", points=3))) == 5
    data = table().assign(g=np.arange(60) % 12)
    many = made(model("y ~ x + (1 | g)", data=data)).plot.effect("x", by="g", points=3)
    assert len(lines(many)) == 12 and "a line for each g" in many.caption
    bands = {type(own).__name__ for own in fit.plot.effect("x", points=3).figure.axes[0].collections}
    thin = {type(own).__name__ for own in many.figure.axes[0].collections}
    assert bands - thin  # there is no band
    picture = made(model("y ~ x * k")).plot.effect("x", by={"k": [0.5, 1.5]}, points=3)
    assert len(lines(picture)) == 2 and len(part(picture, "observed")) == 60


def test_categories_have_points(fit):
    picture = fit.plot.effect("grade", by="h")
    assert [t.get_text() for t in picture.figure.axes[0].get_xticklabels()] == ["low", r"\$mid", "high"]
    assert not lines(picture) and len(part(picture, "expected")) == 9


def test_zeros_and_ones_are_means_of_bins(binary):
    picture = binary.plot.effect("x", by="grade", points=5)
    seen = part(picture, "observed")
    assert seen["n"].sum() == 60 and seen["observed"].between(0, 1).all()
    grades = table().assign(w=1).groupby("grade", observed=True)["w"].sum()
    assert seen.groupby("grade")["n"].sum().to_dict() == grades.to_dict()
    means = seen.assign(total=seen["n"] * seen["observed"]).groupby("grade")["total"].sum()
    assert means.to_dict() == pytest.approx(table().groupby("grade", observed=True)["bit"].sum().to_dict())
    assert "bins of equal numbers of rows" in picture.caption


def test_other_scales_have_no_data(binary):
    assert part(binary.plot.effect("x", scale="linear", points=3), "observed").empty
    ordered = made(model("grade ~ x + (1 | g)", "cumulative"))
    picture = ordered.plot.effect("x", by="g", scale="probability", points=3)
    assert sum(axes.get_visible() for axes in picture.figure.axes) == 5 and len(lines(picture)) == 15
    assert part(picture, "observed").empty


def test_two_numbers_are_a_surface(fit):
    data = table().assign(z=np.linspace(0, 3, 60))
    picture = made(model("y ~ x * z", data=data)).plot.effect(["x", "z"], points=4)
    axes, bar = picture.figure.axes
    assert len(part(picture, "expected")) == 16 and bar.get_ylabel() == "expected y"
    assert (picture.figure.get_supxlabel(), picture.figure.get_supylabel()) == ("x", "z")

    levels = [float(text.get_text().replace("\N{MINUS SIGN}", "-")) for text in bar.get_yticklabels()]
    assert levels == [round(level, 2) for level in levels]  # numbers that are easily read


def test_numbers_of_two_values_are_no_side_of_a_surface():
    data = table().assign(urban=np.arange(60) % 2)
    fit = made(model("y ~ x * urban + h", data=data))
    for columns in (["x", "urban"], ["urban", "x"]):
        picture = fit.plot.effect(columns, points=4)
        assert len(picture.figure.axes) == 1 and len(lines(picture)) == 2
        assert picture.figure.get_supxlabel() == "x" and "60 rows of the data" in picture.caption
    assert len(fit.plot.effect(["x", "h", "urban"], points=4).figure.axes) == 3  # two surfaces and a bar


def test_what_no_picture_has_room_for(fit):
    data = table().assign(g=np.arange(60) % 15)
    grouped = made(model("grade ~ x + (1 | g)", "cumulative", data=data))
    with refused("too-many-panels", match="15 panels"):
        grouped.plot.effect("x", by="g", scale="probability", points=3)
    wide = made(model("y ~ x + m * k", data=table().assign(q=np.linspace(0, 1, 60))))
    with refused("too-many-predictors", match="3 columns of numbers"):
        wide.plot.effect(["x", "m", "k"], points=2)
    with refused("column-not-in-model"):
        fit.plot.effect("nothing")


@pytest.mark.parametrize("name", ["mean", "eti90_ub", "observed", "n", "shown"])
def test_predictors_are_drawn_whatever_they_are_called(name):
    data = table().rename(columns={"x": name})
    plain = made(model("y ~ x + grade + (1 + x | g)")).plot.effect("x", by="grade", points=4)
    picture = made(model(f"y ~ {name} + grade + (1 + {name} | g)", data=data)).plot.effect(
        name, by="grade", points=4
    )
    assert picture.numbers.columns.is_unique and f"{name}_value" in picture.numbers
    for line, other in zip(lines(picture), lines(plain), strict=True):
        np.testing.assert_allclose(line.get_xydata(), other.get_xydata())
    np.testing.assert_allclose(part(picture, "observed")[f"{name}_value"], data[name])


def test_a_combination_that_no_row_has_is_drawn_without_rows():
    data = pd.DataFrame({"x": np.linspace(0, 1, 30), "c": np.resize(["a", "b"], 30)})
    data["d"], data["y"] = np.where(data["c"] == "a", "u", "v"), np.random.default_rng(1).normal(size=30)
    own = made(model("y ~ x + c + (1 | d)", data=data))
    picture = own.plot.effect("x", by={"c": ["a"], "d": ["v"]}, points=5)
    assert (picture.numbers["shown"] == "expected").all() and len(picture.numbers) == 5


def test_values_of_a_surface_may_be_given_twice_and_are_two_at_least():
    own = made(model("y ~ x + z + (1 | g)", data=table().assign(z=lambda d: d["x"] ** 2)))
    given = own.plot.effect({"x": [0.0, 0.0, 1.0], "z": [0.5, 1.0, 2.0]})
    assert len(part(given, "expected")) == 9
    with refused("surface-of-one-value", match=r"at=\{'x': 0.3\}"):
        own.plot.effect({"x": [0.3], "z": [0.0, 1.0, 2.0]})
