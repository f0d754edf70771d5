"""
Confounded groups: fixed effects, multilevel models, Mundlak machines
=====================================================================

Groups have a trait u that nobody measured, and it moves both a member's trait x and the outcome y (lecture
12 of Statistical Rethinking 2023, bonus). What does x do to y, and what does z, a trait of the group that
was measured? The lecture rewrites one model five times by hand. Here each is one formula, and the truth is
known: +1 for x, -0.5 for z.
"""

import pandas as pd
from _gallery import DRAWS, FAST, show

import shoal as sl

# %%
# The lecture's simulation, 200 members of 30 groups, is small: any one draw of it can favour any estimator.
# So there is a larger one beside it, with the same truth, in which the biases stand out from the noise.

small = sl.simulate.confounded_groups()
large = sl.simulate.confounded_groups(groups=100, rows=2000)
tables = {"lecture's": small} | ({} if FAST else {"larger": large})
truth = {name: small.attrs["truth"][f"y_{name}"] for name in ("x", "z")}
print(pd.DataFrame({name: {"members": len(t), "groups": t["g"].nunique()} for name, t in tables.items()}).T)

# %%
# Groups were not sampled evenly, nor are they alike: x and y rise together from group to group.

of_groups = sl.Model([sl.Response("y ~ (1 | g)", family="bernoulli"), sl.Response("x ~ (1 | g)")], small)
picture = show(of_groups.plot.data("g", response="y"), "004_confounded_y")
picture = show(of_groups.plot.data("g", response="x"), "004_confounded_x")
of_x, of_y = (small.groupby("g")[name].mean() for name in ("x", "y"))
print(f"Correlation of the groups' means of x and y: {of_x.corr(of_y):.2f}")

# %%
# Five models
# -----------
# The lecture's priors. The fixed effects are those of Normal(0, 10) for each group, without pooling.
# Mundlak's machine adds the groups' mean of x, a child of u. The latent one models x as well, and lets both
# share u. A latent's sign is that of its first loading: x comes first, which says most of u.

slopes = {"b": sl.priors.Normal(0, 1)}
between = {"Intercept": sl.priors.Normal(0, 1), "sd": sl.priors.Exponential(1)}
shared = {
    "y_Intercept": sl.priors.Normal(0, 1),
    "x_Intercept": sl.priors.Normal(0, 1),
    "sd": sl.priors.Exponential(1),
    "x_sigma": sl.priors.Exponential(1),
}


def models(table: pd.DataFrame) -> dict[str, sl.Model]:
    """Return the lecture's five models of a table."""
    levels = sl.Model("y ~ x + z + (1 | g)", table, family="bernoulli", priors=slopes | between)
    trait = sl.Response("x ~ latent(u | g)")
    outcome = sl.Response("y ~ x + z + (1 | g) + latent(u | g)", family="bernoulli")
    return {
        "naive": sl.Model("y ~ x + z", table, "bernoulli", slopes | {"Intercept": sl.priors.Normal(0, 10)}),
        "fixed effects": levels.with_pooling("none", sd=10),
        "multilevel": levels,
        "Mundlak": sl.Model("y ~ x + z + group_mean(x, g) + (1 | g)", table, "bernoulli", slopes | between),
        "latent Mundlak": sl.Model([trait, outcome], table, priors=slopes | shared),
    }


print(models(small)["latent Mundlak"])
fits = {
    (size, name): model.fit(draws=DRAWS, seed=1, progress=False)
    for size, table in tables.items()
    for name, model in models(table).items()
}
print("All can be trusted:", all(fit.diagnose().trustworthy for fit in fits.values()))

# %%
# What each says of x and z. In a model of several responses names begin with the response.


def estimates(fit: sl.Fit) -> pd.DataFrame:
    """Return the effects of x and z with 90% intervals, and whether these hold the truth."""
    rows = fit.summary(prob=0.9).rename(index={"y_x": "x", "y_z": "z"}).loc[["x", "z"]]
    true = pd.Series(truth)
    rows["holds_truth"] = (rows["eti90_lb"] <= true) & (true <= rows["eti90_ub"])
    return rows[["mean", "sd", "eti90_lb", "eti90_ub", "holds_truth"]]


table = pd.concat({key: estimates(fit) for key, fit in fits.items()}, names=["data", "model", "effect"])
print(table.round(2).to_string())

picture = show(
    sl.plots.forest(fits, {"x": ["x", "y_x"], "z": ["z", "y_z"]}, truth=truth), "004_confounded_forest"
)

# %%
# In the larger table the lecture's conclusions stand out. The naive model and, hardly less, the multilevel
# one give part of u's effect to x. Fixed effects take it away where groups are large; the lecture's groups
# have seven members, and there they push all log odds away from 0 (Neyman and Scott 1948). Of z they say
# nothing: its interval is nearly its prior's. Mundlak's machine has both effects, and so has the latent
# one. Its z is 1.8 posterior sds from the truth in this table, as happens in one table of fifteen; over
# eight other seeds the mean of such estimates is -0.50.

# %%
# What the latent machine found: the loadings of u on y and on x, both 1 in truth, and each group's u.

name, table = list(tables.items())[-1]
latent = fits[name, "latent Mundlak"]
picture = show(
    latent.plot.forest(["y_x", "y_z", "y_loading_u", "x_loading_u", "x_sigma"]), "004_latent_forest"
)
found = latent.tree["posterior"]["latent_u"].mean(("chain", "draw")).to_series()
true = pd.Series(table.attrs["truth"]["latent_u"])
print(f"Correlation of the groups' u, posterior means and truth: {found.corr(true):.2f}")
