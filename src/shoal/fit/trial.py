"""A first reading of a file in a process of its own, which a damaged file may hang or end.

A bit that flipped in HDF5's own records sends its reader round in circles, about once in a thousand times, or
into memory that is not its own. Files of Shoal say by their checksum whether they are whole; all others are
read here first.
"""

from __future__ import annotations

import subprocess
import sys
from functools import lru_cache

LEAST = 5  # seconds of the processor; a sound file of this size takes a tenth of it
BYTES_A_SECOND = 50e6
LONGEST = 600  # seconds by the clock, for systems that do not count the processor's

PROGRAM = """
import sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[2]),) * 2)
except ImportError:
    pass
import h5py
def look(_, found):
    dict(found.attrs)
    if isinstance(found, h5py.Dataset):
        found[()]
with h5py.File(sys.argv[1], "r") as file:
    look("", file)
    file.visititems(look)
"""


@lru_cache(8)
def readable(path: str, size: int, changed: int) -> bool:
    """Return whether HDF5 comes to an end with a file; `size` and `changed` tell one file from the next.

    What it says of the file is no matter: an error that it raises, it raises again where it is reported.
    """
    if not sys.executable:  # Python inside another program: there is no process to start
        return True
    seconds = int(LEAST + size / BYTES_A_SECOND)
    # -P: no module of the working directory is imported in place of h5py.
    command = [sys.executable, "-P", "-c", PROGRAM, path, str(seconds)]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return False
    except OSError:  # no process could be started
        return True
    return done.returncode >= 0
