"""The page itself: one file, its style and programs in it."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

PROGRAMS = ("drawing.js", "pictures.js", "explorer.js")


@cache
def _text(name: str) -> str:
    return (resources.files("shoal.explore") / "page" / name).read_text(encoding="utf-8")


def page(nonce: str, token: str) -> str:
    """Return the page; what runs on it is marked with `nonce`, and asks with `token`."""
    program = "\n".join(_text(name) for name in PROGRAMS)
    parts = {
        "@nonce@": nonce,
        "@style@": _text("explorer.css"),
        "@token@": json.dumps(token),
        "@program@": program,
    }
    text = _text("explorer.html")
    for mark, part in parts.items():
        text = text.replace(mark, part)
    return text
