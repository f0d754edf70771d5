"""Files of machine code that know whether they are whole: what was cut off or changed is compiled anew.

numba keeps machine code in pickles and runs whatever it reads back. A file that was cut off raises any error
there is, and one with a flipped bit computes something else. So each begins with a checksum of the rest.
"""

from __future__ import annotations

import pickle
import zlib
from typing import Any

from numba.core.caching import IndexDataCacheFile

CHECK = 4  # bytes of the checksum


def of_numba(file: IndexDataCacheFile, digest: str) -> CheckedFile:
    """Return the files of a function in place of numba's own; `digest` stamps what the function calls."""
    stamp = (file._source_stamp, digest)
    return CheckedFile(file._cache_path, file._index_name.removesuffix(".nbi"), stamp)


class CheckedFile(IndexDataCacheFile):
    """An index of machine code and its data, each behind a checksum.

    A file that is not whole counts as missing. One that cannot be written, as on a full disk, is not: the
    code was compiled, and will be once more in the next process.
    """

    def save(self, key: Any, data: Any) -> None:
        """Keep machine code if the disk takes it."""
        try:
            super().save(key, data)
        except OSError:
            pass

    def _load_index(self) -> dict[Any, str]:
        try:
            version, stamp, names = pickle.loads(_read(self._index_path))
        except OSError:
            return {}
        return names if (version, stamp) == (self._version, self._source_stamp) else {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._write(self._index_path, (self._version, self._source_stamp, overloads))

    def _load_data(self, name: str) -> Any:
        return pickle.loads(_read(self._data_path(name)))  # an OSError means that there is none

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._data_path(name), data)

    def _write(self, path: str, content: Any) -> None:
        written = self._dump(content)
        with self._open_for_write(path) as file:
            file.write(zlib.crc32(written).to_bytes(CHECK, "little") + written)


def _read(path: str) -> memoryview:
    """Return what a file holds behind its checksum.

    Raises
    ------
    OSError
        There is no such file, or it is not as it was written.
    """
    with open(path, "rb") as file:
        content = memoryview(file.read())
    if len(content) < CHECK or zlib.crc32(content[CHECK:]) != int.from_bytes(content[:CHECK], "little"):
        raise OSError(f"{path} is not whole.")
    return content[CHECK:]
