"""Calls of functions and classes that are not in the repository, by their dotted names."""

from __future__ import annotations

import ast
import functools
import re

from bn2gn_codemod.norm_signatures import binds_dropped_alone, unsupported_arguments
from bn2gn_codemod.survey.flow.analysis import Flow, Unpacked
from bn2gn_codemod.survey.flow.external_members import wraps_model
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.flow.tracing.arguments import Call, bind
from bn2gn_codemod.survey.flow.tracing.containers import CONTAINERS
from bn2gn_codemod.survey.flow.tracing.imported_modules import give_imported
from bn2gn_codemod.survey.flow.tracing.kept_classes import keep_forwarded, keep_handed
from bn2gn_codemod.survey.flow.tracing.loaded_files import give_loaded
from bn2gn_codemod.survey.flow.tracing.made_objects import (
    give_same_object,
    instantiate,
    make_layer,
    read_weights,
)
from bn2gn_codemod.survey.flow.tracing.objects_from_dicts import make_of_dict
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.known.library_models import (
    asks_for_no_weights,
    builds_backbone,
    builds_part,
    is_library_model,
    part_with_norms,
    takes_norm_config,
)
from bn2gn_codemod.survey.syntax.nodes import is_off
from bn2gn_codemod.survey.values import (
    ClassValue,
    Entries,
    External,
    ExternalObject,
    FunctionValue,
    Instance,
    Lost,
    ModuleValue,
    NormClass,
    Text,
    TupleValue,
    Value,
    Weights,
)

# Calls whose result does not hold what they are given.
_OPAQUE = re.compile(
    r"(?:torch\.optim|torch\.utils\.data|torch\.(?:save|randn?|zeros|ones|tensor|device)|"
    r"torch\.(?:zeros|ones|empty|full|rand(?:n|int)?)_like|os|sys|"
    r"numpy(?!\.as\w*array$)|math|logging|argparse|json|time|shutil|builtins\.(?:print|len|isinstance|issubclass|"
    r"range|int|str|float|bool|repr|hasattr|id|min|max|sum|open|format|any|all|round|abs))(?:\.|$)"
)
# What is made of weights by these is weights.
_TENSOR_OF = re.compile(r"torch\.tensor$|numpy\.(?:array|transpose|squeeze|reshape)$")
_FIELDS = ("dataclasses.field", "attr.ib", "attr.field", "attrs.field")
_DRIVES = re.compile(r"Trainer|Runner|Accelerator|Fabric|Learner|[Ll]ightning|accelerate|deepspeed")
# Layers that hold nothing of what they are given.
_LEAF = re.compile(
    r"torch\.nn\.(?:\w*Conv\w*\d?d?|Linear|\w*Norm\w*|\w*Pool\w*|\w*ReLU\w*|Sigmoid|Softmax\w*|"
    r"Tanh|GELU|SiLU|ELU|Hard\w+|Upsample\w*|Dropout\w*|Parameter|\w*Loss|Embedding|\w*Pad\d?d?|"
    r"PixelShuffle|Identity|Flatten|Fold|Unfold|LSTM|GRU|MultiheadAttention|Bilinear)$|"
    r"torch\.nn\.(?:functional|init)\."
)
# A module is no dict: its parts' names are none of what it is put into. But for ModuleDict, of
# which :mod:`module_dicts` makes something with these names.
_HIDES_NAMES = re.compile(r"torch\.nn\.(?!ModuleDict$)")
_NAMES_PARTS = "collections.OrderedDict"  # of pairs, for an ``nn.Sequential``
# What gives the very objects that are in what it is handed.
_HANDS_ON = re.compile(r"(?:itertools|more_itertools|functools|operator|collections|copy)\.")
# What gives back each of its arguments, in their order.
_GIVES_EACH = re.compile(r"(?:.*\.)?(?:amp\.initialize|Accelerator\.prepare|Fabric\.setup)$")
_BUILDER = re.compile(
    r"^_?(?:build|create|make|instantiate|get)_?(?:model|net|network|backbone|encoder|instance)",
    re.IGNORECASE,
)
_WEIGHTS_FROM_URL = (
    "load_url",
    "load_state_dict_from_url",
    "load_from_http",
    "download_url_to_file",
)
_WEIGHTS_FROM_FILE = (
    "torch.load", "load_file", "torch.jit.load", "_load_checkpoint", "numpy.load",
    "numpy.fromfile", "pickle.load", "scipy.io.loadmat", "h5py.File", "torch.frombuffer",
    "tensorflow.train.load_checkpoint", "tensorflow.train.NewCheckpointReader", "onnx.load",
    "caffe.Net", "msgpack.load", "msgpack.unpack", "mxnet.nd.load", "mxnet.ndarray.load",
    "mxnet.model.load_checkpoint", "paddle.load",
)  # fmt: skip
# External functions that find weights and put them into the module they are handed.
_LOADER = re.compile(
    r"_?(?:load|restore)_?(?:checkpoint\w*|pretrain\w*|weights?\w*|state_dict|model\w*|params?\w*)$|"
    r"restore$|"
    r"copy_(?:weights|params)\w*$|init_from_\w+$|initialize_from_\w+$|"
    r"load_objects$|"  # ignite's, for parts by name
    r"\w*Checkpointer$"  # Checkpointer(model).load(path)
)
# By what objects that drive training are told which file all of a model starts from.
_STARTS_FROM = "load_from"
# What may as well load something else, unless it is handed one part of a model.
_MAY_LOAD = re.compile(r"(?:\w+_)?(?:load|restore)(?:_\w+)?$")


