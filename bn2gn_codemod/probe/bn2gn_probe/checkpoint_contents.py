"""What lies in a checkpoint: tables of tensors, optimizers; and changes to them in place.

A path is the list of keys and indices that leads to a container.
"""

from __future__ import annotations

from typing import Any, Iterator

import torch

_DEEPEST = 8


def describe(content: Any) -> dict[str, Any]:
    """Every dict that holds tensors by name, every optimizer's state, lists of tensors."""
    tables: list[dict[str, Any]] = []
    optimizers: list[dict[str, Any]] = []
    lists: list[dict[str, Any]] = []
    for path, held in _containers(content):
        if _is_optimizer(held):
            optimizers.append({"path": path, **_optimizer(held)})
        elif isinstance(held, dict):
            tensors = [[k, list(v.shape)] for k, v in held.items() if _is_named_tensor(k, v)]
            if tensors:
                tables.append({"path": path, "tensors": tensors})
        elif held and all(isinstance(item, torch.Tensor) for item in held):
            lists.append({"path": path, "shapes": [list(item.shape) for item in held]})
    kind = type(content)
    return {
        "kind": f"{kind.__module__}.{kind.__qualname__}".replace("builtins.", ""),
        "tables": tables,
        "optimizers": optimizers,
        "lists": lists,
    }


def edit(content: Any, edits: dict[str, Any]) -> None:
    """Change ``content`` in place.

    ``drop``: keys of tables; ``reset``: keys of tables, each with the
    value that every element gets; ``forget``: parameters of optimizers; ``remove``: whole entries.
    """
    for path, keys in edits["drop"]:
        table = _at(content, path)
        for key in keys:
            del table[key]
    with torch.no_grad():
        for path, values in edits["reset"]:
            table = _at(content, path)
            for key, value in values:
                table[key].fill_(value)
    for path, numbers in edits["forget"]:
        state = _at(content, path)["state"]
        for number in numbers:
            state.pop(number, None)
    for path in reversed(edits["remove"]):  # the later entries of a list first
        del _at(content, path[:-1])[path[-1]]


def difference(one: Any, other: Any, path: str = "") -> str | None:
    """Where two contents differ, ``None`` if nowhere; objects of other kinds by class only."""
    where = path or "the top"
    if type(one) is not type(other):
        return where
    if isinstance(one, torch.Tensor):
        return None if _same_tensor(one, other) else where
    if isinstance(one, dict):
        if list(one) != list(other):
            return where
        pairs: Any = ((key, one[key], other[key]) for key in one)
    elif isinstance(one, (list, tuple)):
        if len(one) != len(other):
            return where
        pairs = ((number, a, other[number]) for number, a in enumerate(one))
    elif isinstance(one, (str, bytes, int, float, bool, complex)):
        # A NaN differs from itself.
        return None if one == other or (one != one and other != other) else where
    else:
        return None
    for key, a, b in pairs:
        found = difference(a, b, f"{path}.{key}" if path else str(key))
        if found is not None:
            return found
    return None


def _containers(content: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    seen = set()
    pending: list[tuple[tuple[str | int, ...], Any]] = [((), content)]
    for path, held in pending:
        if not isinstance(held, (dict, list, tuple)) or id(held) in seen:
            continue
        seen.add(id(held))
        yield path, held
        if len(path) == _DEEPEST or _is_optimizer(held):
            continue
        inner = held.items() if isinstance(held, dict) else enumerate(held)
        pending.extend(((*path, key), value) for key, value in inner if isinstance(key, (str, int)))


def _is_named_tensor(key: Any, value: Any) -> bool:
    return isinstance(key, str) and isinstance(value, torch.Tensor)


def _is_optimizer(held: Any) -> bool:
    return (
        isinstance(held, dict)
        and isinstance(held.get("state"), dict)
        and isinstance(held.get("param_groups"), (list, tuple))
    )


def _optimizer(held: dict[str, Any]) -> dict[str, Any]:
    """The numbers of its parameters in order, and the shapes of what it keeps of them."""
    groups = [list(group.get("params", [])) for group in held["param_groups"]]
    state = []
    for number, kept in held["state"].items():
        tensors = kept.values() if isinstance(kept, dict) else ()
        shapes = [list(value.shape) for value in tensors if isinstance(value, torch.Tensor)]
        if isinstance(number, int):
            state.append([number, [shape for shape in shapes if shape]])
    return {"groups": groups, "state": state}


def _at(content: Any, path: list[str | int]) -> Any:
    for key in path:
        content = content[key]
    return content


def _same_tensor(one: torch.Tensor, other: torch.Tensor) -> bool:
    if (one.shape, one.dtype, one.layout) != (other.shape, other.dtype, other.layout):
        return False
    if one.requires_grad != other.requires_grad:
        return False
    if one.layout is not torch.strided or one.is_quantized or one.is_meta:
        return True  # written by torch, and rare: compared by what they are
    return bool(torch.equal(_bits(one), _bits(other)))


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    tensor = tensor.detach().resolve_conj().resolve_neg() if tensor.is_complex() else tensor
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8)
