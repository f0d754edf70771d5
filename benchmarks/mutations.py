"""Is every sign, factor and index tested? One of them is changed at a time, and a test must notice.

The package is copied, and one operator, number, comparison or index of a copied file is changed: a
mutant. The tests that are named for its file run against the copy until one fails. A mutant that no test
notices survives; it is listed in docs/mutations.csv for somebody to answer: by a test, or in the column
`answer` by the reason why it changes nothing::

    python benchmarks/mutations.py [--minutes 60] [--only TEXT] [--each 3]

Finished mutants are kept, so that the next run goes on; a mutant is named by its function and by the
text before and after, and is run again when either is another.
"""

from __future__ import annotations

import argparse
import ast
import functools
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "docs" / "mutations.csv"
COLUMNS = ["file", "function", "before", "after", "killed_by", "seconds", "answer"]
LIMIT = 600  # seconds of a mutant's tests: one that never ends is killed as well
PYTEST = ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not slow and not sbc")

DENSITY = "tests/posterior/test_density.py"
ROWS = (
    *("tests/families/test_row_functions.py", "tests/families/test_row_derivatives.py"),
    *("tests/families/test_intervals.py", "tests/families", "tests/test_priors.py"),
)
# Files whose functions are changed, and the tests that have to notice, those that know most of them first.
TARGETS: dict[str, tuple[str, ...]] = {
    "priors/densities.py": ("tests/priors", "tests/test_priors.py"),
    "priors/shrinkage.py": ("tests/priors", "tests/test_priors.py", DENSITY),
    "priors/correlation.py": ("tests/test_priors.py", DENSITY),
    "families/probability_rows.py": ROWS,
    "families/vector_loops.py": ("tests/families/test_special.py", *ROWS),
    "families/cumulative_rows.py": ROWS,
    "families/poisson.py": ROWS,
    "families/negbinomial.py": ROWS,
    "families/student.py": ROWS,
    "families/intervals.py": ("tests/families/test_intervals.py",),
    "model/terms/functions.py": ("tests/engine/test_derived.py", DENSITY),
    "engine/hyper.py": ("tests/posterior/test_marginal.py", DENSITY),
    "engine/rows.py": ("tests/posterior/test_rows.py", DENSITY),
    "engine/sparse.py": ("tests/engine/test_sparse.py", DENSITY),
    "engine/density.py": ("tests/posterior/test_marginal.py", DENSITY),
    "engine/laplace.py": ("tests/posterior/test_marginal.py", "tests/engine/test_average.py"),
    "engine/gradient.py": (DENSITY,),
    "engine/mixture.py": ("tests/engine/test_mixture.py", "tests/engine/test_proposals.py"),
    "engine/moves.py": ("tests/engine/test_samplers.py",),
    "engine/alternating.py": ("tests/engine/test_samplers.py",),
    "engine/trajectories.py": ("tests/engine/test_samplers.py",),
    "engine/nuts_tree.py": ("tests/engine/test_nuts.py",),
}  # fmt: skip
SIGNS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
ORDERS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq}


class Mutant(NamedTuple):
    """One change: where, and what the line's piece was and is."""

    file: str
    function: str
    before: str
    after: str
    text: str  # of the whole file


def mutants(file: str, each: int) -> Iterator[Mutant]:
    """Yield at most `each` mutants of every function of a file, the same ones every time."""
    source = (ROOT / "src" / "shoal" / file).read_text(encoding="utf-8")
    tree = ast.parse(source)
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        places = [own for node in body(function) for own in changes(node)]
        random.Random(f"{file} {function.name}").shuffle(places)
        for node, changed in places[:each]:
            before, after = ast.get_source_segment(source, node), ast.unparse(changed)
            assert before is not None
            yield Mutant(file, function.name, " ".join(before.split()), after, replaced(source, node, after))


