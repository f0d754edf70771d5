"""The parameterisation lab: one posterior sampled by NUTS in several coordinates, and which to believe.

>>> comparison = sl.lab.compare_coordinates(model)
>>> print(comparison)
>>> comparison.plot()
"""

from shoal.studies.lab.compare import compare_coordinates
from shoal.studies.lab.comparison import Comparison

__all__ = ["Comparison", "compare_coordinates"]
