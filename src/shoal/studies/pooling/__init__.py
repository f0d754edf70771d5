"""What pooling does for a model: beside its alternatives, along its sd, and with predictors of its groups.

>>> print(sl.pooling.compare(model))
>>> print(sl.pooling.sd_profile(model, "tank"))
>>> print(sl.pooling.explained(model, "tank"))
"""

from shoal.studies.pooling.compare import PoolingComparison, compare
from shoal.studies.pooling.explained import Explained, explained
from shoal.studies.pooling.profile import sd_profile
from shoal.studies.pooling.profiled import SdProfile

__all__ = ["Explained", "PoolingComparison", "SdProfile", "compare", "explained", "sd_profile"]
