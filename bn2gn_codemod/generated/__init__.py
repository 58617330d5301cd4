"""The code that bn2gn writes into a repository, as text, and how to recognise it.

Both sides of the plan need it: a rewrite writes it, and the next survey must
see that it is there. It depends on nothing but the standard library.
"""
