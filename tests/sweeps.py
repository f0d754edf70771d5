"""Tests that go through every structure: a share of their cases is fast, and scripts/nightly takes all."""

from collections.abc import Iterable
from typing import Any

import pytest


def sparsely(cases: Iterable[Any], first: int = 0, share: int = 3) -> list[Any]:
    """Return all cases: each `share`-th from `first` on is fast, the others are marked slow.

    Tests that begin at different cases have the list among them, so that each case is met by one of them.
    """
    listed = [case if isinstance(case, tuple) else (case,) for case in cases]
    return [
        pytest.param(*case, marks=[pytest.mark.slow] * (k % share != first % share))
        for k, case in enumerate(listed)
    ]
