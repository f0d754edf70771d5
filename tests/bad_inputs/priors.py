"""Priors, and what they are given to."""

CASES = {
    "not-a-prior": [
        'sl.Model("y ~ x", data, priors={"b": 3})',
        'sl.Model("y ~ x", data, priors={"b": sl.priors.Normal})',
        'sl.Model("y ~ x + (1 | g)", data, priors={"sd": sl.priors.Gap(1.0)})',
        'sl.Model("y ~ x", data, priors={"b": sl.priors.Shrunk(0.0, 1.0)})',
        'sl.Model("y ~ x + (1 + x | g)", data, priors={"cor": sl.priors.PartialCorrelation(2.0)})',
        'sl.Model("y ~ x + (1 | g)", data, priors={"sd_g": sl.priors.HalfNormal(1), "sd": "wide"})',
        'sl.Model("y ~ x", data, priors={"b": "student_t(3, 0, 2.5)"})',
    ],
    "unknown-parameter": [
        'sl.Model("y ~ x", data, priors={"c": sl.priors.Normal()})',
        'sl.Model("y ~ x", data, priors={"sd": sl.priors.HalfNormal(1)})',
        'sl.Model("y ~ x + (1 | g)", data, priors={"sd_h": sl.priors.HalfNormal(1)})',
    ],
    "prior-support": [
        'sl.Model("y ~ x", data, priors={"sigma": sl.priors.Normal(0, 1)})',
        'sl.Model("y ~ x", data, priors={"b": sl.priors.LKJ(2)})',
        'sl.Model("y ~ x + (1 + x | g)", data, priors={"cor": sl.priors.Normal(0, 1)})',
    ],
    "priors-not-named": [
        'sl.Model("y ~ x", data, priors=[sl.priors.Normal()])',
        'sl.Model("y ~ x", data, priors={1: sl.priors.Normal()})',
        "model.with_priors([sl.priors.Normal()])",
        'sl.Model("y ~ x", data, priors="b ~ normal(0, 1)")',
    ],
    "prior-twice": [
        'sl.Model("y ~ I(x^2)", data, priors={"I(x^2)": sl.priors.Normal(), "I(x**2)": sl.priors.Normal()})'
    ],
    "fixed-out-of-range": ['sl.Model("y ~ x", data, priors={"sigma": sl.priors.Fixed(0)})'],
    "cannot-be-fixed": ['sl.Model("y ~ x + (1 + x | g)", data, priors={"cor": sl.priors.Fixed(0.5)})'],
    "no-correlation": [
        'sl.Model("y ~ x + (1 | g)", data, priors={"cor": sl.priors.LKJ(2)})',
        'sl.Model([R("y ~ x + (1 | g)"), R("z ~ x")], data, priors={"cor": sl.priors.LKJ(2)})',
        'sl.Model([R("y ~ x + (1 | g)"), R("z ~ x")], data, priors={"y_cor_g": sl.priors.LKJ(2)})',
    ],
    "prior-argument-not-a-number": [
        'sl.priors.Normal("a", 1)',
        "sl.priors.Normal(np.nan, 1)",
        "sl.priors.Normal(True, 1)",
        "sl.priors.Dirichlet([1, 2])",
    ],
    "prior-argument-not-positive": [
        "sl.priors.Normal(0, -1)",
        "sl.priors.Exponential(0)",
        "sl.priors.Gamma(mu=-1, sigma=1)",
    ],
    "prior-argument-too-large": ["sl.priors.Normal(0, 1e300)"],
    "prior-argument-out-of-range": ["sl.priors.R2D2(2)"],
    "prior-arguments": ["sl.priors.Gamma(1)", "sl.priors.Gamma(alpha=1, beta=1, mu=1, sigma=1)"],
}
