"""How families are evaluated: leading axes, parameters in their order, and compiling only when asked."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from family_cases import CASES, CUTPOINTS, SIZE, rows_of

from shoal.families import BetaBinomial, Cumulative, Rows, get_family
from shoal.families.poisson import poisson_rows
from shoal.families.row_functions import RowFunction

each_case = pytest.mark.parametrize("case", CASES, ids=str)


def varied(case, lead):
    """Return parameters that differ along the leading axes."""
    factor = np.linspace(0.8, 1.2, int(np.prod(lead))).reshape(*lead, 1)
    return {
        name: factor[..., None] * value if name == "cutpoints" else factor * value
        for name, value in case.phi.items()
    }


def at(phi, index):
    return {name: value[index] for name, value in phi.items()}


@each_case
def test_leading_axes_of_predictors_and_parameters(case):
    rows = rows_of(case, 1)
    eta = np.random.default_rng(2).normal(size=(2, 3, SIZE))
    phi, count = varied(case, (2, 3)), len(case.family.pack(case.phi))
    whole = case.family.evaluate(rows, eta, phi, order=2)
    assert whole.value.shape == whole.score.shape == whole.curvature.shape == (2, 3, SIZE)
    assert whole.slope.shape == (2, 3, SIZE, count)
    np.testing.assert_array_equal(case.family.evaluate(rows, eta, phi).value, whole.value)
    for index in np.ndindex(2, 3):
        one = case.family.evaluate(rows, eta[index], at(phi, index), order=2)
        for part, values in one._asdict().items():
            np.testing.assert_array_equal(getattr(whole, part)[index], values, err_msg=part)


@each_case
@pytest.mark.parametrize("order", [0, 1])
def test_leading_axes_broadcast(case, order):
    rows, phi = rows_of(case, 1), varied(case, (2, 1))
    eta = np.random.default_rng(2).normal(size=(3, SIZE))
    crossed = case.family.evaluate(rows, eta, phi, order)
    apart = case.family.evaluate(rows, np.broadcast_to(eta, (2, 3, SIZE)), varied(case, (2, 1)), order)
    if case.phi:
        assert crossed.value.shape == (2, 3, SIZE)
        one = case.family.evaluate(rows, eta[2], at(phi, (1, 0)), order)
        np.testing.assert_array_equal(crossed.value[1, 2], one.value)
        np.testing.assert_array_equal(crossed.slope[1, 2] if order else [], one.slope if order else [])
        np.testing.assert_array_equal(crossed.value, apart.value)
    else:
        np.testing.assert_array_equal(crossed.value, apart.value[0])
    alone = case.family.evaluate(rows, eta[0], phi, order)  # many parameters at one predictor
    np.testing.assert_array_equal(alone.value, crossed.value[:, [0]] if case.phi else crossed.value[0])


@each_case
def test_parameters_of_each_row(case):
    rows, eta = rows_of(case, 1), np.linspace(-1, 1, SIZE)
    factor = np.linspace(0.8, 1.2, SIZE)
    phi = {n: factor[:, None] * v if n == "cutpoints" else factor * v for n, v in case.phi.items()}
    found = case.family.evaluate(rows, eta, phi, order=1)
    for i in range(SIZE):
        own = {n: v * factor[i] for n, v in case.phi.items()}
        one = case.family.evaluate(rows, eta, own, order=1)
        np.testing.assert_allclose(found.value[i], one.value[i], rtol=1e-14)
        np.testing.assert_allclose(found.slope[i], one.slope[i], rtol=1e-13)


def test_no_rows_and_no_draws():
    family = get_family("gaussian")
    empty = family.evaluate(Rows([], [], [], []), [], {"sigma": 1})
    assert empty.value.shape == (0,)
    found = family.evaluate(rows_of(CASES[0], 1), np.zeros((0, SIZE)), {"sigma": np.ones((0, 1))}, order=2)
    assert found.value.shape == found.curvature.shape == (0, SIZE) and found.slope.shape == (0, SIZE, 1)


def test_parameters_are_packed_in_their_order():
    student = get_family("student")
    np.testing.assert_array_equal(student.pack({"nu": 4.0, "sigma": 2.0}), [[2.0], [4.0]])
    assert student.pack({"nu": np.ones((5, 1)), "sigma": np.ones((5, 9))}).shape == (5, 2, 9)
    assert get_family("poisson").pack({}).shape == (0, 1)
    assert get_family("gaussian").pack({}).shape == (0, 1)
    np.testing.assert_array_equal(get_family("gaussian").pack({"sigma": 3.0}), [[3.0]])
    with pytest.raises(KeyError):
        student.pack({"sigma": 2.0})
    cumulative = Cumulative("logit", 4)
    np.testing.assert_array_equal(cumulative.pack({"cutpoints": CUTPOINTS}), CUTPOINTS[:, None])
    assert cumulative.pack({"cutpoints": np.tile(CUTPOINTS, (5, 1, 1))}).shape == (5, 4, 1)


def test_arrays_may_be_read_only_strided_or_of_integers():
    case = CASES[0]
    rows, eta = rows_of(case, 1), np.random.default_rng(0).normal(size=(2, 2 * SIZE))[:, ::2]
    expected = case.family.evaluate(rows, eta.copy(), case.phi).value
    eta.flags.writeable = False
    hard = rows._replace(y=np.repeat(rows.y, 2)[::2], trials=np.ones(SIZE, int), se=0)
    np.testing.assert_array_equal(case.family.evaluate(hard, eta, case.phi).value, expected)


@each_case
def test_parts_of_an_evaluation(case):
    rows, eta = rows_of(case, 1), np.random.default_rng(2).normal(size=(3, SIZE))
    whole = case.family.evaluate(rows, eta, case.phi, order=2)
    np.testing.assert_array_equal(case.family.log_density(rows, eta, case.phi), whole.value)
    score, curvature = case.family.score_curvature(rows, eta, case.phi)
    np.testing.assert_array_equal(score, whole.score)
    np.testing.assert_array_equal(curvature, whole.curvature)


def test_a_family_may_be_given_as_itself():
    class Own(BetaBinomial):
        name = "own"

    family = Own()
    assert get_family(family) is family and str(family) == "own" and family != BetaBinomial()
    case = next(c for c in CASES if c.family == BetaBinomial())
    rows, eta = rows_of(case, 3), np.zeros(SIZE)
    np.testing.assert_array_equal(
        family.log_density(rows, eta, case.phi), case.family.log_density(rows, eta, case.phi)
    )


PROGRAM = """
import json, sys
import numpy as np
from shoal.families import FAMILIES, Rows
from shoal.families.row_functions import RowFunction, _each_draw
functions = {f"{n} {link}": f for n, family in FAMILIES.items() for link, f in family.row_functions.items()}
compiled = [name for name, f in functions.items() if f._compiled is not None]
for name in sys.argv[1:]:
    family = FAMILIES[name]
    phi = dict.fromkeys(family.parameters(False, False), 1.5)
    family.evaluate(Rows(np.ones(3), 1.0, 1.0, 0.0), np.zeros(3), phi, order=1)
