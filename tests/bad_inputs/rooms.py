"""All bad inputs, by room, and what each gets."""

import contextlib
import io
import shlex
import warnings
from dataclasses import dataclass

from bad_inputs import arguments, commands, files, formulas, frames, matrices, priors, responses
from shoal.cli.run import run
from shoal.errors import ShoalError


@dataclass(frozen=True)
class Room:
    """Inputs of one kind, by the code that they get; `said` has the class, the code and the message."""

    title: str
    cases: dict
    needs_fit: bool = False
    command: bool = False
    formula: bool = False

    @property
    def prompt(self):
        return "$ shoal " if self.command else "" if self.formula else ">>> "

    def __iter__(self):
        return ((written, code) for code, several in self.cases.items() for written in several)

    def said(self, written, names):
        if self.command:
            return command_said(written)
        return expression_said(f"sl.Model({written!r}, data)" if self.formula else written, names)


ROOMS = [
    Room("Formulas", formulas.CASES, formula=True),
    Room("Responses, families and predictors", responses.CASES),
    Room("Tables and their files", frames.CASES),
    Room("Priors", priors.CASES),
    Room("Matrices", matrices.CASES),
    Room("Arguments", arguments.CASES, needs_fit=True),
    Room("Files of draws", files.CASES, needs_fit=True),
    Room("Commands", commands.CASES, needs_fit=True, command=True),
]


def expression_said(source, names):
    """Return the class, code and message of the error that a piece of Python gets; a warning is a failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            given = eval(source, names)
        except ShoalError as problem:
            return type(problem).__name__, problem.code, str(problem)
    return "no error", "", repr(given)


def command_said(line):
    """Return the same of a command line, from what it writes to standard error."""
    heard = io.StringIO()
    with contextlib.redirect_stderr(heard), contextlib.redirect_stdout(io.StringIO()):
        exit_code = run(shlex.split(line))
    message, _, code = heard.getvalue().rstrip().rpartition("\n")
    return f"exit code {exit_code}", code.strip("[]"), message.removeprefix("error: ")
