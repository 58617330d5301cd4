"""The half of bn2gn that runs in the user's interpreter.

Standard library and torch only, Python 3.8 syntax, nothing of the rest of the
package: the folder around this package can be put on ``PYTHONPATH`` as it is.
"""
