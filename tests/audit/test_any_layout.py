"""However a config is laid out, only the dead entry goes and nothing else is lost."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audit.configs import migrated

MODEL = "model = dict(type='Net', backbone=dict(type='ResNet'))\n"
GAPS = st.sampled_from(["", " ", "\n", "\n    ", "  # a comment\n        ", "\n\n\t"])


@st.composite
def custom_keys(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A dict display with the dead entry among others, and the comments of the others."""
    names = draw(st.lists(st.sampled_from(["neck", "head", "text", "norm"]), unique=True))
    position = draw(st.integers(0, len(names)))
    text, comments = "{" + draw(GAPS), []
    names.insert(position, "backbone")
    for index, name in enumerate(names):
        rate = "0.0" if name == "backbone" else "2.0"
        is_last = index == len(names) - 1
        comma = "" if is_last and draw(st.booleans()) else ","
        text += f"'{name}': dict(lr_mult={rate}){comma}"
        if name != "backbone" and draw(st.booleans()):
            comments.append(f"# about {name}")
            text += f"  # about {name}\n"
        else:
            text += draw(GAPS)
    return text + "}", comments


@settings(deadline=None, max_examples=60)
@given(custom_keys())
def test_custom_keys(drawn: tuple[str, list[str]]) -> None:
    text, comments = drawn
    source = f"{MODEL}optim_wrapper = dict(paramwise_cfg=dict(custom_keys={text}), other=1)\n"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "configs/c.py"
        file.parent.mkdir()
        file.write_text(source)
        after = migrated(Path(folder))["configs/c.py"]
    before_values, after_values = _run(source), _run(after)
    kept = before_values["optim_wrapper"]["paramwise_cfg"]["custom_keys"]
    del kept["backbone"]
    if not kept:
        del before_values["optim_wrapper"]["paramwise_cfg"]
    assert after_values["optim_wrapper"] == before_values["optim_wrapper"]
    assert after_values["model"]["backbone"]["frozen_stages"] == 4
    assert [comment for comment in comments if comment not in after] == []


def _run(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(text, names)  # the test's own text
    return names
