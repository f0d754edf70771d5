"""Its presence puts this folder on the import path: tests share their oracles, as `posterior.density`."""

import os
import tempfile

# A folder a worker: jaxlib has crashed reading an entry that another process wrote.
os.environ.setdefault("SHOAL_CACHE", tempfile.mkdtemp(prefix="shoal-tests-"))
