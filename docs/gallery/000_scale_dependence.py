"""
Scale dependence: the better the data, the worse the sampler
============================================================

Normal rows in groups: the groups' means differ by a standard deviation ``omega``, the rows of a group by
``sigma = 0.75``. `A question on the PyMC forum
<https://discourse.pymc.io/t/partial-pooling-understanding-sampling-efficiency-and-scale-dependence/14011>`_
fits this model, with effects that sum to zero, to nine data sets and meets two surprises. The more the
groups differ and the more of them there are, the fewer effective draws ``omega`` gets: 1,482 at first, 5 in
the end. And the interval of ``mu`` misses the true mean, 2, by far.

The first is a matter of sampling and goes away. The second is right, and answers another question.
"""

import io
from itertools import product

import numpy as np
import pandas as pd
from _gallery import DRAWS, FAST, beside, show
from matplotlib.figure import Figure

import shoal as sl
from shoal.priors import HalfNormal, Normal

# %%
# The nine data sets come out draw for draw as they were published, 20 rows a group. So do the model and its
# priors; that of the mean, ``Normal(0, 1)``, will matter later.

OMEGAS, GROUPS = (0.1, 1.0, 10.0), (5, 50) if FAST else (5, 50, 500)
tables = {cell: sl.simulate.one_way(omega=cell[0], groups=cell[1]) for cell in product(OMEGAS, GROUPS)}
priors = {"Intercept": Normal(0, 1), "sigma": HalfNormal(1), "sd_group": HalfNormal(10)}


def fitted(term, priors):
    """Fit one model to every data set."""
    formula = f"observation ~ 1 + (1 | {term})"
    return {c: sl.Model(formula, table, priors=priors).fit(DRAWS, seed=1) for c, table in tables.items()}


zero_sum = fitted("gr(group, zero_sum=True)", priors)

# %%
# Sampling
# --------
# The published figures: posterior mean, 94% highest-density interval, effective draws of 4,000, R-hat.

PUBLISHED = """
omega groups parameter  mean hdi94_lb hdi94_ub ess_bulk ess_tail r_hat
0.1        5        mu 1.902    1.762    2.024     2382     1913  1.00
0.1        5     omega 0.238    0        0.587      883      980  1.01
0.1        5     sigma 0.706    0.607    0.801     2842     2585  1.00
0.1       50        mu 1.985    1.94     2.031     4798     2500  1.00
0.1       50     omega 0.071    0        0.137     1266     2026  1.00
0.1       50     sigma 0.772    0.739    0.806     4429     2337  1.00
0.1      500        mu 1.995    1.98     2.009     8185     2322  1.00
0.1      500     omega 0.096    0.07     0.119     1482     1985  1.00
0.1      500     sigma 0.751    0.74     0.761     5512     2852  1.00
1          5        mu 1.746    1.606    1.872     3210     1771  1.00
1          5     omega 1.112    0.413    2.077      660      841  1.01
1          5     sigma 0.706    0.61     0.802     2523     2146  1.00
1         50        mu 1.861    1.817    1.909     6323     2901  1.00
1         50     omega 0.922    0.737    1.117      501      670  1.01
1         50     sigma 0.773    0.741    0.807     4813     2549  1.00
1        500        mu 1.988    1.975    2.002     9388     2736  1.00
1        500     omega 0.991    0.93     1.051      264      665  1.00
1        500     sigma 0.75     0.741    0.761     7152     2465  1.00
10         5        mu 0.149    0.018    0.288     1905     1915  1.00
10         5     omega 8.656    3.897   13.736      594      879  1.01
10         5     sigma 0.705    0.615    0.802     1541     1921  1.00
10        50        mu 0.623    0.578    0.672     3588     2597  1.00
10        50     omega 8.89     7.173   10.57       132      127  1.03
10        50     sigma 0.772    0.741    0.804     3405     2963  1.00
10       500        mu 1.922    1.909    1.936      939      997  1.01
10       500     omega 9.888    9.433   10.931        5       12  2.11
10       500     sigma 0.75     0.741    0.761      414      853  1.00
"""
KEYS = ["omega", "groups", "parameter"]
published = pd.read_csv(io.StringIO(PUBLISHED), sep=r"\s+", index_col=KEYS)
published = published[published.index.isin(GROUPS, level="groups")]
called = {"Intercept": "mu", "sd_group[Intercept]": "omega", "sigma": "sigma"}
ours = pd.concat(
    {cell: fit.summary(prob=0.94, kind="hdi").rename(called) for cell, fit in zero_sum.items()}, names=KEYS
)
grid = beside(ours, published.to_dict("index")).rename_axis(index=KEYS)
print(grid.round(2).to_string())

