"""Parts in files that memory maps: read as they are used, and let go where memory is needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from shoal.engine.rounds.parts import Part

ALIGNED = 64  # bytes, at a multiple of which each array begins


def mapped(part: Part, path: Path) -> Part:
    """Write the arrays of a part into a file, and return the part with them mapped.

    What is changed in memory does not reach the file; compiled code takes no arrays that cannot be changed.
    """
    arrays = {name: own for name, own in part.units._asdict().items() if isinstance(own, np.ndarray)}
    begins, end = dict[str, int](), ALIGNED
    for name, own in arrays.items():
        begins[name] = end
        end += -(-own.nbytes // ALIGNED) * ALIGNED
    with path.open("wb") as file:
        for name, own in arrays.items():
            file.seek(begins[name])
            file.write(np.ascontiguousarray(own).data)
        file.truncate(end)
    whole = np.asarray(np.memmap(path, np.uint8, "c"))
    views = {
        name: whole[begins[name] : begins[name] + own.nbytes].view(own.dtype) for name, own in arrays.items()
    }
    return replace(part, units=part.units._replace(**views))
