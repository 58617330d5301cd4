"""Puts back the NumPy names that later versions removed."""

from __future__ import annotations

import builtins
import warnings

_BUILTIN = ("bool", "int", "float", "complex", "object", "str")
_RENAMED = {
    "long": "int_",
    "unicode": "str_",
    "float_": "float64",
    "complex_": "complex128",
    "bool8": "bool_",
    "int0": "intp",
    "unicode_": "str_",
    "string_": "bytes_",
    "Inf": "inf",
    "Infinity": "inf",
    "infty": "inf",
    "NaN": "nan",
    "product": "prod",
    "cumproduct": "cumprod",
    "alltrue": "all",
    "sometrue": "any",
    "in1d": "isin",
    "trapz": "trapezoid",
    "row_stack": "vstack",
}


def restore() -> None:
    """Give numpy its removed aliases; does nothing without numpy."""
    try:
        import numpy
    except ImportError:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in _BUILTIN:
            if not hasattr(numpy, name):
                setattr(numpy, name, getattr(builtins, name))
        for old, new in _RENAMED.items():
            if not hasattr(numpy, old) and hasattr(numpy, new):
                setattr(numpy, old, getattr(numpy, new))
