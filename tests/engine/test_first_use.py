"""The first use on a machine is said once, and a second process compiles what is called last."""

import io
import subprocess
import sys
import threading
import time

from numba.core import event

from shoal.engine import ahead
from shoal.engine.first_use import announced
from shoal.engine.progress import Progress
from shoal.priors.compiled import Compiled


class Stages(Progress):
    """Progress that keeps what it is told."""

    def __init__(self):
        super().__init__()
        self.told = []

    def stage(self, name, total=0):
        self.told.append(name)


class Dispatcher:
    """What an event of Numba says of a function: where it comes from."""

    class py_func:  # noqa: N801
        __module__ = "shoal.families.poisson"


def compile_something():
    with event.trigger_event("numba:compile", data={"dispatcher": Dispatcher}):
        pass


def test_compilation_is_said_once_and_by_the_outer_caller():
    outer, inner = Stages(), Stages()
    with announced(outer):
        with announced(inner):
            compile_something()
        compile_something()
    compile_something()
    assert (len(outer.told), len(inner.told)) == (1, 0)


def test_who_needs_what_the_second_process_works_on_waits_for_it():
    lines, written = threading.Semaphore(0), io.StringIO()

    def stream():
        yield "average\n"
        lines.acquire()
        written.write("kept")
        yield "average\n"
        lines.acquire()

    messages = ahead._Messages(stream())
    while messages.working is None:
        time.sleep(0.001)

    def falls():
        pass

    def average():
        pass

    messages.wait(Compiled(falls, None))  # at once
    waiting = threading.Thread(target=messages.wait, args=(Compiled(average, None),))
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive() and not written.getvalue()
    lines.release()
    waiting.join(10)
    assert not waiting.is_alive() and written.getvalue() == "kept"
    lines.release()


def test_a_second_process_that_dies_is_not_waited_for():
    messages = ahead._Messages(iter(["average\n"]))

    def average():
        pass

    messages.wait(Compiled(average, None))


def test_the_second_process_says_what_it_compiles_and_ends_with_its_work():
    command = [sys.executable, "-P", "-m", "shoal.engine.ahead"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    names = done.stdout.split()
    assert names[::2] == names[1::2] == ["alternate", "average", "falls", "joint_density", "trajectories"]
