"""Data simulated from known models, to try a model on before the data are real.

Each function returns a table, and keeps what it was made with in ``table.attrs["truth"]``: a dict from the
name of a parameter, as a fit of the model calls it, to a number or a list of numbers. It holds plain Python
values, so that the table can be written as Parquet; pandas may drop it from tables derived from this one.

`one_way` and `varying_slopes` reproduce, draw for draw, data that were discussed in public.
"""

from __future__ import annotations

from shoal.simulate.confounds import confounded_groups
from shoal.simulate.factors import crossed
from shoal.simulate.oneway import one_way
from shoal.simulate.reviews import restaurants
from shoal.simulate.slopes import varying_slopes

__all__ = ["confounded_groups", "crossed", "one_way", "restaurants", "varying_slopes"]
