"""What is printed in the README and in docstrings is what comes out."""

import contextlib
import doctest
import importlib
import io
import itertools
import re
import runpy
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from shoal.families import FAMILIES

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
SOURCE = ROOT / "src"
# `...` stands for figures that say nothing, and columns may be set otherwise.
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")

# Docstrings


def modules_with_examples():
    """Return the names of all modules of the package whose text has an example."""
    files = [path for path in sorted(SOURCE.rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]
    names = [".".join(path.relative_to(SOURCE).with_suffix("").parts) for path in files]
    return [name.removesuffix(".__init__") for name in names]


def slow_among(names, slow):
    """Return parameters, of which those that are named are marked slow."""
    return [pytest.param(name, id=name, marks=[pytest.mark.slow] * (name in slow)) for name in names]


def examples():
    """Return all docstrings with examples, by name."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = [test for name in modules_with_examples() for test in finder.find(importlib.import_module(name))]
    return {test.name: test for test in found if test.examples}


EXAMPLES = examples()


def frame():
    """Return 60 rows of 12 groups: `y`, `x`, a predictor `z` of the groups, and `g`."""
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(12), 5)
    x, z = rng.normal(size=60), rng.normal(size=12)[g]
    y = 1 + 0.5 * x + 0.5 * z + rng.normal(size=12)[g] + rng.normal(size=60)
    return pd.DataFrame({"y": y.round(2), "x": x.round(2), "z": z.round(2), "g": g})


@pytest.fixture(scope="module")
def given():
    """Return the names that docstrings take as given."""
    df = frame()
    model = sl.Model("y ~ 1 + x + (1 | g)", df)
    fit = model.fit(seed=4)
    without = sl.Model("y ~ 1 + x", df).fit(seed=1)
    return {"sl": sl, "df": df, "model": model, "fit": fit, "fit_without": without}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_docstrings_print_what_they_say(name, given, tmp_path, monkeypatch):
    """Files are written where nobody minds them."""
    monkeypatch.chdir(tmp_path)
    test, heard = EXAMPLES[name], io.StringIO()
    test.globs = dict(given)
    failed = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=heard.write, clear_globs=False).failed
    assert not failed, heard.getvalue()


# The README


def blocks(text):
    """Return the fenced blocks of a page, in order: language and content."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.S | re.M)


def example_and_output(text):
    """Return the first Python block of a page and the first block of output after it."""
    found = blocks(text)
    at = next(i for i, (language, _) in enumerate(found) if language == "python")
    output = next(content for language, content in found[at:] if language in ("", "text"))
    return found[at][1], output


def lines(text):
    return [line.rstrip() for line in text.strip("\n").split("\n")]


def alike(printed, written):
    """Whether two lines are the same; numbers may differ by one in the last place that is printed."""
    if NUMBER.sub("#", " ".join(printed.split())) != NUMBER.sub("#", " ".join(written.split())):
        return False
    return all(
        abs(float(a.replace(",", "")) - float(b.replace(",", ""))) <= 1.01 * last_place(b)
        for a, b in zip(NUMBER.findall(printed), NUMBER.findall(written), strict=True)
    )


def last_place(number):
    """Return what a one in the last place of a number is worth; whole numbers are exact."""
    places = number.partition("e")[0].partition(".")[2]
    return 10.0 ** -len(places) if places else 0.0


def differences(printed, written):
    """Return the lines of two texts that are not alike, both ways."""
    pairs = zip_longest(lines(printed), lines(written), fillvalue="")
    return [f"written: {b}\nprinted: {a}" for a, b in pairs if not alike(a, b)]


@pytest.fixture(scope="module")
def shown():
    """Return what the example of the README prints, and the names it leaves behind."""
    program, _ = example_and_output(README.read_text(encoding="utf-8"))
    names, heard = {}, io.StringIO()
    with contextlib.redirect_stdout(heard):
        exec(compile(program, str(README), "exec"), names)
    return heard.getvalue(), names


def test_the_example_of_the_readme_prints_what_it_says(shown):
    _, written = example_and_output(README.read_text(encoding="utf-8"))
    assert not (found := differences(shown[0], written)), "\n\n".join(found)


def test_the_program_of_the_example_is_the_one_in_docs():
    """The README's picture and figures come from it."""
    program, _ = example_and_output(README.read_text(encoding="utf-8"))
    kept = lines((ROOT / "docs" / "readme_example.py").read_text(encoding="utf-8"))
    assert set(lines(program)) <= set(kept)


def test_what_the_readme_asks_of_the_example_is_what_it_says(shown):
    """Blocks with prompts go on where the example ended."""
    follow(README, shown[1])


def follow(page, names):
    """Run the blocks with prompts of a page, in order, and compare what they print."""
    sessions = [text for _, text in blocks(page.read_text(encoding="utf-8")) if text.startswith(">>> ")]
    for source, written in (step for session in sessions for step in steps(session)):
        heard = io.StringIO()
        with contextlib.redirect_stdout(heard):
            exec(compile(source, str(page), "single"), names)
        assert not (found := differences(heard.getvalue(), written)), "\n\n".join(found)


def steps(session):
    """Yield each statement of a session and what stands below it, blank lines included."""
    for step in re.split(r"^>>> ", session, flags=re.M)[1:]:
        first, *others = step.split("\n")
        more = list(itertools.takewhile(lambda line: line.startswith("..."), others))
        yield "\n".join([first, *(line[4:] for line in more)]) + "\n", "\n".join(others[len(more) :])


# The guide

ALL_PAGES = sorted((ROOT / "docs").glob("*.md"))
# Of the page of errors every input is run by tests/bad_inputs, and the page is written from them.
PAGES = [path for path in ALL_PAGES if path.stem != "errors" and "\n>>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("name", slow_among([path.stem for path in PAGES], ["effects"]))
def test_sessions_of_the_documentation_print_what_they_say(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    follow(ROOT / "docs" / f"{name}.md", {})


# Spellings


# Each message on the page of errors is compared where its input is tried, in test_bad_input.
@pytest.mark.parametrize("name", slow_among(["spellings", "trust", "errors"], ["errors"]))
def test_a_page_is_what_is_written_from_its_source(name):
    """From the lists that are tested, and from what was calibrated."""
    page = runpy.run_path(str(ROOT / "docs" / f"write_{name}.py"))["page"]()
    assert (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") == page


@pytest.mark.parametrize(
    ("printed", "written", "same"),
    [
        ("mean  0.52", "mean  0.52", True),
        ("mean  0.53", "mean 0.52", True),
        ("mean  0.54", "mean  0.52", False),
        ("median  0.52", "mean  0.52", False),
        ("ESS 2541 of 4,000", "ESS 2542 of 4,000", False),
        ("error 3e-06", "error 3e-06", True),
        ("sd_1  -0.5 NaN", "sd_1   0.5 NaN", False),
        ("0.5", "", False),
    ],
)
def test_lines_are_compared_to_the_digits_they_show(printed, written, same):
    assert alike(printed, written) == same


def test_families_and_their_parameters_are_called_as_the_page_says():
    """Each family stands in the table, and each parameter that is predicted belongs to its row."""
    page = (ROOT / "docs" / "families.md").read_text(encoding="utf-8")
    rows = [line.replace("\\|", "/") for line in page.splitlines() if line.startswith("|")][2:]
    named = [re.findall(r"`(\w+)(?:\(\w+\))?`", row) for row in rows]
    known = {name for name in FAMILIES if not re.match("zero_inflated|hurdle", name)}
    assert known <= {name for names in named for name in names}
    predicted = 0
    for row, names in zip(rows, named, strict=True):
        parameters = {
            p for name in names if name in FAMILIES for p in FAMILIES[name].parameters(False, False)
        }
        for parameter in re.findall(r'predictors=\{"(\w+)"', row):
            predicted += 1
            assert parameter in parameters, row
    assert predicted >= 2
