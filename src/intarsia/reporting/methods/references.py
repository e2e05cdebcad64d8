"""The references of a text: those that it cites, out of the ones that we know."""

from __future__ import annotations

import re
from importlib.resources import files

_CITED = re.compile(r"@([a-z]+[0-9]{4}[a-z0-9]*)")


def cited_keys(text: str) -> list[str]:
    """Every key that a text cites as `[@key]` or `[@key; @other]`, once, in order.

    >>> cited_keys("so [@holm1979simple; @cohen1988statistical], and [@holm1979simple]")
    ['holm1979simple', 'cohen1988statistical']
    """
    groups = re.findall(r"\[(@[^\]]*)\]", text)
    known = known_entries()
    keys = dict.fromkeys(key for group in groups for key in _CITED.findall(group))
    return [key for key in keys if key in known]


def bibliography(text: str) -> str:
    """BibTeX of what a text cites, and no more."""
    known = known_entries()
    return "\n".join(known[key] for key in sorted(cited_keys(text)))


def known_entries() -> dict[str, str]:
    """The BibTeX text of every reference by its key."""
    text = files(__package__).joinpath("references.bib").read_text(encoding="utf-8")
    entries = [f"@{part.strip()}\n" for part in re.split(r"^@", text, flags=re.MULTILINE) if part]
    return {entry.partition("{")[2].partition(",")[0]: entry for entry in entries}
