"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def _probability(value: float) -> float:
    if not 0 < value < 1:
        raise typer.BadParameter(f"{value} is not between 0 and 1.")
    return value


Formula = Annotated[str, typer.Argument(metavar="FORMULA", help="Such as 'y ~ 1 + x + (1 + x | g)'.")]
Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="CSV, Parquet or Arrow file; Parquet files that need not fit in memory, 'rows/*.parquet'; or a "
        "data set of Shoal: dataset:radon, or just radon where no file is called so.",
    ),
]
FamilyName = Annotated[
    str,
    typer.Option("--family", "-f", help="gaussian, bernoulli, poisson, cumulative …; bernoulli(probit)."),
]
Predictors = Annotated[
    list[str] | None,
    typer.Option(
        "--predictor",
        metavar="PARAMETER ~ TERMS",
        help="Linear predictor of a parameter of the family, such as 'sigma ~ x + (1 | g)', or its value, "
        "'quantile = 0.9'; once for each.",
    ),
]
Missing = Annotated[
    str, typer.Option("--missing", help="Rows with missing values: refuse them, or drop them and say so.")
]
Priors = Annotated[
    list[str] | None,
    typer.Option(
        "--prior",
        "-p",
        metavar="NAME=PRIOR",
        help="Prior of a parameter, such as 'sd_district=Exponential(1)'; once for each. 'b' stands for all "
        "slopes, 'sd' for all standard deviations between levels.",
        show_default=False,
    ),
]
ResultFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="A result file, written by `shoal fit -o` or `fit.save`.")
]
Probability = Annotated[
    float,
    typer.Option("--prob", "--interval", callback=_probability, help="Probability of the intervals shown."),
]
Seed = Annotated[int | None, typer.Option(help="Same seed, same draws.", show_default="a fresh one, shown")]
Coordinates = Annotated[str, typer.Option(help="auto, transport, centered, noncentered or zero_sum.")]
Sampler = Annotated[str, typer.Option(help="auto, independence, quadrature, alternating, hmc or nuts.")]
Cores = Annotated[int | None, typer.Option(help="Threads.", show_default="all")]
Workers = Annotated[int | None, typer.Option(help="Processes, in place of threads.", min=1)]
FitsFolder = Annotated[
    Path | None,
    typer.Option("--checkpoint", metavar="FOLDER", help="Keep each fit in it, and make those that it lacks."),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")]
