"""Find the interleaving that breaks fork()'s memory snapshot, and replay it."""

__version__ = "0.1.0"
