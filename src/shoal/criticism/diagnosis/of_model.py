"""What was remarked on a model when it was built: it is no less true of the fit."""

from __future__ import annotations

from shoal.criticism.diagnosis.case import Case
from shoal.criticism.diagnosis.findings import Finding
from shoal.model.checks import remarks


def remarked(case: Case) -> list[Finding]:
    """Return each remark on the model as a finding; of rows that stay none is made."""
    if case.model is None or case.model.stays:
        return []
    frame = case.model.table.frame
    found = [remark for design in case.model.designs for remark in remarks(design.unjoined, frame)]
    return [Finding(remark.code, remark.severity, remark.evidence, remark.remedy) for remark in found]


def renamed(case: Case) -> list[Finding]:
    """Report coefficients that have another name in results than their columns."""
    if case.model is None:
        return []
    return [
        Finding(
            "renamed",
            "note",
            f"The coefficient of {term!r} is called {name!r}, for {term!r} is something else in results.",
            "Nothing to do; rename the column for a coefficient of its name.",
        )
        for part in case.model.parts
        for term, name in zip(part.terms, part.columns, strict=True)
        if name != part.prefix + term and not part.specific
    ]
