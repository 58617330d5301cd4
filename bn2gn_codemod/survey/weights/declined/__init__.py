"""Loads that do not run: nobody asks for them, or comes to them."""
