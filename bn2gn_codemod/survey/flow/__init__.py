"""Which objects reach which attribute, and which code is called from where."""
