"""Pictures of models and fits; each returns the figure, the numbers drawn and a caption.

``fit.plot`` and ``model.plot`` have those of one fit or model. Here are those of several fits:

>>> shoal.plots.ess({"centered": a, "transport": b})
>>> shoal.plots.forest({"naive": a, "multilevel": b}, ["x", "z"], truth={"x": 1.0})
"""

# The functions take the places of the modules of their names, which are loaded before them.
from shoal.drawing.picture import Picture
from shoal.plots.comparisons import ess, forest, pooling, sd_prior_implied

__all__ = ["Picture", "ess", "forest", "pooling", "sd_prior_implied"]
