"""
Eight schools: the funnel
=========================

Eight schools coached their pupils for a test; of each school's effect there is an estimate and its standard
error (Rubin 1981). How much do the schools differ? The data hardly say, so the standard deviation between
schools may be anything from nothing to ten points, and where it is next to nothing all eight effects have to
be next to each other: a funnel, in which samplers get stuck. `A course's notes
<http://am207.info/wiki/gelmanschoolstheory.html>`_ tell the story with 21 divergences to explain.
"""

from _gallery import DRAWS, FILES, beside, show

import shoal as sl
from shoal.priors import HalfCauchy, Normal

schools = sl.load_dataset("eight_schools")
print(schools.to_string(index=False))

# %%
# The standard errors are known, so ``se(se)`` takes the place of a residual standard deviation.

model = sl.Model(
    "y | se(se) ~ 1 + (1 | school)",
    schools,
    priors={"Intercept": Normal(0, 5), "sd_school": HalfCauchy(5)},
)
print(model)

# %%
# As in the notes, two chains of 10,000 draws. Of these they give R-hat and effective sizes, here beside
# ours, and 21 divergences in non-centered coordinates. Ours has none, because nothing is sampled in which
# there could be any: the effects are integrated out, and what is left is one standard deviation, drawn
# independently.

long = model.fit(10 * DRAWS, chains=2, seed=1)
published = {
    "mu": {"r_hat": 1.00005, "ess_bulk": 20000},
    "tau": {"r_hat": 1.00036, "ess_bulk": 12191},
}
ours = long.summary().rename({"Intercept": "mu", "sd_school[Intercept]": "tau"})
print(beside(ours, published).round(5).to_string())
print(long.diagnose())

# %%
# The funnel
# ----------
# The same posterior by NUTS, in three sets of coordinates and with two step sizes: the lab leaves everything
# else as it is.

lab = sl.lab.compare_coordinates(
    model, ["centered", "noncentered", "transport"], draws=DRAWS, target_accept=(0.8, 0.99)
)
print(lab)

# %%
# The notes draw log tau against the effect of the first school. Centered, trajectories break off where the
# funnel gets narrow, and smaller steps get only a little further. Non-centered they reach its neck; the few
# divergences lie anywhere, and the notes call them false positives and advise to check that they go away with
# smaller steps: they do. Transported coordinates, which Shoal uses wherever it cannot integrate, have none at
# either setting, and the runs that can be trusted agree. (Drawn here is a school's deviation from the mean,
# not the mean added to it.)

picture = show(lab.plot(level="A"), "funnels")

# %%
# A file of another program
# -------------------------
# What is wrong with draws can also be told from a file, whoever made them. This one is by PyMC, from the
# centered model. On the command line: ``shoal doctor centered_schools.nc``.

print(sl.diagnose(FILES / "centered_schools.nc"))

# %%
# The schools
# -----------
# Alone, school A gains 28 points and school C loses 3. Pooled, each is moved nine tenths of its way to the
# mean, for schools without any difference would spread nearly as far, with standard errors like these.

fit = model.fit(DRAWS, seed=1)
columns = ["school", "no_pooling", "no_pooling_sd", "mean", "sd", "eti90_lb", "eti90_ub", "shrinkage"]
print(fit.effects()[columns].round(2).to_string(index=False))
picture = show(fit.plot.shrinkage(), "shrinkage")

# %%
# Which school is best? Each of the two that come first is so with a probability of one in five.

print(fit.ranks().drop(columns="n").round(2).to_string(index=False))
picture = show(fit.plot.caterpillar(), "caterpillar")
better = fit.contrast(group="school", levels=("A", "C"))
print(better)
