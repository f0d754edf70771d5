"""The page on families of one's own: its program runs, and it lists what the interface asks for."""

import re
from pathlib import Path

from shoal.families import Family
from shoal.families.row_functions import SIGNATURE

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"


def test_the_program_of_the_page_runs():
    outline, program = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.S)
    assert "..." in outline  # of a row function, which is no program
    names = {}
    exec(compile(program, str(PAGE), "exec"), names)
    assert len(names["found"].value) == 9


def test_the_page_names_everything_that_a_family_must_have():
    text = PAGE.read_text()
    needed = set(Family.__abstractmethods__) | {"name", "links", "row_functions"}
    assert all(f"`{name}`" in text for name in needed), needed
    (call,) = re.findall(r"^f\((.*)\)$", text, flags=re.M)
    assert len(call.split(",")) == len(SIGNATURE.args)
