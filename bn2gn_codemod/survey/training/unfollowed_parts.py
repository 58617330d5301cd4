"""Parts of models that were not followed, so that no pattern of names may speak for them."""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.syntax.nodes import call_name, mangled, walk
from bn2gn_codemod.survey.training.models import Names
from bn2gn_codemod.survey.values import Class

# What is said of a model, and is none.
_FIGURE = re.compile(r"_(?:type|name|cfg|config|path|dir|file|kind|size|dim|channels|url|id)s?$")


class UnfollowedParts:
    """Looks for them in the code of a class; each answer says what to do, ``""``: none."""

    def __init__(self, roles: RoleMap) -> None:
        self._roles = roles

    def unfollowed(self, cls: Class, known: set[str]) -> str:
        """A backbone by its name that is called, and of which nothing else is known."""
        held = {slot[1] for slot in self._roles.family_slots(cls)} | known
        for owner in cls.ancestors():
            for node in walk(owner.node):
                match node:
                    case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)) if (
                        families.is_backbone_attribute(name)
                        and name not in held
                        and not self._is_method(cls, name)
                    ):
                        where = f"{owner.name}.{name}, called in {owner.path}:{node.lineno},"
                        return f"what is in {where} was not followed: freeze it by hand"
        return ""

    def unfilled(self, cls: Class) -> str:
        """A part that a model is given when it is made, and that is not followed into it.

        It may be the very backbone, below a name that the pattern lacks.
        """
        if not cls.is_module:
            return ""
        held = {slot[1] for slot in self._roles.family_slots(cls)}
        for owner in cls.ancestors():
            init = owner.methods.get("__init__")
            if init is None:
                continue
            for node in walk(init.node):
                match node:
                    case ast.Assign(
                        targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)],
                        value=ast.Name(id=given),
                    ) if given in init.parameters and name not in held and _is_network(name):
                        where = f"{owner.name}.{name}, set in {owner.path}:{node.lineno},"
                        return f"what is in {where} was not followed: freeze it by hand"
        return ""

    def keyed(self, cls: Class, names: Names) -> str:
        """Modules by key, with the backbone in them, where no pattern knows the keys."""
        heads = {path.split(".")[0] for path in names.backbone if "." in path}
        around = {f"self.{head}" for head in heads.union(names.wrappers)}
        for owner in cls.ancestors():
            for node in walk(owner.node):
                if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
                    continue
                source = ast.unparse(node.targets[0])
                known = f"self.{mangled(owner.name, source.removeprefix('self.'))}"
                if self._roles.is_parted((owner, source.removeprefix("self."))):
                    continue  # its keys are known
                if known in around and call_name(node.value) == "ModuleDict":
                    where = f"{owner.path}:{node.lineno}"
                    return f"the keys of {source} ({where}) are not known: freeze it by hand"
        return ""

    def _is_method(self, cls: Class, name: str) -> bool:
        """Whether the name is that of a method, or of an attribute that is set to one."""
        methods = {method for owner in cls.ancestors() for method in owner.methods}
        return name in methods or any(
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Attribute)
            and node.value.attr in methods
            and any(ast.unparse(target) == f"self.{name}" for target in node.targets)
            for owner in cls.ancestors()
            for node in walk(owner.node)
        )


def _is_network(name: str) -> bool:
    """Whether an attribute of that name may hold a backbone, or a model around one."""
    return not _FIGURE.search(name) and (
        families.is_backbone_attribute(name)
        or families.may_be_backbone_attribute(name)
        or families.may_hold_whole_model(name)
    )
