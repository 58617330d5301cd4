"""The initialisation loop over BatchNorm and GroupNorm, with its None guards."""

from __future__ import annotations


def guard_test(module: str, attribute: str) -> str:
    """The test that ``module`` has a ``weight`` or ``bias``: without affine both are ``None``."""
    return f"hasattr({module}, '{attribute}') and {module}.{attribute} is not None"


def branch(nn_name: str, module: str = "m") -> str:
    """``if isinstance(m, (BatchNorm2d, GroupNorm)): ...``, to stand in a loop over modules."""
    return f"""\
if isinstance({module}, ({nn_name}.BatchNorm2d, {nn_name}.GroupNorm)):
    if {guard_test(module, "weight")}:
        {nn_name}.init.constant_({module}.weight, 1)
    if {guard_test(module, "bias")}:
        {nn_name}.init.constant_({module}.bias, 0)
"""


def loop(nn_name: str) -> str:
    """The whole loop, to stand at the end of ``__init__``."""
    inner = branch(nn_name).rstrip("\n").replace("\n", "\n    ")
    return f"for m in self.modules():\n    {inner}\n"
