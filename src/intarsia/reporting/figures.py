"""Figures: the house style, and one drawing in the three forms that a report needs."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from intarsia.html import inline_svg
from intarsia.images import write_atomic
from intarsia.labels import Color

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

# Okabe & Ito (2008), the blue and the vermilion one: apart also without colour vision
FIRST = "#0072b2"
SECOND = "#d55e00"
# a colour a run where several are shown: told apart without colour vision by lightness too
RUN_COLORS = (FIRST, SECOND, "#00855f", "#a8479b", "#8f6b00", "#3f4a99")
INK = "#1b2430"
MUTED = "#5b6676"
GRID = "#dde2ea"
PAPER = "#fffffe"  # not quite white, so that a class in pure white keeps its own colour

# the same colours as the page's variables, which know light and dark
_THEMED = {
    FIRST: "var(--first)",
    SECOND: "var(--second)",
    **{color: f"var(--run-{place + 1})" for place, color in enumerate(RUN_COLORS) if place > 1},
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--grid)",
    PAPER: "var(--surface)",
}
_DPI = 200
_LONGEST = 28  # characters of a class name in a figure

# Chinese, Japanese, Korean and more: whichever of these is installed
_WIDE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "PingFang SC",
    "Hiragino Sans",
    "Arial Unicode MS",
    "WenQuanYi Zen Hei",
)


@dataclass(frozen=True)
class Drawing:
    """One figure: `svg` as a document, `png` at 200 dots per inch, `inline` as part of a page."""

    name: str
    label: str
    svg: bytes
    png: bytes

    @property
    def inline(self) -> Markup:
        """The drawing in the page's own light or dark colours."""
        return inline_svg(
            self.svg.decode("utf-8"), name=self.name, label=self.label, colors=_THEMED
        )

    def write(self, folder: Path) -> None:
        """`<name>.svg` and `<name>.png` into the folder."""
        write_atomic(folder / f"{self.name}.svg", self.svg)
        write_atomic(folder / f"{self.name}.png", self.png)


def draw(name: str, label: str, paint: Callable[[], Figure]) -> Drawing:
    """What `paint` draws, in the house style. The same input gives the same bytes."""
    with _style(name):
        figure = paint()
        svg, png = io.BytesIO(), io.BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": "Intarsia"})
        # the layout found for one form serves the other, and is the costly part
        figure.set_layout_engine("none")
        figure.savefig(png, format="png", dpi=_DPI, metadata={"Software": "Intarsia"})
    return Drawing(name=name, label=label, svg=svg.getvalue(), png=png.getvalue())


def new_figure(width: float, height: float, *, arranged: bool = True) -> Figure:
    """An empty figure of this size in inches, drawn by Agg: no display, no global state.

    `arranged`: matplotlib finds room for labels; else the caller places everything.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained" if arranged else None)
    FigureCanvasAgg(figure)
    return figure


@contextmanager
def _style(salt: str) -> Iterator[None]:
    import matplotlib as mpl

    with mpl.rc_context(
        {
            "font.family": list(_fonts()),
            "font.size": 10,
            "axes.titlesize": 11,
            "axes.labelsize": 10,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "legend.fontsize": 9,
            "text.parse_math": False,  # a class may be called "$5 note"
            "text.color": INK,
            "axes.edgecolor": MUTED,
            "axes.labelcolor": INK,
            "axes.titlecolor": INK,
            "axes.facecolor": PAPER,
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.unicode_minus": True,
            "xtick.color": MUTED,
            "ytick.color": MUTED,
            "xtick.labelcolor": INK,
            "ytick.labelcolor": INK,
            "grid.color": GRID,
            "grid.linewidth": 0.8,
            "figure.facecolor": PAPER,
            "savefig.facecolor": PAPER,
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "lines.markersize": 3.5,
            "image.composite_image": False,  # pictures stay apart, each at its own resolution
            "svg.fonttype": "path",  # looks the same everywhere
            "svg.hashsalt": salt,  # ids by content, not by chance
        }
    ):
        yield


def themed(color: str) -> str:
    """A colour of the house as the page's variable, which knows light and dark.

    >>> themed(FIRST)
    'var(--first)'
    """
    return _THEMED.get(color, color)


def hex_color(color: Color) -> str:
    """The colour as matplotlib and CSS write it.

    >>> hex_color((0, 114, 178))
    '#0072b2'
    """
    return "#{:02x}{:02x}{:02x}".format(*color)


def legible(text: str, longest: int = _LONGEST) -> str:
    """The text as the fonts of this machine can draw it, on one line and not too long.

    >>> legible("a very long name of a class indeed", 12)
    'a very long…'
    """
    flat = "".join(
        " " if unicodedata.category(c).startswith(("C", "Z")) else c
        for c in unicodedata.normalize("NFC", text)
    )
    drawable = "".join(c if ord(c) in _drawable() else "\N{WHITE SQUARE}" for c in flat)
    return drawable if len(drawable) <= longest else drawable[: longest - 1].rstrip() + "…"


@cache
def _fonts() -> tuple[str, ...]:
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    # DejaVu Sans comes with matplotlib: always there
    return ("DejaVu Sans", *(name for name in _WIDE_FONTS if name in installed))


@cache
def _drawable() -> frozenset[int]:
    from matplotlib import font_manager

    characters: set[int] = set()
    for family in _fonts():
        path = font_manager.findfont(font_manager.FontProperties(family=[family]))
        characters.update(font_manager.get_font(path).get_charmap())
    return frozenset(characters)
