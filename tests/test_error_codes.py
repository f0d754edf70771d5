"""Every error says by a code what kind of mistake it is about."""

import ast
import pickle
import re
from collections import defaultdict
from pathlib import Path

from bad_inputs.codes import KINDS, SLUG, SOURCE, made, raised
from refusals import refused
from shoal.errors import FormulaError

RAISED = [(path, line, name, given[0]) for path, line, name, given in made() if name in KINDS]


def test_every_error_has_a_code_where_it_is_made():
    """Or passes on the one that it was given, or that of the error it explains further."""
    without = [
        f"{path.relative_to(SOURCE)}:{line}"
        for path, line, _, first in RAISED
        if not (isinstance(first, ast.Constant) and SLUG.fullmatch(first.value))
        and not re.fullmatch(r"(\w+\.)?code", ast.unparse(first))
    ]
    assert len(RAISED) > 600 and not without


def test_a_code_is_of_one_class():
    kinds = defaultdict(set)
    for _, _, kind, first in RAISED:
        if isinstance(first, ast.Constant):
            kinds[first.value].add(kind)
    assert not {code: found for code, found in kinds.items() if len(found) > 1}


def test_the_list_of_codes_knows_the_class_of_each():
    assert not [code for code, (kind, _) in raised().items() if not kind]


def test_the_page_of_errors_lists_every_code():
    page = (Path(__file__).parents[1] / "docs" / "errors.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([\w-]+)` \|", page, flags=re.M) == list(raised())


def test_a_code_is_no_part_of_the_message():
    with refused("no-tilde", match="^Found 'y'.\n    y\n    \\^\nAnother.$") as problem:
        raise FormulaError("no-tilde", "Found 'y'.", "Another.", formula="y", span=(0, 1))
    assert problem.value.code == "no-tilde"


def test_an_error_is_the_same_in_another_process():
    there = FormulaError("no-tilde", "Found 'y'.", "Another.", formula="y", span=(0, 1))
    here = pickle.loads(pickle.dumps(there))
    assert str(here) == str(there) and vars(here) == vars(there)