used = [FAMILIES[name].row_function.compiled for name in sys.argv[1:]] + [_each_draw.compiled]
print(json.dumps({
    "families": len(functions),
    "at import": compiled,
    "hits": [sum(f.stats.cache_hits.values()) for f in used],
    "misses": [sum(f.stats.cache_misses.values()) for f in used],
}))
"""


def in_a_process(folder, *names):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *names], env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


USED = ("poisson", "gaussian")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def first(kept):
    """Return what a process found that began without any machine code."""
    return in_a_process(kept, *USED)


def test_a_second_process_loads_what_the_first_compiled(first, kept):
    assert first["misses"] == [1, 1, 1] and first["hits"] == [0, 0, 0]
    second = in_a_process(kept, *USED)
    assert second["misses"] == [0, 0, 0] and second["hits"] == [1, 1, 1]


def test_importing_compiles_nothing(first):
    assert first["families"] >= 17 and first["at import"] == []


def test_threads_share_one_compilation():
    function, start = RowFunction(poisson_rows.function), Barrier(4)

    def ask(_):
        start.wait()
        return function.compiled

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, range(4)))
    assert all(f is found[0] for f in found)


HELPER = "from shoal.priors.compiled import inner\nHALF = {}\n@inner\ndef step(x):\n    return x + {}\n"
CALLER = """
from helper import HALF, step
from shoal.priors.compiled import PriorFunction
@PriorFunction
def density(x, params, slope):
    return step(x) * HALF
"""
MAIN = """
import json
import numpy as np
from caller import density
value = density(1.0, np.zeros(1), np.zeros(1))
print(json.dumps([value, sum(density.compiled.stats.cache_hits.values())]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("changed", [(0.5, 4.0), (0.25, 2.0)], ids=["what it calls", "a constant"])
def test_a_change_in_another_file_is_seen(tmp_path, changed):
    """Numba keeps machine code by the file of the function alone."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kept"), "PYTHONDONTWRITEBYTECODE": "1"}
    (tmp_path / "caller.py").write_text(CALLER)

    def run(half, step):
        (tmp_path / "helper.py").write_text(HELPER.format(half, step))
        done = subprocess.run(
            [sys.executable, "-c", MAIN],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    assert run(0.5, 2.0) == [1.5, 0] and run(0.5, 2.0) == [1.5, 1]
    half, step = changed
    assert run(half, step) == [(1 + step) * half, 0]
