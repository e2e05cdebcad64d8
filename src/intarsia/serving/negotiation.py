"""Which of the forms that there are a client wants."""

from __future__ import annotations

from collections.abc import Sequence

from intarsia.serving.refusal import Refusal


def preferred(accept: str | None, offered: Sequence[str]) -> str:
    """The media type of `offered` that an `Accept` header (RFC 9110) likes best; ties: the first.

    Raises:
        Refusal: 406 where it likes none.

    >>> preferred("image/png", ["application/json", "image/png"])
    'image/png'
    >>> preferred("text/html, */*;q=0.8", ["application/json", "image/png"])
    'application/json'
    """
    if not accept or not accept.strip():
        return offered[0]
    ranges = [_range(part) for part in accept.split(",")]
    best, liked = offered[0], 0.0
    for kind in offered:
        fitting = [r for r in ranges if r[0] in (kind, f"{kind.partition('/')[0]}/*", "*/*")]
        # the most specific range decides about a type
        weight = max(fitting, key=lambda r: (r[0] == kind, r[0] != "*/*"), default=("", 0.0))[1]
        if weight > liked:
            best, liked = kind, weight
    if liked == 0.0:
        raise Refusal(
            406, "not-acceptable", "no such form of the answer", expected=" or ".join(offered)
        )
    return best


def _range(part: str) -> tuple[str, float]:
    kind, *parameters = (word.strip() for word in part.split(";"))
    weight = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                weight = float(value)
            except ValueError:
                weight = 0.0
    return kind.lower(), weight
