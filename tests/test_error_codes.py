"""Every error says by a code what kind of mistake it is about."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

from shoal import errors
from shoal.errors import FormulaError, ShoalError

SOURCE = Path(errors.__file__).parent
KINDS = {kind.__name__ for kind in [ShoalError, *ShoalError.__subclasses__()]}
SLUG = re.compile(r"[a-z]+(-[a-z]+)*")


def raised():
    """Return (where, kind of error, first argument as a tree) for each error that is made in the package."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in KINDS:
                yield f"{path.relative_to(SOURCE)}:{node.lineno}", node.func.id, node.args[0]


RAISED = list(raised())


def test_every_error_has_a_code_where_it_is_made():
    """Or passes on the one that it was given, or that of the error it explains further."""
    without = [
        where
        for where, _, first in RAISED
        if not (isinstance(first, ast.Constant) and SLUG.fullmatch(first.value))
        and not re.fullmatch(r"(\w+\.)?code", ast.unparse(first))
    ]
    assert len(RAISED) > 600 and not without


def test_a_code_is_of_one_class():
    kinds = defaultdict(set)
    for _, kind, first in RAISED:
        if isinstance(first, ast.Constant):
            kinds[first.value].add(kind)
    assert not {code: found for code, found in kinds.items() if len(found) > 1}


def test_a_code_is_no_part_of_the_message():
    with pytest.raises(ShoalError, match="^Found 'y'.\n    y\n    \\^\nAnother.$") as problem:
        raise FormulaError("no-tilde", "Found 'y'.", "Another.", formula="y", span=(0, 1))
    assert problem.value.code == "no-tilde"
