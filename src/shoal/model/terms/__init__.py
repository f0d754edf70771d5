"""A model is a tuple of terms; each declares what it is once."""
