"""Fits that are killed at random moments and called again: run as a program, in a process without threads.

``python killing.py SAMPLER KILLS SEED FOLDER`` fails unless so many fits that were killed before they were
done resumed to the draws of a run that was never stopped.
"""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

import shoal as sl

HOW = {"draws": 250, "chains": 2, "seed": 8, "progress": False}


def model_of(sampler):
    """Return a model that the sampler samples by itself, or is asked to."""
    if sampler == "independence":
        return sl.Model("log_radon ~ floor + (1 | county)", sl.load_dataset("radon"))
    bangladesh = sl.load_dataset("bangladesh")
    return sl.Model("use_contraception ~ urban + (1 | district)", bangladesh, "bernoulli")


def in_child(call, after=None):
    """Call in a forked process, killed after some seconds; return the seconds it took, None if killed."""
    began = time.perf_counter()
    child = os.fork()
    if not child:
        try:
            call()
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return None
    assert os.WEXITSTATUS(status) == 0
    return time.perf_counter() - began


def main(sampler, kills, seed, folder):
    """Kill, resume and compare."""
    model, rng = model_of(sampler), np.random.default_rng(seed)
    killed = number = 0
    how = HOW if sampler == "independence" else HOW | {"sampler": sampler}
    whole = model.fit(**how).tree  # which also loads machine code, once for all children

    def fit(path):
        return model.fit(**how, checkpoint=path)

    # Once to the end: how long there is to kill in.
    longest = in_child(lambda: fit(folder / "first.zarr"))
    while killed < kills:
        path = folder / f"{number}.zarr"
        number += 1
        if in_child(lambda path=path: fit(path), after=rng.uniform(0, longest)) is not None:
            longest *= 0.7  # the machine is faster by now: it was done before
            continue
        killed += 1
        in_child(lambda path=path: fit(path))
        resumed = sl.load(path).tree
        for group in ("posterior", "sample_stats"):
            for name, values in whole[group].data_vars.items():
                np.testing.assert_array_equal(resumed[group][name], values, err_msg=f"{number} {name}")
    print(f"{killed} killed, {killed} resumed")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
