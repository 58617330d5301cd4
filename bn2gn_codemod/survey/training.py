"""Train scripts and train loops: where the backbone must be frozen, and kept so."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterable, Iterator
from typing import Literal

from bn2gn_codemod.generated import freezing
from bn2gn_codemod.plan import (
    FreezeEdit,
    HiddenNorms,
    LoopGuardEdit,
    ModelGuardEdit,
    NewFile,
    Place,
    TrainCall,
    TrainScript,
)
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.survey.backbone_paths import BackbonePaths
from bn2gn_codemod.survey.families import is_backbone_attribute, may_be_backbone_attribute
from bn2gn_codemod.survey.flow import Flow
from bn2gn_codemod.survey.freezing_code import FreezingCode, FreezingFacts
from bn2gn_codemod.survey.syntax import all_arguments, blocks, call_name, flat
from bn2gn_codemod.survey.values import (
    Class,
    External,
    ExternalObject,
    Function,
    FunctionValue,
    Instance,
)

_OPTIMIZER = re.compile(
    r"^(?:torch\.optim\.(?!lr_scheduler|swa_utils)[\w.*]+|"
    r"(?:[\w.]+\.)?(?:Adam\w*|SGD\w*|RMSprop\w*|Lamb|LAMB|Lion|Ranger\w*|AdaBelief|NAdam|RAdam|"
    r"FusedAdam|FusedLAMB|create_optimizer\w*|optim_factory\.\w+))$"
)
# Drivers that build the optimizer themselves from the model that they are given.
_DRIVER = re.compile(r"^(?:transformers\.\w*Trainer|mmengine\.runner\.\w*|mmengine\.Runner)$")
_MODEL_NAME = re.compile(r"(?:^|_)(?:model_?name|arch|architecture|net_?name|model_?type|name)$")
_OVER_PARAMETERS = {"parameters", "named_parameters", "modules", "named_modules", "children"}

State = Literal["frozen", "late", "partly", "nothing", "unfrozen"]


@dataclasses.dataclass(frozen=True)
class TrainingPlan:
    """What there is, and the edits that follow."""

    scripts: tuple[TrainScript, ...] = ()
    calls: tuple[TrainCall, ...] = ()
    hidden_norms: tuple[HiddenNorms, ...] = ()
    freezes: tuple[FreezeEdit, ...] = ()
    loop_guards: tuple[LoopGuardEdit, ...] = ()
    model_guards: tuple[ModelGuardEdit, ...] = ()
    new_files: tuple[NewFile, ...] = ()


@dataclasses.dataclass(frozen=True)
class _Found:
    """An optimizer and the model that it is for."""

    scope: _Scope
    statement: ast.stmt
    model: str  # source
    models: tuple[Class, ...]


class _Scope:
    """A function's own statements, each with the block that it stands in."""

    def __init__(self, function: Function, body: list[ast.stmt]) -> None:
        self.function = function
        self.body = body
        self.position: dict[ast.stmt, tuple[list[ast.stmt], int, ast.stmt | None]] = {}
        self.order: list[ast.stmt] = list(flat(body))
        self._place(body, None)

    def _place(self, block: list[ast.stmt], parent: ast.stmt | None) -> None:
        for index, statement in enumerate(block):
            self.position[statement] = (block, index, parent)
            if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                for inner in blocks(statement):
                    self._place(inner, statement)

    def before(self, statement: ast.stmt) -> Iterator[ast.stmt]:
        """Statements that surely come before, nearest first: earlier ones of each block around."""
        current: ast.stmt | None = statement
        while current is not None:
            block, index, parent = self.position[current]
            yield from reversed(block[:index])
            current = parent

    def after(self, statement: ast.stmt) -> list[ast.stmt]:
        """The statements that follow in the same block."""
        block, index, _ = self.position[statement]
        return block[index + 1 :]


def survey_training(flow: Flow, paths: BackbonePaths, settings: Settings) -> TrainingPlan:
    """Find train scripts and loops, and plan freeze calls and guards."""
    if settings.freeze == "none":
        return TrainingPlan()
    return _Training(flow, paths, settings).plan()


