"""Backbone or new: the role of each attribute, and the reasons for it."""
