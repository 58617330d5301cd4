"""Parts that stand beside a whole network in one container: ``nn.Sequential(resnet, Fuse())``.

What the container is held by is a backbone for the network in it, or for nothing but its
name. Neither says that weights are loaded into the other parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from bn2gn_codemod.survey.because import Because, Role, Slot, shown
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.library_models import is_built_backbone, library_model
from bn2gn_codemod.survey.values import Class, Instance, NormLayer, Value
from bn2gn_codemod.survey.weights.loaded_containers import LoadedContainers


class _NetworkOf(Protocol):
    def __call__(self, value: Instance | NormLayer, slot: Slot) -> Class | None: ...


class BesideNetworks:
    """Tells networks and what was put beside them in one attribute apart.

    ``load_of`` gives the pretrained weights that are loaded into a class, if any are;
    ``network_of`` the loaded network that a part was taken out of.
    """

    def __init__(
        self,
        contents: Contents,
        load_of: Callable[[Class], object],
        network_of: _NetworkOf,
    ) -> None:
        self._contents = contents
        self._containers = LoadedContainers(contents.flow)
        self._load_of = load_of
        self._network_of = network_of
        self._slots: dict[Slot, bool] = {}
        self._found: dict[Slot, dict[Value, Because]] = {}

    def add(self, slot: Slot, *, is_only_named: bool) -> None:
        """The attribute is a backbone for what it holds, or for its name alone."""
        self._slots[slot] = is_only_named

    def beside(self, slot: Slot, value: Instance | NormLayer) -> Because | None:
        """What speaks against a value's being the network in the attribute, or a part of it."""
        if slot not in self._slots:
            return None
        if slot not in self._found:
            self._found[slot] = self._judge(slot)
        return self._found[slot].get(value)

    def _judge(self, slot: Slot) -> dict[Value, Because]:
        found: dict[Value, Because] = {}
        for container in self._contents.of_slot[slot]:
            places = self._containers.places(container)
            networks = [self._network_in(place, slot) for place in places]
            network = next(filter(None, networks), None)
            if network is None:
                continue
            for place, own in zip(places, networks, strict=True):
                for value in place if own is None else ():
                    if self._is_other(slot, value):
                        name = value.class_.name if isinstance(value, Instance) else "the layer"
                        words = f"{name} stands beside {network} in {shown(slot)}"
                        words = f"{words}, and nothing is seen to load weights into it"
                        found[value] = Because(Role.UNDECIDED, words)
        return found

    def _network_in(self, place: Iterable[Value], slot: Slot) -> str | None:
        """In words, the network or the part of one that may be an element of a container."""
        for value in place:
            library = library_model(value)
            if library is not None:
                return library
            if is_built_backbone(value):
                return f"what {value.name} makes"
            if isinstance(value, Instance) and not value.weak and self._is_network(value, slot):
                return value.class_.name
            if isinstance(value, (Instance, NormLayer)):
                network = self._network_of(value, slot)
                if network is not None:
                    return f"parts of {network.name}"
        return None

    def _is_network(self, value: Instance, slot: Slot) -> bool:
        if self._load_of(value.class_) is not None:
            return True
        return self._slots[slot] and families.is_network_class(value.class_)

    def _is_other(self, slot: Slot, value: Value) -> bool:
        """Whether the value is a layer, or holds some, for which nothing speaks by itself."""
        if isinstance(value, NormLayer):
            return True
        if not isinstance(value, Instance) or value.weak:
            return False
        # Where nothing is loaded, a block may be the network's as well as anything else's.
        is_block = self._slots[slot] and families.is_named_after_network(value.class_)
        return not is_block
