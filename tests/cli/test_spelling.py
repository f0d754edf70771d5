"""What a message says to write, as it is typed on a command line."""

import pytest
import typer.main

from shoal.cli.run import app
from shoal.cli.spelling import OPTIONS, as_typed


def test_every_option_with_a_name_of_an_argument_is_known():
    """Options without a counterpart in Python's arguments are about files and the screen."""
    commands = typer.main.get_command(app).commands.values()
    options = {p.name for command in commands for p in command.params if p.opts[0].startswith("-")}
    screen = {"output", "report", "force", "quiet", "csv", "plot", "pointwise", "table", "port", "browser"}
    assert options - screen - {"help", "simulations", "only", "by"} == OPTIONS


@pytest.mark.parametrize(
    ("python", "typed"),
    [
        ("Use family='negbinomial'.", "Use --family negbinomial."),
        ("Fit with chains=4.", "Fit with --chains 4."),
        ("More draws (draws=...).", "More draws (--draws ...)."),
        ("refit=True, if units are too many.", "--refit, if units are too many."),
        ("refit=False.", "no --refit."),
        ("priors={'sd_g': ...}, and report it.", "--prior sd_g=..., and report it."),
        ("priors={'b': sl.priors.Normal(0, 2)}.", "--prior 'b=Normal(0, 2)'."),
        ("Model(..., covariances={'K': matrix}).", "Model(..., covariances={'K': matrix})."),
        ('predictors={"sigma": "~ 0 + visit"} gives each.', "--predictor 'sigma ~ 0 + visit' gives each."),
        ("Model(..., priors={'sd_g': HalfNormal(1)}).", "--prior 'sd_g=HalfNormal(1)'."),
        ("(1 | gr(g, by=f)), and prob=0.9.", "(1 | gr(g, by=f)), and --prob 0.9."),
        ("y ~ x\n    ^\nsampler='hmc'", "y ~ x\n    ^\n--sampler hmc"),
        ("Such as at={'x': [0, 1]}.", "Such as at={'x': [0, 1]}."),
        ("at={'g': None} asks.", "--at g=None asks."),
        ("'seed=3.csv', a/seed=3.csv, seed=3.csv", "'seed=3.csv', a/seed=3.csv, seed=3.csv"),
        ("checkpoint='my run.zarr'", "--checkpoint 'my run.zarr'"),
        ("target_accept=0.9", "--target-accept 0.9"),
        ("link='probit', k=5 and levels=...", "link='probit', k=5 and --levels ..."),
    ],
)
def test_arguments_become_options(python, typed):
    assert as_typed(python) == typed
