"""
Coming from brms, Bambi, lme4 or PyMC
=====================================

Four models that everyone writes, in four other languages and in Shoal. The formulas are nearly the same;
what differs is what is asked of you afterwards. Shoal has no parameterisation to choose and no number to
raise when it diverges, and its names say which group and which effect they are of.
"""

import pandas as pd
from _gallery import DRAWS, show

import shoal as sl

# %%
# 1. Slopes and intercepts that vary together
# -------------------------------------------
# Radon in houses of 85 counties: the county's level and its difference between floors.
#
# .. code-block:: r
#
#     # lme4: point estimates, no priors
#     lmer(log_radon ~ floor + log_uppm + (1 + floor | county), radon)
#     # brms
#     brm(log_radon ~ floor + log_uppm + (1 + floor | county), radon,
#         prior = prior(normal(0, 1), class = b) + prior(exponential(1), class = sd))
#
# .. code-block:: python
#
#     # Bambi: its group terms are independent, whatever the bar says: no correlation is estimated
#     bmb.Model("log_radon ~ floor + log_uppm + (1 + floor | county)", radon)
#
#     # PyMC
#     with pm.Model(coords={"county": counties, "effect": ["Intercept", "floor"]}):
#         b = pm.Normal("b", 0, 1, shape=3)
#         chol, _, sd = pm.LKJCholeskyCov("chol", n=2, eta=1, sd_dist=pm.Exponential.dist(1))
#         z = pm.Normal("z", dims=("effect", "county"))
#         r = chol @ z
#         mu = b[0] + b[1] * floor + b[2] * uranium + r[0, county] + r[1, county] * floor
#         pm.Normal("y", mu, pm.Exponential("sigma", 1), observed=y)

radon = sl.load_dataset("radon")
houses = sl.Model(
    "log_radon ~ floor + log_uppm + (1 + floor | county)",
    radon,
    priors={"b": sl.priors.Normal(0, 1), "sd": sl.priors.Exponential(1), "sigma": sl.priors.Exponential(1)},
).fit(draws=DRAWS, seed=1)
print(houses.summary().round(2).to_string())

# %%
# 2. Yes or no
# ------------
# Contraceptive use in 60 districts, which differ in level and between town and country.
#
# .. code-block:: r
#
#     glmer(use_contraception ~ urban + (1 + urban || district), women, family = binomial)
#     brm(use_contraception ~ urban + (1 + urban || district), women, family = bernoulli())
#
# .. code-block:: python
#
#     bmb.Model("use_contraception ~ urban + (1 + urban | district)", women, family="bernoulli")
#
#     with pm.Model(coords={"district": districts}):
#         b = pm.Normal("b", 0, 1.5, shape=2)
#         sd = pm.Exponential("sd", 1, shape=2)
#         z = pm.Normal("z", dims=("which", "district"))
#         eta = b[0] + sd[0] * z[0, district] + (b[1] + sd[1] * z[1, district]) * urban
#         pm.Bernoulli("y", logit_p=eta, observed=y)

districts = sl.Model(
    "use_contraception ~ urban + (1 + urban || district)",
    sl.load_dataset("bangladesh"),
    family="bernoulli",
    priors={
        "Intercept": sl.priors.Normal(0, 1.5),
        "b": sl.priors.Normal(0, 1.5),
        "sd": sl.priors.Exponential(1),
    },
).fit(draws=DRAWS, seed=1)
print(districts.summary().round(2).to_string())

# %%
# 3. Counts out of a known number
# -------------------------------
# Tadpoles that survived in 48 tanks.
#
# .. code-block:: r
#
#     glmer(cbind(surv, density - surv) ~ pred + (1 | tank), frogs, family = binomial)
#     brm(surv | trials(density) ~ pred + (1 | tank), frogs, family = binomial())
#
# .. code-block:: python
#
#     bmb.Model("p(surv, density) ~ pred + (1 | tank)", frogs, family="binomial")
#
#     with pm.Model(coords={"tank": tanks}):
#         a, b, sd = pm.Normal("a", 0, 1.5), pm.Normal("b", 0, 0.5), pm.Exponential("sd", 1)
#         r = sd * pm.Normal("z", dims="tank")
#         pm.Binomial("y", n=density, logit_p=a + b * predators + r, observed=surv)

frogs = sl.load_dataset("reedfrogs")
frogs["tank"] = range(1, len(frogs) + 1)
tanks = sl.Model(
    "surv | trials(density) ~ pred + (1 | tank)",
    frogs,
    family="binomial",
    priors={
        "Intercept": sl.priors.Normal(0, 1.5),
        "b": sl.priors.Normal(0, 0.5),
        "sd": sl.priors.Exponential(1),
    },
).fit(draws=DRAWS, seed=1)
print(tanks.summary().round(2).to_string())