class _Training:
    def __init__(self, flow: Flow, paths: BackbonePaths, settings: Settings) -> None:
        self.flow = flow
        self.paths = paths
        self.settings = settings
        self.code = FreezingCode(flow)
        self.scopes = list(self._all_scopes())

    def _all_scopes(self) -> Iterator[_Scope]:
        for module in self.flow.modules:
            if not re.search(r"optim|\.train\(|Trainer|Runner", module.source.text):
                continue
            yield _Scope(self.flow.top_level[module.path], module.tree.body)
            for function in self.flow.functions:
                node = function.node
                if function.module is module and isinstance(
                    node, (ast.FunctionDef, ast.AsyncFunctionDef)
                ):
                    yield _Scope(function, node.body)

    # -------------------------------------------------------------- models

    def models(self, expr: ast.expr) -> tuple[Class, ...]:
        """Classes with a backbone to freeze that an expression may be an instance of."""
        found = [
            value.class_
            for value in self.flow.value_of(expr)
            if isinstance(value, Instance) and not value.weak and self.paths.below(value.class_)
        ]
        return tuple(dict.fromkeys(found))

    def backbone(self, models: Iterable[Class]) -> tuple[str, ...]:
        """The attribute paths to freeze over all these models."""
        return tuple(dict.fromkeys(path for cls in models for path in self.paths.below(cls)))

    def _model_expressions(self, root: ast.AST) -> Iterator[ast.expr]:
        """``model`` of ``model.backbone.parameters()``: the shortest part that is a model."""
        pending: list[ast.AST] = [root]
        while pending:
            node = pending.pop(0)
            if isinstance(node, (ast.Attribute, ast.Name, ast.Subscript)):
                chain: list[ast.expr] = [node]
                while isinstance(chain[-1], (ast.Attribute, ast.Subscript)):
                    chain.append(chain[-1].value)
                found = next((part for part in reversed(chain) if self.models(part)), None)
                if found is not None:
                    yield found
                    continue
                if not isinstance(chain[-1], ast.Name):
                    pending.append(chain[-1])
                continue
            pending.extend(ast.iter_child_nodes(node))

    # ------------------------------------------------------------- scripts

    def plan(self) -> TrainingPlan:
        found = self._optimizers()
        scripts = [self._script(entry) for entry in found]
        scripts = [
            _with_sibling(script, entry, list(zip(scripts, found, strict=True)))
            for script, entry in zip(scripts, found, strict=True)
        ]
        freezes: list[FreezeEdit] = []
        for index, (script, entry) in enumerate(zip(scripts, found, strict=True)):
            if script.state == "frozen":
                continue
            edit, reason = self._freeze_edit(entry)
            if edit is not None:
                if not any((e.path, e.after) == (edit.path, edit.after) for e in freezes):
                    freezes.append(edit)
                fix = f"{freezing.FREEZE}({edit.model}, ...) after line {edit.after.line}"
                scripts[index] = dataclasses.replace(script, fix=fix)
            else:
                scripts[index] = dataclasses.replace(script, reason=reason)
        trained = {cls for entry in found for cls in entry.models}
        guards = _Guards(self, trained)
        return TrainingPlan(
            scripts=tuple(scripts),
            calls=tuple(guards.calls),
            hidden_norms=tuple(self._hidden_norms(found)),
            freezes=tuple(freezes),
            loop_guards=tuple(guards.loop_edits),
            model_guards=tuple(guards.model_edits),
        )

    def _optimizers(self) -> list[_Found]:
        found: list[_Found] = []
        for scope in self.scopes:
            for statement in scope.order:
                for call in _calls(statement):
                    if self._builds_optimizer(call):
                        found.extend(self._optimizer(scope, statement, call, depth=0))
        unique: dict[tuple[str, ast.stmt], _Found] = {}
        for entry in found:
            unique.setdefault((entry.model, entry.statement), entry)
        return list(unique.values())

    def _builds_optimizer(self, call: ast.Call) -> bool:
        return any(
            (isinstance(value, External) and bool(_OPTIMIZER.match(value.name)))
            or (isinstance(value, External) and bool(_DRIVER.match(value.name)))
            for value in self.flow.value_of(call.func)
        )

    def _optimizer(
        self, scope: _Scope, statement: ast.stmt, call: ast.Call, depth: int
    ) -> Iterator[_Found]:
        arguments: list[ast.AST] = [*call.args, *call.keywords]
        expressions = [e for argument in arguments for e in self._model_expressions(argument)]
        if not expressions:
            expressions = self._parameter_groups(scope, statement)
        by_source = {ast.unparse(expression): expression for expression in expressions}
        for source, expression in by_source.items():
            parameter = _parameter_of(scope.function, source)
            if parameter is not None and not _is_bound_before(scope, statement, source):
                callers = list(self._callers(scope.function)) if depth < 3 else []
                if callers:
                    for outer, outer_statement, outer_call in callers:
                        yield from self._optimizer(outer, outer_statement, outer_call, depth + 1)
                    continue
            yield _Found(scope, statement, source, self.models(expression))

    def _parameter_groups(self, scope: _Scope, statement: ast.stmt) -> list[ast.expr]:
        """The model whose parameters were collected into a variable before."""
        for earlier in scope.order[: scope.order.index(statement)][::-1]:
            for call in _calls(earlier):
                if call_name(call) in _OVER_PARAMETERS and isinstance(call.func, ast.Attribute):
                    found = list(self._model_expressions(call.func.value))
                    if found:
                        return found
        return []

    def _callers(self, function: Function) -> Iterator[tuple[_Scope, ast.stmt, ast.Call]]:
        for scope in self._every_scope():
            for statement in scope.order:
                for call in _calls(statement):
                    if any(
                        isinstance(value, FunctionValue) and value.function is function
                        for value in self.flow.value_of(call.func)
                    ):
                        yield scope, statement, call

    def _every_scope(self) -> list[_Scope]:
        seen = {scope.function for scope in self.scopes}
        extra = [
            _Scope(function, module.tree.body)
            for module in self.flow.modules
            for function in [self.flow.top_level[module.path]]
            if function not in seen
        ]
        extra += [
            _Scope(function, function.node.body)
            for function in self.flow.functions
            if function not in seen
            and isinstance(function.node, (ast.FunctionDef, ast.AsyncFunctionDef))
        ]
        return [*self.scopes, *extra]

    def _script(self, entry: _Found) -> TrainScript:
        return TrainScript(
            optimizer=_place(entry.scope.function, entry.statement),
            model=entry.model,
            backbone=self.backbone(entry.models),
            state=self._state(entry),
        )

    # --------------------------------------------------------------- state

    def _state(self, entry: _Found) -> State:
        if all(self.freezes_itself(cls) for cls in entry.models):
            return "frozen"
        index = entry.scope.order.index(entry.statement)
        before = self._facts_about(entry.scope.order[:index], entry)
        if before.freezes:
            return "frozen" if self._names_backbone(before, entry) else "nothing"
        if entry.model.startswith("self."):
            elsewhere = self._facts_elsewhere(entry)
            if elsewhere.freezes:
                return "frozen" if self._names_backbone(elsewhere, entry) else "nothing"
        after = self._facts_about(entry.scope.order[index + 1 :], entry)
        if after.freezes and self._names_backbone(after, entry):
            return "late"
        both = before.puts_in_eval or before.stops_gradient
        return "partly" if both and before.tests_norm else "unfrozen"

    def _facts_about(self, statements: list[ast.stmt], entry: _Found) -> FreezingFacts:
        """What the statements that go over the model do; not what train loops do."""
        facts = FreezingFacts()
        root = entry.model.split(".")[0]
        for statement in statements:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                continue
            if not _mentions(statement, entry.model if root == "self" else root):
                continue
            if any(call_name(call) in ("train", "backward", "step") for call in _calls(statement)):
                continue
            if isinstance(statement, (ast.If, ast.With, ast.Try)):
                continue  # its statements come one by one
            facts.add(self.code.of_statements([statement]))
        return facts

    def _facts_elsewhere(self, entry: _Found) -> FreezingFacts:
        """What other methods of the class do to ``self.model`` when they make it."""
        facts = FreezingFacts()
        cls = entry.scope.function.class_
        if cls is None:
            return facts
        for ancestor in cls.ancestors():
            for function in ancestor.methods.values():
                node = function.node
                if function is entry.scope.function or isinstance(node, (ast.Module, ast.Lambda)):
                    continue
                statements = list(flat(node.body))
                if any(_binds(statement, entry.model) for statement in statements):
                    facts.add(self._facts_about(statements, entry))
        return facts

    def _names_backbone(self, facts: FreezingFacts, entry: _Found) -> bool:
        """Whether a freeze that goes by names names a part of every model's backbone."""
        words = {name for name in facts.names if not name.startswith("_")}
        filters = {
            name for name in words if is_backbone_attribute(name) or may_be_backbone_attribute(name)
        } | {name for name in words if "\\." in name or "(?:" in name}
        if not filters:
            return True
        return all(
            any(part in name for path in self.paths.below(cls) for part in path.split(".")[:1])
            for cls in entry.models
            for name in [" ".join(sorted(filters))]
        )

    def freezes_itself(self, cls: Class) -> bool:
        """Whether a model class freezes its backbone in its constructor, and keeps it so."""
        return self.keeps_eval(cls) and self._constructor_facts(cls).stops_gradient

    def keeps_eval(self, cls: Class) -> bool:
        """Whether ``train()`` of the class, or of the owner inside, keeps the backbone in eval."""
        owners = self.owners(cls)
        return bool(owners) and all(self._overrides_train(owner) for owner in owners)

    def _overrides_train(self, cls: Class) -> bool:
        function = self.flow.find_method(cls, "train")
        if function is None or isinstance(function.node, (ast.Module, ast.Lambda)):
            return False
        facts = self.code.of_function(function)
        return facts.puts_in_eval and (facts.tests_norm or self._names_any(facts, cls))

    def _names_any(self, facts: FreezingFacts, cls: Class) -> bool:
        return any(path.split(".")[0] in facts.names for path in self.paths.below(cls))

    def _constructor_facts(self, cls: Class) -> FreezingFacts:
        facts = FreezingFacts()
        for owner in [cls, *self.owners(cls)]:
            init = self.flow.find_method(owner, "__init__")
            if init is not None:
                facts.add(self.code.of_function(init))
        return facts

    def owners(self, cls: Class) -> list[Class]:
        """The classes in a model that hold a backbone in an attribute of their own."""
        found: list[Class] = []
        seen = [cls]
        for current in seen:
            if self.paths.owns(current):
                found.append(current)
                continue
            heads = {path.split(".")[0] for path in self.paths.below(current)}
            inner = self.paths.holders(current)
            seen.extend(inner[name] for name in inner if name in heads and inner[name] not in seen)
        return found

    # --------------------------------------------------------------- edits

    def _freeze_edit(self, entry: _Found) -> tuple[FreezeEdit | None, str]:
        found = self._insertion(entry)
        if found is None:
            return None, "where the model is made is not clear: freeze it before the optimizer"
        scope, after = found
        path = scope.function.module.path
        return (
            FreezeEdit(
                path=path,
                after=_place(scope.function, after),
                model=entry.model,
                model_name=self._model_name(entry, scope),
                backbone=self.backbone(entry.models),
                wrappers=self._wrapper_attributes(entry.models),
                freeze="backbone" if self.settings.freeze == "backbone" else "bn",
                define=not self._defines(path, freezing.FREEZE),
            ),
            "",
        )

    def _defines(self, path: str, name: str) -> bool:
        return name in self.flow.top_level[path].locals

    def _wrapper_attributes(self, models: Iterable[Class]) -> tuple[str, ...]:
        """Attributes under which modules of the repository hold these models."""
        wanted = set(models)
        found: list[str] = []
        for cls in self.flow.classes:
            found.extend(name for name, _ in self.paths.within(cls, wanted - {cls}))
        return tuple(
            name for name in dict.fromkeys(found) if name.isidentifier() and "*" not in name
        )

    def _insertion(self, entry: _Found) -> tuple[_Scope, ast.stmt] | None:
        """The last statement before the optimizer that makes or wraps the model."""
        scope = entry.scope
        for statement in scope.before(entry.statement):
            if _binds(statement, entry.model):
                return scope, statement
        if entry.model.startswith("self.") and scope.function.class_ is not None:
            for cls in scope.function.class_.ancestors():
                for function in cls.methods.values():
                    if isinstance(function.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                        body = function.node.body
                        binding = [s for s in body if _binds(s, entry.model)]
                        if binding:
                            return _Scope(function, body), binding[-1]
        earlier = [
            statement for statement in scope.before(entry.statement) if not _is_docstring(statement)
        ]
        if earlier and (
            entry.model == "self" or _parameter_of(scope.function, entry.model) is not None
        ):
            return scope, earlier[0]
        return None

    def _model_name(self, entry: _Found, scope: _Scope) -> str:
        """An expression for messages: the option that chose the model, or its class's name."""
        if len(entry.models) == 1:
            return repr(entry.models[0].name)
        for statement in scope.order:
            if _binds(statement, entry.model):
                for node in ast.walk(statement):
                    if isinstance(node, (ast.Attribute, ast.Name)):
                        text = ast.unparse(node)
                        if _MODEL_NAME.search(text.rsplit(".", 1)[-1]) and "(" not in text:
                            return text
        return f"type({entry.model}).__name__"

    def _hidden_norms(self, found: list[_Found]) -> Iterator[HiddenNorms]:
        for entry in found:
            conversion = next(
                (
                    call
                    for statement in entry.scope.order
                    for call in _calls(statement)
                    if call_name(call) == "convert_sync_batchnorm"
                ),
                None,
            )
            if conversion is None:
                continue
            facts = self._facts_about(
                [s for s in entry.scope.order if s.lineno > conversion.lineno], entry
            )
            if facts.freezes and facts.tests_only_2d is not None:
                where = _place(entry.scope.function, conversion)
                yield HiddenNorms(
                    place=where,
                    conversion=where,
                    reason="test for torch.nn.modules.batchnorm._BatchNorm instead",
                )


class _Guards:
    """What keeps the backbone in eval after each ``.train()``."""

    def __init__(self, training: _Training, trained: set[Class]) -> None:
        self._training = training
        self._trained = trained
        self.calls: list[TrainCall] = []
        self.loop_edits: list[LoopGuardEdit] = []
        self.model_edits: list[ModelGuardEdit] = []
        driven = self._driven_by_framework()
        looped: set[Class] = set()
        for scope in training.scopes:
            for statement in scope.order:
                looped |= self._look(scope, statement, driven)
        for cls in sorted(trained - looped, key=lambda c: (c.path, c.node.lineno)):
            self._guard_model(cls)

    def _driven_by_framework(self) -> set[Class]:
        """Trained models whose ``.train()`` a framework calls."""
        found: set[Class] = set()
        for cls in self._trained:
            if any(
                base.endswith("LightningModule")
                for a in cls.ancestors()
                for base in a.external_bases
            ):
                found.add(cls)
        for scope in self._training.scopes:
            for statement in scope.order:
                for call in _calls(statement):
                    names = [
                        value.name
                        for value in self._training.flow.value_of(call.func)
                        if isinstance(value, (External, ExternalObject))
                    ]
                    if any(_DRIVER.match(name) for name in names):
                        for argument in [*call.args, *(k.value for k in call.keywords)]:
                            found.update(self._training.models(argument))
        return found

    def _look(self, scope: _Scope, statement: ast.stmt, driven: set[Class]) -> set[Class]:
        """Note one ``model.train()``; the trained models that it is for."""
        training = self._training
        receiver = _train_receiver(statement)
        if receiver is None:
            return set()
        models = self._trained_models(receiver)
        if not models:
            return set()
        place = _place(scope.function, statement)
        source = ast.unparse(receiver)
        held = all(training.keeps_eval(cls) for cls in models)
        if held or self._evaluates(scope.after(statement)[:4], models):
            self.calls.append(TrainCall(place, source, guarded=True))
            return models
        if training.settings.guard == "model" or (
            training.settings.guard == "auto" and models & driven
        ):
            reasons = [self._guard_model(cls) for cls in sorted(models, key=lambda c: c.name)]
            reason = "; ".join(filter(None, reasons))
            fix = "" if reason else "train() of the model is overridden"
            self.calls.append(TrainCall(place, source, False, fix, reason))
            return models
        edit = LoopGuardEdit(
            path=place.path,
            after=place,
            model=_guarded_name(statement, source),
            backbone=training.backbone(sorted(models, key=lambda c: (c.path, c.node.lineno))),
            wrappers=training._wrapper_attributes(models),
            define=not training._defines(place.path, freezing.EVAL),
        )
        self.loop_edits.append(edit)
        fix = f"{freezing.EVAL}({edit.model}) after it"
        self.calls.append(TrainCall(place, source, False, fix))
        return models

    def _trained_models(self, receiver: ast.expr) -> set[Class]:
        """Trained models that the receiver is, or holds."""
        training = self._training
        found: set[Class] = set()
        for value in training.flow.value_of(receiver):
            if not isinstance(value, Instance) or value.weak:
                continue
            if value.class_ in self._trained:
                found.add(value.class_)
            else:
                found.update(cls for _, cls in training.paths.within(value.class_, self._trained))
        return found

    def _evaluates(self, statements: list[ast.stmt], models: set[Class]) -> bool:
        facts = self._training.code.of_statements(statements)
        if not facts.puts_in_eval:
            return False
        heads = {path.split(".")[0] for cls in models for path in self._training.paths.below(cls)}
        return facts.tests_norm or bool(heads & facts.names)

    def _guard_model(self, cls: Class) -> str:
        """Plan ``train()`` overrides for a model; why not, if that cannot be."""
        training = self._training
        for owner in training.owners(cls):
            if training.keeps_eval(owner):
                continue
            paths = [path for path in training.paths.below(owner) if "*" not in path]
            place = Place(owner.path, owner.node.lineno, owner.node.col_offset + 1)
            if "train" in owner.methods:
                reason = f"{owner.name} overrides train() already: put its backbone into eval there"
                self.calls.append(TrainCall(place, owner.name, False, "", reason))
                return reason
            if any(edit.place == place for edit in self.model_edits):
                continue
            self.model_edits.append(ModelGuardEdit(place, owner.name, tuple(paths)))
            self.calls.append(
                TrainCall(place, owner.name, False, f"{owner.name}.train() is overridden")
            )
        return ""


def _with_sibling(
    script: TrainScript, entry: _Found, others: list[tuple[TrainScript, _Found]]
) -> TrainScript:
    if script.state == "frozen":
        return script
    for other, other_entry in others:
        if (
            other.state == "frozen"
            and other.optimizer.path != script.optimizer.path
            and set(other_entry.models) & set(entry.models)
        ):
            return dataclasses.replace(script, sibling=other.optimizer.path)
    return script


def _place(function: Function, node: ast.stmt | ast.expr) -> Place:
    source = function.module.source
    column = source.column(node.lineno, node.col_offset)
    return Place(function.module.path, node.lineno, column)


def _calls(statement: ast.stmt) -> Iterator[ast.Call]:
    """The calls in a statement's own expressions, not in its blocks."""
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.Call):
            yield node
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case, ast.Lambda)):
                pending.append(child)


