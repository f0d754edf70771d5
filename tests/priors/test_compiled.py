"""Functions that are compiled once and kept on disk, where there is a disk to keep them on."""

import numba as nb
import pytest
from numba.core import caching

from compiling import compiled_functions
from shoal.priors.compiled import Compiled


def squared(x):
    return x * x


SIGNATURE = nb.float64(nb.float64)


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(nb.config, "CACHE_DIR", str(tmp_path))
    return tmp_path


def test_it_is_compiled_for_its_signature_alone(folder):
    function = Compiled(squared, SIGNATURE)
    assert function(3) == 9.0 and isinstance(function(3), float)
    with pytest.raises(TypeError):
        function("3")
    assert len(function.compiled.signatures) == 1


def refuse(*_):
    raise PermissionError("read-only")


@pytest.mark.parametrize("what", ["nowhere to keep it", "cannot be written", "cannot be read"])
def test_a_disk_that_keeps_nothing_costs_time_and_nothing_else(folder, monkeypatch, what):
    if what == "nowhere to keep it":
        monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    elif what == "cannot be written":
        monkeypatch.setattr(caching.IndexDataCacheFile, "save", refuse)
    else:
        monkeypatch.setattr(caching.IndexDataCacheFile, "load", refuse)
    with compiled_functions() as made:
        function = Compiled(squared, SIGNATURE)
        assert function(3.0) == 9.0 and function(4.0) == 16.0
    assert "squared" in made
    assert function.compiled is function.compiled


@pytest.mark.parametrize("rest", [0, 10])
def test_a_file_that_was_cut_off_is_made_anew(folder, rest):
    Compiled(squared, SIGNATURE)(3.0)
    for path in folder.rglob("*.nb*"):
        path.write_bytes(path.read_bytes()[:rest])
    assert Compiled(squared, SIGNATURE)(3.0) == 9.0
