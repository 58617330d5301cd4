"""Norm layers: where they are made, what becomes of each, and who looks at them."""
