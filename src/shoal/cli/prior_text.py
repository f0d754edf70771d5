"""Priors written on the command line: ``sd_district=Exponential(1)``. Parsed, never evaluated."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from shoal.errors import PriorError, meant

if TYPE_CHECKING:
    from shoal.priors import Prior

# The name may hold anything, `=` and parentheses included: I(x == 1)=Normal(0, 1).
_FORM = re.compile(r"\s*(\S.*?)\s*=\s*([A-Za-z]\w*)\s*\(([^()]*)\)\s*", re.DOTALL)
_ARGUMENT = re.compile(r"(?:([A-Za-z]\w*)\s*=\s*)?([^=\s]+)")
_LIKE = 'Write NAME=PRIOR, e.g. "sd_district=Exponential(1)" or "sigma=Gamma(mu=2, sigma=1)".'


def parse_priors(texts: Iterable[str]) -> dict[str, Prior]:
    """Return the priors of all ``--prior`` options, by name.

    Raises
    ------
    PriorError
        One cannot be read, or two are of one name.
    """
    priors: dict[str, Prior] = {}
    for text in texts:
        name, prior = parse_prior(text)
        if name in priors:
            raise PriorError(
                "prior-twice", f"Two priors for {name!r}: {priors[name]} and {prior}.", "One for each name."
            )
        priors[name] = prior
    return priors


def parse_prior(text: str) -> tuple[str, Prior]:
    """Return name and prior of ``NAME=KIND(ARGUMENTS)``.

    Parameters
    ----------
    text : str
        Such as ``"b=Normal(0, 2.5)"`` or ``"sigma=Gamma(mu=2, sigma=1)"``; kinds are those of `shoal.priors`.

    Raises
    ------
    PriorError
        The text has another form, names no known kind, or its arguments do not fit.
    """
    from shoal.priors import INTERNAL, KINDS

    match = _FORM.fullmatch(text)
    if match is None:
        raise PriorError("prior-unreadable", f"The prior {_short(text)} cannot be read.", _LIKE)
    name, kind, inside = match.groups()
    known = [name for name, own in KINDS.items() if own not in INTERNAL]
    if kind not in known:
        raise PriorError(
            "unknown-prior",
            f"There is no prior {kind!r}, in {_short(text)}.",
            f"Known: {', '.join(known)}.",
            meant(kind, known),
        )
    positional, named = _arguments(text, inside)
    signature = inspect.signature(KINDS[kind])
    try:
        signature.bind(*positional, **named)
    except TypeError as problem:
        taken = (f"{p.name}=" if p.kind is p.KEYWORD_ONLY else p.name for p in signature.parameters.values())
        unknown = [n for n in named if n not in signature.parameters]
        raise PriorError(
            "prior-arguments",
            f"The arguments of {_short(text)} do not fit: {problem}.",
            f"{kind} takes {', '.join(taken)}.",
            meant(unknown[0], signature.parameters) if unknown else "",
        ) from problem
    return name, KINDS[kind](*positional, **named)


def _arguments(text: str, inside: str) -> tuple[list[float], dict[str, float]]:
    positional: list[float] = []
    named: dict[str, float] = {}
    for part in inside.split(",") if inside.strip() else []:
        match = _ARGUMENT.fullmatch(part.strip())
        name, value = match.groups() if match else (None, part.strip())
        if name in named:
            raise PriorError(
                "prior-arguments", f"{name!r} is given twice in {_short(text)}.", "Each argument once."
            )
        if name is None and named:
            found = f"{_short(value)} follows a named argument in {_short(text)}."
            raise PriorError("prior-arguments", found, "Named arguments come last.")
        try:
            size = float(value)
        except ValueError as problem:
            raise PriorError(
                "prior-argument-not-a-number", f"{_short(value)} is not a number, in {_short(text)}.", _LIKE
            ) from problem
        if name is None:
            positional.append(size)
        else:
            named[name] = size
    return positional, named


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "…")
