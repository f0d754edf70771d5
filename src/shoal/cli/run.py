"""From arguments to an exit code: the only place where errors become messages."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
import typer.main

from shoal.cli import compare, conclusions, doctor, effect, explore
from shoal.cli.commands import app
from shoal.cli.screen import complain
from shoal.errors import DEBUG, ShoalError, ShoalWarning

INTERRUPTED, NO_READER = 130, 141  # 128 + SIGINT, 128 + SIGPIPE
NO_MEMORY = ("out of memory", "cannot allocate memory", "can't start new thread")  # as libraries say it

app.command(epilog=compare.EPILOG)(compare.compare)
app.command(epilog=doctor.EPILOG)(doctor.doctor)
app.command(epilog=effect.EPILOG)(effect.effect)
app.command(epilog=conclusions.TEST_EPILOG)(conclusions.test)
app.command(epilog=conclusions.R2_EPILOG)(conclusions.r2)
app.command(epilog=explore.EPILOG)(explore.explore)


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code; messages go to standard error.

    Parameters
    ----------
    arguments : sequence of str
        All words after ``shoal``.

    Returns
    -------
    int
        As `shoal.cli` lists them.
    """
    try:
        with _brief_warnings():
            return _invoke(arguments)
    except typer.TyperException as problem:
        complain("error", _usage(problem))
        return 1
    except (KeyboardInterrupt, typer.Abort):
        complain("stopped", "by Ctrl-C.")
        return INTERRUPTED
    except BrokenPipeError:
        # What is still buffered would raise once more when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO_READER
    except ShoalError as problem:
        complain("error", str(problem), problem.code)
        return 1
    except Exception as problem:  # no traceback is for users: all that can be named is, the rest is a bug
        what = " ".join(f"{type(problem).__name__}: {problem}".split())
        if _of_memory(problem):
            complain("error", f"Out of memory. {what}\nAsk for fewer draws, or keep less: --store none.")
            return 1
        if isinstance(problem, OSError):
            where = f"{problem.filename}: " if problem.filename else "What the command shows or reads: "
            complain("error", f"{where}{problem.strerror or problem}.")
            return 1
        if os.environ.get(DEBUG) == "1":  # the last resort: whatever arrives here is a bug
            raise
        complain("bug", f"{what[:300]} This is a bug of Shoal; {DEBUG}=1 shows where. Please report it.")
        return 1


def _invoke(arguments: Sequence[str]) -> int:
    # Not `app()`: it would end usage errors with 2, and a broken pipe with 1.
    command = typer.main.get_command(app)
    code = 0
    try:
        with command.make_context("shoal", list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as stop:
        code = stop.exit_code
    sys.stdout.flush()
    return code


def _usage(problem: typer.TyperException) -> str:
    context = getattr(problem, "ctx", None)
    lines = [problem.format_message()]
    if context is not None:
        lines += [context.get_usage(), f"See `{context.command_path} --help`."]
    return "\n".join(lines)


def _of_memory(problem: BaseException | None) -> bool:
    """Return whether an error comes of memory that was refused, however a library calls that."""
    while problem is not None:
        named = any(sign in str(problem).lower() for sign in NO_MEMORY)
        if isinstance(problem, MemoryError) or getattr(problem, "errno", None) == errno.ENOMEM or named:
            return True
        problem = problem.__cause__ or problem.__context__
    return False


@contextmanager
def _brief_warnings() -> Iterator[None]:
    """Show each `ShoalWarning` as one line; others as Python does."""
    python = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, ShoalWarning):
            complain("warning", " ".join(str(message).split()))
        else:
            python(message, category, *where, **more)

    with warnings.catch_warnings():
        warnings.simplefilter("always", ShoalWarning)
        warnings.showwarning = show
        yield
