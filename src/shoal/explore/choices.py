"""What a reader of the page has chosen, read from what the browser sends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shoal.errors import ModelError, check_choice
from shoal.model.variants import VARIANTS
from shoal.priors import Prior, from_record

COORDINATES = ("auto", "transport", "centered", "noncentered", "zero_sum")
WHILE_MOVING, AT_REST = 250, 1000  # draws of each chain


@dataclass(frozen=True)
class Choices:
    """The state of the page.

    Attributes
    ----------
    priors : mapping of str to Prior
        Those that were changed.
    pooling : {"partial", "complete", "none"}
    coordinates : str
        As `Model.fit` takes them.
    moving : bool
        Whether something is being dragged: fewer draws are taken.
    group, effect : str or None
        The grouping factor that is shown, and its effect; by default the first.
    """

    priors: Mapping[str, Prior] = field(default_factory=dict)
    pooling: str = "partial"
    coordinates: str = "auto"
    moving: bool = False
    group: str | None = None
    effect: str | None = None

    @property
    def key(self) -> str:
        """What decides the draws, as text."""
        return repr((sorted(self.priors.items()), self.pooling, self.coordinates, self.moving))

    @property
    def draws(self) -> int:
        """Draws of each chain."""
        return WHILE_MOVING if self.moving else AT_REST


def read_choices(text: bytes) -> Choices:
    """Return the choices that a request holds.

    Raises
    ------
    ModelError, PriorError
        Text that is no such JSON, or values that no control of the page has.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise ModelError(
            "request-unreadable", "The request is not JSON.", "The state of the page, as JSON."
        ) from problem
    known = {"priors", "pooling", "coordinates", "moving", "group", "effect"}
    if not isinstance(given, dict) or set(given) - known:
        what = "The request does not hold the state of the page."
        raise ModelError("request-unreadable", what, f"Of {', '.join(sorted(known))}.")
    choices = Choices(**{**given, "priors": _priors(given.get("priors", {}))})
    check_choice("pooling", choices.pooling, VARIANTS)
    check_choice("coordinates", choices.coordinates, COORDINATES)
    if not isinstance(choices.moving, bool):
        raise ModelError("request-unreadable", f"moving={choices.moving!r}.", "True or False.")
    if not all(value is None or isinstance(value, str) for value in (choices.group, choices.effect)):
        raise ModelError(
            "request-unreadable", "A grouping factor or an effect that is no text.", "Their names, as text."
        )
    return choices


def _priors(given: Any) -> dict[str, Prior]:
    records = list(given.values()) if isinstance(given, dict) else [None]
    if not all(isinstance(record, dict) and isinstance(record.get("kind"), str) for record in records):
        raise ModelError(
            "request-unreadable",
            "priors is no mapping.",
            "From names of parameters to kinds with their arguments.",
        )
    return {name: from_record(record) for name, record in given.items()}