def call_external(call: Call, name: str) -> None:
    """A call of something that is not in the repository."""
    flow = call.flow
    last = name.rsplit(".", 1)[-1]
    if last == "partial":
        _partial(call)
    elif last in _WEIGHTS_FROM_URL or name.startswith("torch.hub.load_state_dict"):
        read_weights(call, "url", name)
    elif name in _WEIGHTS_FROM_FILE or last in _WEIGHTS_FROM_FILE:
        read_weights(call, "file", name)
    elif last == "vector_to_parameters" and len(call.arguments) > 1:
        (_, weights), (_, parameters) = call.arguments[:2]
        flow.load_calls.append(LoadCall(parameters, [weights], call.spot(), False))
    elif name == "torch.distributed.checkpoint.load" and call.arguments:
        # It fills the tensors of the state dict that it is handed.
        _note_driven_load(call, call.arguments[0][1], last)
    elif last == "import_module":
        give_imported(call)
    elif last in ("load_source", "spec_from_file_location") and give_loaded(call):
        pass
    elif last == "obj_from_dict":
        make_of_dict(call)
    elif name in _FIELDS:
        _give_default(call)
    elif last == "__init__":
        _explicit_init(call, name)
    elif is_opaque(name):
        if _TENSOR_OF.match(name):
            _give_weights(call)
    elif last.startswith("build_from"):
        for _, node in call.arguments:
            give_same_object(flow, node, "build", call.result)
    elif _GIVES_EACH.match(name) and (given := _each_given(call)):
        flow.add(call.result, flow.once(("given", call.expr), lambda: TupleValue(given)))
    else:
        _make_something(call, name, last)


def _give_weights(call: Call) -> None:
    """``torch.tensor(weights["bn"])``: whatever else it is made of, no layer is in it."""

    def on_argument(held: Value) -> None:
        if isinstance(held, Weights):
            call.flow.add(call.result, held)

    for _, node in call.arguments:
        call.flow.watch(node, on_argument)


def _each_given(call: Call) -> tuple[Node, ...]:
    """The arguments of a call, where it has several by position and all of them are known."""
    placed = {key: node for key, node in call.arguments if isinstance(key, int)}
    is_known = not any(isinstance(key, Unpacked) for key, _ in call.arguments)
    names = sorted(placed)
    is_each = is_known and len(names) > 1 and names == list(range(len(names)))
    return tuple(placed[key] for key in names) if is_each else ()


def _give_default(call: Call) -> None:
    """``dataclasses.field(default_factory=make)`` is what ``make()`` gives."""
    flow = call.flow

    def on_factory(held: Value) -> None:
        if isinstance(held, FunctionValue):
            flow.edge(flow.return_node(held.function), call.result)
        elif isinstance(held, ClassValue):
            instantiate(call._replace(arguments=[]), held.class_, is_written=False)

    for key, node in call.arguments:
        if key in ("default_factory", "factory"):
            flow.watch(node, on_factory)
        elif key == "default":
            flow.edge(node, call.result)


