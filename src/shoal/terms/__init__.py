"""What a model is made of, as the engine takes it."""
