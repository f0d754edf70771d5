"""The codes that the package raises, read from its source."""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

from shoal import errors

SOURCE = Path(errors.__file__).parent
KINDS = {kind.__name__ for kind in [errors.ShoalError, *errors.ShoalError.__subclasses__()]}
# What takes a code, as its first or second argument, and makes an error of it.
HELPERS = {"__init__", "error", "refuse", "_refuse", "_refused", "_check_names"}
SLUG = re.compile(r"[a-z]+(-[a-z]+)+|[a-z]{4,}")


@cache
def made():
    """Return (path, line, name of what makes an error, its arguments) for each place in the package."""
    return list(_made())


def _made():
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in KINDS | HELPERS:
                    yield path, node.lineno, name, node.args


def raised():
    """Return the class of each code, where one stands beside it, and the modules that raise it."""
    kinds, modules = {}, defaultdict(set)
    for path, _, name, arguments in made():
        module = ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
        for argument in arguments[: 1 if name in KINDS else 2]:
            if isinstance(argument, ast.Constant) and SLUG.fullmatch(str(argument.value)):
                modules[argument.value].add(module)
                if name in KINDS:
                    kinds.setdefault(argument.value, name)
                elif given := [own for own in arguments if getattr(own, "id", "") in KINDS]:
                    kinds.setdefault(argument.value, given[0].id)
                elif name == "error" or module.startswith("formula"):
                    kinds.setdefault(argument.value, "FormulaError")
                elif name.startswith("_refuse") or name == "__init__":
                    kinds.setdefault(argument.value, "DataError")
                break
    return {code: (kinds.get(code, ""), sorted(modules[code])) for code in sorted(modules)}
