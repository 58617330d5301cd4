"""``load_state_dict`` becomes not strict, and says what it skipped."""

from __future__ import annotations

import textwrap

import pytest

from bn2gn_codemod.plan import FileEdits, LoadEdit
from bn2gn_codemod.rewrite import RewriteRefused, rewrite_file
from tests.rewrite.marked import PATH, unmark


def rewritten(text: str) -> str:
    source, places = unmark(text)
    return rewrite_file(source, FileEdits(PATH, loads=tuple(map(LoadEdit, places))))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "§model.load_state_dict(state)\n",
            "print('Checkpoint loaded:', model.load_state_dict(state, strict=False))\n",
        ),
        (
            "§model.load_state_dict(state, strict=True)  # all of it\n",
            "print('Checkpoint loaded:', model.load_state_dict(state, strict=False))"
            "  # all of it\n",
        ),
        (
            "§model.load_state_dict(state, True)\n",
            "print('Checkpoint loaded:', model.load_state_dict(state, False))\n",
        ),
        (
            'name = "net"\n§net.module.load_state_dict(torch.load("a.pth")["m"], assign=True)\n',
            'name = "net"\n'
            'print("Checkpoint loaded:", net.module.load_state_dict(torch.load("a.pth")["m"], '
            "assign=True, strict=False))\n",
        ),
        (
            """\
            if path:
                found = §model.load_state_dict(state)
                log(found)
            """,
            """\
            if path:
                found = model.load_state_dict(state, strict=False)
                print('Checkpoint loaded:', found)
                log(found)
            """,
        ),
        (
            "missing, unexpected = §model.load_state_dict(state)\n",
            "missing, unexpected = model.load_state_dict(state, strict=False)\n"
            "print('Checkpoint loaded:', missing, unexpected)\n",
        ),
        (
            "print(§model.load_state_dict(state))\n",
            "print(model.load_state_dict(state, strict=False))\n",
        ),
        (
            """\
            §model.load_state_dict(
                torch.load(path),
            )
            """,
            """\
            print('Checkpoint loaded:', model.load_state_dict(
                torch.load(path),
                strict=False,
            ))
            """,
        ),
        (
            """\
            §model.load_state_dict(
                torch.load(path,
                           map_location='cpu')
            )
            """,
            """\
            print('Checkpoint loaded:', model.load_state_dict(
                torch.load(path,
                           map_location='cpu'),
                strict=False
            ))
            """,
        ),
        (
            """\
            §model.load_state_dict(
                state  # all of it
            )
            """,
            """\
            print('Checkpoint loaded:', model.load_state_dict(
                state,  # all of it
                strict=False
            ))
            """,
        ),
        (
            "if path: §model.load_state_dict(state)\nrun()\n",
            "if path: print('Checkpoint loaded:', model.load_state_dict(state, strict=False))\n"
            "run()\n",
        ),
    ],
)
def test_load(before: str, after: str) -> None:
    assert rewritten(before) == textwrap.dedent(after)


def test_another_call_at_the_place_is_refused() -> None:
    with pytest.raises(RewriteRefused, match="line 1: no load_state_dict call is there"):
        rewritten("§model.load(state)\n")
