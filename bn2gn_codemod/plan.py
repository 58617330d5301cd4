"""The plan: what was decided from a survey, as plain frozen data.

Everything that a report or a rewrite needs is here, and no syntax tree. Lines
are 1-based, columns are 1-based and count characters, not bytes; paths are
relative to ``Plan.root`` and use ``/``.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Literal, NamedTuple


class Verdict(str, enum.Enum):
    """What becomes of a site."""

    CONVERT = "convert"  # a new layer: it gets GroupNorm
    KEEP = "keep"  # pretrained backbone: BatchNorm stays, frozen
    CONFLICT = "conflict"  # the same source line serves both
    UNKNOWN = "unknown"  # no evidence either way

    def __str__(self) -> str:
        return self.value


class Place(NamedTuple):
    """A place in a source file."""

    path: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class Site(NamedTuple):
    """One place in source that creates or names a norm layer.

    ``class_`` is the dotted name of the class that the line stands in
    (``""`` in module-level functions), ``attribute`` the attribute that the
    layer ends up in (``actf``, ``proj_*`` for a computed name, ``""`` when it
    is not known). ``settles`` are the settings or comments, one per line and
    ready to paste, that would decide a conflict or an unknown. ``scope`` is what
    a line outside of classes stands in: ``conv_bn()``, or a variable that the
    module sets. ``is_new``: the layer is known to be new, and undecided as it
    cannot be converted there.
    """

    place: Place
    norm: str
    class_: str
    attribute: str
    verdict: Verdict
    reasons: tuple[str, ...]
    evidence: tuple[str, ...] = ()  # the whole chain, for --explain
    settles: tuple[str, ...] = ()
    fixable: bool = False  # an edit here or where the name comes from converts it
    scope: str = ""
    is_new: bool = False

    @property
    def name(self) -> str:
        """The layer as people call it: ``Neck.bn``, or as much of that as is known."""
        if self.class_:
            return ".".join(filter(None, (self.class_, self.attribute)))
        return " of ".join(filter(None, (self.attribute, self.scope))) or f"line {self.place.line}"


class Finding(NamedTuple):
    """A rule that a place breaks.

    ``fingerprint`` (``""``: not made yet) tells it from all others of the
    repository, and stays the same when the lines around it move.
    """

    code: str
    place: Place
    message: str
    fixable: bool = False
    fingerprint: str = ""


class Skipped(NamedTuple):
    """A file that could not be read, and why, in one line."""

    path: str
    message: str


class PretendedFreeze(NamedTuple):
    """A config entry that gives parameters a learning rate of 0 and freezes nothing.

    It reaches the parameters whose dotted name contains ``names`` (``""``:
    all) in the models of ``configs``. ``fix`` says how the plan freezes them
    for real; ``reason`` says why it cannot, or cannot everywhere: then the
    entry stays. ``by_hand`` is source that would do it where the plan does not.
    ``already`` says what freezes them all before any edit: then the entry is
    dead, and only goes.
    """

    place: Place
    entry: str  # optim_wrapper.paramwise_cfg.custom_keys.backbone.lr_mult
    names: str
    fix: str = ""
    reason: str = ""
    by_hand: str = ""
    already: str = ""
    configs: tuple[str, ...] = ()

    @property
    def fixable(self) -> bool:
        """Whether the plan changes anything about it."""
        return bool(self.fix or self.already)


class TrainScript(NamedTuple):
    """One place where an optimizer is built over a model with a backbone.

    ``optimizer`` is where it is built, ``backbone`` the attribute paths below
    the model that hold BatchNorm to freeze. ``state`` says what is done about
    them by then:

    * ``frozen``: eval mode and no gradient, before the optimizer
    * ``late``: the same, but after the optimizer was built
    * ``optional``: the same, if ``option`` says so
    * ``partly``: eval mode or no gradient, not both
    * ``in train``: some of it at most, by what ``train()`` of its classes does
    * ``nothing``: a freeze that names no module of the model
    * ``unfrozen``: nothing
    * ``unfollowed``: what model it is was not followed; nothing more is known

    ``fix`` says what the plan writes (``""``: nothing, then ``reason`` says
    why), ``sibling`` names a train script of the same model that freezes it, or
    freezes something else of it: then ``difference`` says what. ``thaw`` is
    where frozen layers get their gradients back after that. ``passed_by`` are
    parts inside of the backbone that are not decided, and not frozen either. ``caveat`` says
    without what the model has no weights, where its freeze is written all the same.
    ``classes`` are the module classes that the model may be of. ``is_only_named``:
    nothing but names says that its backbone is pretrained; ``is_from_scratch``: nothing in
    the repository loads weights either, but to go on with a training, and ``is_unstarted``:
    nothing into this model. ``is_beside``: the optimizer is given other parts of the model.
    """

    optimizer: Place
    model: str
    backbone: tuple[str, ...]
    state: Literal[
        "frozen", "late", "optional", "partly", "in train", "nothing", "unfrozen", "unfollowed"
    ]
    fix: str = ""
    reason: str = ""
    sibling: str = ""
    difference: str = ""
    option: str = ""
    thaw: Place | None = None
    passed_by: tuple[str, ...] = ()
    caveat: str = ""
    classes: tuple[Place, ...] = ()
    is_only_named: bool = False
    is_from_scratch: bool = False
    is_unstarted: bool = False
    is_beside: bool = False


class TrainCall(NamedTuple):
    """A ``.train()`` call, or a framework's, on a model with a backbone to freeze.

    ``guarded`` says that the backbone's BatchNorm is in eval mode again right
    after it; ``fix`` and ``reason`` are as in ``TrainScript``.
    """

    place: Place
    model: str
    guarded: bool
    fix: str = ""
    reason: str = ""


class HiddenNorms(NamedTuple):
    """A freeze that tests for BatchNorm2d where SyncBatchNorm conversion hides the layers."""

    place: Place
    conversion: Place
    fix: str = ""
    reason: str = ""


class NormTest(NamedTuple):
    """A test for BatchNorm, or an init loop without one, where norms are told apart.

    ``place`` is that of the test, or of the ``for`` or ``class`` statement where
    there is none, ``purpose`` what is done with the layers that pass it.
    ``fix`` says how the plan makes it see GroupNorm; when it is ``""``,
    ``reason`` says why it cannot, and when that is ``""`` too, no converted
    layer depends on the test. ``resets`` names the pretrained part of the model
    that an init loop overwrites: such a loop is not edited.
    """

    place: Place
    purpose: Literal[
        "init", "copying", "parameter groups", "freezing", "fusing", "setting", "other"
    ]
    fix: str = ""
    reason: str = ""
    resets: str = ""


class NormAttributeUse(NamedTuple):
    """A use of something that only BatchNorm has, on a layer that becomes GroupNorm.

    ``name`` is the attribute (``running_mean``), or the function that folds the
    layer into a convolution, or ``__class__`` where another layer is made of its
    class; ``layer`` is the source of the layer.
    """

    place: Place
    name: str
    layer: str


class GroupSize(NamedTuple):
    """The groups that a converted layer gets whose number of channels is a literal."""

    place: Place
    channels: int
    groups: int


class StrictLoad(NamedTuple):
    """A strict ``load_state_dict`` of a file onto a model with converted layers.

    Checkpoints of before the migration fail there. ``model`` is the source of
    the receiver; ``fix`` and ``reason`` are as in ``TrainScript``.
    """

    place: Place
    model: str
    fix: str = ""
    reason: str = ""


class Part(NamedTuple):
    """What one attribute of a module class may hold that bears on norm layers.

    ``attribute`` is ``*`` where its name is not known. ``layers`` are the places
    of sites, ``classes`` those of class statements of the repository, and
    ``library`` the dotted names of published models that are built elsewhere.
    """

    attribute: str
    layers: tuple[Place, ...] = ()
    classes: tuple[Place, ...] = ()
    library: tuple[str, ...] = ()


class ModuleClass(NamedTuple):
    """A module class of the repository with norm layers somewhere below it.

    ``parts`` are its own attributes and those of its bases.
    """

    place: Place
    name: str
    parts: tuple[Part, ...]


# ---------------------------------------------------------------- edits


class NormEdit(NamedTuple):
    """Replace the expression at ``place`` that names a norm class.

    ``kind`` says in what role it stands there:

    * ``call``: ``nn.BatchNorm2d(x, momentum=M)`` becomes ``get_group_norm(x)``
    * ``partial``: ``partial(nn.BatchNorm2d, eps=E)`` becomes
      ``partial(get_group_norm, eps=E)``
    * ``reference``: the bare name, as in ``norm_layer=nn.BatchNorm2d``

    ``name`` is the expression, as ``ast.unparse`` writes it, where it is more than
    a dotted name: ``getattr(nn, 'BatchNorm2d')``, ``type(self).norm``. The helper's
    name takes the place of all of it.
    """

    place: Place
    kind: Literal["call", "partial", "reference"]
    norm: str
    name: str = ""


class HelperEdit(NamedTuple):
    """Give a file the helper ``get_group_norm``.

    The definition is written after the imports (``import_from`` is ``None``),
    using ``nn_name``, the expression under which the file knows ``torch.nn``
    (``None``: the file has no such name and ``from torch import nn`` is added
    too); or ``from <import_from> import get_group_norm`` is added.
    """

    path: str
    nn_name: str | None
    import_from: str | None = None
    groups: int = 32
    min_channels_per_group: int = 1
    name: str = "get_group_norm"


class NewFile(NamedTuple):
    """A module to create (``shared-module``) that holds the named definitions."""

    path: str
    # of: get_group_norm, freeze_backbone_bn, eval_backbone_bn, FreezeHook (MMEngine, alone)
    definitions: tuple[str, ...]
    groups: int = 32
    min_channels_per_group: int = 1
    backbone: tuple[str, ...] = ()
    wrappers: tuple[str, ...] = ()
    freeze: Literal["bn", "backbone", "none"] = "bn"


class InitLoopEdit(NamedTuple):
    """Make an initialisation loop see GroupNorm.

    ``place`` is that of the ``isinstance(...)`` call or class-name test
    (``widen``), of the ``for`` statement (``branch``), or of the ``class``
    statement (``inject``).

    * ``widen``: ``isinstance(m, nn.BatchNorm2d)`` becomes
      ``isinstance(m, (nn.BatchNorm2d, nn.GroupNorm))`` and its body gets the
      specified None guards; where the test is not an init loop (an optimizer's
      parameter groups), ``guard_none`` is false and only the test is widened
    * ``branch``: a loop without norms gets the ``elif`` norm branch
    * ``inject``: the class gets the loop at the end of its ``__init__``
    """

    place: Place
    kind: Literal["widen", "branch", "inject"]
    class_: str
    nn_name: str
    guard_none: bool = True


class FreezeEdit(NamedTuple):
    """Write the freeze call, its printed count, and the function it calls.

    The call goes directly after the statement at ``after``. ``model`` and
    ``model_name`` are source expressions valid there. ``backbone`` are the
    attribute paths to freeze, relative to the model (``backbone``,
    ``base_layer``, ``cp.resnet``), over all models that the script can build;
    ``wrappers`` the attributes under which the repository's own wrapper
    modules hold the model (``model``). ``define`` is false when the function
    is imported (``import_from``) or already there.
    """

    path: str
    after: Place
    model: str
    model_name: str
    backbone: tuple[str, ...]
    wrappers: tuple[str, ...] = ()
    freeze: Literal["bn", "backbone"] = "bn"
    define: bool = True
    import_from: str | None = None


class LoopGuardEdit(NamedTuple):
    """Put the frozen layers back into eval right after a ``.train()`` call.

    ``after`` is the place of the statement ``model.train()``; ``model`` is
    the source of its receiver.
    """

    path: str
    after: Place
    model: str
    backbone: tuple[str, ...]
    wrappers: tuple[str, ...] = ()
    define: bool = True
    import_from: str | None = None


class ModelGuardEdit(NamedTuple):
    """Override ``train(self, mode=True)`` on the class that owns the backbone.

    ``backbone`` are the attribute paths below ``self``. With ``by_name`` some of
    them may be absent or patterns: then the override calls ``eval_backbone_bn``,
    and the last two fields are as in ``FreezeEdit``.
    """

    place: Place  # of the class statement
    class_: str
    backbone: tuple[str, ...]
    by_name: bool = False
    define: bool = True
    import_from: str | None = None


class FreezingDefinitions(NamedTuple):
    """Write the freezing functions in an existing module that others import them from."""

    path: str
    functions: tuple[str, ...]  # of: freeze_backbone_bn, eval_backbone_bn
    backbone: tuple[str, ...]
    wrappers: tuple[str, ...] = ()
    freeze: Literal["bn", "backbone"] = "bn"


class SyncTestEdit(NamedTuple):
    """Make ``isinstance(m, nn.BatchNorm2d)`` at ``place`` see ``nn.SyncBatchNorm`` too."""

    place: Place
    nn_name: str


class LoadEdit(NamedTuple):
    """Make the ``load_state_dict`` call at ``place`` not strict, and print what it skips."""

    place: Place


class ConfigEdit(NamedTuple):
    """Change one entry of an MMEngine config file.

    ``value`` is the source of an expression or statement.

    * ``replace``: the expression at ``place`` becomes ``value``
    * ``add``: the dict (display or call) at ``place`` gets the entry ``key``,
      the list at ``place`` (``key`` is ``""``) one more element
    * ``drop``: the entry whose value stands at ``place`` goes, key and all
    * ``statement``: ``value`` is written after the statement at ``place``

    ``import_from`` is the module, new in the repository, that it needs;
    ``after`` are the paths of files that have to be written before: without
    their edits this one would do harm.
    """

    place: Place
    kind: Literal["replace", "add", "drop", "statement"]
    value: str = ""
    key: str = ""
    import_from: str | None = None
    after: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class FileEdits:
    """All edits of one existing file."""

    path: str
    norms: tuple[NormEdit, ...] = ()
    helper: HelperEdit | None = None
    init_loops: tuple[InitLoopEdit, ...] = ()
    freezes: tuple[FreezeEdit, ...] = ()
    loop_guards: tuple[LoopGuardEdit, ...] = ()
    model_guards: tuple[ModelGuardEdit, ...] = ()
    loads: tuple[LoadEdit, ...] = ()
    freezing: FreezingDefinitions | None = None
    sync_tests: tuple[SyncTestEdit, ...] = ()
    configs: tuple[ConfigEdit, ...] = ()

    @property
    def after(self) -> frozenset[str]:
        """The paths of the files that have to be written before this one."""
        return frozenset(path for edit in self.configs for path in edit.after)

    @property
    def definitions(self) -> FileEdits | None:
        """The part of them that other files may import."""
        helper = self.helper if self.helper and self.helper.import_from is None else None
        if helper is None and self.freezing is None:
            return None
        return FileEdits(self.path, helper=helper, freezing=self.freezing)

    @property
    def imported(self) -> frozenset[str]:
        """The modules that they write imports of, as the imports name them."""
        importing = (
            *((self.helper,) if self.helper else ()),
            *self.freezes,
            *self.loop_guards,
            *self.model_guards,
            *self.configs,
        )
        return frozenset(edit.import_from for edit in importing if edit.import_from)

    def imports(self, path: str) -> bool:
        """Whether one of these modules may be the file at ``path``."""
        dotted = "." + path.removesuffix(".py").replace("/", ".")
        return any(dotted.endswith("." + module.lstrip(".")) for module in self.imported)


@dataclasses.dataclass(frozen=True)
class Plan:
    """All that was decided about one repository.

    ``known`` is how many findings a baseline left out (``None``: there is none).
    """

    root: str
    sites: tuple[Site, ...] = ()
    findings: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    files: tuple[FileEdits, ...] = ()
    new_files: tuple[NewFile, ...] = ()
    pretended_freezes: tuple[PretendedFreeze, ...] = ()
    train_scripts: tuple[TrainScript, ...] = ()
    # Where a library trains what a config says: named if there is a backbone to freeze in one.
    library_runs: tuple[TrainScript, ...] = ()
    train_calls: tuple[TrainCall, ...] = ()
    hidden_norms: tuple[HiddenNorms, ...] = ()
    norm_tests: tuple[NormTest, ...] = ()
    norm_attribute_uses: tuple[NormAttributeUse, ...] = ()
    group_sizes: tuple[GroupSize, ...] = ()
    strict_loads: tuple[StrictLoad, ...] = ()
    known: int | None = None
    module_classes: tuple[ModuleClass, ...] = ()

    @property
    def undecided(self) -> bool:
        """Whether a layer is neither kept nor converted."""
        return any(site.verdict in (Verdict.CONFLICT, Verdict.UNKNOWN) for site in self.sites)

    def count(self, verdict: Verdict) -> int:
        """How many sites have this verdict."""
        return sum(site.verdict is verdict for site in self.sites)
