"""Its presence puts this folder on the import path: tests share their oracles, as `posterior.density`."""

import os
import tempfile
from pathlib import Path

# One folder of machine code for all workers and runs, apart from that of the package's users.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(tempfile.gettempdir()) / "shoal-tests-numba"))
