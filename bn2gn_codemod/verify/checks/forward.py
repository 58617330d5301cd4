"""Forward gives the same structure and shapes as before, finite, at batch 1 and 2."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.snapshot import Forward
from bn2gn_codemod.verify.comparison import Check, Comparison
from bn2gn_codemod.wording import counted, listed

_NAME = "forward"


def check(comparison: Comparison) -> Check:
    after, before = comparison.after, comparison.before
    if not after.forwards:
        return Check(_NAME, False, "takes none of the inputs that were tried; give its --input")
    earlier = {forward.batch: forward for forward in before.forwards} if before else {}
    for forward in after.forwards:
        problem = next(_problems(forward, earlier.get(forward.batch)), "")
        if problem:
            return Check(_NAME, False, f"batch {forward.batch}: {problem}")
    inputs = " and ".join("x".join(map(str, shape)) for shape in after.forwards[0].inputs)
    outputs = counted(len(after.forwards[0].outputs), "output")
    batches = " and ".join(str(forward.batch) for forward in after.forwards)
    same = ", shapes as before" if earlier else ""
    return Check(_NAME, True, f"input {inputs}, batch {batches}: {outputs}, finite{same}")


def _problems(now: Forward, was: Forward | None) -> Iterator[str]:
    if now.dead:
        yield (
            f"constant output, one value in each group: {listed(now.dead)}; "
            "give it fewer groups with min-channels-per-group"
        )
    if now.error:
        yield now.error + (" (and before, too)" if was is not None and was.error else "")
    if was is not None and was.error:
        yield f"cannot be compared; before: {was.error}"
    endless = [output.path or "the output" for output in now.outputs if not output.finite]
    if endless:
        yield f"not finite: {listed(endless)}"
    if was is not None:
        shapes_now = {output.path: (output.type, output.shape) for output in now.outputs}
        shapes_was = {output.path: (output.type, output.shape) for output in was.outputs}
        differ = [path for path in shapes_was if shapes_now.get(path) != shapes_was[path]]
        differ += [path for path in shapes_now if path not in shapes_was]
        if differ:
            yield "; ".join(
                f"{path or 'the output'} was {_shown(shapes_was.get(path))}, "
                f"is {_shown(shapes_now.get(path))}"
                for path in differ[:3]
            )


def _shown(leaf: tuple[str, tuple[int, ...] | None] | None) -> str:
    if leaf is None:
        return "not there"
    kind, shape = leaf
    return kind if shape is None else f"{kind} {'x'.join(map(str, shape)) or 'scalar'}"
