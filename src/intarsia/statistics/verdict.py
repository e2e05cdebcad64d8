"""What a comparison says, in words."""

from __future__ import annotations

from typing import Literal

Verdict = Literal["better", "worse", "equivalent", "no detectable difference", "n/a"]


def judge(
    difference: float | None,
    *,
    different: bool,
    equivalent: bool,
) -> Verdict:
    """The verdict on a minus b; `equivalent` goes first: a margin says what does not matter.

    >>> judge(0.03, different=True, equivalent=False)
    'better'
    """
    if difference is None:
        return "n/a"
    if equivalent:
        return "equivalent"
    if not different:
        return "no detectable difference"
    return "better" if difference > 0 else "worse"
