"""The parts of a formula, and the same formula as other programs spell it."""

from __future__ import annotations

import re
from dataclasses import dataclass

FACTOR = r"(?:gr\((?P<summed>\w+), zero_sum=True\)|(?P<factor>\w+))"
GROUP = re.compile(r"\((?P<effects>[^|()]+) (?P<bar>\|\|?) " + FACTOR + r"\)")
ADDED = re.compile(r"(trials|se)\((\w+)\)")


@dataclass(frozen=True)
class Group:
    """Effects on the levels of one factor; of effects, "1" is the intercept."""

    factor: str
    effects: tuple[str, ...]
    correlated: bool
    zero_sum: bool

    def written(self, bar: str) -> str:
        """Return the term with another bar between effects and factor."""
        return f"({_sum(self.effects)} {bar} {self.factor})"


@dataclass(frozen=True)
class Formula:
    """Parts of ``y | trials(n) ~ 1 + x + (1 + x | g)``; of columns, "1" is the intercept."""

    response: str
    trials: str
    se: str
    columns: tuple[str, ...]
    groups: tuple[Group, ...]

    @property
    def slopes(self) -> list[str]:
        """Population columns but for the intercept."""
        return [column for column in self.columns if column != "1"]

    @property
    def data(self) -> list[str]:
        """Columns of the table that the formula names."""
        effects = [column for group in self.groups for column in group.effects if column != "1"]
        factors = [group.factor for group in self.groups]
        named = (self.response, self.trials, self.se, *self.slopes, *effects, *factors)
        return list(dict.fromkeys(name for name in named if name))

    def in_bambi(self) -> str:
        """Return the formula for Bambi, whose effects are independent of each other."""
        response = f"p({self.response}, {self.trials})" if self.trials else self.response
        return self._written(response, "|")

    def in_r(self) -> str:
        """Return the formula for lme4 and glmmTMB."""
        failures = f"cbind({self.response}, {self.trials} - {self.response})"
        return self._written(failures if self.trials else self.response, "||")

    def _written(self, response: str, independent: str) -> str:
        bars = ["|" if g.correlated or len(g.effects) == 1 else independent for g in self.groups]
        groups = (group.written(bar) for group, bar in zip(self.groups, bars, strict=True))
        return f"{response} ~ {' + '.join([_sum(self.columns), *groups])}"


def read(formula: str) -> Formula:
    """Return the parts of a formula that is spelled as in `Formula`.

    ``gr(g, zero_sum=True)`` in the place of ``g`` has effects that sum to zero; ``||`` has independent ones,
    as has a term of one effect.
    """
    left, right = formula.split(" ~ ")
    response, _, added = left.partition(" | ")
    kind, column = ADDED.fullmatch(added).groups() if added else ("", "")  # type: ignore[union-attr]
    groups = tuple(_group(found) for found in GROUP.finditer(right))
    columns = tuple(name for name in GROUP.sub("", right).split(" + ") if name.strip() not in ("", "0"))
    trials, se = (column if kind == name else "" for name in ("trials", "se"))
    return Formula(response, trials, se, columns, groups)


def _group(found: re.Match[str]) -> Group:
    effects = tuple(name for name in found["effects"].split(" + ") if name != "0")
    correlated = found["bar"] == "|" and len(effects) > 1
    return Group(found["factor"] or found["summed"], effects, correlated, bool(found["summed"]))


def _sum(columns: tuple[str, ...]) -> str:
    return " + ".join(columns if "1" in columns else ("0", *columns))
