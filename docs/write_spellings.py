"""Write spellings.md from the list that the tests hold against the package: run it after a change there."""

import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "tests"))

from field.spellings import ANSWERED, PROPORTIONS, READ  # noqa: E402

HEAD = """# Spellings

Formulas of R, lme4, brms, glmmTMB, mgcv, nlme, patsy and Bambi mean much the same in other words. This page
is written from the list that the tests hold against the package.

## Read as they are

The fit is the same under either spelling. Names of coefficients are made from Shoal's.
"""
ANSWERS = """
## Answered with a line

What means something else in a formula, or is not there, is refused. The message marks the place and gives
this line, in the names of your own columns; it can be copied.
"""
BINOMIAL = """
## Responses of a binomial

`k/n` is a response like any other, a ratio; with `family="binomial"` the message gives this line.
"""
NOTES = """
## Besides

* `y ~ .` is answered with the names of all other columns, joined by `+`: which of them are predictors, and
  which grouping factors, is a choice.
* `family="binomial"` without trials is `"bernoulli"` where every response is 0 or 1 (or False and True).
* A response of two words, such as Yes and No, is answered with the line that makes it 0 and 1.
* `.row` is a column that numbers the rows: `data['row_id'] = range(len(data))`.
* `successes` of shares is made first: `data['successes'] = (data['share'] * data['n']).round()`.
* Weights are a part of the formula, `y | weights(w) ~ x`, and no argument of `Model`.
* `(f || g)` with a category f has a standard deviation for each column of f and no correlations, as in brms;
  lme4 keeps the correlations of f.
* `center=FALSE` divides by the root of the mean square, as in R.
* Text that holds numbers or dates is no category: the message has the line that converts it, and `C(x)` says
  that it is one.
* `cs(x)` has category-specific effects, as in brms; a cubic spline has more arguments: `cs(x, df=5)`.
"""


def page():
    """Return the text of spellings.md."""
    read = table(("written", "read as", "from"), [(code(a), code(b), c) for a, b, c in READ])
    answered = table(("written", "answered with", "from"), [(code(a), code(b), c) for a, _, b, c in ANSWERED])
    binomial = table(("written", "answered with", "from"), [(code(a), code(b), c) for a, b, c in PROPORTIONS])
    return "\n".join([HEAD, *read, ANSWERS, *answered, BINOMIAL, *binomial, NOTES])


def table(head, rows):
    return [line(head), line(["---"] * len(head)), *map(line, rows)]


def line(cells):
    return f"| {' | '.join(cells)} |"


def code(formula):
    """Return a formula as code in a table, where a bar would end the cell."""
    fence = "``" if "`" in formula else "`"
    space = " " if "`" in formula else ""
    return f"{fence}{space}{formula}{space}{fence}".replace("|", "\\|")


if __name__ == "__main__":
    (DOCS / "spellings.md").write_text(page(), encoding="utf-8")