def _binds(statement: ast.stmt, source: str) -> bool:
    """Whether a statement, or one in its blocks, assigns to the expression."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return False
    for inner in flat([statement]):
        targets: list[ast.expr] = []
        if isinstance(inner, ast.Assign):
            targets = inner.targets
        elif isinstance(inner, (ast.AnnAssign, ast.AugAssign)):
            targets = [inner.target]
        elif isinstance(inner, (ast.With, ast.AsyncWith)):
            targets = [item.optional_vars for item in inner.items if item.optional_vars]
        for target in targets:
            parts = target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
            if any(ast.unparse(part) == source for part in parts):
                return True
    return False


def _is_bound_before(scope: _Scope, statement: ast.stmt, source: str) -> bool:
    return any(_binds(earlier, source) for earlier in scope.before(statement))


def _parameter_of(function: Function, source: str) -> str | None:
    node = function.node
    if isinstance(node, ast.Module) or source == "self":
        return None
    names = {argument.arg for argument in all_arguments(node.args)}
    return source if source in names else None


def _mentions(statement: ast.stmt, source: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(source)}(?!\w)", ast.unparse(statement)) is not None


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _train_receiver(statement: ast.stmt) -> ast.expr | None:
    """``model`` of the statement ``model.train()``, unless it means evaluation."""
    if not isinstance(statement, (ast.Expr, ast.Assign)):
        return None
    value = statement.value
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
        return None
    if value.func.attr != "train" or len(value.args) + len(value.keywords) > 1:
        return None
    arguments = [*value.args, *(keyword.value for keyword in value.keywords)]
    if arguments and isinstance(arguments[0], ast.Constant) and arguments[0].value is not True:
        return None
    receiver = value.func.value
    return receiver if isinstance(receiver, (ast.Name, ast.Attribute, ast.Subscript)) else None


def _guarded_name(statement: ast.stmt, receiver: str) -> str:
    if isinstance(statement, ast.Assign):
        return ast.unparse(statement.targets[0])
    return receiver
