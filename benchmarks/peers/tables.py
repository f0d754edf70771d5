"""Tables of cases as files: written part by part, so that no more than a part is in memory."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from peers.case import Case


def write(case: Case, seed: int, path: Path, parts: int | None = None) -> Path:
    """Write the columns that a case reads as a Parquet file, a row group for each part; return its path."""
    writer = None
    for part in islice(case.make(seed), parts):
        rows = pa.Table.from_pandas(part[case.parts.data], preserve_index=False)
        writer = writer or pq.ParquetWriter(path, rows.schema.remove_metadata())
        writer.write_table(rows.replace_schema_metadata())
    if writer is None:
        raise ValueError(f"{case.words}: there are no rows.")
    writer.close()
    return path


def head(path: Path, count: int) -> Path:
    """Write the first rows of a file to one beside it, called few; return its path."""
    few = path.with_name("few.parquet")
    if not few.exists():
        first = next(pq.ParquetFile(path).iter_batches(count))
        pq.write_table(pa.Table.from_batches([first]), few)
    return few


def as_csv(path: Path) -> Path:
    """Write a Parquet file as a CSV file beside it, unless that is there; return its path."""
    out = path.with_suffix(".csv")
    if not out.exists():
        file = pq.ParquetFile(path)
        with pa.csv.CSVWriter(out, file.schema_arrow) as writer:
            for batch in file.iter_batches():
                writer.write_batch(batch)
    return out