def is_opaque(name: str) -> bool:
    """Whether what such a call gives holds nothing of what it is handed."""
    return _OPAQUE.match(name) is not None


def drives_training(name: str) -> bool:
    """Whether an object of a library trains models, by the name of what made it."""
    return _DRIVES.search(name) is not None


@functools.cache
def _matters(name: str) -> bool:
    """Whether it is worth knowing which object an external call gave.

    It is for networks, for containers of layers, for registries and for what drives
    training; all the rest is one and the same thing, for there is a lot of it.
    """
    return (
        is_library_model(name)
        or builds_backbone(name)
        or builds_part(name)
        or drives_training(name)
        or part_with_norms(name)
        or wraps_model(name)
        or name.endswith(("GroupNorm", "Registry"))
        or (name.startswith("torch.nn.") and _LEAF.match(name) is None)
    )


def _make_something(call: Call, name: str, last: str) -> None:
    """An object of another package, which holds what it is made with."""
    flow, spot = call.flow, call.spot()
    if _matters(name) or takes_norm_config(name, call.expr):
        made = flow.once(("made", name, call.expr), lambda: ExternalObject(name, spot))
    else:
        made = flow.once(("made",), lambda: ExternalObject("", spot))
    flow.add(call.result, made)
    is_new = last in CONTAINERS or last == "deepcopy"
    if is_new or last == "copy":
        flow.containers.make(call.result)
    is_loader = _LOADER.match(last) is not None
    if _BUILDER.search(last) and _asks_for_pretrained(call.expr, name):
        flow.load_calls.append(LoadCall(call.result, [], spot, False, loader=last))
    starts_from_file = drives_training(name) and _names_file_to_start_from(call.expr)
    for key, node in call.arguments:
        if starts_from_file and key == "model":
            _note_driven_load(call, node, _STARTS_FROM)
        if is_loader or (_MAY_LOAD.match(last) and _is_part(call.expr, key)):
            flow.load_calls.append(LoadCall(node, [], spot, False, loader=last))
        if wraps_model(name):
            flow.members.wrap(made, key, node)
        flow.members.name_parts(made, node)
        if not is_new and _HANDS_ON.match(name):
            flow.containers.take(node, call.result)
        _hand_over(call, name, node)
    keep_forwarded(flow, call.expr, name)


def _note_driven_load(call: Call, loaded: Node, loader: str) -> None:
    """What drives a training finds the weights of all of a model by itself."""
    load = LoadCall(loaded, [], call.spot(), False, loader=loader, of_driver=True)
    call.flow.load_calls.append(load)


def _names_file_to_start_from(expr: ast.expr) -> bool:
    """``Runner(model=net, load_from=file)``"""
    given = expr.keywords if isinstance(expr, ast.Call) else []
    return any(one.arg == _STARTS_FROM and not is_off(one.value) for one in given)


def _is_part(expr: ast.expr, place: object) -> bool:
    """Whether what a call is handed in a place is written ``model.part``."""
    given = expr.args if isinstance(expr, ast.Call) else []
    return isinstance(place, int) and place < len(given) and isinstance(given[place], ast.Attribute)


def _hand_over(call: Call, name: str, node: Node) -> None:
    flow, result, spot = call.flow, call.result, call.spot()
    is_class = name.rpartition(".")[2][:1].isupper() and not _matters(name)
    opened: set[TupleValue] = set()

    def on_argument(held: Value) -> None:
        if isinstance(held, TupleValue):
            # OrderedDict([("bn1", nn.BatchNorm2d(64))]); a tuple may hold itself
            if held not in opened:
                opened.add(held)
                if name == _NAMES_PARTS:
                    _add_entry(flow, held, result)
                for element in held.elements:
                    flow.hand_on(element, result)
                    flow.watch(element, on_argument)
        elif isinstance(held, NormClass):
            # The external code makes the layers: one stands for them all.
            held.refusals.add(f"is handed to {name}, which is not in this repository")
            make_layer(call, held)
        elif isinstance(held, (FunctionValue, ClassValue)):
            _let_out(flow, held)
            if name.startswith("torch.nn"):
                return
            flow.add(result, held)
            if isinstance(held, ClassValue) and _BUILDER.search(name.rsplit(".", 1)[-1]):
                # timm's build_model_with_cfg(ResNet, variant, pretrained)
                instantiate(call._replace(arguments=[]), held.class_, is_written=False)
        elif _LEAF.match(name) or (isinstance(held, Entries) and _HIDES_NAMES.match(name)):
            return
        elif not isinstance(held, (Text, ModuleValue, External)):
            flow.add(result, held)
            if is_class and isinstance(held, Instance) and held.class_.is_module:
                flow.add(result, flow.once(("around",), lambda: ExternalObject("", spot, True)))

    flow.hand_on(node, result)
    flow.watch(node, on_argument)


