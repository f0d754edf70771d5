"""What does a logit model with 300 x 24 crossed levels and 7,500 rows cost?

Usage: python benchmarks/crossed_logit.py [draws]

One row, with the columns of `crossed.py`; 4 x 1,000 draws by default.
"""

import sys

from _process import Table, fresh
from crossed import COLUMNS

SIMULATED = {
    "sizes": {"person": 300, "item": 24},
    "rows": 7_500,
    "sd": {"person": 1.0, "item": 0.7},
    "intercept": 0.3,
    "slope": 0.5,
    "family": "bernoulli",
}


def main(draws: int = 1000) -> None:
    measured = fresh("crossed", "work", draws=draws, **SIMULATED)
    Table(*COLUMNS).row(*(measured[c] for c in COLUMNS))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
