"""How R, Bambi and patsy spell things, and what Shoal makes of it: read, or answered with a line to type.

The tests hold every row against the package, and docs/spellings.md is written from this list.
"""

import numpy as np
import pandas as pd

# What is written, what Shoal reads, and whose spelling it is.
READ = [
    ("y ~ factor(d)", "y ~ C(d)", "R"),
    ("y ~ as.factor(d)", "y ~ C(d)", "R"),
    ("y ~ factor(d, levels=c('b', 'a', 'c'))", "y ~ C(d, levels=['b', 'a', 'c'])", "R"),
    ("y ~ factor(d, c('b', 'a', 'c'))", "y ~ C(d, levels=['b', 'a', 'c'])", "R"),
    ("y ~ ordered(d)", "y ~ C(d, contr.poly)", "R"),
    ("y ~ relevel(factor(d), ref='b')", "y ~ C(d, contr.treatment('b'))", "R"),
    ("y ~ C(d, sum)", "y ~ C(d, contr.sum)", "R"),
    ("y ~ C(d, 'contr.helmert')", "y ~ C(d, contr.helmert)", "R"),
    ("y ~ C(d, Sum)", "y ~ C(d, contr.sum)", "Bambi, patsy"),
    ("y ~ C(d, Treatment)", "y ~ C(d, contr.treatment)", "Bambi, patsy"),
    ("y ~ C(d, Treatment('b'))", "y ~ C(d, contr.treatment('b'))", "Bambi, patsy"),
    ("y ~ C(d, Treatment(reference='b'))", "y ~ C(d, contr.treatment(base='b'))", "Bambi, patsy"),
    ("y ~ C(d, Helmert)", "y ~ C(d, contr.helmert)", "patsy"),
    ("y ~ C(d, Poly)", "y ~ C(d, contr.poly)", "patsy"),
    ("y ~ C(d, Diff)", "y ~ C(d, contr.diff)", "patsy"),
    ("y ~ T(d, 'b')", "y ~ C(d, contr.treatment('b'))", "Bambi"),
    ("y ~ S(d)", "y ~ C(d, contr.sum)", "Bambi"),
    ("y ~ Q('a column')", "y ~ `a column`", "patsy"),
    ("y ~ I(x^2)", "y ~ I(x**2)", "R"),
    ("y ~ (x + I(x^2) | g)", "y ~ (x + I(x**2) | g)", "R"),
    ("y^2 ~ x", "y**2 ~ x", "R"),
    ("y ~ np.log(x) + numpy.sqrt(x)", "y ~ log(x) + sqrt(x)", "patsy"),
    ("y ~ np.square(x) + np.power(x, 3)", "y ~ I(x**2) + I(x**3)", "patsy"),
    ("y ~ z + {x / 10}", "y ~ z + I(x / 10)", "Bambi"),
    ("y ~ log(x, 2)", "y ~ log2(x)", "R"),
    ("y ~ log(x, base=3)", "y ~ I(log(x) / log(3))", "R"),
    ("y ~ scale(x, center=FALSE)", "y ~ scale(x, center=False)", "R"),
    ("y ~ standardize(x)", "y ~ scale(x, ddof=0)", "patsy"),
    ("y ~ poly(x, 2, raw=TRUE)", "y ~ poly(x, 2, raw=True)", "R"),
    ("y ~ poly(x, 2, raw=T)", "y ~ poly(x, 2, raw=True)", "R"),
    ("y ~ bs(x, knots=c(2, 3))", "y ~ bs(x, knots=[2, 3])", "R"),
    ("y ~ x - 1", "y ~ 0 + x", "R"),
    ("y ~ -1 + x + (x - 1 | g)", "y ~ 0 + x + (0 + x | g)", "R"),
    ("y ~ x + (1 | factor(g))", "y ~ x + (1 | g)", "lme4"),
    ("y ~ x + (1 | interaction(g, h))", "y ~ x + (1 | g:h)", "lme4"),
    ("y ~ x + us(1 + x | g)", "y ~ x + (1 + x | g)", "glmmTMB"),
    ("y ~ x + diag(1 + x | g)", "y ~ x + (1 + x || g)", "glmmTMB"),
    ("y | se(s, sigma=TRUE) ~ x", "y | se(s, sigma=True) ~ x", "brms"),
    ("weighted(y, w) ~ x", "y | weights(w) ~ x", "Bambi"),
    ("cbind(k, n - k) ~ x", "k | trials(n) ~ x", "R"),
    ("cbind(k, f) ~ x", "k | trials(k + f) ~ x", "R"),
    ("p(k, n) ~ x", "k | trials(n) ~ x", "Bambi"),
    ("prop(k, n) ~ x", "k | trials(n) ~ x", "Bambi"),
    ("proportion(k, 10) ~ x", "k | trials(10) ~ x", "Bambi"),
]

