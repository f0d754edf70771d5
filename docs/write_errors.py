"""Write errors.md from the bad inputs that the tests hold against the package: run it after changes there."""

import os
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "tests"))

from bad_inputs import setting  # noqa: E402
from bad_inputs.codes import raised  # noqa: E402
from bad_inputs.rooms import ROOMS  # noqa: E402

HEAD = """# Errors

Every error of Shoal says what was found, where, and what to write instead. Its code names the kind of
mistake: it stays the same where a message is worded better. In Python it is `problem.code`; a command prints
it in brackets below the message.

```python
from shoal.errors import ShoalError

try:
    model = sl.Model("y ~ x + (1 | g)", data)
except ShoalError as problem:
    print(problem.code)  # such as unknown-column
```

This page is written from the inputs that the tests hold against the package: each gets the code above it and
the message below it. They name a table `data` of 24 rows, models and fits of it, and files in the working
folder: `tests/bad_inputs/setting.py` makes them.
"""
ALL = """## All codes

Where no input above leads to a code, the modules that raise it are named.
"""
WIDTH = 110


def page():
    """Return the text of errors.md; messages name files as they are in the working folder."""
    parts, seen = [HEAD], {}
    with tempfile.TemporaryDirectory() as folder:
        names = setting.names() | setting.fits()
        setting.write_files(Path(folder), names["fit"])
        before = Path.cwd()
        os.chdir(folder)
        try:
            for room in ROOMS:
                parts += [f"## {room.title}\n", *_room(room, names, str(Path(folder).resolve()), seen)]
        finally:
            os.chdir(before)
    return "\n".join([*parts, ALL, *_codes(seen), ""])


def _room(room, names, folder, seen):
    for code, inputs in room.cases.items():
        yield f"### {code}\n" if code not in seen else f"**{code}**\n"
        seen.setdefault(code, room.title)
        yield "```text"
        for number, written in enumerate(inputs):
            message = room.said(written, names)[2]
            yield f"{_blank(number)}{entry(room, written, message, folder)}"
        yield "```\n"


def entry(room, written, message, folder):
    """Return an input and its message as the page shows them."""
    shown = f"{room.prompt}{written}"
    return f"{_short(shown)}\n{_cut(message.replace(folder, 'folder'))}"


def _blank(number):
    return "\n" if number else ""


def _short(text):
    """Return an input in one line that fits the page."""
    line = "".join(sign if sign.isprintable() else "␣" for sign in text)
    return line if len(line) <= WIDTH else f"{line[:WIDTH]} …"


def _cut(message):
    lines = message.split("\n")
    return "\n".join(line if len(line) <= 3 * WIDTH else f"{line[: 3 * WIDTH]} …" for line in lines)


def _codes(seen):
    """Return a table of all codes that the package raises, from its source."""
    yield "| code | error | where |\n|---|---|---|"
    for code, (kind, modules) in raised().items():
        elsewhere = ", ".join(f"`{name}`" for name in modules)
        where = f"[{seen[code]}](#{code})" if code in seen else elsewhere
        yield f"| `{code}` | {kind} | {where} |"


if __name__ == "__main__":
    (DOCS / "errors.md").write_text(page(), encoding="utf-8")
