"""Messages say what to write as Python does; here it becomes what is typed on a command line."""

from __future__ import annotations

import ast
import re
from shlex import quote

# A mapping in Python, an option that is given again here.
PLURAL = {"priors": "prior", "predictors": "predictor"}
# Not `by`, which is one of s(x, by=f) as well.
OPTIONS = frozenset(
    "at chains checkpoint coordinates cores draws effects family hypothesis levels loo method missing over "
    "points predictor prior prob refit response rope sampler scale seed slope store target_accept unit "
    "verify warmup workers".split()
)
ARGUMENT = re.compile(
    r"""(?P<call>\b\()|(?P<open>\()|(?P<close>\))"""
    # Not of names of files, such as 'seed=3.csv'.
    r"""|(?<![\w./'"-])(?P<name>[a-z_]+)="""
    r"""(?P<value>'[^']*'|"[^"]*"|\{[^{}]*\}|\.\.\.|\w+(?:\.\d+)?(?![\w/-]|\.\w))"""
)
OF_MODEL = re.compile(
    r"\bModel\(\.\.\., (?P<inside>(?=priors|predictors|family|missing)(?:[^()]|\([^()]*\))*)\)"
)


def as_typed(text: str) -> str:
    """Return a message with ``family='poisson'`` as ``--family poisson``, and so on for every option.

    What is an argument of a call, in a formula, of a prior or of Python, stays as it is.
    """
    return "\n".join(_line(OF_MODEL.sub(r"\g<inside>", line)) for line in text.split("\n"))


def _line(line: str) -> str:
    calls, end, parts = list[bool](), 0, list[str]()
    for found in ARGUMENT.finditer(line):
        if found["call"] or found["open"]:
            calls.append(bool(found["call"]))
        elif found["close"]:
            calls[-1:] = []
        name = PLURAL.get(found["name"] or "", found["name"])
        if any(calls) or name not in OPTIONS or "[" in found["value"]:
            continue  # no option takes a list
        parts += [line[end : found.start()], _typed(f"--{name.replace('_', '-')}", found["value"], name)]
        end = found.end()
    return "".join([*parts, line[end:]])


def _typed(option: str, value: str, name: str) -> str:
    """Return an option and its value, a word of the shell."""
    if value in ("True", "False"):
        return option if value == "True" else f"no {option}"
    if value.startswith("{"):
        between = " " if name == "predictor" else "="
        items = re.findall(r"""['"]?([\w.]+)['"]?: *('[^']*'|"[^"]*"|[\w.]+\([^)]*\)|[^,]+)""", value[1:-1])
        return " ".join(f"{option} {quote(f'{key}{between}{_plain(own)}')}" for key, own in items) or option
    return f"{option} {quote(_plain(value))}" if value != "..." else f"{option} ..."


def _plain(value: str) -> str:
    return str(ast.literal_eval(value)) if value[0] in "'\"" else value.removeprefix("sl.priors.")
