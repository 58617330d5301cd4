"""A review in which every name and every piece of text is somebody else's."""

from __future__ import annotations

import dataclasses

from bn2gn_codemod.migration import Change, Migration
from bn2gn_codemod.plan import Finding, ModuleClass, Part, Place, Plan, Site, Skipped, Verdict
from bn2gn_codemod.reports import review
from bn2gn_codemod.verify.comparison import Check

MARKUP = "</script></style></title><img src=x onerror=alert(1)><script>alert(2)</script>&lt;\"'>"


def hostile(text: str) -> review.Review:
    """A review of a repository in which everything is called ``text``."""
    path = f"{text.encode('utf-8', 'ignore').decode()}.py"
    sites = tuple(
        Site(
            Place(path, number, 5),
            text,
            text,
            text,
            verdict,
            reasons=(text,),
            evidence=(text, text),
            settles=(text,) if verdict is Verdict.UNKNOWN else (),
        )
        for number, verdict in enumerate(Verdict, 1)
    )
    places = tuple(site.place for site in sites)
    plan = Plan(
        f"/home/someone/{text}",
        sites=sites,
        findings=tuple(Finding("BN101", place, text, fixable=True) for place in places),
        skipped=(Skipped(path, text),),
        module_classes=(
            ModuleClass(
                Place(path, 1, 1), text, (Part(text, places, library=(text,)), Part(text, places))
            ),
        ),
    )
    data = text.encode("utf-8", "backslashreplace")
    change = Change(path, data + b"\n" + data, data + b"\n\n" + data)
    made = review.of_migration(Migration(plan, (change,)), "check")
    return dataclasses.replace(
        made,
        name=text,
        notes=(text,),
        checks=(review.Checks(text, (Check(text, False, text),)),),
    )
