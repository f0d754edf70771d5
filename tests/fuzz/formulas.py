"""Formulas by their grammar, most of them with a meaning, and formulas broken in one or two places."""

from hypothesis import strategies as st

NUMBERS = ["x", "z", "k", "s", "p", "`a b`"]
CATEGORIES = ["f", "o", "h"]
FACTORS = ["g", "h", "f", "alias", "id"]
SIGNS = list("~|+-*/:^(),=[]{}`'\"\\.<>!@#$%&;?_0123456789 \n\t\0é∞–“×\u200b\ud800") + [
    "||",
    "**",
    "->",
    "<-",
]
PIECES = """y x g nosuch __class__ x.real I( log( s( gr( mm( C( mo( car( ar( trials( cens( (1|g) 1e999 -1 True
None 'a' lambda by= k= df= cov=K latent(u|g) offset( mi(x) : ~ ==""".split()
OPTIONS = {
    "scale": ["center=False", "scale=False", "ddof=0"],
    "center": [],
    "poly": ["2", "degree=2", "degree=3, raw=True", "9"],
    "bs": ["df=4", "df=5, degree=2", "knots=[0]", "degree=0"],
    "cr": ["df=4", "constraints='center'", "df=0"],
    "cs": ["df=4", "knots=[0, 1]"],
    "C": ["contr.sum", "contr.treatment('b')", "contr.poly", "contr.helmert", "levels=['low', 'high']"],
    "s": ["k=4", "by=f", "by=z", "bs='cr'", "k=99"],
    "gp": ["k=5", "c=1.5", "cov='matern15'", "by=f"],
    "mo": [],
    "gr": ["dist='student'", "zero_sum=True", "by=f", "cov=K"],
}


def joined(sign, parts, most=3):
    return st.lists(parts, min_size=1, max_size=most).map(sign.join)


def called(name, argument):
    """Return calls of a function, with an option of its own, one of another, or none."""
    own = st.sampled_from(OPTIONS[name]) if OPTIONS[name] else st.nothing()
    strange = st.sampled_from([option for options in OPTIONS.values() for option in options])
    option = st.one_of(st.just(""), st.just(""), own, own, strange)
    return st.tuples(argument, option).map(lambda drawn: f"{name}({', '.join(filter(None, drawn))})")


numbers, categories = st.sampled_from(NUMBERS), st.sampled_from(CATEGORIES)
SUMS = [" + 1", " * 2", " / 3", "**2", " - z", " * x", " / 0", " * 1e99"]
arithmetic = st.recursive(
    numbers,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(SUMS)).map("".join),
        st.tuples(st.sampled_from(["log", "exp", "sqrt", "abs", "tanh", ""]), inner).map(
            "{0[0]}({0[1]})".format
        ),
    ),
    max_leaves=3,
)
columns = st.one_of(
    numbers,
    numbers,
    categories,
    arithmetic.map("I({})".format),
    *(called(name, st.one_of(numbers, arithmetic)) for name in ("scale", "center", "poly", "bs", "cr", "cs")),
    called("C", st.sampled_from([*CATEGORIES, "g"])),
    st.sampled_from(["group_mean(x, g)", "log(n)", "exp(x)", "C(g, contr.sum)"]),
)
terms = st.one_of(columns, columns, joined(":", columns), joined("*", columns, 2), joined("/", columns, 2))
curves = st.one_of(
    called("s", numbers),
    called("gp", numbers),
    called("mo", categories),
    st.sampled_from(["t2(x, z)", "t2(x, z, k=[4, 5])", "s(x, z)"]),
)
grouping = st.one_of(
    st.sampled_from(FACTORS),
    joined(":", st.sampled_from(FACTORS)),
    joined("/", st.sampled_from(FACTORS)),
    called("gr", st.sampled_from(FACTORS)),
    st.sampled_from(["mm(g, f)", "mm(g, alias, weights=[k, s])"]),
)
effects = st.one_of(
    st.sampled_from(["1", "1", "1 + x", "0 + x", "x + z", "0 + f", "0"]), joined(" + ", terms, 2)
)
groups = st.tuples(effects, st.sampled_from([" | ", " | ", " || ", " | p | "]), grouping)
others = st.sampled_from(
    """offset(x) offset(log(n)) ar(t,gr=g) cosy(gr=g) unstr(t,gr=g) car(W,gr=g) sar(W,gr=g) mi(x) latent(u|g)
    0 1 -1 ar(id) car(W,gr=g,type='bym2')""".split()
)
parts = st.one_of(terms, terms, groups.map("({0[0]}{0[1]}{0[2]})".format), curves, others)
additions = st.sampled_from(
    ["", " | se(s)", " | weights(k)", " | cens(b)", " | trunc(lb=-9)", " | trunc(lb=x)", " | trials(n)"]
    + [" | rate(n)", " | subset(b)", " | thres(gr=f)", " | mi()", " | se(s) + weights(n)", " | vint(n)"]
)
left = st.one_of(
    *[st.just("y")] * 4,
    st.tuples(st.sampled_from(["y", "k", "b", "p", "o"]), additions).map("".join),
    st.sampled_from(["f", "cbind(k, n)", "cbind(k, n, b)", "y + z", "log(p)", "1"]),
    arithmetic,
)
formulas = st.tuples(left, joined(" + ", parts, 4)).map(" ~ ".join)


@st.composite
def broken(draw):
    """A formula with up to three places cut, doubled, or filled with what does not belong there."""
    text = draw(formulas)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 4)))
        doubled = st.just(text[start:end] * 2)
        new = draw(st.one_of(st.just(""), doubled, st.sampled_from(SIGNS), st.sampled_from(PIECES)))
        text = text[:start] + new + text[end:]
    return text
