"""Files of draws that were damaged or forged at random: each is read, or refused by an error of Shoal."""

import itertools
import json
import shutil

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import shoal as sl
from bad_inputs import setting
from fuzz.outcome import examples, outcome

FEW = {"draws": 20, "chains": 2, "warmup": 20, "seed": 1, "cores": 1, "progress": False}
NUMBERS = itertools.count()
TEXTS = [
    "",
    "{}",
    "[]",
    "null",
    "3",
    "[[]]",
    '["y ~ x"]',
    '[["gaussian", null]]',
    '{"x": {}}',
    "\x00",
    "é" * 999,
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return a result file, and one that ArviZ could have written."""
    folder = tmp_path_factory.mktemp("fuzz")
    fit = sl.Model("y ~ x + f + (1 + x | g)", setting.table()).fit(**FEW)
    fit.save(folder / "fit.nc")
    tree = fit.tree.copy()
    tree.attrs = {"inference_library": "pymc"}
    tree.to_netcdf(folder / "arviz.nc", engine="h5netcdf")
    return [folder / name for name in ("fit.nc", "arviz.nc")]


def fresh(files):
    """Return a name that no file had: h5py may still hold what was under it before."""
    return files[0].with_name(f"{next(NUMBERS)}.nc")


def read(path):
    """Load a file, and ask what it holds, as a user would."""
    fit = outcome(lambda: sl.load(path))
    if isinstance(fit, sl.Fit):
        for ask in (fit.summary, fit.predict, lambda: str(fit.model), fit.effects, fit.diagnose):
            outcome(ask)
    outcome(lambda: sl.diagnose(path))
    path.unlink()


@examples(5)
@given(
    which=st.integers(0, 1),
    kept=st.floats(0, 1),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    blank=st.tuples(st.floats(0, 1), st.integers(0, 4096)),
    whole=st.booleans(),
)
def test_damaged_bytes(files, which, kept, flips, blank, whole):
    path = fresh(files)
    content = bytearray(files[which].read_bytes())
    for place, byte in flips:
        content[int(place * len(content))] = byte
    if not whole:
        start = int(blank[0] * len(content))
        content[start : start + blank[1]] = bytes(len(content[start : start + blank[1]]))
        content = content[: int((0.5 + kept) * len(content))]
    path.write_bytes(content)
    read(path)


def names_of(path):
    with h5py.File(path) as file:
        found = []
        file.visit(found.append)
        return found, [*file.attrs]


FORGERIES = st.sampled_from(
    ["delete", "text", "shape", "other", "attribute", "rename", "nan", "empty", "labels"]
)


@examples(5)
@given(
    which=st.integers(0, 1),
    forgeries=st.lists(
        st.tuples(FORGERIES, st.integers(0, 999), st.sampled_from(TEXTS)), min_size=1, max_size=3
    ),
)
def test_forged_parts(files, which, forgeries):
    path = shutil.copy(files[which], fresh(files))
    parts, attributes = names_of(path)
    with h5py.File(path, "a") as file:
        for how, number, text in forgeries:
            forge(file, how, parts[number % len(parts)], attributes[number % len(attributes)], text)
    read(path)


def forge(file, how, part, attribute, text):
    """Change one part of a file, or an attribute of the whole."""
    if how == "attribute":
        before, text = file.attrs[attribute], text.replace("\x00", "")  # HDF5's texts end there
        file.attrs[attribute] = text if len(text) % 2 else json.dumps(str(before)[: len(text) * 9])
    elif part not in file:
        return
    elif how == "delete":
        del file[part]
    elif how == "rename":
        file.move(part, part + "_")
    elif isinstance(file[part], h5py.Dataset):
        values, attrs = file[part][()], dict(file[part].attrs)
        if how in ("nan", "labels"):
            new = np.full_like(
                values, np.nan if values.dtype.kind == "f" else values.flat[0] if values.size else 0
            )
        else:
            new = {
                "text": text.replace("\x00", ""),
                "shape": values[:1],
                "other": np.arange(3),
                "empty": values[:0],
            }[how]
        del file[part]
        file[part] = new
        for name, value in attrs.items():
            if name not in ("DIMENSION_LIST", "REFERENCE_LIST"):
                file[part].attrs[name] = value
