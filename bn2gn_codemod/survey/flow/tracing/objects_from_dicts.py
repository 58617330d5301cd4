"""mmcv's ``obj_from_dict(cfg, module)``: ``getattr(module, cfg.pop("type"))(**cfg)``."""

from __future__ import annotations

from bn2gn_codemod.survey.flow.tracing.arguments import Call, argument_for
from bn2gn_codemod.survey.flow.tracing.made_objects import weak_instance
from bn2gn_codemod.survey.values import ClassValue, Value


def make_of_dict(call: Call) -> None:
    """An object of any class in the module, as of a registry: which one it is, a config says."""
    flow = call.flow
    parent = argument_for(call, "parent", 1)
    if parent is None:
        return
    named = flow.node()
    flow.attribute_reads.add(parent, "*", named, from_pattern=True)

    def on_named(held: Value) -> None:
        if isinstance(held, ClassValue):
            flow.add(call.result, weak_instance(flow, held.class_))

    flow.calls.append((named, call.result, []))
    flow.hand_on(named, call.result)
    flow.watch(named, on_named)
