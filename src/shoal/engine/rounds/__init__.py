"""Levels that are independent given all else, integrated where their rows are, many points at a time."""
