"""What a person should know of a model that is no reason to refuse it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Remark:
    """One thing to know about a model: warned of when it is built, and a finding about its fit.

    Attributes
    ----------
    code : str
    evidence, remedy : str
    severity : {"warning", "note"}
        Of the finding.
    """

    code: str
    evidence: str
    remedy: str
    severity: str = "warning"

    def __str__(self) -> str:
        return f"{self.evidence} {self.remedy}"
