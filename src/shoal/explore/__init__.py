"""A model on one local page: priors, pooling and coordinates are moved, and the fit follows."""

from __future__ import annotations

import sys
import webbrowser

from shoal.explore.server import Explorer
from shoal.explore.session import Session

__all__ = ["Explorer", "Session", "opened"]


def opened(session: Session, block: bool | None = None, browser: bool = True, port: int = 0) -> Explorer:
    """Return a session on a page, opened in the browser if wanted; wait for its end if `block`.

    Parameters
    ----------
    block : bool, optional
        By default unless Python is interactive.

    Raises
    ------
    ModelError
        A port that is taken.
    """
    explorer = Explorer(session, port)
    if not (browser and webbrowser.open(explorer.address)):
        print(f"Open {explorer.address}", file=sys.stderr, flush=True)
    if block if block is not None else not _interactive():
        explorer.wait()
    return explorer


def _interactive() -> bool:
    return hasattr(sys, "ps1") or bool(sys.flags.interactive)
