"""The sparse engine: arrays and functions in, draws out; it never sees a model."""
