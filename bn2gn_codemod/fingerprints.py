"""What a finding is called in a baseline and in code scanning: the same after lines moved.

A fingerprint is made of the rule, the path, the scope and the attribute that the
finding is about, and the code that stands there without its white space. Of
several that agree in all of this, each has its number. Line numbers and the
finding's words are no part of it.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator, Sequence

from bn2gn_codemod.plan import Finding, Place, Site
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.surroundings import surroundings

_LENGTH = 32  # hexadecimal digits


def marked(
    findings: Sequence[Finding], sites: Iterable[Site], repository: Repository
) -> tuple[Finding, ...]:
    """The findings, in their order, each with its fingerprint."""
    attributes = {site.place: site.attribute for site in sites}
    files = {source.path: source for source in repository.files}
    identities = [
        (
            found.code,
            found.place.path,
            *scope_and_code(files.get(found.place.path), found.place),
            attributes.get(found.place, ""),
        )
        for found in findings
    ]
    return tuple(
        found._replace(fingerprint=fingerprint)
        for found, fingerprint in zip(findings, numbered(identities), strict=True)
    )


def numbered(identities: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """A fingerprint for each identity; equal ones are told apart by how many came before."""
    seen: collections.Counter[tuple[str, ...]] = collections.Counter()
    for identity in identities:
        yield _digest((*identity, str(seen[identity])))
        seen[identity] += 1


def scope_and_code(source: SourceFile | None, place: Place) -> tuple[str, str]:
    """What stands at ``place`` without its white space, and the dotted name of its scope."""
    found = surroundings(source, place) if source else None
    if source is None or found is None:
        return "", ""
    return found.scope, "".join(source.text[found.start : found.end].split())


def _digest(parts: Iterable[str]) -> str:
    import hashlib  # only where something was found

    # A file name may hold bytes that are no UTF-8.
    data = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).hexdigest()[:_LENGTH]
