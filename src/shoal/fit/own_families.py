"""Families in result files: by name; those outside Shoal by their class as well, which is never imported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from shoal.errors import FileError, ModelError, listing
from shoal.families import FAMILIES, Family, get_family

Given: TypeAlias = Family | type[Family]
Families: TypeAlias = Given | Iterable[Given]


def record_of(family: Family) -> list[str]:
    """Return what a file says of a family: name and link; of one outside Shoal also ``module:class``."""
    kind, record = type(family.plain), [family.name, family.link]
    if type(FAMILIES.get(family.name)) is kind:
        return record
    return [*record, f"{kind.__module__}:{kind.__qualname__}"]


def checked(families: Any) -> tuple[Given, ...]:
    """Return the families that a reader gave, as a tuple.

    Raises
    ------
    ModelError
        If anything else is among them.
    """
    several = isinstance(families, Iterable) and not isinstance(families, str | type)
    out = tuple(families) if several else (families,)
    for one in out:
        if not (isinstance(one, Family) or (isinstance(one, type) and issubclass(one, Family))):
            raise ModelError(
                "not-a-family",
                f"families holds {one!r}.",
                "Families of your own, such as families=[Own()] or families=[Own].",
            )
    return out


def family_of(record: Any, place: str, given: Sequence[Given]) -> Family:
    """Return the family that a file names, without importing anything.

    Parameters
    ----------
    record : sequence of str
        As `record_of` makes it.
    place : str
        Where it is from, for messages.
    given : sequence
        What the reader vouches for. An instance must have the link of the record; a class is made with it.

    Raises
    ------
    FileError
        If the family is not Shoal's own, and not among `given`.
    """
    if len(record) == 2:
        return get_family(*record)
    name, link, home = record
    module, kind = str(home).split(":")
    alike = [one for one in given if _class(one).__qualname__ == kind and one.name == name]
    for one in alike:
        if isinstance(one, type):
            return one(link)
        if one.link == link:
            return one
    short = kind.rsplit(".", 1)[-1]
    which = f"the class {short} of the module {module}"
    found = f"{place} was fitted with the family {name!r}, link {link!r}: {which}."
    if alike:
        needed = f"{short}({link!r}); given was {listing(alike)}."
    elif given:
        needed = f"That family; given was {listing(_described(one) for one in given)}."
    else:
        needed = "That family itself: loading imports no code."
    raise FileError(
        "family-not-given",
        found,
        needed,
        f"In Python, with {short} imported: sl.load(path, families=[{short}]).",
    )


def _class(one: Given) -> type[Family]:
    return one if isinstance(one, type) else type(one)


def _described(one: Given) -> str:
    return f"{one.name!r}, the class {_class(one).__name__} of the module {_class(one).__module__}"