def body(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Yield the nodes of a function's statements, not those of its docstring, decorators and annotations."""
    for statement in function.body:
        alone = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not alone and not isinstance(statement, ast.FunctionDef | ast.Raise):
            yield from ast.walk(statement)


def changes(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield an expression and what it is changed to: another sign, factor, order, number or index."""
    match node:
        case ast.BinOp(left=left, op=op, right=right) if type(op) in SIGNS:
            yield node, ast.BinOp(left, SIGNS[type(op)](), right)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield node, operand
        case ast.Compare(left=left, ops=[op], comparators=others) if type(op) in ORDERS:
            yield node, ast.Compare(left, [ORDERS[type(op)]()], others)
        case ast.Constant(value=float() as value):
            yield node, ast.Constant(value + 1.0 if value in (0.0, 1.0) else 2 * value)
        case ast.Subscript(slice=ast.Name() | ast.BinOp() as index, ctx=ast.Load()):
            moved = ast.BinOp(index, ast.Sub(), ast.Constant(1))
            yield node, ast.Subscript(node.value, moved, ast.Load())


def replaced(source: str, node: ast.expr, after: str) -> str:
    """Return the source with a node's text replaced, in parentheses."""
    lines = source.splitlines(keepends=True)
    assert node.end_lineno is not None and node.end_col_offset is not None
    start = sum(map(len, lines[: node.lineno - 1])) + len(
        lines[node.lineno - 1].encode()[: node.col_offset].decode()
    )
    end = sum(map(len, lines[: node.end_lineno - 1])) + len(
        lines[node.end_lineno - 1].encode()[: node.end_col_offset].decode()
    )
    return f"{source[:start]}({after}){source[end:]}"


def killer(mutant: Mutant, copy: Path) -> str:
    """Return the test that fails for a mutant, or nothing; the copy is as it was afterwards."""
    path = copy / "src" / "shoal" / mutant.file
    original = path.read_text(encoding="utf-8")
    path.write_text(mutant.text, encoding="utf-8")
    try:
        return failing(TARGETS[mutant.file], copy)
    finally:
        path.write_text(original, encoding="utf-8")


@functools.cache
def failing_anyway(tests: tuple[str, ...], copy: Path) -> str:
    """Return what fails without a mutant, which would seem to kill every one."""
    return failing(tests, copy)


def failing(tests: tuple[str, ...], copy: Path) -> str:
    """Return the first of these tests that fails, or nothing."""
    folders = {"PYTHONPATH": copy / "src", "NUMBA_CACHE_DIR": copy / "machine-code"}
    environment = os.environ | {name: str(folder) for name, folder in folders.items()}
    command = [sys.executable, *PYTEST, *tests]
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, timeout=LIMIT, capture_output=True, text=True, check=False
        )
    except subprocess.TimeoutExpired:
        return "never ends"
    if not done.returncode:
        return ""
    failed = re.search(r"^(?:FAILED|ERROR) (\S+::[\w]+)?", done.stdout, re.MULTILINE)
    return failed.group(1) or "an import" if failed else f"exit {done.returncode}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0, help="no mutant begins after so many")
    parser.add_argument("--only", default="", help="files in whose names this text occurs")
    parser.add_argument("--each", type=int, default=3, help="mutants of a function, at most")
    options = parser.parse_args()
    kept = pd.read_csv(KEPT, keep_default_na=False) if KEPT.exists() else pd.DataFrame(columns=COLUMNS)
    known = set(kept[COLUMNS[:4]].itertuples(index=False, name=None))
    end = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "shoal"
        for name in ("src", "tests", "docs"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        for mutant in (m for file in TARGETS if options.only in file for m in mutants(file, options.each)):
            if mutant[:4] in known or time.monotonic() > end:
                continue
            if anyway := failing_anyway(TARGETS[mutant.file], copy):
                raise SystemExit(f"Without a mutant, too, {anyway} fails.")
            began = time.monotonic()
            found = killer(mutant, copy)
            line = [*mutant[:4], found, round(time.monotonic() - began), ""]
            print(*line[:5], sep=" | ", flush=True)
            kept.loc[len(kept)] = line
            kept.to_csv(KEPT, index=False)
    survived = kept[(kept["killed_by"] == "") & (kept["answer"] == "")]
    print(f"{len(kept)} mutants, {len(survived)} of them neither killed nor answered.")
    return 1 if len(survived) else 0


if __name__ == "__main__":
    sys.exit(main())
