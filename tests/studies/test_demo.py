"""The demonstration: published figures are those of the sources, and what is said about ours is computed."""

import io
import math
from dataclasses import replace

import pytest
from rich.console import Console

from refusals import refused
from shoal.studies.demo import run
from shoal.studies.demo.cases import PARTS, Figure, Published, cases
from shoal.studies.demo.comparison import Outcome, closing, table


def screen(width):
    return Console(file=io.StringIO(), width=width)


@pytest.mark.parametrize(
    ("part", "count"), [("eight_schools", 1), ("bangladesh", 3), ("one_way", 9), ("slopes", 1)]
)
def test_cases_can_be_built(part, count):
    made = cases(part)
    assert len(made) == count
    for case in made:
        assert case.figures and 0 < case.prob < 1
        for f in case.figures:
            assert math.isnan(f.mean) or f.low <= f.mean <= f.high
            assert not f.tail > 20000


def test_one_way_figures_are_in_their_places():
    last = cases("one_way")[-1]
    assert last.title == "omega 10\n500 groups" and last.rhat == 2.11
    assert [(f.name, f.mean, f.high, f.bulk, f.tail) for f in last.figures] == [
        ("mu", 1.922, 1.936, 939, 997),
        ("omega", 9.888, 10.931, 5, 12),
        ("sigma", 0.75, 0.761, 414, 853),
    ]
    data = last.data()
    assert len(data) == 10_000 and data["group"].nunique() == 500


@pytest.mark.parametrize("width", [80, 120])
def test_a_part_runs_and_fits_the_screen(width):
    console = screen(width)
    assert run(console, "eight_schools", draws=400)
    out = console.file.getvalue()
    assert max(map(len, out.splitlines())) <= width
    for text in (
        PARTS["eight_schools"],
        "HalfCauchy(5)",
        "21 divergences",
        "94% HDI",
        "1 fit in",
        "of 1,600 draws",
    ):
        assert text in out


def test_draws_that_cannot_be_trusted_are_named():
    console = screen(100)
    assert not run(console, "eight_schools", draws=20)
    assert "Not to be trusted: 8 schools" in console.file.getvalue()


def test_an_unknown_part_names_the_nearest():
    with refused("unknown-choice", match="Did you mean 'slopes'"):
        run(screen(80), "slope")


NAN = float("nan")
CASE = Published(
    "a\nb", "y ~ 1", "gaussian", dict, {}, (Figure("mu", ("Intercept",), 1.0, 0.0, 2.0, 50, 40),), 0.9, 1.3, 7
)
OUTCOME = Outcome(
    CASE, (Figure("mu", ("Intercept",), 1.5, 0.5, 2.5, 900, 800),), (1.0,), 1.002, 2, 3.25, False, True
)


def test_the_closing_paragraph_is_computed():
    text = closing([OUTCOME, replace(OUTCOME, rhat=1.004, divergences=1)], 4000, 6.4)
    assert (
        "2 fits in 6 s: 3 divergences, worst R-hat 1.004, worst ESS 900 (bulk) and 800 (tail) of 4,000"
        in text
    )
    assert "Worst of the published figures: R-hat 1.30, ESS 50 and 40." in text
    assert "Of 2 published means 0 lie within 0.1" in text and "0.50 away: mu of a, b (its ESS: 50)" in text
    assert "Not to be trusted" not in text and "NUTS" not in text
    assert "NUTS took over, in: a, b." in closing([replace(OUTCOME, again=True)], 4000, 1.0)
    assert "Not to be trusted: a, b." in closing([replace(OUTCOME, trusted=False)], 4000, 1.0)


def test_nothing_published_leaves_a_dash():
    bare = replace(
        CASE, figures=(Figure("mu", ("Intercept",), NAN, NAN, NAN, NAN, NAN),), rhat=None, divergences=None
    )
    console = screen(80)
    console.print(table([replace(OUTCOME, case=bare)]))
    line = next(line for line in console.file.getvalue().splitlines() if line.startswith("  mu"))
    assert line.split() == ["mu", "–", "1.50", "[0.50,", "2.50]", "–", "900/800"]
