"""Tables of cases as files: written part by part, so that no more than a part is in memory."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from peers.case import Case

FEW = 20  # levels of a small table


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


def few(case: Case, path: Path) -> Path:
    """Write the rows of a few levels of the case's factor, of the first part, to a file beside it."""
    out = path.with_name("few.parquet")
    if not out.exists():
        factor = case.few or case.parts.groups[0].factor
        rows = pq.ParquetFile(path).read_row_group(0).to_pandas()
        rows[rows[factor].isin(rows[factor].drop_duplicates()[:FEW])].to_parquet(out, index=False)
    return out


def as_csv(path: Path) -> Path:
    """Write a Parquet file as a CSV file beside it, unless that is there; return its path."""
    out = path.with_suffix(".csv")
    if not out.exists():
        file = pq.ParquetFile(path)
        with pa.csv.CSVWriter(out, file.schema_arrow) as writer:
            for batch in file.iter_batches():
                writer.write_batch(batch)
    return out
