"""
Three varying slopes, and a sum over the wrong axis
===================================================

A question on the PyMC forum: 200,000 rows, 1,000 groups, three predictors whose slopes vary between the
groups and sum to zero over them. Written with one variable a slope the model gives back the numbers that
made the data; written with arrays it gives others, without a warning. The cause is an axis:
``ZeroSumNormal`` sums over its last one, and in the second program that is the predictors, not the groups.
"""

import pandas as pd
from _gallery import DRAWS, FAST, FILES, beside, show

import shoal as sl

# %%
# The data of the question, draw for draw. The effects are weak: a slope of about 10, noise of 100 in each
# row.

table = sl.simulate.varying_slopes(groups=100 if FAST else 1000)
truth = table.attrs["truth"]
print(f"{len(table):,} rows, {table['group'].nunique():,} groups")
print({name: truth[name] for name in ("x1", "x2", "x3", "sd_group", "sigma")})

# %%
# One term holds all three slopes, with the priors of the question. ``||`` leaves them uncorrelated, and
# ``zero_sum=True`` always means over the levels of the group: there is no axis to choose.

priors = {
    "b": sl.priors.Normal(0, 2),
    "sd": sl.priors.Gamma(mu=10, sigma=5),
    "sigma": sl.priors.HalfNormal(200),
}
x = "x1 + x2 + x3"
model = sl.Model(f"y ~ 0 + {x} + (0 + {x} || gr(group, zero_sum=True))", table, priors=priors)
print(model.plan)

# %%
# With gaussian rows the mean slopes and all 3,000 slopes of groups are integrated out: the rows are read
# once, and four numbers are sampled.

fit = model.fit(draws=DRAWS, seed=1)
print(fit.diagnose())

# %%
# Beside the right table of the question, of nutpie's 4,000 draws of the model with one variable a slope.
# Means and intervals agree within Monte Carlo error; the standard deviations between groups, whose
# effective draws were about 1,000, come with nearly all of ours.

published = {
    "x1": {"mean": 1.080, "hdi94_lb": 0.667, "hdi94_ub": 1.516, "ess_bulk": 4046},
    "x2": {"mean": 1.254, "hdi94_lb": 0.835, "hdi94_ub": 1.655, "ess_bulk": 3377},
    "x3": {"mean": 0.798, "hdi94_lb": 0.361, "hdi94_ub": 1.217, "ess_bulk": 3442},
    "sd_group[x1]": {"mean": 9.534, "hdi94_lb": 8.947, "hdi94_ub": 10.138, "ess_bulk": 1255},
    "sd_group[x2]": {"mean": 12.000, "hdi94_lb": 11.312, "hdi94_ub": 12.670, "ess_bulk": 944},
    "sd_group[x3]": {"mean": 7.744, "hdi94_lb": 7.140, "hdi94_ub": 8.318, "ess_bulk": 1207},
    "sigma": {"mean": 99.930, "hdi94_lb": 99.657, "hdi94_ub": 100.255, "ess_bulk": 3464},
}
summary = fit.summary(prob=0.94, kind="hdi")
print(beside(summary, published).round(2).to_string())

# %%
# The three slopes as three terms are the same model: terms of one grouping factor are gathered into one.
# Same seed, same draws, so the two tables of the question cannot differ here.

g = "gr(group, zero_sum=True)"
apart = sl.Model(f"y ~ 0 + {x} + (0 + x1 | {g}) + (0 + x2 | {g}) + (0 + x3 | {g})", table, priors=priors)
difference = (apart.fit(draws=DRAWS, seed=1).summary()["mean"] - fit.summary()["mean"]).abs().max()
print(f"Largest difference of posterior means, one term against three: {difference:.1g}")

# %%
# The wrong table: each group's three slopes were made to sum to zero over the *predictors*. Two slopes then
# decide the third, and the smallest standard deviation pays for it: 3.2 in place of 8. R-hat was 1.01 at
# most.

wrong = {
    "sd_group[x1]": {"mean": 11.734, "hdi94_lb": 10.829, "hdi94_ub": 12.624, "ess_bulk": 931},
    "sd_group[x2]": {"mean": 15.375, "hdi94_lb": 14.477, "hdi94_ub": 16.349, "ess_bulk": 931},
    "sd_group[x3]": {"mean": 3.179, "hdi94_lb": 2.306, "hdi94_ub": 4.110, "ess_bulk": 689},
}
apart_from_truth = beside(summary, wrong)
apart_from_truth[("truth", "")] = truth["sd_group"]
print(apart_from_truth.round(2).to_string())

# %%
# Convergence diagnostics look at chains, and these chains agreed on the wrong answer. ``sl.diagnose`` (on
# the command line ``shoal doctor FILE``) also looks at the effects: here at a result file of that program
# in PyMC, with five groups.

print(sl.diagnose(FILES / "wrong_axis.nc"))

# %%
# What the data say about the spread of the slopes, against the prior that was to keep the funnel away. It
# was not needed: no sampler walks through a funnel that is integrated out.

picture = show(fit.plot.prior_posterior(["sd_group"]), "003_prior_posterior")

# %%
# A thousand groups on one picture. A group's own slope is known to about ±7 from its 200 rows, and the
# slopes differ by about 8, so that pooling takes nearly half of each estimate's distance from the mean.

picture = show(fit.plot.shrinkage("group", "x3"), "003_shrinkage")
effects = pd.DataFrame(fit.effects("group"))
print(effects.groupby("effect")[["no_pooling_sd", "sd", "shrinkage"]].median().round(2).to_string())
