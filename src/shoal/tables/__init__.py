"""One table type, whatever the source.

Everything behind this package sees pandas columns of few kinds. What a source's column becomes:

========================================  ==================================================================
source                                    column of ``Table.frame``
========================================  ==================================================================
integers, any width, nullable or not      ``int64`` (``uint64`` where the values need it)
floats, decimals                          ``float64``
booleans                                  ``bool``
integers, booleans with missing values    ``float64`` with NaN
text                                      ``object`` of `str`, missing values None
categories (pandas, Arrow, polars Enum)   pandas categorical with the categories and order of the source
polars Categorical                        pandas categorical of the values present, in alphabetical order:
                                          polars shares its categories between tables
``object`` holding one of these kinds     as that kind
``object`` mixing kinds; dates; lists; …  an error that names the column; as text its values can be labels
========================================  ==================================================================

Unused categories are kept. Columns that are not asked for may hold anything. Row order is kept, row labels
(an index) are not, and no row is dropped. In CSV files pandas' markers (empty, ``NA``, ``nan``, …) are
missing values, and ids such as ``007`` are integers.
"""

from shoal.tables.reading import read
from shoal.tables.reduction import Reduction
from shoal.tables.table import Dropped, Table, assigned

__all__ = ["Dropped", "Reduction", "Table", "assigned", "read"]
