"""What pooling does for a model: beside its alternatives, along its sd, and with predictors of its groups.

>>> print(sl.pooling.compare(model))
Three ways of pooling the levels of g.
The question: how well a new row is predicted, its levels known, given the effects of g.
...
>>> print(sl.pooling.sd_profile(model, "g"))
The question: how well the rows of a new level of g are predicted together, its effects unknown (g).
...
>>> print(sl.pooling.explained(sl.Model("y ~ 1 + x + z + (1 | g)", df), "g"))
                  mean     sd  median  eti90_lb  eti90_ub
without  ...
with  ...
share_explained  ...
"""

from shoal.studies.pooling.compare import PoolingComparison, compare
from shoal.studies.pooling.explained import Explained, explained
from shoal.studies.pooling.profile import sd_profile
from shoal.studies.pooling.profiled import SdProfile

__all__ = ["Explained", "PoolingComparison", "SdProfile", "compare", "explained", "sd_profile"]
