"""Pictures of models and fits; each returns the figure, the numbers drawn and a caption.

``fit.plot`` and ``model.plot`` have those of one fit or model. Here are those of several fits:

>>> sl.plots.ess({"complete pooling": fit_without, "partial": fit})
<shoal picture: Effective draws, of 4,000 kept, ...>
>>> sl.plots.forest({"complete pooling": fit_without, "partial": fit}, ["x"], truth={"x": 0.5})
<shoal picture: Posterior means with 90% equal-tailed intervals...>
"""

# The functions take the places of the modules of their names, which are loaded before them.
from shoal.drawing.picture import Picture
from shoal.plots.comparisons import ess, forest, pooling, sd_prior_implied

__all__ = ["Picture", "ess", "forest", "pooling", "sd_prior_implied"]
