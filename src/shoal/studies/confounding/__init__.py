"""Confounds of groups: five models of one table, and what each can and cannot say of two effects.

>>> comparison = sl.confounding.compare(table, "y", "x", "g", "z")
>>> print(comparison)
>>> comparison.plot()
"""

from shoal.studies.confounding.compare import compare
from shoal.studies.confounding.comparison import Comparison
from shoal.studies.confounding.estimators import ESTIMATORS

__all__ = ["ESTIMATORS", "Comparison", "compare"]
