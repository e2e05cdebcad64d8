"""Facts of several runs as sentences: what all share is said once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from intarsia.reporting.tables import escape_markdown


def code(text: str) -> str:
    """A name as code, in which Markdown finds no marks and no citations.

    >>> print(code("a_b"), code("a`b"))
    `a_b` ``a`b``
    """
    plain = " ".join(text.split())
    if "`" not in plain:
        return f"`{plain}`"
    space = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"``{space}{plain}{space}``"


def plain(text: str) -> str:
    r"""Words of the data set's, in which Markdown finds no marks and no citations.

    >>> print(plain("by @me, a_b"))
    by \@me, a\_b
    """
    return escape_markdown(text).replace("@", r"\@")


def listing(items: Sequence[str]) -> str:
    """Items in a sentence.

    >>> listing(["a", "b", "c"]), listing(["a"])
    ('a, b and c', 'a')
    """
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "image"), counted(3, "class")
    ('1 image', '3 classes')
    """
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun}es" if noun.endswith("s") else f"{number} {noun}s"


def share(value: float) -> str:
    """A share in per cent.

    >>> share(0.075)
    '7.5 %'
    """
    return f"{100 * value:.3g} %"


def each(
    clauses: Mapping[str, str],
    every: tuple[str, str],
    verb: tuple[str, str],
    some: str = "{}",
) -> str:
    """One sentence of what each run was or did; runs of which the same holds are named together.

    `clauses` are by the name of the run, `every` is the subject where the same holds of all (one
    run, several), `verb` for one and for several, `some` the subject around names.

    >>> each({"a": "read", "b": "read"}, ("The book", "All books"), ("was", "were"))
    'All books were read.'
    >>> each({"a": "read", "b": "sold", "c": "read"}, ("The book", "All books"), ("was", "were"))
    '`a` and `c` were read; `b` was sold.'
    """
    named: dict[str, list[str]] = {}
    for name, clause in clauses.items():
        named.setdefault(clause, []).append(code(name))
    if len(named) == 1:
        several = len(clauses) > 1
        return _joined(every[several], verb[several], f"{next(iter(named))}.")
    parts = [
        _joined(some.format(listing(names)), verb[len(names) > 1], clause)
        for clause, names in named.items()
    ]
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
