"""Models whose weights come only if an option asks for them that is off by default.

``if args.pretrained: net.load_state_dict(...)``: where nobody gives the option, the model is
trained from scratch, and a freeze would leave BatchNorm without statistics for good. So it is
with a classifier; what has new layers beside its backbone is fine-tuned. Not where the code that
trains says itself that it wants no weights, whatever the model is: ``net = Net(pretrained=False)``.
Or it initialises the whole model: what is a backbone by its name alone has no weights then.
Nor has the one of several models that a script may build, where only the others are loaded;
nor the one into which a training only loads its own checkpoints, with the optimizer's state.
"""

from __future__ import annotations

from collections.abc import Iterable

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.option_defaults import OptionDefaults
from bn2gn_codemod.survey.norms.load_order import LoadOrder
from bn2gn_codemod.survey.roles.backbone_paths import BackbonePaths
from bn2gn_codemod.survey.statements.run_conditions import (
    NONE,
    Conditions,
    conditions_above,
    conditions_at,
)
from bn2gn_codemod.survey.syntax.nodes import call_name
from bn2gn_codemod.survey.training.declined_models import DeclinedModels
from bn2gn_codemod.survey.values import Class, Function
from bn2gn_codemod.survey.weights.resumed.initialised_models import InitialisedModels

_DEEPEST = 3  # calls between a script with an option and the code that asks for weights