def _add_entry(flow: Flow, pair: TupleValue, result: Node) -> None:
    """A pair of a name and a part, as :class:`Entries` of what is made of it."""
    if len(pair.elements) != 2:
        return
    name, part = pair.elements

    def on_name(held: Value) -> None:
        if isinstance(held, Text) and "*" not in held.pattern:
            make = functools.partial(Entries, ((held.pattern, part),))
            flow.add(result, flow.once(("entry", pair, held.pattern), make))

    flow.watch(name, on_name)


def hand_to_object(call: Call) -> None:
    """``register("bn")(make)``: an object of another package may call what it is handed."""
    for _, node in call.arguments:
        keep_handed(call.flow, node, "an object of another package")
        call.flow.watch(node, functools.partial(_let_out, call.flow))


def _let_out(flow: Flow, held: Value) -> None:
    if isinstance(held, FunctionValue):
        flow.edge(flow.return_node(held.function), flow.escaped)


def _explicit_init(call: Call, name: str) -> None:
    """``nn.Sequential.__init__(self, *layers)``"""
    cls = call.function.enclosing_class
    if cls is not None:
        for position, node in call.arguments:
            if position != 0:
                call.flow.hold_in_base(cls, node)
                keep_handed(call.flow, node, name.removesuffix(".__init__"))


def _partial(call: Call) -> None:
    """``functools.partial(callee, ...)``"""
    flow = call.flow
    if not call.arguments:
        return
    first = call.arguments[0][1]
    flow.edge(first, call.result)
    later = call._replace(arguments=[(_one_earlier(key), node) for key, node in call.arguments[1:]])

    def on_callee(held: Value) -> None:
        if isinstance(held, NormClass):
            reason = _kept_by_partial(call.expr, held)
            if reason is not None:
                held.refusals.add(f"is wrapped in partial(), and {reason}")
            held.is_bound = held.is_bound or not binds_dropped_alone(call.expr)
            if isinstance(call.expr, ast.Call):
                held.bound[call.expr] = None
        elif isinstance(held, ClassValue):
            init = held.class_.find_method("__init__")
            if init is not None:
                bind(later, init, skip_first=True)
        elif isinstance(held, FunctionValue):
            bind(later, held.function, skip_first=held.bound)
        elif isinstance(held, External):
            for _, node in later.arguments:
                keep_handed(flow, node, held.name)
        elif isinstance(held, Lost):
            flow.hand_to_lost(node for _, node in later.arguments)

    flow.watch(first, on_callee)


def _one_earlier(key: str | int | Unpacked) -> str | int | Unpacked:
    """The place of an argument in a call without the first one."""
    if isinstance(key, Unpacked):
        return key if key.first is None else key._replace(first=key.first - 1)
    return key - 1 if isinstance(key, int) else key


def _kept_by_partial(expr: ast.expr, norm: NormClass) -> str | None:
    """Why the arguments of ``partial(norm, ...)`` would not suit the helper, or ``None``."""
    if not isinstance(expr, ast.Call):
        return None
    if norm.context != "partial" and (len(expr.args) > 1 or expr.keywords):
        return "only a call by the name partial is changed"
    return unsupported_arguments(expr, "partial")


def _asks_for_pretrained(expr: ast.expr, name: str) -> bool:
    """Whether a call is handed something named ``pretrained``, and not only to decline weights."""
    if not isinstance(expr, ast.Call) or asks_for_no_weights(expr, name):
        return False
    return any(
        isinstance(given, ast.Name) and given.id == "pretrained" for given in expr.args
    ) or any(keyword.arg == "pretrained" for keyword in expr.keywords)
