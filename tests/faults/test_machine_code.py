"""Files of machine code that were cut off or changed cost time: never a crash, never another result."""

import random

import numba as nb
import pytest

from compiling import compiled_functions
from shoal.priors.compiled import Compiled

SIGNATURE = nb.float64(nb.float64)


def cubed(x):
    return x * x * x


@pytest.fixture
def kept(monkeypatch, tmp_path):
    """Return the two files of a function that was compiled."""
    monkeypatch.setattr(nb.config, "CACHE_DIR", str(tmp_path))
    assert Compiled(cubed, SIGNATURE)(2.0) == 8.0
    index, data = sorted(tmp_path.rglob("*.nb*"), key=lambda path: path.suffix, reverse=True)
    assert (index.suffix, data.suffix) == (".nbi", ".nbc")
    with compiled_functions() as made:
        assert Compiled(cubed, SIGNATURE)(2.0) == 8.0
    assert not made  # whole files are used
    return index, data


def used_again(file, content):
    """Return which functions are compiled where a file has other content; the result is right."""
    file.write_bytes(content)
    with compiled_functions() as made:
        assert Compiled(cubed, SIGNATURE)(3.0) == 27.0
    return made


@pytest.mark.parametrize("which", [0, 1])
def test_a_flipped_bit_anywhere_is_compiled_anew(kept, which):
    whole, rng = kept[which].read_bytes(), random.Random(which)
    for _ in range(12):
        content = bytearray(whole)
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        assert used_again(kept[which], bytes(content)) == ["cubed"]
        with compiled_functions() as made:  # and is whole again afterwards
            assert Compiled(cubed, SIGNATURE)(2.0) == 8.0
        assert not made


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("share", [0.0, 0.0001, 0.5, 0.999])
def test_a_file_that_was_cut_off_is_compiled_anew(kept, which, share):
    whole = kept[which].read_bytes()
    assert used_again(kept[which], whole[: int(share * len(whole))]) == ["cubed"]


@pytest.mark.parametrize("which", [0, 1])
def test_a_file_of_something_else_is_compiled_anew(kept, which):
    assert used_again(kept[which], b"\x80\x04something else") == ["cubed"]


def test_a_missing_file_is_made_again(kept):
    kept[1].unlink()
    with compiled_functions() as made:
        assert Compiled(cubed, SIGNATURE)(3.0) == 27.0
    assert made == ["cubed"] and kept[1].exists()


def test_a_full_disk_keeps_nothing_and_the_function_works(kept, monkeypatch):
    """The code was compiled before it could not be written: it is not compiled a second time."""
    for file in kept:
        file.unlink()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shoal.priors.machine_code.CheckedFile._write", full)
    with compiled_functions() as made:
        assert Compiled(cubed, SIGNATURE)(3.0) == 27.0
    assert made == ["cubed"] and not any(file.exists() for file in kept)
