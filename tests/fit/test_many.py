"""Many fits: alike in threads, in processes and on a cluster, and kept one by one."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused
from shoal.engine.progress import Progress
from shoal.errors import FileError, ModelError, SamplingError
from shoal.fit.many import Where, many, where

FEW = {"draws": 100, "chains": 2, "progress": False}


@dataclass(frozen=True)
class Tables:
    """Leaves a table of a number, and a file that says that it was made here."""

    folder: Path
    fails_at: int = -1

    def __call__(self, number):
        if number == self.fails_at:
            raise SamplingError("fit-planted", f"planted at {number}")
        (self.folder / str(number)).write_text(str(os.getpid()))
        table = pd.DataFrame({"value": np.random.default_rng(number).normal(size=3), "kind": list("abc")})
        table = table.astype({"kind": pd.CategoricalDtype(["c", "b", "a", "unused"])}).set_index("kind")
        table.attrs["number"] = number
        return table

    @property
    def made(self):
        return {int(path.name) for path in self.folder.iterdir()}


class Counted(Progress):
    """Progress that counts."""

    def __init__(self):
        super().__init__()
        self.total = 0

    def drawn(self, draws):
        self.total += draws


@pytest.fixture
def tables(tmp_path):
    (tmp_path / "made").mkdir()
    return Tables(tmp_path / "made")


@pytest.fixture(scope="module")
def schools():
    return sl.Model("y | se(se) ~ 1 + (1 | school)", sl.load_dataset("eight_schools"))


def assert_alike(one, two):
    assert len(one) == len(two)
    for left, right in zip(one, two, strict=True):
        pd.testing.assert_frame_equal(left, right)
        assert left.attrs == right.attrs


@pytest.mark.slow
def test_processes_leave_what_threads_do(tables):
    progress = Counted()
    threads = many(tables, 5, Where(2), {}, progress)
    assert progress.total == 5 and [table.attrs["number"] for table in threads] == list(range(5))
    assert_alike(many(tables, 5, Where(workers=2), {}), threads)
    assert {(tables.folder / str(n)).read_text() for n in range(5)}.isdisjoint({str(os.getpid())})


def test_fits_are_kept_one_by_one_and_those_that_lack_are_made(tables, tmp_path):
    folder = tmp_path / "fits"
    failing = Tables(tables.folder, fails_at=3)
    with refused("fit-planted", match="planted at 3"):
        many(failing, 6, Where(1, checkpoint=folder), {"seed": 1})
    assert tables.made >= {0, 1, 2}
    for path in tables.folder.iterdir():
        path.unlink()
    progress = Counted()
    resumed = many(tables, 6, Where(1, checkpoint=folder), {"seed": 1}, progress)
    assert tables.made.isdisjoint({0, 1, 2}) and 3 in tables.made and progress.total == 6
    assert_alike(resumed, many(tables, 6, Where(2), {}))
    with refused("checkpoint-of-another-run", match="seed is 1 there, 2 here"):
        many(tables, 6, Where(1, checkpoint=folder), {"seed": 2})


def test_other_folders_are_left_alone(tables, tmp_path):
    (tmp_path / "file").write_text("mine")
    others = {"made": "not-a-checkpoint", "file": "not-a-checkpoint", "none/fits": "no-folder"}
    for path, code in others.items():
        (tables.folder / "0").write_text("mine")
        with pytest.raises(FileError) as problem:
            many(tables, 2, Where(1, checkpoint=tmp_path / path), {})
        assert problem.value.code == code
    assert (tables.folder / "0").read_text() == "mine"


@pytest.mark.parametrize(
    "asked", [{"workers": 0}, {"workers": 1.5}, {"client": 3}, {"workers": 2, "client": 3}, {"cores": 0}]
)
def test_impossible_places_are_refused(asked):
    with pytest.raises(ModelError):
        where(**asked)


def test_folds_do_not_depend_on_where_they_are_fitted(schools, tmp_path):
    threads = sl.kfold(schools, 3, **FEW)
    processes = sl.kfold(schools, 3, **FEW, workers=1, checkpoint=tmp_path / "folds")
    pd.testing.assert_frame_equal(threads.pointwise, processes.pointwise)
    kept = sl.kfold(schools, 3, **FEW, checkpoint=tmp_path / "folds")
    pd.testing.assert_frame_equal(threads.pointwise, kept.pointwise)
    with refused("checkpoint-of-another-run", match="seed is 1 there, 2 here"):
        sl.kfold(schools, 3, **FEW, seed=2, checkpoint=tmp_path / "folds")
    with refused("checkpoint-of-another-run"):
        sl.kfold(schools, 4, **FEW, checkpoint=tmp_path / "folds")


@pytest.mark.slow
def test_a_cluster_leaves_what_threads_do(schools):
    distributed = pytest.importorskip("distributed", reason="Dask is an extra")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        spread = sl.kfold(schools, 3, **FEW, client=client)
    pd.testing.assert_frame_equal(sl.kfold(schools, 3, **FEW).pointwise, spread.pointwise)


@pytest.mark.slow
def test_profiles_and_calibrations_do_not_depend_on_where_they_are_fitted(schools, tmp_path):
    grid, few = [2.0, 10.0], FEW | {"draws": 200}
    one = sl.pooling.sd_profile(schools, grid=grid, **few)
    for again in range(2):
        two = sl.pooling.sd_profile(schools, grid=grid, workers=1, checkpoint=tmp_path / "grid", **few)
        pd.testing.assert_frame_equal(one.table, two.table)
        assert str(one) == str(two), again
    ranks = sl.sbc(schools, 20, draws=50, chains=2, cores=2).ranks
    for _ in range(2):
        other = sl.sbc(schools, 20, draws=50, chains=2, workers=2, checkpoint=tmp_path / "ranks")
        pd.testing.assert_frame_equal(ranks, other.ranks)


def test_what_a_killed_process_was_writing_is_no_other_thing(tables, tmp_path):
    (folder := tmp_path / "fits").mkdir()
    (folder / ".fits.json.1.2.part").write_text("half")
    many(tables, 2, Where(1, checkpoint=folder), {})
    assert sorted(path.name for path in folder.iterdir()) == ["000000.arrow", "000001.arrow", "fits.json"]
