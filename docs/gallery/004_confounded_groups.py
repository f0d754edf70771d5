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
from matplotlib.figure import Figure

import shoal as sl

# %%
# The lecture's simulation, 200 members of 30 groups, is small: any one draw of it can favour any estimator.
# So there is a larger one beside it, with the same truth, in which the biases stand out from the noise.

small = sl.simulate.confounded_groups()
large = sl.simulate.confounded_groups(groups=100, rows=300 if FAST else 2000)
tables = {"lecture's": small, "larger": large}
truth = {name: small.attrs["truth"][f"y_{name}"] for name in ("x", "z")}
print(pd.DataFrame({name: {"members": len(t), "groups": t["g"].nunique()} for name, t in tables.items()}).T)

# %%
# Groups were not sampled evenly, nor are they alike: x and y rise together from group to group.

of_groups = sl.Model([sl.Response("y ~ (1 | g)", family="bernoulli"), sl.Response("x ~ (1 | g)")], small)
picture = show(of_groups.plot.data("g", response="y"), "004_confounded_y")
picture = show(of_groups.plot.data("g", response="x"), "004_confounded_x")
print(
    "Correlation of the groups' means:", small.groupby("g")[["x", "y"]].mean().corr().loc["x", "y"].round(2)
)

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


def forest(table: pd.DataFrame) -> sl.plots.Picture:
    """Draw the estimates of all models, a panel an effect, against the truth."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    labels = [f"{model} ({data})" for data, model, _ in table.index][::2]
    for axes, effect in zip(panels, ("x", "z"), strict=True):
        rows = table.xs(effect, level="effect")
        at = range(len(rows))
        axes.axvline(truth[effect], color="0.6", linestyle="--")
        axes.hlines(at, rows["eti90_lb"], rows["eti90_ub"], "#0072B2")
        axes.scatter(rows["mean"], at, color="#0072B2", zorder=3)
        axes.set(xlabel=f"effect of {effect}, log odds of y", yticks=at, yticklabels=labels)
    panels[0].invert_yaxis()
    caption = "Posterior means and 90% equal-tailed intervals of the effects of x and z; dashed: the truth."
    return sl.plots.Picture(figure, table.reset_index(), caption)


picture = show(forest(table), "004_confounded_forest")

# %%
# In the larger table the lecture's conclusions stand out. The naive model and, less so, the multilevel one
# give part of u's effect to x. Fixed effects take that away, say nothing of z (its interval is that of the
# prior), and overshoot: small groups without pooling push log odds away from 0 (Neyman and Scott 1948).
# Mundlak's machine has both effects, the latent one too, with the uncertainty of the groups' means in it.

# %%
# What the latent machine found: the loadings of u on y and on x, both 1 in truth, and each group's u.

latent = fits["larger", "latent Mundlak"]
picture = show(
    latent.plot.forest(["y_x", "y_z", "y_loading_u", "x_loading_u", "x_sigma"]), "004_latent_forest"
)
u = latent.tree["posterior"]["latent_u"].mean(("chain", "draw")).values
true_u = pd.Series(large.attrs["truth"]["latent_u"])
print(f"Correlation of the groups' u, posterior means and truth: {true_u.corr(pd.Series(u)):.2f}")
