"""Models that stopped people, fitted again, beside the figures they published: `shoal demo`."""

from shoal.studies.demo.comparison import run

__all__ = ["run"]
