"""Experiments made of many fits: on pooling, on confounded groups, on coordinates, and the demonstration."""
