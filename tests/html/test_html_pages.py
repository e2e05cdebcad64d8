"""Templates escape; drawings keep apart from each other and follow the page's colours."""

from __future__ import annotations

import re

import jinja2
import pytest

from intarsia.html import data_uri, inline_svg, render


def test_every_value_is_escaped() -> None:
    page = render("page.html", {"title": '<script>alert("1")</script>'})
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_page_allows_nothing_from_outside() -> None:
    page = render("page.html", {"title": "x"})
    assert "default-src 'none'" in page
    assert not re.search(r"https?://", page)


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError, match="title"):
        render("page.html", {})


def test_data_uri() -> None:
    assert data_uri(b"\x00\xff", "image/png") == "data:image/png;base64,AP8="


def test_inline_svg_prefixes_ids_and_all_that_points_to_them() -> None:
    svg = (
        '<?xml version="1.0"?>\n<!DOCTYPE svg>\n'
        '<svg xmlns:xlink="x" width="5pt" height="4pt" viewBox="0 0 5 4">'
        "<metadata>who</metadata><!-- a <b> comment -->"
        '<path id="p1"/><use xlink:href="#p1" clip-path="url(#p1)" style="fill: #0072b2"/></svg>'
    )
    element = inline_svg(svg, name="a", label='x"y', colors={"#0072b2": "var(--first)"})
    assert element.startswith("<svg")
    assert 'id="a-p1"' in element
    assert 'xlink:href="#a-p1"' in element
    assert "url(#a-p1)" in element
    assert "fill: var(--first)" in element
    assert 'aria-label="x&#34;y"' in element or 'aria-label="x&quot;y"' in element
    assert 'viewBox="0 0 5 4"' in element
    for gone in ("metadata", "comment", "DOCTYPE", 'width="5pt"', 'height="4pt"'):
        assert gone not in element
