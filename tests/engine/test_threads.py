"""LAPACK has one thread while anything asks for it, and what it had before afterwards."""

from threadpoolctl import threadpool_info

from shoal.engine.threads import one_thread_lapack


def threads():
    return {info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"}


def test_the_last_to_leave_restores_what_was_there():
    before = threads()
    first, second = one_thread_lapack(), one_thread_lapack()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert threads() == {1}
    second.__exit__(None, None, None)
    assert threads() == before
