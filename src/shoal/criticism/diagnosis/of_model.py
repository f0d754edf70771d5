"""What was remarked on a model when it was built: it is no less true of the fit."""

from __future__ import annotations

from shoal.criticism.diagnosis.case import Case
from shoal.criticism.diagnosis.findings import Finding
from shoal.model.checks import remarks


def remarked(case: Case) -> list[Finding]:
    """Return each remark on the model as a finding."""
    if case.model is None:
        return []
    frame = case.model.table.frame
    found = [remark for design in case.model.designs for remark in remarks(design.unjoined, frame)]
    return [Finding(remark.code, remark.severity, remark.evidence, remark.remedy) for remark in found]
