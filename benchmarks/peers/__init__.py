"""Shoal and other programs, fitting the same models to the same tables with the same priors."""

from __future__ import annotations

from typing import NamedTuple


class Peer(NamedTuple):
    """A program that is measured.

    Attributes
    ----------
    name : str
    module : str
        The file that writes a case in its language. A Python one has ``fit(case, path, draws, seed)``, which
        is measured and ends with a summary, ``divergences(fit)`` and ``quantities(case, table, fit)``.
    packages : tuple of str
        Whose versions are noted.
    lacks : frozenset of str
        What it cannot do, of `peers.case.Case.traits`.
    estimate : bool
        It gives a point estimate, no draws, and keeps no compiled code.
    """

    name: str
    module: str
    packages: tuple[str, ...]
    lacks: frozenset[str] = frozenset()
    estimate: bool = False


SUMS, ERRORS, ORDERED = "zero-sum effects", "known standard errors", "ordered responses"
IN_R = frozenset({SUMS, ERRORS, ORDERED})

PEERS = {
    "shoal": Peer("Shoal", "in_shoal", ("shoal",)),
    "nutpie": Peer("PyMC, nutpie", "in_pymc", ("pymc", "nutpie")),
    "numpyro": Peer("NumPyro", "in_numpyro", ("numpyro", "jax")),
    "bambi": Peer("Bambi", "in_bambi", ("bambi", "pymc"), frozenset({SUMS, ERRORS, "correlated effects"})),
    "lme4": Peer("lme4", "in_r", ("lme4",), IN_R, estimate=True),
    "glmmTMB": Peer("glmmTMB", "in_r", ("glmmTMB",), IN_R, estimate=True),
}
