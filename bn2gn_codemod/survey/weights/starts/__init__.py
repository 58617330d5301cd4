"""Whole models that start from a file: loads, and the trainings that begin with them."""
