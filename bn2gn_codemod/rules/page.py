"""``docs/rules.md``, written from the rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bn2gn_codemod.rules import Rule

INTRODUCTION = """\
# Rules

Every finding of `bn2gn` carries one of these codes. Codes are stable: they are
never given to another rule. This page is written by `make docs` from the rules
in `bn2gn_codemod/rules`; the examples are also the rules' tests.

`--output-format github` and `sarif` show serious findings as errors, the others
as warnings. `bn2gn audit` judges each case, and may call one mere advice.
"""


def page(rules: Iterable[Rule]) -> str:
    """The whole page, as Markdown that ends in a newline."""
    rules = tuple(rules)
    parts = [INTRODUCTION, _index(rules), *(_section(rule) for rule in rules)]
    return "\n".join(parts)


def _index(rules: Iterable[Rule]) -> str:
    rows = (
        f"| [{rule.code}](#{rule.code.lower()}) | {rule.summary} | {rule.severity} "
        f"| {rule.fix or 'none'} |"
        for rule in rules
    )
    return "\n".join(
        [
            "| code | finding | severity | fix by `bn2gn migrate` |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def _section(rule: Rule) -> str:
    return f"## {rule.code}\n\n**{rule.summary}.**\n\n{explained(rule)}"


def explained(rule: Rule) -> str:
    """What is to be said of one rule, as Markdown below a heading of its own."""
    return "\n".join(
        [
            f"### What it finds\n\n{rule.what.strip()}\n",
            f"### Why it hurts\n\n{rule.why.strip()}\n",
            *_examples(rule),
            f"### What to do instead\n\n{rule.instead.strip()}\n",
        ]
    )


def _examples(rule: Rule) -> Iterator[str]:
    for number, example in enumerate(rule.examples, 1):
        count = f" {number}" if len(rule.examples) > 1 else ""
        beside = [_file(path, text) for path, text in example.beside.items()]
        yield f"### Example{count}\n"
        yield "\n".join([_file(example.path, example.before), *beside])
        yield f"Use instead:\n\n{_file(example.path, example.after)}"


def _file(path: str, text: str) -> str:
    language = {"py": "python", "toml": "toml"}.get(path.rpartition(".")[2], "")
    return f"`{path}`\n\n```{language}\n{text.strip()}\n```\n"
