"""Weights that code copies by hand, out of other models."""
