"""Mistakes that would end in a traceback, or worse in an answer: each is refused, and says what to do."""

import runpy
import warnings
from pathlib import Path

import numpy as np
import pytest

import shoal as sl
from bad_inputs import files, frames, setting
from bad_inputs.rooms import ROOMS, expression_said
from refusals import refused
from shoal.engine import evaluate, memory
from shoal.errors import ShoalWarning

DOCS = Path(__file__).parents[1] / "docs"
CASES = [(room, written, code) for room in ROOMS for written, code in room]
WORDS = [
    (written, code)
    for cases in (frames.OF_LIBRARIES, files.OF_MACHINES)
    for code, several in cases.items()
    for written in several
]


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """Return what cases name, with a folder of files beside it."""
    given = setting.names() | setting.fits()
    folder = tmp_path_factory.mktemp("files")
    setting.write_files(folder, given["fit"])
    return given | {"folder": folder}


@pytest.fixture(scope="module")
def page():
    """Return the page of errors, and how an input and its message stand on it."""
    entry = runpy.run_path(str(DOCS / "write_errors.py"))["entry"]
    return (DOCS / "errors.md").read_text(encoding="utf-8"), entry


@pytest.fixture
def table():
    return setting.table()


def test_there_are_many_and_each_is_there_once():
    assert len(CASES) >= 250 and len({(room.title, written) for room, written, _ in CASES}) == len(CASES)


@pytest.mark.parametrize(("room", "written", "code"), CASES, ids=lambda part: str(part)[:60])
def test_a_bad_input_gets_its_code_and_says_what_to_do(room, written, code, names, page, monkeypatch):
    monkeypatch.chdir(names["folder"])
    kind, found, message = room.said(written, dict(names))
    assert found == code, f"{kind}: {message}"
    assert "\n" in message or code == "no-parameters"  # what was found is not all
    text, entry = page
    assert f"\n{entry(room, written, message, str(names['folder'].resolve()))}\n" in text, (
        "run docs/write_errors.py"
    )


@pytest.mark.parametrize(("written", "code"), WORDS)
def test_messages_with_words_of_libraries_and_machines_have_codes_too(written, code, names, monkeypatch):
    monkeypatch.chdir(names["folder"])
    assert expression_said(written, dict(names))[1] == code


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ x + (1 | g) + (0 + x | alias)",
        "y ~ x + (1 | g) + (1 | gr(alias, dist='student'))",
        "y ~ x + (1 | g) + (1 | gr(alias, cov=K))",
        "y ~ x + (1 | gr(id, cov=J))",
    ],
)
def test_what_the_data_can_tell_apart_is_a_model(table, formula):
    known = {"K": np.eye(6) + 0.2, "J": np.eye(setting.N) + 0.2}
    table = table.assign(alias=table["alias"].map("utsrqp".index))
    given = {name: matrix for name, matrix in known.items() if f"cov={name}" in formula}
    assert sl.Model(formula, table, covariances=given).priors


def test_levels_known_to_be_independent_are_refused_like_others(table):
    with refused("one-row-a-level", match="Every one of the 24 rows"):
        sl.Model("y ~ x + (1 | gr(id, cov=K))", table, covariances={"K": np.eye(setting.N)})


def test_a_latent_that_is_called_like_a_column_is_warned_of(table):
    with pytest.warns(ShoalWarning, match="which latent.z"):
        sl.Model([sl.Response("y ~ latent(z | g)"), sl.Response("x ~ latent(z | g)")], table)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sl.Model([sl.Response("y ~ latent(u | g)"), sl.Response("x ~ latent(u | g)")], table)


def room_for_little():
    return 500.0


def no_room(problem):
    raise AssertionError("numbers of the factor were made")


def test_levels_that_no_memory_holds_are_refused_before_they_fill_it(table, monkeypatch):
    formula = "y ~ x + (1 + x | g) + (1 | h) + (1 | b)"
    assert sl.Model(formula, table).plan
    monkeypatch.setattr(memory, "installed", room_for_little)
    monkeypatch.setattr(evaluate, "new_space", no_room)
    for family in ("gaussian", "student"):
        with refused("memory-of-effects", match=r"\(g 6, h 3, b 2\)(.|\n)*Leave out all but one") as problem:
            sl.Model(formula, table, family).posterior()
        assert problem.value.code == "memory-of-effects"
