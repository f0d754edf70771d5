"""What the scripts of the gallery share: their two switches, and tables of published figures beside ours.

Every script runs alone, ``python docs/gallery/002_eight_schools.py``, prints its tables, and with
``--pictures FOLDER`` writes its pictures there. ``--fast`` takes few draws and small simulations: for
checking that everything runs, not for reading.
"""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from shoal.drawing.picture import Picture

_parser = argparse.ArgumentParser(description="A story of the gallery.")
_parser.add_argument("--fast", action="store_true", help="few draws and small simulations")
_parser.add_argument("--pictures", metavar="FOLDER", type=Path, help="write the pictures into this folder")
_given = _parser.parse_args()

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "tests" / "criticism" / "diagnosis" / "files"  # of other programs
FAST: bool = _given.fast
DRAWS: int = 250 if FAST else 1000  # of each of four chains


def show(picture: Picture, name: str) -> Picture:
    """Print the caption of a picture, write it to the folder asked for, and return it."""
    print(textwrap.fill(f"[{name}] {picture.caption}", 100))
    if _given.pictures:
        _given.pictures.mkdir(parents=True, exist_ok=True)
        picture.save(_given.pictures / f"{name}.png")
    return picture


def beside(ours: pd.DataFrame, published: dict[str, dict[str, float]]) -> pd.DataFrame:
    """Return our columns beside published ones, one row a quantity that was published.

    Parameters
    ----------
    ours : DataFrame
        Indexed by quantity.
    published : dict of dict
        From quantities to published numbers by the names of our columns.
    """
    table = pd.DataFrame(published).T
    both = {"published": table, "ours": ours.loc[table.index, list(table.columns)]}
    pairs = [(column, side) for column in table for side in both]
    return pd.concat(both, axis=1).swaplevel(axis=1)[pairs]
