"""The parameterisation lab: one posterior sampled by NUTS in several coordinates, and which to believe.

>>> comparison = sl.lab.compare_coordinates(model)
>>> print(comparison)
run          trust  diverged  ESS bulk  tail  least of  ...
centered  ...
noncentered  ...
zero_sum  ...
transport  ...
>>> comparison.plot()
<shoal picture: log sd_g against r_g[...], the deviation of level ... from the population, ...>
"""

from shoal.studies.lab.compare import compare_coordinates
from shoal.studies.lab.comparison import Comparison

__all__ = ["Comparison", "compare_coordinates"]
