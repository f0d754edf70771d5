"""Six data sets from the literature on multilevel models, with their provenance.

================  =====  ===============================================================================
name               rows  what
================  =====  ===============================================================================
``eight_schools``     8  coaching effects with known standard errors (Rubin 1981)
``bangladesh``     1934  contraceptive use by district (Huq and Cleland 1990)
``reedfrogs``        48  tadpole survival in tanks (Vonesh and Bolker 2005)
``trolley``        9930  moral judgements on a scale from 1 to 7 (Cushman et al. 2006)
``chimpanzees``     504  prosocial choices (Silk et al. 2005)
``radon``           919  log radon in the counties of Minnesota (Price et al. 1996)
================  =====  ===============================================================================

Column names are in lower snake case; the values are those of the tables named in `describe`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from shoal.errors import DataError, nearest

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Dataset:
    """Provenance of one data set.

    Parameters
    ----------
    name : str
        The name that `load_dataset` takes.
    rows : int
    what : str
        What a row is, and the columns that need a word.
    source : str
        The study, and where its table was taken from.
    licence : str
        The terms of the table's source.
    file : str
        Name of the file in this package.
    """

    name: str
    rows: int
    what: str
    source: str
    licence: str
    file: str


def load_dataset(name: str) -> pd.DataFrame:
    """Load one of the data sets that come with Shoal.

    Parameters
    ----------
    name : {"eight_schools", "bangladesh", "reedfrogs", "trolley", "chimpanzees", "radon"}
        `describe` says what each holds and where it comes from.

    Returns
    -------
    pandas.DataFrame
        A new frame at each call.

    Raises
    ------
    DataError
        There is no data set of that name.

    Examples
    --------
    >>> sl.load_dataset("eight_schools").head(2)
      school   y  se
    0      A  28  15
    1      B   8  10
    """
    import pandas as pd

    known = {dataset.name: dataset for dataset in describe()}
    if name not in known:
        raise DataError(
            "unknown-data-set", f"There is no data set named {name!r}.", remedy=nearest(str(name), known)
        )
    with resources.as_file(resources.files(__name__) / known[name].file) as path:
        return pd.read_csv(path)


def describe() -> list[Dataset]:
    """List the data sets that come with Shoal.

    Returns
    -------
    list of Dataset
        Name, number of rows, what it holds, source and licence of each.
    """
    catalogue = tomllib.loads((resources.files(__name__) / "catalogue.toml").read_text(encoding="utf-8"))
    return [Dataset(name=name, **entry) for name, entry in catalogue.items()]
