"""The commands: one module each, with a click command named ``command``.

``bn2gn --help`` imports every one of them, so at their top they import nothing
but click and what is as light.
"""
