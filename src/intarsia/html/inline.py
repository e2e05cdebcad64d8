"""Inline figures: pictures and drawings inside the page itself, so that it needs no network."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

_PROLOGUE = re.compile(r"\A.*?(?=<svg\b)", re.DOTALL)
_UNSEEN = re.compile(r"<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)
_SIZE = re.compile(r'\s(?:width|height)="[^"]*"')
_OPENING = re.compile(r"<svg\b[^>]*>", re.DOTALL)


def data_uri(data: bytes, mime: str) -> str:
    """The bytes as a `data:` address.

    >>> data_uri(b"hi", "text/plain")
    'data:text/plain;base64,aGk='
    """
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


def inline_svg(svg: str, *, name: str, label: str, colors: Mapping[str, str]) -> Markup:
    """An SVG document as an element of a page.

    The ids get `name` in front, so that several drawings share a page; the fixed size goes, so
    that the style sheet decides; `colors` (lower-case `#rrggbb` to any CSS colour) lets the page's
    light and dark variables reach into the drawing. `label` is read to those who cannot see it.

    >>> str(inline_svg('<svg width="9pt" id="a"><path style="fill: #000000"/></svg>',
    ...                name="x", label="A line", colors={"#000000": "var(--ink)"}))
    '<svg id="x-a" role="img" aria-label="A line"><path style="fill: var(--ink)"/></svg>'
    """
    from markupsafe import Markup

    body = _UNSEEN.sub("", _PROLOGUE.sub("", svg, count=1))
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    for fixed, themed in colors.items():
        body = body.replace(fixed, themed)
    described = f' role="img" aria-label="{html.escape(label)}">'
    body = _OPENING.sub(lambda m: _SIZE.sub("", m[0])[:-1] + described, body, count=1)
    # safe: our own drawing, and the only foreign text in it is escaped
    return Markup(body)
