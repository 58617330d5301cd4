"""What a probe does with an MMEngine config: read, build, try the modes, train a little."""

from __future__ import annotations

import logging
import sys
import tempfile
import warnings
from typing import Any

from torch import nn

from . import describe, dry_training, forward_modes, live_run, made_up_batch, pipeline
from .channel import Channel
from .forward import describe_error
from .mmengine_config import LoadedConfig, Unusable
from .tree import Tree


class ConfigSession:
    """``request`` holds ``path``, ``folder`` (where the command was given) and ``steps``."""

    def __init__(self, request: dict[str, Any], tree: Tree, channel: Channel) -> None:
        self._request, self._tree, self._channel = request, tree, channel

    def run(self) -> None:
        """Send what is seen, as far as it goes; the process ends after the last step."""
        logging.disable(logging.WARNING)
        warnings.simplefilter("ignore")
        sys.path.insert(1, self._request["folder"])
        path = self._request["path"]
        self._channel.stage(f"reading {path}")
        found: dict[str, Any] = {"path": path, "error": ""}
        try:
            config = LoadedConfig(path)
            found["values"] = config.values()
            config.without_weights()
            found["skipped_weights"] = config.skipped
            self._channel.stage("building its model")
            model = config.build_model()
        except Unusable as error:
            found["error"] = str(error)
        self._channel.send("config", config=found)
        if found["error"]:
            return
        snapshot = dict(describe.model(model, self._tree), factory=path)
        self._channel.send("model", model=snapshot)
        metadata = self._try_modes(config, model)
        del model
        self._train(config, metadata)

    def _try_modes(self, config: LoadedConfig, model: nn.Module) -> dict[str, Any]:
        """Try the modes; the metadata with which training should work, with their values."""
        metadata: dict[str, Any] = dict.fromkeys(made_up_batch.ALWAYS)
        for mode in forward_modes.MODES:
            self._channel.stage(f"running its pipeline for mode {mode}")
            packed = pipeline.packed(config.cfg, mode)
            self._channel.stage(f"running its model in mode {mode}")
            result = forward_modes.passed(model, mode, packed)
            self._channel.send("mode", mode=result)
            metadata.update(dict.fromkeys([*result["given"], *result["needs"]]))
            metadata.update(packed.values if packed else {})
        return metadata

    def _train(self, config: LoadedConfig, metadata: dict[str, Any]) -> None:
        self._channel.stage("training its model on made-up images")
        runner = None
        try:
            request = {"root": self._tree.root, "steps": self._request["steps"]}
            live_run.install(request, self._channel)
            runner = dry_training.runner(config, metadata, tempfile.mkdtemp(prefix="bn2gn-"))
            runner.train()
            error = "the training ended before its first optimizer step"
        except Unusable as unusable:
            error = str(unusable)
        except BaseException as raised:  # SystemExit among them
            error = describe_error(raised)
        self._channel.send("training", error=error)
        if runner is not None:
            self._send_untrained(runner)

    def _send_untrained(self, runner: Any) -> None:
        """What there is to see when not even one step could be made."""
        from mmengine.optim import OptimWrapper

        runner.model.train()
        wrapper = runner.optim_wrapper
        wrappers = wrapper.values() if hasattr(wrapper, "values") else [wrapper]
        optimizers = [w.optimizer for w in wrappers if isinstance(w, OptimWrapper)]
        self._channel.send(
            "run", run=live_run.before_training(runner.model, optimizers, self._tree)
        )
