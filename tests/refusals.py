"""What is expected of something that Shoal refuses: the code of the error, not its wording."""

import contextlib

import pytest

from shoal.errors import ShoalError


@contextlib.contextmanager
def refused(code, match=None):
    """Expect an error of Shoal with this code.

    Parameters
    ----------
    code : str
    match : str, optional
        Regular expression of names and numbers that the message must have.
    """
    with pytest.raises(ShoalError, match=match) as caught:
        yield caught
    assert caught.value.code == code, caught.value