# %%
# 4. Two grouping factors that cross
# ----------------------------------
# Chimpanzees that pull a lever, by animal and by day (Silk et al. 2005).
#
# .. code-block:: r
#
#     glmer(pulled_left ~ prosoc_left * condition + (1 | actor) + (1 | block), chimpanzees,
#         family = binomial)
#     brm(pulled_left ~ prosoc_left * condition + (1 | actor) + (1 | block), chimpanzees,
#         family = bernoulli())
#
# .. code-block:: python
#
#     formula = "pulled_left ~ prosoc_left * condition + (1 | actor) + (1 | block)"
#     bmb.Model(formula, chimpanzees, family="bernoulli")
#
#     with pm.Model(coords={"actor": actors, "block": blocks}):
#         b = pm.Normal("b", 0, 1, shape=4)
#         actor_effect = pm.Exponential("sd_actor", 1) * pm.Normal("z_actor", dims="actor")
#         block_effect = pm.Exponential("sd_block", 1) * pm.Normal("z_block", dims="block")
#         eta = X @ b + actor_effect[actor] + block_effect[block]
#         pm.Bernoulli("y", logit_p=eta, observed=y)

animals = sl.Model(
    "pulled_left ~ prosoc_left * condition + (1 | actor) + (1 | block)",
    sl.load_dataset("chimpanzees"),
    family="bernoulli",
    priors={
        "Intercept": sl.priors.Normal(0, 1.5),
        "b": sl.priors.Normal(0, 1),
        "sd": sl.priors.Exponential(1),
    },
).fit(draws=DRAWS, seed=1)
print(animals.summary().round(2).to_string())
print(animals.diagnose())

# %%
# What corresponds to what
# ------------------------
# lme4 has point estimates where the others have draws; "by hand" is arithmetic on those, "-" is not there.

correspondence = """
what; lme4; brms; Bambi; PyMC, ArviZ; Shoal
coefficients; fixef; fixef; az.summary; az.summary; fit.summary()
deviations of levels; ranef; ranef; az.summary; az.summary; fit.tree["posterior"]["r_county"]
coefficients of levels; coef; coef; by hand; by hand; fit.levels("county")
levels alone, pooled; lmList, coef; by hand; by hand; by hand; fit.effects(), fit.plot.shrinkage()
sds, correlations; VarCorr; VarCorr; az.summary; az.summary; fit.summary(["sd_county", "cor_county"])
shares of variance; by hand; by hand; by hand; by hand; fit.variance_partition()
priors; -; prior_summary; print(model); you write them; print(model), model.priors
what priors imply; -; sample_prior; prior_predictive; sample_prior_predictive; model.plot.prior_predictive()
expected responses; predict; posterior_epred; predict; by hand; fit.predict(kind="mean")
new responses; simulate; posterior_predict; predict; sample_posterior_predictive; fit.predict(kind="response")
levels not fitted; allow.new.levels; allow_new_levels; sample_new_groups; by hand; new_levels="population"
contrasts; emmeans; emmeans; bmb.interpret; by hand; fit.contrast({"pred": ["pred", "no"]})
ranks of levels; -; by hand; by hand; by hand; fit.ranks(), fit.plot.caterpillar()
predictive check; -; pp_check; ArviZ; ArviZ; fit.plot.ppc()
can I trust it?; isSingular; warnings; warnings; warnings; fit.diagnose()
divergences; -; adapt_delta; target_accept; rewrite the model; sl.lab.compare_coordinates(model)
draws as a table; -; as_draws_df; az.extract; az.extract; fit.to_frame()
model as code; -; stancode; model.backend.model; it is code; model.to_pymc()
leave-one-out; -; loo; az.loo; az.loo; comes with Shoal's next part
(1 + x | g); correlated; correlated; independent; LKJCholeskyCov; correlated
(1 + x || g); independent; independent; (1 + x | g); by hand; independent
known errors; -; se(s); -; sigma=s; se(s)
several responses; -; mvbind, bf + bf; -; by hand; [sl.Response(...), sl.Response(...)]
"""
names, *rows = ([cell.strip() for cell in line.split(";")] for line in correspondence.strip().splitlines())
print(pd.DataFrame(rows, columns=names).set_index("what").to_string())

# %%
# Some of Shoal's column, on the four fits above.

print(houses.variance_partition().round(2).to_string())
print(pd.DataFrame(houses.effects("county")).head(4).round(2).to_string(index=False))
print(districts.ranks("district", effect="urban", top=(1, 10)).head(3).round(2).to_string())
print(tanks.contrast({"pred": ["pred", "no"]}))
partner = animals.contrast({"prosoc_left": [1, 0], "condition": 1}, at="population")
print(partner.table.round(2).to_string())
picture = show(animals.plot.caterpillar("actor"), "coming_from_actors")
picture = show(houses.plot.ppc(), "coming_from_ppc")
