"""Does a diagnosis name the cause?

Usage: python benchmarks/doctor.py

Centered eight schools and the zero-sum slopes of a wrong axis, from files that PyMC made
(`tests/criticism/diagnosis/files`); the first three districts of Bangladesh and all sixty, fitted here; a
sound fit by PyMC, and a file that was cut off. For each its verdict and findings, as `shoal doctor FILE`
prints them.
"""

import tempfile
from pathlib import Path
from typing import Any

from _process import HERE

FILES = HERE.parent / "tests" / "criticism" / "diagnosis" / "files"


def districts(count: int) -> Any:
    import shoal as sl

    women = sl.load_dataset("bangladesh")
    some = women[women["district"].isin(sorted(women["district"].unique())[:count])]
    priors = {"Intercept": sl.priors.Normal(0, 1.5), "sd_district": sl.priors.Exponential(1)}
    model = sl.Model("use_contraception ~ 1 + (1 | district)", some, family="bernoulli", priors=priors)
    return model.fit(seed=1, progress=False)


def cut_off(folder: str) -> Path:
    path, whole = Path(folder) / "cut.nc", (FILES / "sound.nc").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def show(title: str, source: Any) -> None:
    import shoal as sl
    from shoal.errors import FileError

    print(f"\n{title}\n{'-' * len(title)}")
    try:
        print(sl.diagnose(source), flush=True)
    except FileError as problem:
        print(f"error: {problem}", flush=True)


def main() -> None:
    show("Eight schools, centered, by PyMC", FILES / "centered_schools.nc")
    show("Seed 003: ZeroSumNormal over the wrong axis, by PyMC", FILES / "wrong_axis.nc")
    show("Bangladesh: three districts, sd ~ Exponential(1)", districts(3))
    show("Bangladesh: sixty districts", districts(60))
    show("A sound fit by PyMC", FILES / "sound.nc")
    with tempfile.TemporaryDirectory() as folder:
        show("A file that was cut off", cut_off(folder))


if __name__ == "__main__":
    main()
