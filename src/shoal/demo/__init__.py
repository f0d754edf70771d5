"""Models that stopped people, fitted again, beside the figures they published: `shoal demo`."""

from shoal.demo.comparison import run

__all__ = ["run"]