# %%
# Every quantity has its thousands of effective draws. Given the two standard deviations the group effects are
# integrated out exactly, so the sampler never meets them, and groups that are well known make nothing narrow.

sizes = grid["ess_bulk"].xs("omega", level="parameter")
figure = Figure(figsize=(6.5, 4), layout="constrained")
axes = figure.subplots()
for colour, (omega, own) in enumerate(sizes.groupby("omega")):
    for run, line in {"published": "o:", "ours": "o-"}.items():
        axes.loglog(GROUPS, own[run], line, color=f"C{colour}", label=f"omega {omega:g}, {run}")
axes.set_xticks(GROUPS, [str(groups) for groups in GROUPS])
axes.set(xlabel="groups", ylabel="effective draws of omega, of 4,000", ylim=(3, 5000))
figure.legend(loc="outside right center", frameon=False)
caption = "Bulk effective sample size of omega, by the number of groups and by the true omega."
picture = show(sl.plots.Picture(figure, sizes, caption), "ess_of_omega")

# %%
# The estimates agree but for those of omega that had few draws. With 500 groups and an R-hat of 2.11 the
# published 9.89 is where the chains happened to stand. With five groups and a true omega of 1 the published
# mean, 1.11, has 660 draws of a long tail behind it; a one-dimensional integral gives 1.24.
#
# Which mean?
# -----------
# Effects that sum to zero make the Intercept the mean *of these groups*. The truth about that is known here,
# and the intervals hold it; the mean of the population that the groups come from is another quantity, and of
# it each data set has only as many observations as there are groups. ``finite_population`` gives both, once
# the effects are free to have a mean of their own.

population = fitted("group", priors)
truth = {cell: 2 + np.mean(table.attrs["truth"]["r_group"]) for cell, table in tables.items()}
both = {cell: fit.finite_population().loc["Intercept"] for cell, fit in population.items()}
means = pd.concat(both, names=KEYS[:2])
means.insert(0, "truth", [2.0 if over == "population" else truth[o, g] for o, g, over in means.index])
print(means.round(2).to_string())

# %%
# The interval of *these levels* is that of the zero-sum model, and it holds their mean in all nine. The
# population's is wider by far.
#
# A prior that speaks up
# ----------------------
# At ``omega = 10`` the population's mean is drawn to zero, with five groups all the way. The data are not to
# blame:

few = population[10.0, 5]
print(few.diagnose())

# %%
# ``Normal(0, 1)`` was harmless as long as the zero-sum Intercept was known to two digits. As a statement
# about a population whose members differ by ten it outweighs five of them. With the prior that is proposed
# the standard deviation comes to about ``omega / sqrt(groups)``, as the question's author suspected.

wide = fitted("group", priors | {"Intercept": Normal(0, 20)})
columns = ["mean", "sd", "hdi94_lb", "hdi94_ub"]
rows = {
    cell: fit.summary(["Intercept"], prob=0.94, kind="hdi").iloc[0][columns] for cell, fit in wide.items()
}
table = pd.DataFrame(rows).T.rename_axis(KEYS[:2])
table["omega / sqrt(groups)"] = [omega / groups**0.5 for omega, groups in table.index]
print(table.astype(float).round(2).to_string())
picture = show(wide[10.0, 5].plot.prior_posterior(), "prior_posterior")

# %%
# Is it still a multilevel model if the groups share so little? It is one that has found that out: it moves
# each group by the share below towards the others, from nearly all of the way to none. No threshold has to be
# chosen.

shrunk = {cell: fit.effects("group")["shrinkage"].median() for cell, fit in wide.items()}
print(pd.Series(shrunk).unstack().rename_axis(index="omega", columns="groups").round(3).to_string())
alike = show(wide[0.1, 50].plot.shrinkage(), "shrinkage_omega_0.1")
apart = show(wide[10.0, 50].plot.shrinkage(), "shrinkage_omega_10")
