"""What the draws of a run depend on, as data that two runs can be compared by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from shoal.engine.settings import Settings
from shoal.fit.own_families import record_of
from shoal.fit.results import prior_records
from shoal.model import Specification

DIGEST = 16  # bytes; columns are told apart by them
NOT_THOSE = ("cores", "single", "keep_effects")  # settings that no draw depends on


def fingerprint(model: Specification, settings: Settings, **others: Any) -> dict[str, Any]:
    """Return what the draws of a run depend on: model, data, settings and versions."""
    kept = {name: value for name, value in asdict(settings).items() if name not in NOT_THOSE}
    table, columns = model.table, dict.fromkeys(c for part in model.parts for c in part.formula.columns)
    if (reduction := table.reduction) is not None:  # whose frame is made for the formula
        columns = dict.fromkeys(map(str, table.frame.columns))
        others |= {"reduction": reduction.record(), "the column of counts": digest([reduction.counts])}
    priors = {f"the prior of {name}": record for name, record in prior_records(model).items()}
    data = {f"the column {name}": _digest(table.frame[name]) for name in columns}
    known = {f"the matrix {name}": _digest(pd.DataFrame(m)) for name, m in model.covariances.items()}
    return {
        **{f"the formula of {d.formula.response.value.text}": d.formula.text for d in model.designs},
        "families": [record_of(design.family) for design in model.designs],
        "predictors": [design.predictor_formulas for design in model.designs],
        "rescor": any(design.rescor for design in model.designs),
        "pooling": model.pooling,
        **priors,
        "rows": len(table.frame),
        **data,
        **known,
        **kept,
        **others,
        **{f"the version of {name}": version(name) for name in ("shoal", "numba", "numpy")},
    }


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs between two runs, in words."""
    for name in dict.fromkeys((*there, *here)):
        if name not in here:
            yield f"{name} is there and not here"
        elif name not in there:
            yield f"{name} is here and not there"
        elif there[name] != here[name]:
            digests = name.startswith(("the column", "the matrix"))
            values = f"is {there[name]!r} there, {here[name]!r} here"
            yield f"{name} {'has other values' if digests else values}"


def digest(arrays: Iterable[np.ndarray]) -> str:
    """Return a digest of numbers in order."""
    found = hashlib.blake2b(digest_size=DIGEST)
    for array in arrays:
        found.update(f"{array.dtype.str}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def _digest(data: pd.Series | pd.DataFrame) -> str:
    """Return a digest of values and their kind, categories and labels among them."""
    found = hashlib.blake2b(digest_size=DIGEST)
    columns = [data] if isinstance(data, pd.Series) else [data[name] for name in data]
    for column in columns:
        if isinstance(column.dtype, pd.CategoricalDtype):
            found.update(repr((column.cat.categories.tolist(), bool(column.cat.ordered))).encode())
            column = column.cat.codes
        values = column.to_numpy()
        found.update(str(values.dtype).encode())
        if values.dtype.kind in "iufb":
            found.update(np.ascontiguousarray(values).tobytes())
        else:
            found.update("\0".join(map(str, values)).encode())
    if isinstance(data, pd.DataFrame):
        found.update(repr((data.columns.tolist(), data.index.tolist())).encode())
    return found.hexdigest()
