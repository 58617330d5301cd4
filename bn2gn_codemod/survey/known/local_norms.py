"""Classes of the repository that are a BatchNorm themselves, whatever they extend.

A layer counts as one by the running statistics that it keeps, or by its name where it holds
no layer of another class that could be the norm. What wraps a BatchNorm of its own is none:
the layer in it is the one that matters. Nor is what never takes new statistics.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.known.norm_classes import is_norm_class, norm_name
from bn2gn_codemod.survey.syntax.nodes import call_name, walk
from bn2gn_codemod.survey.values import Class

# A loss, by its name or by what its forward is handed; a layer may well be handed labels.
_TARGETS = frozenset({"target", "targets"})
_LOSS = re.compile(r"(?:Loss|Criterion)(?:\d[dD])?$")
_STATISTICS = frozenset({"running_mean", "running_var"})
# Layers that may keep such statistics, and are no BatchNorm to be frozen or replaced.
_OTHER_NORM = re.compile(r"Frozen|Instance|Group|LayerNorm|Switch|AdaIN|Adaptive")
_NAMED = re.compile(r"_?(?:Sync)?(?:BN|BatchNorm)(?:[123]d)?_?(?:No)?(?:Sync)?$")
_MAKES_NORM = re.compile(r"norm|bn", re.IGNORECASE)
_ACTIVATION = re.compile(r"(?:act|activation|activate|act_\w+|activation_\w+|nonlinearity)$")
_NO_ACTIVATION = frozenset({None, False, "", "none", "identity", "linear"})
_ACTIVATES = re.compile(
    r"(?:inplace_abn\w*|_?act(?:ivation|ivate|_\w+)?|(?:leaky_?|p|r|c)?relu6?_?|elu_?|selu_?|celu_?|"
    r"silu|swish|mish|gelu|sigmoid_?|tanh_?|hard\w+|softplus)$",
    re.IGNORECASE,
)


def local_norm(cls: Class) -> str | None:
    """The name of the BatchNorm that a class of the repository is, if it is one."""
    base = torch_base(cls)
    if base is not None:
        return cls.name if is_norm_class(cls.name) else norm_name(base)
    is_one = cls.is_module and (_keeps_statistics(cls) or _is_named_so(cls))
    return cls.name.rsplit(".", 1)[-1] if is_one else None


def torch_base(cls: Class) -> str | None:
    """The BatchNorm of another package that a class extends."""
    bases = (base for ancestor in cls.ancestors() for base in ancestor.external_bases)
    return next((base for base in bases if is_norm_class(base) or _is_common_base(base)), None)


def is_torch_norm(norm: str, cls: Class | None) -> bool:
    """Whether ``isinstance(layer, _BatchNorm)`` sees the layers of a norm class."""
    return "ABN" not in norm if cls is None else torch_base(cls) is not None


def _is_common_base(base: str) -> bool:
    return base.endswith("._BatchNorm")


def _keeps_statistics(cls: Class) -> bool:
    if any(_OTHER_NORM.search(one.name) for one in cls.ancestors()) or _is_loss(cls):
        return False
    if not any(b"running_var" in one.module.source.data for one in cls.ancestors()):
        return False
    kept: set[str] = set()
    for call in _calls(cls.ancestors()):
        match call:
            case ast.Call(
                func=ast.Attribute(attr="register_buffer"), args=[ast.Constant(value=name), *_]
            ):
                if name == "weight":
                    return False  # no parameter: it is never trained
                kept.add(str(name))
            case ast.Call(args=[_, mean, var, *_]) if call_name(call) == "batch_norm":
                kept.update(one.attr for one in (mean, var) if isinstance(one, ast.Attribute))
            case _:
                pass
    return kept >= _STATISTICS


def _is_loss(cls: Class) -> bool:
    """By its name, or for what it cannot do without: a conditional norm may be handed targets."""
    forward = cls.find_method("forward")
    node = forward.node if forward is not None else None
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        needed = node.args.args[: len(node.args.args) - len(node.args.defaults)]
        if any(one.arg in _TARGETS for one in needed):
            return True
    return any(_LOSS.search(one.name) for one in cls.ancestors())


def _is_named_so(cls: Class) -> bool:
    name = cls.name.rsplit(".", 1)[-1]
    if not (is_norm_class(name) or _NAMED.match(name)):
        return False
    bases = [base for one in cls.ancestors() for base in one.external_bases]
    if any(base.rsplit(".", 1)[-1] != "Module" for base in bases):
        return False
    return not any(
        _MAKES_NORM.search(made) and not made.endswith("_")
        for call in _calls(cls.ancestors(), but=("forward",))
        if (made := call_name(call)) is not None
    )


def activation_of(name: str, cls: Class | None, calls: Iterable[ast.Call]) -> str | None:
    """What a layer does after it has normalised, in words; ``calls`` give it its arguments.

    ``cls`` is ``None`` for a class of another package.
    """
    for call in calls:
        for keyword in call.keywords:
            if keyword.arg is not None and _ACTIVATION.match(keyword.arg):
                is_none = _is_none(keyword.value)
                return None if is_none else f"{keyword.arg}={ast.unparse(keyword.value)}"
    if cls is None:
        return "an activation" if "ABN" in name else None
    parameter, default = _activation_parameter(cls)
    if parameter is not None:
        if default is None:
            return f"its {parameter}"
        return None if _is_none(default) else f"{parameter}={ast.unparse(default)}"
    forward = cls.find_method("forward")
    for node in walk(forward.node) if forward is not None else ():
        if isinstance(node, ast.Call):
            called = call_name(node)
            if called is not None and _ACTIVATES.match(called):
                return f"{called}()"
    return None


def _activation_parameter(cls: Class) -> tuple[str | None, ast.expr | None]:
    """The parameter of the constructor that says which activation follows, and its default."""
    init = cls.find_method("__init__")
    if init is None or isinstance(init.node, (ast.Module, ast.Lambda)):
        return None, None
    arguments = init.node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    without = len(plain) - len(arguments.defaults)
    pairs = [*zip(plain, [*[None] * without, *arguments.defaults], strict=True)]
    pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    found = ((one.arg, default) for one, default in pairs if _ACTIVATION.match(one.arg))
    return next(found, (None, None))


def _is_none(value: ast.expr) -> bool:
    if isinstance(value, ast.Constant):
        return value.value in _NO_ACTIVATION
    last = ast.unparse(value).rsplit(".", 1)[-1].removesuffix("()")
    return last.lower() in ("identity", "act_none")


def _calls(classes: Iterable[Class], but: tuple[str, ...] = ()) -> Iterator[ast.Call]:
    for cls in classes:
        for statement in cls.node.body:
            if isinstance(statement, ast.FunctionDef) and statement.name in but:
                continue
            for node in walk(statement):
                if isinstance(node, ast.Call):
                    yield node
