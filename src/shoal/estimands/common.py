"""What all estimands share: intervals, their names, and the group or response that is meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from numbers import Real

import numpy as np

from shoal.errors import ModelError, as_known, listing, nearest
from shoal.families.parameter import Parameter
from shoal.fit.results import Results
from shoal.model.design import Design, Group

INTERVAL = 0.9


def interval_names(prob: float, kind: str = "eti") -> tuple[str, str]:
    """Return the column names of an interval, such as ``eti90_lb`` and ``eti90_ub``."""
    given: object = prob  # by callers without types
    if not isinstance(given, Real) or not 0 < prob < 1:
        raise ModelError(
            "probability-out-of-range",
            f"prob={prob!r}.",
            "The probability of an interval lies between 0 and 1.",
        )
    share = f"{100 * prob:g}"
    return f"{kind}{share}_lb", f"{kind}{share}_ub"


def describe(values: np.ndarray, prob: float) -> dict[str, float]:
    """Return mean, sd and equal-tailed interval of draws."""
    lower, upper = interval_names(prob)
    low, high = np.quantile(values, [(1 - prob) / 2, (1 + prob) / 2])
    mean, sd = float(np.mean(values)), float(np.std(values))
    return {"mean": mean, "sd": sd, lower: float(low), upper: float(high)}


def group_of(results: Results, name: str | None) -> tuple[Design, Group]:
    """Return the effects on the grouping factor called `name`, or the only ones, with their response.

    With several responses, a name is that of a factor if only one response has effects on it, or the
    response, an underscore and the factor. The effects on a parameter are called after the parameter and the
    factor: ``sigma_g``.

    Raises
    ------
    ModelError
        If there is no such factor, or several fit.
    """
    pairs = [(d, g) for d in results.model.parts for g in d.groups]
    if not pairs:
        raise ModelError(
            "no-grouping-factor",
            "The model has no grouping factor.",
            "A term such as `(1 | group)` in the formula.",
        )
    if isinstance(name, str):
        name = as_known(name, [n for d, g in pairs for n in (g.name, d.prefix + g.name, g.prefix + g.name)])
    found = [(d, g) for d, g in pairs if name == d.prefix + g.name]
    # A factor's own name, or none, means its effects on responses.
    found = found or [
        (d, g) for d, g in pairs if name in (None, g.name, g.prefix + g.name) and not d.parameter
    ]
    # Where it has none, as unordered categories do, those on parameters.
    found = found or [(d, g) for d, g in pairs if name in (None, g.name)]
    if len({g.r for _, g in found}) == 1:
        return found[0]
    names = list(dict.fromkeys(d.prefix + g.name for d, g in pairs))
    if not found:
        raise ModelError(
            "unknown-factor", f"There is no grouping factor {name!r}.", nearest(str(name), names)
        )
    raise ModelError(
        "factor-not-named",
        f"The model has {len(names)} sets of group effects.",
        f"The name of one of {listing(names)}.",
        f"Such as group={names[0]!r}.",
    )


def held_by(results: Results, group: Group) -> Iterator[tuple[Design, Group]]:
    """Yield the linear predictors that a set of effects enters, with the set as each holds it."""
    yield from ((part, own) for part in results.model.parts for own in part.groups if own.r == group.r)


def one_level(group: Group) -> None:
    """Raise unless every row belongs to one level of a group."""
    if group.weight is not None:
        raise ModelError(
            "several-levels-a-row",
            f"A row belongs to {'several levels' if group.shared else 'one level, or none,'} of "
            f"{group.name!r}.",
            "A factor that has each row in one level.",
            f"A column such as {group.columns[0]!r} groups rows; fit.levels({group.name!r}) has the levels.",
        )


def effect_of(group: Group, effect: str | None) -> int:
    """Return the position of an effect of a group; by default its Intercept, or its only effect.

    Raises
    ------
    ModelError
        If there is no such effect, or none is named and there is no telling which is meant.
    """
    effect = as_known(effect, group.effects) if isinstance(effect, str) else effect
    if effect in group.effects:
        return group.effects.index(str(effect))
    if effect is not None:
        raise ModelError(
            "unknown-effect", f"{group.name!r} has no effect {effect!r}.", nearest(str(effect), group.effects)
        )
    if len(group.effects) > 1 and "Intercept" not in group.effects:
        raise ModelError(
            "effect-not-named",
            f"{group.name!r} has {len(group.effects)} effects, and none is named.",
            f"One of {listing(map(repr, group.effects))}.",
            f"effect={group.effects[0]!r}.",
        )
    return group.effects.index("Intercept") if "Intercept" in group.effects else 0


def linear_scale(design: Design) -> str:
    """Return the words for the scale of coefficients, for ``attrs["scale"]``."""
    link = (
        "log odds" if isinstance(design.family, Parameter) and design.family.general else design.family.link
    )
    return f"linear predictor {f'of {design.parameter} ' if design.parameter else ''}({link})"


def these_levels(group: Group) -> str:
    """Return the words for the levels that were fitted, for ``attrs["population"]``."""
    return f"the {len(group.labels):,} levels of {group.name} that were fitted"


def label_column(group: Group, others: Iterable[str]) -> str:
    """Return the column that holds level labels: the factor's name, unless another column has it."""
    return f"{group.name}_level" if group.name in others else group.name
