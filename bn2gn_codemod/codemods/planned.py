"""What the commands have in common: each carries out a part of the plan for one file."""

from __future__ import annotations

import argparse
from abc import ABC
from collections.abc import Callable
from typing import Any, ClassVar

import libcst as cst
from libcst.codemod import CodemodCommand, CodemodContext, SkipFile

from bn2gn_codemod import rewrite, sources
from bn2gn_codemod.codemods.surveyed import SurveyProvider, survey_alone
from bn2gn_codemod.plan import FileEdits, Plan
from bn2gn_codemod.problem import Problem
from bn2gn_codemod.settings import Setting, known
from bn2gn_codemod.sources import SourceFile

# What is read is decided before a command gets its options, and it creates no file.
_NO_OPTION = ("exclude", "shared_module")


class PlannedCommand(CodemodCommand, ABC):
    """A command that does to a file what the plan for its repository says.

    ``EDITS`` are the fields of ``FileEdits`` that it carries out, ``CODES`` the
    rules that it is about: findings of theirs that cannot be mended are warnings.
    """

    METADATA_DEPENDENCIES = (SurveyProvider,)
    EDITS: ClassVar[tuple[str, ...]]
    CODES: ClassVar[tuple[str, ...]]

    @staticmethod
    def add_args(arg_parser: argparse.ArgumentParser) -> None:
        """One option for each setting; those of ``pyproject.toml`` hold where none is given."""
        for setting in known():
            if setting.field not in _NO_OPTION:
                arg_parser.add_argument(
                    f"--{setting.key}",
                    dest=setting.field,
                    action="append" if setting.type is tuple else "store",
                    type=_reader_of(setting),
                    metavar=setting.metavar or "|".join(setting.choices),
                    help=setting.help,
                )

    def __init__(self, context: CodemodContext, **settings: Any) -> None:
        """``settings`` are those of the options, by field name; ``None``: not given."""
        super().__init__(context)
        self._settings = {name: value for name, value in settings.items() if value is not None}

    def transform_module_impl(self, tree: cst.Module) -> cst.Module:
        """The file with its part of the plan; raises ``SkipFile`` where there is none."""
        try:
            source, plan = self._decided(tree)
        except Problem as problem:
            raise SkipFile(str(problem)) from None
        for finding in plan.findings:
            if finding.code in self.CODES and not finding.fixable:
                self.warn(f"line {finding.place.line}: {finding.code} {finding.message}")
        for skipped in plan.skipped:
            raise SkipFile(skipped.message)
        return _rewritten(source, self._edits(plan, source.path))

    def _decided(self, tree: cst.Module) -> tuple[SourceFile, Plan]:
        """The file that ``tree`` was read from, and the plan for it."""
        filename = self.context.filename
        if filename is None:
            problem = "a text alone cannot be judged: name a file in its repository, not -"
            self.warn(problem)  # of a text from stdin, LibCST shows warnings only
            raise Problem(problem)
        surveyed = self.get_metadata(SurveyProvider, tree) or survey_alone(filename)
        source = surveyed.source(filename)
        if tree.code not in (source.text, cst.parse_module(source.data).code):
            # Another codemod ran before this one and wrote nothing yet.
            source = SourceFile.from_bytes(source.path, tree.bytes)
            surveyed = surveyed.with_file(source)
        return source, surveyed.plan(self._settings, source.path)

    def _edits(self, plan: Plan, path: str) -> FileEdits:
        """The part of the file's edits that is this command's; raises ``SkipFile``."""
        nothing = FileEdits(path)
        found = next((edits for edits in plan.files if edits.path == path), nothing)
        own = FileEdits(path, **{name: getattr(found, name) for name in self.EDITS})
        if own == nothing:
            raise SkipFile("nothing to do")
        for new in plan.new_files:
            if own.imports(new.path):
                raise SkipFile(
                    f"would import from {new.path}, and a LibCST codemod creates no file: "
                    "run bn2gn migrate"
                )
        for other in plan.files:
            if own.imports(other.path):
                raise SkipFile(
                    f"would import from {other.path}, which has to be changed before: "
                    "run this for that file first, then again for this one"
                )
        return own


def _rewritten(source: SourceFile, edits: FileEdits) -> cst.Module:
    try:
        data = sources.encoded(source, rewrite.rewrite_file(source, edits))
    except (rewrite.RewriteRefused, sources.NotWritten) as error:
        raise SkipFile(str(error)) from None
    module = cst.parse_module(data)
    if module.bytes != data:
        raise SkipFile("LibCST would write it back with other bytes: run bn2gn migrate")
    return module


def _reader_of(setting: Setting) -> Callable[[str], Any]:
    """What argparse makes a value of ``setting`` with."""

    def read(text: str) -> Any:
        try:
            if setting.type is tuple:
                return text
            return setting.accepted(int(text) if setting.type is int else text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"wants {setting.wanted}, not {text!r}") from None

    return read