class OptionalWeights:
    """Finds the option that all weights of a model hang on, where the model is made."""

    def __init__(
        self, flow: Flow, paths: BackbonePaths, order: LoadOrder, defaults: OptionDefaults
    ) -> None:
        self._flow = flow
        self._paths = paths
        self._order = order
        self._defaults = defaults
        self._call_sites = CallSites(flow)
        self._initialised = InitialisedModels(flow)
        self._declined = DeclinedModels(flow, paths, order, self._call_sites)

    def objection(self, models: Iterable[Class], made_in: Function) -> str:
        """Why what a function makes is not to be frozen; ``""``: weights come in another way too.

        Where new layers stand beside the backbone, it is there to be fine-tuned, and whoever does
        that gives the option.
        """
        models = list(models)
        initialised = list(map(self._where_initialised, models))
        if initialised and all(initialised):
            words = f"{initialised[0]} initialises the whole model, of which names alone say that"
            return f"{words} there is a backbone in it: trained from scratch, BatchNorm must learn"
        resumed = self._resumed(models)
        if resumed:
            return resumed
        unstarted = self._unstarted(models)
        if unstarted:
            return unstarted
        for cls in models:
            declined = self._declined.where(cls, made_in)
            if declined:
                name = "it" if len(models) == 1 else cls.name
                words = f"{name} is made without weights ({declined}), and BatchNorm must learn"
                paths = self._paths.below(cls)
                return words + (_settled_by(cls, paths[0]) if paths else "")
        if self._is_fine_tuned(models) and not self._starts_without(models, made_in):
            return ""
        return self._missing(models, made_in)

    def caveat(self, models: Iterable[Class], made_in: Function) -> str:
        """What is to be known of a freeze that is written all the same; ``""``: nothing."""
        models = list(models)
        return self._missing(models, made_in) if self._is_fine_tuned(models) else ""

    def _is_fine_tuned(self, models: list[Class]) -> bool:
        return any(map(self._paths.has_new_norms, models))

    def _missing(self, models: list[Class], made_in: Function) -> str:
        """Why no weights come; ``""``: they may.

        All loads into the backbones of the models are looked at, as they are reached from there.
        """
        missing = [self._paths.weights.missing_weights(cls) for cls in models]
        if missing and all(missing):
            named = ", ".join(f"{name} ({where})" for one in missing for name, where in one.items())
            words = f"weights come only with {named}, which no call gives"
            return f"{words}: trained from scratch, BatchNorm must learn"
        asked = self._options_off(models, made_in)
        if not asked:
            return ""
        named = ", ".join(f"{option} ({where})" for option, where in asked.items())
        words = f"weights come only with {named}, which is off by default"
        return f"{words}: freeze under the same condition, as without it BatchNorm must learn"

    def _options_off(self, models: list[Class], made_in: Function) -> dict[str, str]:
        """The options that all weights hang on, and where they are off; none: not all do."""
        asked: dict[str, str] = {}
        for cls in models:
            for conditions in self._ways(cls, made_in):
                found = self._option(conditions, made_in)
                if found is None:
                    return {}
                asked.setdefault(*found)
        return asked

    def _starts_without(self, models: list[Class], made_in: Function) -> bool:
        """Whether a model fills its backbone with other values where it gets no weights.

        ``if not args.pretrained: net.apply(init)``: it is meant to be trained like that, too.
        """
        asked = (option.rpartition(" ")[2] for option in self._options_off(models, made_in))
        options = {option.rpartition(".")[2] for option in asked}
        methods = (
            method
            for cls in (models if options else ())
            for owner in cls.ancestors()
            for method in owner.methods.values()
        )
        return any(
            not condition.holds and condition.text.rpartition(".")[2] in options
            for method in methods
            for _, call in self._flow.calls_in.get(method, ())
            if call_name(call) == "apply" or "init" in call_name(call)
            for condition in conditions_at(method, call)
        )

    def _unstarted(self, models: list[Class]) -> str:
        """Why one of the models is not to be frozen, where others in its place are.

        Where names alone speak for all of them, the finding says that of the freeze.
        """
        named = [cls for cls in models if self._paths.weights.is_only_named(cls)]
        if len(named) == len(models):
            return ""
        for cls in filter(self._paths.weights.starts_from_nothing, named):
            for path in self._paths.below(cls)[:1]:
                words = f"{cls.name}.{path} is a backbone by its name alone, and nothing loads"
                words = (
                    f"{words} weights into {cls.name} but to go on with a training: frozen as in"
                )
                words = f"{words} the other models here, its BatchNorm would never learn"
                return words + _settled_by(cls, path)
        return ""

    def _resumed(self, models: list[Class]) -> str:
        """Why models are not to be frozen that only their own training loads, to go on."""
        words = ""
        for cls in models:
            where = (
                self._paths.weights.where_resumed(cls)
                if self._paths.weights.is_only_named(cls)
                else None
            )
            paths = self._paths.below(cls)
            if where is None or not paths:
                return ""
            if not words:
                words = f"what is loaded into {cls.name} only lets its training go on ({where})"
                words = f"{words}: trained from scratch, BatchNorm must learn"
                words += _settled_by(cls, paths[0])
        return words

    def _where_initialised(self, cls: Class) -> str | None:
        """Where code fills a model with random values that has a backbone for its name alone."""
        inner = self._paths.backbones_below(cls)
        parts = (part for one in inner for part in self._paths.parts(one))
        found = self._initialised.where_all({cls}, " ".join((*self._paths.below(cls), *parts)))
        return found if found is not None and self._paths.weights.is_only_named(cls) else None

    def _ways(self, cls: Class, made_in: Function) -> list[Conditions]:
        """What must be so for each load to run; an empty one, where nothing is known of them."""
        backbone = self._paths.weights.contents(cls)
        if backbone is None:
            return [NONE]
        ways = self._order.conditions_in(backbone.parts, backbone.owners, made_in)
        for load in backbone.loads:
            ways += self._order.conditions_of(load) or [NONE]
        return ways or [NONE]

    def _option(
        self, conditions: Conditions, made_in: Function, depth: int = 0
    ) -> tuple[str, str] | None:
        """The option that is off among what must be so, and where that is said.

        It may be that of a script which hands it on: ``Trainer(args.weights)``.
        """
        path = made_in.module.path
        asked = sorted((one.text, one.of_text) for one in conditions if one.holds)
        found = (
            (
                f"a path in {text}" if of_text else text,
                self._defaults.where_off(text, path, but_text=of_text),
            )
            for text, of_text in asked
        )
        option = next((one for one in found if one[1]), None)
        if option is not None or depth > _DEEPEST:
            return option
        owners = {one.owner for one in conditions if isinstance(one.owner, Function)}
        handed = (self._handed(owner, conditions, made_in, depth) for owner in owners)
        return next((one for one in handed if one is not None), None)

    def _handed(
        self, function: Function, conditions: Conditions, made_in: Function, depth: int
    ) -> tuple[str, str] | None:
        """The option by which all calls of a function ask for weights that ask for any."""
        calls = self._call_sites.of(function)
        calls = [one for one in calls if one[0] is made_in] or calls
        mine = frozenset(one for one in conditions if one.owner is function)
        known = [(caller, conditions_above(mine, function, call, caller)) for caller, call in calls]
        options = [
            self._option(above, caller, depth + 1) for caller, above in known if above is not None
        ]
        return options[0] if options and None not in options else None


def _settled_by(cls: Class, path: str) -> str:
    """The setting that says that there are weights; no path to a part of a part is one."""
    return "" if "." in path else f'; to settle it: backbone = ["{cls.name}.{path}"]'