# What is written, the piece that the message marks, the line that it answers, and whose spelling it is.
ANSWERED = [
    ("y ~ x^2", "x^2", "y ~ I(x ** 2)", "R, brms"),
    ("y ~ x + (x^2 | g)", "x^2", "y ~ x + (I(x ** 2) | g)", "lme4, brms"),
    ("y ~ x*x", "x*x", "y ~ I(x**2)", "patsy"),
    ("y ~ z + 2*x", "2", "y ~ z + I(2 * x)", "Python"),
    ("y ~ z + x/10", "10", "y ~ z + I(x / 10)", "Python"),
    ("y ~ z + -x", "-x", "y ~ z + I(-x)", "Python"),
    ("y ~ x | g", "|", "y ~ x + (x | g)", "nlme"),
    ("y ~ x + (1 | g + h)", "g + h", "y ~ x + (1 | g) + (1 | h)", "lme4"),
    ("y ~ x + (1 | g*h)", "g*h", "y ~ x + (1 | g) + (1 | h) + (1 | g:h)", "lme4"),
    ("y ~ x + (1 | .row)", ".row", "y ~ x + (1 | row_id)", "R"),
    ("y ~ a.column", "a.column", "y ~ `a.column`", "R"),
    ("y ~ x, family=gaussian", ",", "y ~ x", "R"),
    ("y = x + z", "=", "y ~ x + z", "Python"),
    ("y <- x + z", "<-", "y ~ x + z", "R"),
    ("y ~ interaction(g, d)", "interaction(g, d)", "y ~ g*d", "R"),
    ("y ~ as.numeric(x)", "as.numeric(x)", "y ~ x", "R"),
    ("won['yes'] ~ x", "['yes']", "won ~ x", "Bambi"),
    ("binary(won, 'yes') ~ x", "binary(won, 'yes')", "won ~ x", "Bambi"),
    ("y ~ 'x'", "'x'", "y ~ x", "Python"),
    ("y | weights('w') ~ x", "'w'", "y | weights(w) ~ x", "Python"),
    ("y ~ s(x, z)", "s(x, z)", "y ~ t2(x, z)", "mgcv, brms"),
    ("y ~ te(x, z) + d", "te(x, z)", "y ~ t2(x, z) + d", "mgcv"),
    ("y ~ x + s(g, bs='re')", "s(g, bs='re')", "y ~ x + (1 | g)", "mgcv"),
    ("y ~ gp(x, z)", "gp(x, z)", "y ~ t2(x, z)", "brms"),
    ("y ~ hsgp(x, m=10, c=2)", "hsgp(x, m=10, c=2)", "y ~ gp(x, k=10, c=2)", "Bambi"),
    ("y ~ ns(x, df=4)", "ns(x, df=4)", "y ~ cr(x, df=4, constraints='center')", "R"),
    ("k | n ~ x", "n", "k | trials(n) ~ x", "brms"),
]

# What is written of a binomial response, and the line that answers it.
PROPORTIONS = [
    ("k/n ~ x + (1 | g)", "k | trials(n) ~ x + (1 | g)", "R, Bambi"),
    ("I(k / n) ~ x", "k | trials(n) ~ x", "R"),
    ("k/n | weights(n) ~ x", "k | trials(n) ~ x", "R"),
    ("k/n | weights(w) ~ x", "k | trials(n) + weights(w) ~ x", "R"),
    ("k/(k + f) ~ x", "k | trials(k + f) ~ x", "R"),
    ("share | weights(n) ~ x", "successes | trials(n) ~ x", "R"),
    ("k ~ x", "k | trials(n) ~ x", "Bambi"),
]


def table():
    """Return 90 rows with the columns that the spellings name."""
    rng = np.random.default_rng(7)
    size = 90
    n = rng.integers(5, 10, size)
    k = rng.binomial(n, 0.4)
    return pd.DataFrame(
        {
            "y": rng.normal(size=size),
            "x": rng.uniform(1, 4, size),
            "z": rng.normal(size=size),
            "d": np.array(["a", "b", "c"])[rng.integers(0, 3, size)],
            "q": rng.integers(1, 5, size),
            "g": np.arange(size) % 10,
            "h": np.arange(size) // 10 % 4,
            "k": k,
            "n": n,
            "f": n - k,
            "share": k / n,
            "won": np.array(["no", "yes"])[k % 2],
            "s": rng.uniform(0.1, 0.2, size),
            "w": rng.integers(1, 3, size),
            "a column": rng.normal(size=size),
            "a.column": rng.normal(size=size),
        }
    )
