"""Objects that stand in for what a missing module would have offered.

They can be called, subclassed, used as decorators and context managers, and do
nothing. They are no modules, tensors or numbers: a model that needs one to
compute fails instead of giving a wrong answer.
"""

from __future__ import annotations

from typing import Any, Iterator


class _InertMeta(type):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return make(f"{cls.__name__}.{name}")

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if "_stands_in" not in vars(cls):  # the repository's own subclass
            return super().__call__(*args, **kwargs)
        if len(args) == 1 and not kwargs and _is_decorated(args[0]):
            return args[0]
        return super().__call__()

    def __iter__(cls) -> Iterator[Any]:
        return iter(())


class Inert(metaclass=_InertMeta):
    """The base of every stand-in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and _is_decorated(args[0]):
            return args[0]
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: Any) -> Any:
        return self

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exception: Any) -> None:
        pass


def make(name: str) -> type:
    """A stand-in class of this name."""
    return _InertMeta(name, (Inert,), {"_stands_in": True, "__module__": __name__})


def _is_decorated(value: Any) -> bool:
    return isinstance(value, type) or type(value).__name__ in ("function", "method")
