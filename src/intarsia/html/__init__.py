"""Templates, their style sheet and inline figures: everything a self-contained page is made of."""

from __future__ import annotations

from intarsia.html.inline import data_uri, inline_svg
from intarsia.html.pages import render

__all__ = ["data_uri", "inline_svg", "render"]
