"""What a diagnosis says: findings with evidence and remedy, and one verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One thing to know about a fit.

    Attributes
    ----------
    code : str
    severity : {"error", "warning", "note"}
        An error means the draws cannot be trusted; a warning that a conclusion needs care.
    evidence, remedy : str
    """

    code: str
    severity: str
    evidence: str
    remedy: str

    def __str__(self) -> str:
        return f"[{self.severity}] {self.code}: {self.evidence}\n    {self.remedy}"


@dataclass(frozen=True)
class Diagnosis:
    """All findings, most serious first.

    Attributes
    ----------
    findings : tuple of Finding
    examined : str
        Counts and worst values of the checks of convergence.
    source : str
        The program that made the draws, where it is not Shoal.
    looked_at, not_looked_at : tuple of str
        For the draws of other programs: what could be examined, and what could not and why.
    agreement : str
        Of Shoal's own fits, how well the chains' halves and a run by another move agree (`certificate`).
    """

    findings: tuple[Finding, ...]
    examined: str
    source: str = ""
    looked_at: tuple[str, ...] = ()
    not_looked_at: tuple[str, ...] = ()
    agreement: str = ""

    @property
    def ok(self) -> bool:
        """No error and no warning; notes do not count."""
        return all(f.severity == "note" for f in self.findings)

    @property
    def trustworthy(self) -> bool:
        """No error: the draws can be used, with care where there are warnings."""
        return all(f.severity != "error" for f in self.findings)

    @property
    def verdict(self) -> str:
        """One line."""
        lead = "The draws can be trusted."
        if not self.ok:
            lead = "The draws are sound; mind the warnings."
        if not self.trustworthy:
            lead = "Do not trust these draws."
        return " ".join(part for part in (lead, self.examined, self.agreement) if part)

    @property
    def coverage(self) -> str:
        """What was examined and what was not, a line each; empty for Shoal's own fits."""
        lines = [f"Draws of {self.source}."] if self.source else []
        lines += [f"Examined: {'; '.join(self.looked_at)}."] if self.looked_at else []
        lines += [f"Not examined: {what}." for what in self.not_looked_at]
        return "\n".join(lines)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __str__(self) -> str:
        parts = [self.verdict, *map(str, self.findings), self.coverage]
        return "\n".join(part for part in parts if part)
